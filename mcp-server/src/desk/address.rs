//! Where a running server is, and which key is shown to it.

use std::{net::IpAddr, path::PathBuf};

use doorbell_core::token::Token;
use reqwest::Url;

use crate::config::{command_line, quoted};

/// Where a running server's control listener is, and the key to show it.
#[derive(Debug)]
pub struct Address {
    /// Its URL, without a path.
    pub url: Url,
    /// Whether `DOORBELL_URL` says so.
    pub named: bool,
    /// The API key.
    pub key: Token,
    /// Where the key comes from.
    pub key_source: KeySource,
}

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// `DOORBELL_KEY`.
    Environment,
    /// The operator's key in this file of the data directory.
    File(PathBuf),
}

impl Address {
    /// Whether a URL names this machine: what a key found on disk may be sent to.
    pub fn is_loopback(url: &Url) -> bool {
        match url
            .host_str()
            .map(|host| host.trim_start_matches('[').trim_end_matches(']'))
        {
            Some("localhost") => true,
            Some(host) => host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
            None => false,
        }
    }

    /// Dials by number where a name could lead to one listener now and to another the next time, and
    /// it matters which.
    pub(super) fn pin(&mut self) {
        let plain = self.url.scheme() == "http" && self.url.host_str() == Some("localhost");
        if plain && matches!(self.key_source, KeySource::File(_)) {
            // A number is a host to any URL that has one.
            let _ = self.url.set_host(Some("127.0.0.1"));
        }
    }

    /// What is wrong when the server does not take the key, and what to do.
    pub(super) fn key_refused(&self) -> String {
        let url = shown(&self.url);
        match &self.key_source {
            KeySource::Environment => format!(
                "the server at {url} does not know the key in DOORBELL_KEY, or it was revoked; \
                 its operator issues another with: doorbell key issue <folder>"
            ),
            KeySource::File(path) => format!(
                "the server at {url} does not know the key in {}: it serves another data \
                 directory (name that with --data-dir), or the key was revoked (then remove the \
                 file and start the server again, which makes a new one)",
                path.display()
            ),
        }
    }
}

/// A URL as it is said: without the slash that a bare host has.
pub fn shown(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

/// Nobody answers at this URL, and what to do about it.
pub(super) fn nobody_answers(url: &Url, named: bool) -> String {
    let loopback = Address::is_loopback(url);
    let url = shown(url);
    if !loopback {
        return format!(
            "nothing listens at {url}, which DOORBELL_URL names: check the address, and that its \
             server runs"
        );
    }
    let source = if named { " (DOORBELL_URL)" } else { "" };
    format!(
        "no server answers at {url}{source}; start one with: {}",
        command_line("serve")
    )
}

/// Nothing that answers like a doorbell is at this URL, and what to do about it.
pub fn no_doorbell(url: &Url, what: &str) -> String {
    let url = shown(url);
    format!(
        "what answers at {url} is no doorbell ({what}): name the right address with DOORBELL_URL, \
         or start a server elsewhere with: {}",
        command_line(&format!("serve --control {}", quoted("127.0.0.1:8789")))
    )
}
