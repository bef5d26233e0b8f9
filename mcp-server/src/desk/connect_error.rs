//! Why no connection came about, as somebody can act on it.

use std::{error::Error, io};

use reqwest::Url;
use rustls::{CertificateError, Error as Tls};

use super::address::{Address, no_doorbell, nobody_answers, shown};
use crate::refusal::Refusal;

/// Says what is wrong with the way to a server, and what to do. `named`: the URL is `DOORBELL_URL`'s.
/// The error's own text is not shown: it may hold the request's URL.
pub fn explain(error: &reqwest::Error, url: &Url, named: bool) -> Refusal {
    let host = url.host_str().unwrap_or_default();
    let whole = url;
    let url = shown(url);
    let causes = causes(error);
    if let Some(tls) = causes.iter().find_map(|cause| cause.downcast_ref::<Tls>()) {
        return Refusal::BadServer(format!(
            "no TLS connection to {url} comes about: {}",
            tls_cause(tls, host)
        ));
    }
    if causes.iter().any(|cause| cause.to_string() == "dns error") {
        return Refusal::Unreachable(format!(
            "the host {host} is not found: check the name in DOORBELL_URL, and this machine's network"
        ));
    }
    if error.is_timeout() {
        let connecting = error.is_connect() && !Address::is_loopback(whole);
        let why = if connecting {
            "check DOORBELL_URL, and what lies between"
        } else {
            "it may be busy, or hang: look at its log"
        };
        return Refusal::Unavailable(format!(
            "the server at {url} does not answer in time: {why}"
        ));
    }
    if !error.is_connect() {
        return if causes.iter().any(|cause| is_foreign(&cause.to_string())) {
            Refusal::BadServer(no_doorbell(whole, "it does not speak HTTP"))
        } else {
            // What speaks TLS alone often only hangs up.
            let hint = if named && whole.scheme() == "http" {
                "; if it speaks TLS, its URL begins https://"
            } else {
                ""
            };
            Refusal::Unavailable(format!(
                "the connection to the server at {url} broke off{hint}"
            ))
        };
    }
    let kinds = causes
        .iter()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .map(io::Error::kind);
    for kind in kinds {
        let away = match kind {
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
                "there is no way to it: check this machine's network"
            }
            io::ErrorKind::PermissionDenied => "this machine does not let programs connect there",
            _ => continue,
        };
        return Refusal::Unreachable(format!("{url} cannot be reached: {away}"));
    }
    Refusal::Unreachable(nobody_answers(whole, named))
}

/// An error, what caused it, and so on. What an I/O error wraps is its cause too.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut all = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        all.push(cause);
        let wrapped = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        };
    }
    all
}

/// hyper's words for bytes that are no HTTP.
fn is_foreign(said: &str) -> bool {
    said.starts_with("invalid HTTP") || said.contains("parse error")
}

fn tls_cause(error: &Tls, host: &str) -> String {
    match error {
        Tls::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer => "its certificate is signed by nobody whom this \
                 machine trusts; add its authority to the trusted ones, or name its file with \
                 SSL_CERT_FILE"
                .to_owned(),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("its certificate is not for the name {host}; check DOORBELL_URL")
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired; renew it, or set this machine's clock right"
                    .to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet; check this machine's clock".to_owned()
            }
            other if other.to_string().contains("CaUsedAsEndEntity") => {
                "its certificate is signed \
                 by itself and made for an authority (CA:TRUE); make one for the server \
                 (CA:FALSE), and name its file, or its authority's, with SSL_CERT_FILE"
                    .to_owned()
            }
            other => format!("its certificate is refused ({other})"),
        },
        Tls::InvalidMessage(_) => {
            "what answers there does not speak TLS; if it is a doorbell without a proxy, its URL \
             begins http://"
                .to_owned()
        }
        other => other.to_string(),
    }
}
