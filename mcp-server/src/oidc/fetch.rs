//! What an issuer publishes, fetched: its description of itself, then its keys.

use std::time::Duration;

use reqwest::{
    Client, RequestBuilder, StatusCode, Url,
    header::{ACCEPT, CONTENT_TYPE},
    redirect,
};
use serde::Deserialize;

use super::{jwk::KeySet, setting::IssuerUrl};

/// How long one document may take, in all.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest document that is read, in bytes.
const MAX_DOCUMENT: usize = 512 * 1024;

/// Why an issuer's keys are not to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FetchError {
    /// It cannot be reached.
    #[error("{url} cannot be reached: {why}")]
    Away {
        /// What was asked for.
        url: String,
        /// What went wrong, from the outermost cause to the innermost.
        why: String,
    },
    /// It answers, and not with what it should.
    #[error("{url} answers {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// What it answered.
        status: StatusCode,
    },
    /// The document is of no use.
    #[error("{url}: {rule}")]
    Document {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        rule: String,
    },
}

/// What an issuer says of itself.
#[derive(Debug, Deserialize)]
struct Description {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
}

/// What an issuer publishes, as far as we have use for it.
#[derive(Debug, Default)]
pub(super) struct Published {
    /// The keys it signs with.
    pub(super) keys: KeySet,
    /// Where people sign in, if they do.
    pub(super) endpoints: Option<Endpoints>,
}

/// Where people sign in.
#[derive(Debug)]
pub(super) struct Endpoints {
    pub(super) authorization: Url,
    pub(super) token: Url,
}

/// What a code is redeemed for; the rest is of no use to us.
#[derive(Deserialize)]
struct Redeemed {
    id_token: String,
}

/// Fetches an issuer's documents. It follows no redirect and asks no proxy.
#[derive(Debug)]
pub(super) struct Fetch {
    client: Client,
    issuer: IssuerUrl,
}

impl Fetch {
    /// For this issuer; fails where TLS cannot be set up on this machine.
    pub(super) fn new(issuer: IssuerUrl) -> Result<Self, reqwest::Error> {
        // The first provider wins; a second install is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("doorbell/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            .connect_timeout(PATIENCE)
            .no_proxy()
            .build()?;
        Ok(Self { client, issuer })
    }

    /// What it publishes now.
    pub(super) async fn published(&self) -> Result<Published, FetchError> {
        let (url, endpoints) = self.description().await?;
        let bytes = self.document(&url).await?;
        let keys = KeySet::parse(&bytes).filter(|keys| keys.len() > 0);
        let wrong = || wrong(&url, "holds no key that signs and that we can use");
        Ok(Published {
            keys: keys.ok_or_else(wrong)?,
            endpoints,
        })
    }

    /// Redeems a code for an identity token.
    pub(super) async fn redeem(
        &self,
        url: &Url,
        form: &[(&str, &str)],
    ) -> Result<String, FetchError> {
        let form = serde_urlencoded::to_string(form).expect("pairs of texts are a form");
        let request = self.client.post(url.clone());
        let request = request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let bytes = self.answer(url, request).await?;
        let redeemed: Redeemed =
            serde_json::from_slice(&bytes).map_err(|_| wrong(url, "sends no id_token"))?;
        Ok(redeemed.id_token)
    }

    /// Where its keys are, and where people sign in.
    async fn description(&self) -> Result<(Url, Option<Endpoints>), FetchError> {
        let [openid, oauth] = self.issuer.documents();
        let (url, bytes) = match self.document(&openid).await {
            Err(FetchError::Status { status, .. }) if status == StatusCode::NOT_FOUND => {
                let bytes = self.document(&oauth).await?;
                (oauth, bytes)
            }
            asked => (openid, asked?),
        };
        let description: Description = serde_json::from_slice(&bytes)
            .map_err(|_| wrong(&url, "is no JSON with issuer and jwks_uri"))?;
        // RFC 8414 section 3.3: another's description must not be taken for this issuer's.
        if description.issuer != self.issuer.as_str() {
            let rule = format!(
                "names another issuer, {:?}: --oidc-issuer must read exactly as that does",
                description.issuer.chars().take(200).collect::<String>()
            );
            return Err(wrong(&url, rule));
        }
        let may = |text: String| {
            let url = Url::parse(&text).ok();
            url.filter(|url| self.issuer.may_name(url))
        };
        let jwks_uri = may(description.jwks_uri);
        let jwks_uri = jwks_uri.ok_or_else(|| wrong(&url, "its jwks_uri is no https:// URL"))?;
        let authorization = description.authorization_endpoint.and_then(may);
        let endpoints = authorization.zip(description.token_endpoint.and_then(may));
        let endpoints = endpoints.map(|(authorization, token)| Endpoints {
            authorization,
            token,
        });
        Ok((jwks_uri, endpoints))
    }

    async fn document(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        self.answer(url, self.client.get(url.clone())).await
    }

    async fn answer(&self, url: &Url, request: RequestBuilder) -> Result<Vec<u8>, FetchError> {
        let away = |error: reqwest::Error| FetchError::Away {
            url: url.to_string(),
            why: causes(&error.without_url()),
        };
        let request = request.header(ACCEPT, "application/json, application/jwk-set+json");
        let mut response = request.send().await.map_err(away)?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status {
                url: url.to_string(),
                status: response.status(),
            });
        }
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(away)? {
            if bytes.len() + piece.len() > MAX_DOCUMENT {
                return Err(wrong(url, "is larger than is read"));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

fn wrong(url: &Url, rule: impl Into<String>) -> FetchError {
    FetchError::Document {
        url: url.to_string(),
        rule: rule.into(),
    }
}

fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
