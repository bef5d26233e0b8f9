//! `<data-dir>/server.json`: where a running server says where it is.

use std::{fs, io, path::Path};

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
}

impl ServerFile {
    /// Reads it, if it is there and reads.
    pub fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
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
