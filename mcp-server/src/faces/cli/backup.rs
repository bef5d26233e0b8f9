//! `doorbell backup`: a consistent copy of everything, while the server serves.

use std::{
    fs, io,
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
};

use bytesize::ByteSize;
use clap::Args;
use reqwest::{Method, Response};

use super::{Common, Failure, connect, terminal};
use crate::refusal::Refusal;

/// How many bytes go by between two progress lines.
const STEP: u64 = 8 * 1024 * 1024;

/// Arguments of `doorbell backup`.
#[derive(Args, Debug)]
pub(super) struct Backup {
    /// Where to; - is standard output
    file: PathBuf,
}

pub(super) async fn run(common: &Common, args: Backup) -> Result<(), Failure> {
    let desk = connect::desk(common, None)?;
    let response = desk.send(desk.request(Method::GET, &["backup"])).await?;
    if args.file == Path::new("-") {
        let mut out = io::stdout().lock();
        copy(response, &mut out).await?;
        return Ok(out.flush()?);
    }
    let half = Half::beside(&args.file)?;
    let mut file = &half.file;
    let bytes = copy(response, &mut file).await?;
    half.become_whole(&args.file)?;
    terminal::explain(&format!(
        "{} in {}; it holds every message and all keys' hashes: keep it as private as the data \
         directory",
        ByteSize(bytes).display().iec(),
        args.file.display()
    ));
    Ok(())
}

/// Copies piece by piece. A backup that breaks off is an error and never a short file.
async fn copy(mut response: Response, out: &mut impl Write) -> Result<u64, Failure> {
    let progress = io::stderr().is_terminal();
    let (mut bytes, mut told) = (0_u64, 0_u64);
    loop {
        let piece = response
            .chunk()
            .await
            .map_err(|_| Refusal::Unavailable("the backup broke off; try again".to_owned()))?;
        let Some(piece) = piece else { break };
        out.write_all(&piece)?;
        bytes += piece.len() as u64;
        if progress && bytes - told >= STEP {
            told = bytes;
            eprint!("\r{} …", ByteSize(bytes).display().iec());
        }
    }
    if told > 0 {
        eprint!("\r");
    }
    Ok(bytes)
}

/// A file that is not yet what it will be; gone unless it becomes whole.
struct Half {
    file: fs::File,
    path: PathBuf,
}

impl Half {
    /// In the same directory, so that it can take its place in one step; for its owner alone.
    fn beside(whole: &Path) -> io::Result<Self> {
        let mut name = whole.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = whole.with_file_name(name);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })?;
        Ok(Self { file, path })
    }

    fn become_whole(self, whole: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, whole)
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        // After `become_whole` it is gone already.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_backup_leaves_the_last_one_alone_and_nothing_behind() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let whole = dir.path().join("b");
        fs::write(&whole, "old").expect("written");
        let half = Half::beside(&whole).expect("made");
        (&half.file).write_all(b"ne").expect("written");
        drop(half);
        assert_eq!(fs::read_to_string(&whole).expect("read"), "old");
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1);

        let half = Half::beside(&whole).expect("made");
        (&half.file).write_all(b"new").expect("written");
        half.become_whole(&whole).expect("renamed");
        assert_eq!(fs::read_to_string(&whole).expect("read"), "new");
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1);
    }
}
