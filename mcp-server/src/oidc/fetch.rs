//! What an issuer publishes, fetched: its description of itself, then its keys.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url, header::ACCEPT, redirect};
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

    /// The keys it signs with now.
    pub(super) async fn keys(&self) -> Result<KeySet, FetchError> {
        let url = self.jwks_uri().await?;
        let bytes = self.document(&url).await?;
        let keys = KeySet::parse(&bytes).filter(|keys| keys.len() > 0);
        keys.ok_or_else(|| wrong(&url, "holds no key that signs and that we can use"))
    }

    async fn jwks_uri(&self) -> Result<Url, FetchError> {
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
        let jwks_uri = Url::parse(&description.jwks_uri).ok();
        jwks_uri
            .filter(|jwks_uri| self.issuer.may_name(jwks_uri))
            .ok_or_else(|| wrong(&url, "its jwks_uri is no https:// URL"))
    }

    async fn document(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        let away = |error: reqwest::Error| FetchError::Away {
            url: url.to_string(),
            why: causes(&error.without_url()),
        };
        let request = self.client.get(url.clone());
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
