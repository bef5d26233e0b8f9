//! The operator's key: made at first start, for the owner's eyes alone.

use std::{fs, io, io::Write, path::Path};

use doorbell_core::{
    acl::{Operate, authorize},
    ports::Store,
    principal::Principal,
    registry::Registry,
    token::{Token, TokenHash},
};

use super::AppError;
use crate::config::DataDir;

/// Makes `operator.key` unless it holds a key that is let in, and says by which hash the key that is
/// there is known. Whoever deletes the file, or revokes
/// the key in it, gets a new one at the next start.
pub(super) async fn ensure(
    data_dir: &DataDir,
    store: &dyn Store,
    registry: &Registry<dyn Store>,
) -> Result<TokenHash, AppError> {
    let path = data_dir.operator_key();
    if let Some(hash) =
        good(&path, store).map_err(AppError::io("cannot read the operator's key"))?
    {
        return Ok(hash);
    }
    let permit = authorize(&Principal::Operator, Operate).expect("an operator may operate");
    let issued = registry
        .issue_key(&permit, Principal::Operator, Some("operator.key".into()))
        .await
        .map_err(|error| AppError::Store(error.to_string()))?;
    write_private(&path, &issued.token).map_err(AppError::io("cannot write operator.key"))?;
    Ok(issued.token.hash())
}

/// The hash of the key that is there, if it is let in.
fn good(path: &Path, store: &dyn Store) -> io::Result<Option<TokenHash>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let why = format!("{}: {error}", path.display());
            return Err(io::Error::new(error.kind(), why));
        }
    };
    let hash = Token::hash_of(text.trim()).ok().map(|(_, hash)| hash);
    Ok(hash.filter(|hash| store.key(hash).is_some_and(|key| key.is_live())))
}

/// Writes it whole under another name first: mode 0600 from the first byte on.
fn write_private(path: &Path, key: &Token) -> io::Result<()> {
    let half = path.with_extension("key.new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&half)?;
    file.write_all(key.expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(half, path)
}
