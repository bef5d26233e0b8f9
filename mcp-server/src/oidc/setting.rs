//! Whom we are told to believe, and what their tokens must say.

use std::{fmt, net::IpAddr, str::FromStr};

use reqwest::Url;

/// The claim that names a token's folder, unless another is set.
pub const DEFAULT_FOLDER_CLAIM: &str = "doorbell_folder";

/// An issuer and what is asked of its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcSettings {
    /// Who issues them.
    pub issuer: IssuerUrl,
    /// Whom they must be meant for: this is, or is among, what `aud` names.
    pub audience: String,
    /// The claim that holds a folder, or `*` for an operator.
    pub folder_claim: String,
    /// The control listener as its clients reach it, without a slash at the end; absent: as they
    /// name it in `Host`.
    pub control_url: Option<String>,
    /// What we are called at the issuer, where people sign in to the dashboard there: a public
    /// client.
    pub client_id: Option<String>,
}

/// An issuer's identifier: an `https` URL without query and fragment (RFC 8414 section 2), or a
/// plain `http` one on loopback. It is compared letter by letter, so it is kept as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerUrl {
    text: String,
    url: Url,
}

/// A text that identifies no issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an https:// URL without query and fragment; http:// only on loopback")]
pub struct IssuerUrlError;

impl IssuerUrl {
    /// As it was written, and as `iss` must read.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host it is at, for people to read.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Where it may describe itself: as OpenID Connect Discovery 1.0 has it, then as RFC 8414.
    pub(super) fn documents(&self) -> [Url; 2] {
        let path = self.url.path().trim_end_matches('/');
        let at = |path: String| {
            let mut url = self.url.clone();
            url.set_path(&path);
            url
        };
        [
            at(format!("{path}/.well-known/openid-configuration")),
            at(format!("/.well-known/oauth-authorization-server{path}")),
        ]
    }

    /// Whether we may be sent to this address: over TLS, or on loopback when the issuer itself is.
    pub(super) fn may_name(&self, url: &Url) -> bool {
        url.scheme() == "https" || (is_plain_loopback(&self.url) && is_plain_loopback(url))
    }
}

impl FromStr for IssuerUrl {
    type Err = IssuerUrlError;

    fn from_str(text: &str) -> Result<Self, IssuerUrlError> {
        let url = Url::parse(text).map_err(|_| IssuerUrlError)?;
        let good = (url.scheme() == "https" || is_plain_loopback(&url))
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        good.then(|| Self {
            text: text.to_owned(),
            url,
        })
        .ok_or(IssuerUrlError)
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_plain_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    url.scheme() == "http" && loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_https_or_on_loopback() {
        for good in [
            "https://id.example",
            "https://id.example/",
            "https://id.example/realms/a",
            "http://127.0.0.1:4000",
            "http://[::1]:4000/x",
            "http://localhost:4000",
        ] {
            let issuer: IssuerUrl = good.parse().expect(good);
            assert_eq!(issuer.as_str(), good);
        }
        for bad in [
            "",
            "id.example",
            "http://id.example",
            "http://10.0.0.1",
            "http://localhost.example",
            "https://id.example?x=1",
            "https://id.example/#x",
            "https://user@id.example",
            "https://user:pass@id.example",
            "ftp://127.0.0.1",
            " https://id.example",
            "https://id.example\n",
        ] {
            assert!(bad.parse::<IssuerUrl>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_issuer_describes_itself_below_its_path_or_with_its_path_at_the_end() {
        let documents = |issuer: &str| {
            let issuer: IssuerUrl = issuer.parse().expect("good");
            issuer.documents().map(String::from)
        };
        assert_eq!(
            documents("https://id.example/realms/a/"),
            [
                "https://id.example/realms/a/.well-known/openid-configuration",
                "https://id.example/.well-known/oauth-authorization-server/realms/a",
            ]
        );
        assert_eq!(
            documents("https://id.example"),
            [
                "https://id.example/.well-known/openid-configuration",
                "https://id.example/.well-known/oauth-authorization-server",
            ]
        );
    }

    #[test]
    fn only_an_issuer_on_loopback_may_send_us_there_without_tls() {
        let may = |issuer: &str, url: &str| {
            let issuer: IssuerUrl = issuer.parse().expect("good");
            issuer.may_name(&Url::parse(url).expect("a URL"))
        };
        assert!(may("https://id.example", "https://keys.example/jwks"));
        assert!(may("http://127.0.0.1:1", "http://127.0.0.1:2/jwks"));
        assert!(!may("https://id.example", "http://127.0.0.1:2/jwks"));
        assert!(!may("http://127.0.0.1:1", "http://keys.example/jwks"));
        assert!(!may("https://id.example", "file:///etc/passwd"));
    }
}
