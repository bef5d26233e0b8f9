//! Where everything an instance keeps lies.

use std::{
    env, fs, io, path,
    path::{Path, PathBuf},
};

use doorbell_core::label::SessionId;

/// The data directory. It is never the working directory unless someone names that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDir(PathBuf);

/// There is no data directory to be had.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Neither named nor derivable.
    #[error(
        "no data directory: set --data-dir or DOORBELL_DATA_DIR (neither XDG_DATA_HOME nor HOME is set)"
    )]
    Unknown,
    /// It cannot be made or entered.
    #[error("cannot use the data directory {path}: {source}")]
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl DataDir {
    /// `named` (the flag, or `DOORBELL_DATA_DIR`), else `$XDG_DATA_HOME/doorbell`, else
    /// `~/.local/share/doorbell` (XDG Base Directory Specification). Makes nothing.
    pub fn find(named: Option<PathBuf>) -> Result<Self, DataDirError> {
        if let Some(path) = named.filter(|path| !path.as_os_str().is_empty()) {
            // Whole, so that it is the same one wherever it is printed and typed again.
            return Ok(Self(path::absolute(&path).unwrap_or(path)));
        }
        // The specification: a relative path in XDG_DATA_HOME is to be ignored.
        let absolute = |name| {
            env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        absolute("XDG_DATA_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
            .map(|base| Self(base.join("doorbell")))
            .ok_or(DataDirError::Unknown)
    }

    /// Makes it, for its owner's eyes alone, if it is not there.
    pub fn make(&self) -> Result<(), DataDirError> {
        let unusable = |source| DataDirError::Unusable {
            path: self.0.clone(),
            source,
        };
        if !self.0.is_dir() {
            fs::create_dir_all(&self.0).map_err(unusable)?;
            private_dir(&self.0).map_err(unusable)?;
        }
        Ok(())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The operator's key.
    pub fn operator_key(&self) -> PathBuf {
        self.0.join("operator.key")
    }

    /// Where a running server says where it is.
    pub fn server_file(&self) -> PathBuf {
        self.0.join("server.json")
    }

    /// Settings that hold for this instance.
    pub fn settings_file(&self) -> PathBuf {
        self.0.join("doorbell.toml")
    }

    /// What `doorbell run` has to say while the screen is its program's.
    pub fn run_log_file(&self, session: &SessionId) -> PathBuf {
        self.0.join(format!("run-{session}.log"))
    }

    /// How far a watcher has read, who is told from others by these.
    pub fn bookmark(&self, told_by: &[&str]) -> PathBuf {
        let mut hash = blake3::Hasher::new();
        for part in told_by {
            // Lengths first, so that no two lists of parts read alike.
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let name = hash.finalize().to_hex();
        self.0.join("watch").join(&name[..32])
    }

    /// What a server in the background has to say.
    pub fn log_file(&self) -> PathBuf {
        self.0.join("server.log")
    }
}

#[cfg(unix)]
fn private_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn private_dir(_: &Path) -> io::Result<()> {
    Ok(())
}
