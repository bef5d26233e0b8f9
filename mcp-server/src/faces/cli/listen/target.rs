//! Where `--forward-to` sends, and a connection to it.

use std::{io, sync::Arc, time::Duration};

use reqwest::Url;
use rustls::{ClientConfig, pki_types::ServerName};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::refusal::Refusal;

/// How long a connection may take, names and TLS included.
const PATIENCE: Duration = Duration::from_secs(10);

/// What may stand behind --forward-to.
const FORMS: &str = "is a port (3000), a host and a port (localhost:3000/webhooks), or an http:// \
                     or https:// URL";

/// A byte stream to the target.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Where messages are forwarded to.
pub(super) struct Target {
    pub(super) url: Url,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Target {
    /// `3000`, `localhost:3000/webhooks`, `https://h/in`.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let refused = || Refusal::invalid("--forward-to", FORMS);
        let url = url(text).ok_or_else(refused)?;
        let host = url.host_str().ok_or_else(refused)?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let port = url.port_or_known_default().filter(|port| *port > 0);
        let tls = (url.scheme() == "https")
            .then(|| Some((connector()?, ServerName::try_from(host.clone()).ok()?)));
        Ok(Self {
            port: port.ok_or_else(refused)?,
            tls: match tls {
                Some(None) => return Err(refused()),
                tls => tls.flatten(),
            },
            host,
            url,
        })
    }

    /// A connection; the error says why there is none. Nothing of a message has been sent then.
    pub(super) async fn connect(&self) -> Result<Box<dyn Stream>, String> {
        timeout(PATIENCE, self.dial())
            .await
            .unwrap_or_else(|_| Err(format!("none within {} s", PATIENCE.as_secs())))
    }

    async fn dial(&self) -> Result<Box<dyn Stream>, String> {
        let addresses = lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(|error| format!("{} has no address: {error}", self.host))?;
        let mut last = format!("{} has no address", self.host);
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // It only saves a wait; a stream without it is as good.
                    let _ = stream.set_nodelay(true);
                    return self.secure(stream).await;
                }
                Err(error) => last = plain(&error),
            }
        }
        Err(last)
    }

    async fn secure(&self, stream: TcpStream) -> Result<Box<dyn Stream>, String> {
        let Some((connector, name)) = &self.tls else {
            return Ok(Box::new(stream));
        };
        match connector.connect(name.clone(), stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(format!("no TLS: {}", plain(&error))),
        }
    }
}

/// What went wrong, without the number of it.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(cut) => text[..cut].to_lowercase(),
        None => text,
    }
}

fn url(text: &str) -> Option<Url> {
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        let end = text.find(['/', '?', '#']).unwrap_or(text.len());
        let (place, rest) = text.split_at(end);
        let port = place.rsplit(':').next()?;
        if port.parse::<u16>().is_err() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        if port == place {
            format!("http://127.0.0.1:{port}{rest}")
        } else {
            format!("http://{place}{rest}")
        }
    };
    let url = Url::parse(&whole).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

fn connector() -> Option<TlsConnector> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .with_platform_verifier()
        .ok()?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_port_a_host_and_a_port_or_a_url() {
        for (text, meant) in [
            ("3000", "http://127.0.0.1:3000/"),
            ("3000/in?own=1", "http://127.0.0.1:3000/in?own=1"),
            ("localhost:3000", "http://localhost:3000/"),
            ("localhost:3000/webhooks", "http://localhost:3000/webhooks"),
            ("[::1]:3000", "http://[::1]:3000/"),
            ("h:80", "http://h/"),
            ("http://h", "http://h/"),
            ("https://h/in?own=1", "https://h/in?own=1"),
        ] {
            let target = Target::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(target.url.as_str(), meant, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_would_do() {
        for bad in [
            "",
            "0",
            "65536",
            "-1",
            "+80",
            "localhost",
            "localhost:",
            "localhost:http",
            "h:0",
            ":",
            "/in",
            "ftp://h/",
            "http://",
            "https://h:99999/",
            "a b:80",
            "mailto:x",
        ] {
            let Err(error) = Target::parse(bad) else {
                panic!("{bad:?} is taken");
            };
            assert!(
                error.to_string().contains("localhost:3000/webhooks"),
                "{error}"
            );
        }
    }
}
