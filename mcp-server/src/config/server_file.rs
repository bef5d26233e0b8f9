//! `<data-dir>/server.json`: where a running server says where it is.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// What a running server writes down for clients on its machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFile {
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// The front door's URL.
    pub listen: String,
    /// The control listener's URL.
    pub control: String,
    /// What printed URLs begin with.
    pub public_url: String,
    /// When it started, RFC 3339.
    pub started_at: String,
    /// The file that it logs to, if it was started in the background.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<PathBuf>,
}

impl ServerFile {
    /// Reads it, if it is there and reads.
    pub fn read(path: &Path) -> Option<Self> {
        Self::find(path).ok().flatten()
    }

    /// The same, telling one that may not be read from none. One that does not parse is none.
    pub fn find(path: &Path) -> io::Result<Option<Self>> {
        match fs::read(path) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it whole or not at all.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let half = path.with_extension("json.new");
        let mut text = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        text.push(b'\n');
        fs::write(&half, text)?;
        fs::rename(half, path)
    }
}
