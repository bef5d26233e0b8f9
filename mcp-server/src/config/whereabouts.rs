//! Where a client finds the server, and with which key.

use std::{env, fs, io, path::Path};

use doorbell_core::token::{Token, TokenKind};
use reqwest::Url;

use super::{command_line, data_dir::DataDir, server_file::ServerFile};
use crate::{
    desk::{Address, KeySource},
    refusal::Refusal,
};

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
            .map(|text| parse_key(&text, "DOORBELL_KEY"))
            .transpose()?;
        Ok(Self { data_dir, url, key })
    }

    /// The server of this data directory and its operator, whatever the environment says.
    pub fn of(data_dir: DataDir) -> Self {
        Self {
            data_dir,
            url: None,
            key: None,
        }
    }

    /// `DOORBELL_URL`, then the running server's own word, then the default.
    pub fn url(&self) -> Result<Url, Refusal> {
        if let Some(url) = &self.url {
            return Ok(url.clone());
        }
        match self.server()? {
            Some(server) => parse_url(&server.control),
            None => parse_url(DEFAULT_URL),
        }
    }

    /// What the running server says of itself in the data directory.
    fn server(&self) -> Result<Option<ServerFile>, Refusal> {
        let path = self.data_dir.server_file();
        ServerFile::find(&path).map_err(|error| self.unreadable(&path, &error))
    }

    /// Whether the address is only the default, and no key says that its server is ours: a server
    /// that answers there then belongs to another data directory.
    pub fn is_guess(&self) -> bool {
        // What cannot be read is there.
        self.url.is_none() && self.key.is_none() && matches!(self.server(), Ok(None))
    }

    /// No server is known to run with this data directory.
    pub fn nobody(&self) -> Refusal {
        Refusal::Unreachable(format!(
            "no server runs with the data directory {}; start one with: {}",
            self.data_dir.path().display(),
            command_line("serve")
        ))
    }

    /// Where to ask and what to show. The operator's key is sent to this machine only.
    pub fn address(&self) -> Result<Address, Refusal> {
        let url = self.url()?;
        let (key, key_source) = match &self.key {
            Some(key) => (
                parse_key(key.expose(), "DOORBELL_KEY")?,
                KeySource::Environment,
            ),
            None if Address::is_loopback(&url) => self.operator_key(&url)?,
            None => {
                return Err(Refusal::Unauthenticated(format!(
                    "{url} is another machine: set DOORBELL_KEY to a key of its operator's; \
                     the operator's key found here is sent to loopback only"
                )));
            }
        };
        Ok(Address {
            url,
            named: self.url.is_some(),
            key,
            key_source,
        })
    }

    fn operator_key(&self, url: &Url) -> Result<(Token, KeySource), Refusal> {
        let path = self.data_dir.operator_key();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.no_key(url, &path));
            }
            Err(error) => return Err(self.unreadable(&path, &error)),
        };
        let key = parse_key(text.trim(), &path.display().to_string())?;
        Ok((key, KeySource::File(path)))
    }

    /// There is no key, hence no server has run here.
    fn no_key(&self, url: &Url, path: &Path) -> Refusal {
        let dir = self.data_dir.path().display();
        if self.url.is_some() {
            return Refusal::Unauthenticated(format!(
                "no key to show the server at {url} (DOORBELL_URL): set DOORBELL_KEY, or name \
                 that server's data directory with --data-dir; {} is not there",
                path.display()
            ));
        }
        Refusal::Unreachable(format!(
            "no server has run with the data directory {dir} yet; start one with: {}",
            command_line("serve")
        ))
    }

    fn unreadable(&self, path: &Path, error: &io::Error) -> Refusal {
        let shown = path.display();
        if error.kind() != io::ErrorKind::PermissionDenied {
            return Refusal::Unauthenticated(format!("cannot read {shown}: {error}"));
        }
        Refusal::Unauthenticated(format!(
            "may not read {shown}: the data directory is another user's{}; run this as that user \
             or with sudo, or set DOORBELL_URL, and DOORBELL_KEY to a key of the operator's",
            owner(self.data_dir.path())
        ))
    }
}

/// Whose a directory is, by the number of the user.
#[cfg(unix)]
fn owner(dir: &Path) -> String {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(dir).map_or_else(
        |_| String::new(),
        |meta| format!(" (user id {})", meta.uid()),
    )
}

#[cfg(not(unix))]
fn owner(_: &Path) -> String {
    String::new()
}

fn parse_url(text: &str) -> Result<Url, Refusal> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| Refusal::invalid("DOORBELL_URL", "an http:// or https:// URL"))
}

fn parse_key(text: &str, source: &str) -> Result<Token, Refusal> {
    Token::parse(text)
        .ok()
        .filter(|token| token.kind() == TokenKind::Key)
        .ok_or_else(|| {
            Refusal::Unauthenticated(format!(
                "{source} does not hold an API key: one begins dbk_ and is 53 characters long"
            ))
        })
}
