//! Where a client finds the server, and with which key.

use std::{env, fs};

use doorbell_core::token::{Token, TokenKind};
use reqwest::Url;

use super::{data_dir::DataDir, server_file::ServerFile};
use crate::{desk::Address, refusal::Refusal};

/// Where a server listens unless it is told otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:8788";

/// What a client knows before it asks.
#[derive(Debug)]
pub struct Whereabouts {
    /// The data directory, whose server and key are taken when nothing else is named.
    pub data_dir: DataDir,
    /// `DOORBELL_URL`, if it is set.
    pub url: Option<Url>,
    key: Option<Token>,
}

impl Whereabouts {
    /// Reads `DOORBELL_URL` and `DOORBELL_KEY`.
    pub fn from_environment(data_dir: DataDir) -> Result<Self, Refusal> {
        let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let url = set("DOORBELL_URL")
            .map(|text| parse_url(&text))
            .transpose()?;
        let key = set("DOORBELL_KEY")
            .map(|text| parse_key(&text))
            .transpose()?;
        Ok(Self { data_dir, url, key })
    }

    /// `DOORBELL_URL`, then the running server's own word, then the default.
    pub fn url(&self) -> Result<Url, Refusal> {
        if let Some(url) = &self.url {
            return Ok(url.clone());
        }
        match ServerFile::read(&self.data_dir.server_file()) {
            Some(server) => parse_url(&server.control),
            None => parse_url(DEFAULT_URL),
        }
    }

    /// Whether the address is only the default, and no key says that its server is ours: a server
    /// that answers there then belongs to another data directory.
    pub fn is_guess(&self) -> bool {
        let nobody_said =
            self.url.is_none() && ServerFile::read(&self.data_dir.server_file()).is_none();
        nobody_said && self.key.is_none()
    }

    /// Where to ask and what to show. The operator's key is sent to this machine only.
    pub fn address(&self) -> Result<Address, Refusal> {
        let url = self.url()?;
        let key = match &self.key {
            Some(key) => parse_key(key.expose())?,
            None if Address::is_loopback(&url) => self.operator_key()?,
            None => {
                return Err(Refusal::Unauthenticated(format!(
                    "{url} is another machine: set DOORBELL_KEY to a key of its operator's; \
                     the operator's key found here is sent to loopback only"
                )));
            }
        };
        Ok(Address { url, key })
    }

    fn operator_key(&self) -> Result<Token, Refusal> {
        let path = self.data_dir.operator_key();
        let text = fs::read_to_string(&path).map_err(|error| {
            Refusal::Unauthenticated(format!(
                "no key: DOORBELL_KEY is not set and {} cannot be read ({error}); \
                 is a server running with this data directory?",
                path.display()
            ))
        })?;
        parse_key(text.trim())
    }
}

fn parse_url(text: &str) -> Result<Url, Refusal> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| Refusal::invalid("DOORBELL_URL", "an http:// or https:// URL"))
}

fn parse_key(text: &str) -> Result<Token, Refusal> {
    Token::parse(text)
        .ok()
        .filter(|token| token.kind() == TokenKind::Key)
        .ok_or_else(|| {
            Refusal::Unauthenticated(
                "the API key is not one: it begins dbk_ and is 53 characters long".to_owned(),
            )
        })
}
