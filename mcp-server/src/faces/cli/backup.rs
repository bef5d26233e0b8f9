//! `doorbell backup`: a consistent copy of everything, while the server serves.

use std::{
    fs, io,
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
};

use bytesize::ByteSize;
use clap::Args;
use reqwest::{Method, Response};

use super::{Common, Failure, connect, progress::Progress, terminal};
use crate::refusal::Refusal;

/// Arguments of `doorbell backup`.
#[derive(Args, Debug)]
pub(super) struct Backup {
    /// Where to; - is standard output
    file: PathBuf,
    /// Overwrite the file if it is there
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(common: &Common, args: Backup) -> Result<(), Failure> {
    let to_stdout = args.file == Path::new("-");
    if to_stdout && io::stdout().is_terminal() {
        return Err(Refusal::invalid(
            "file",
            "standard output is a terminal; name a file, or send it on with > or |",
        )
        .into());
    }
    if !to_stdout {
        is_free(&args.file, args.force)?;
    }
    let desk = connect::desk(common, None)?;
    let response = desk.send(desk.request(Method::GET, &["backup"])).await?;
    if to_stdout {
        let mut out = io::stdout().lock();
        copy(response, &mut out).await?;
        return Ok(out.flush()?);
    }
    let half = Half::beside(&args.file)?;
    let mut file = &half.file;
    let bytes = copy(response, &mut file).await?;
    // It may have come meanwhile.
    is_free(&args.file, args.force)?;
    half.become_whole(&args.file)?;
    if common.json {
        return Ok(terminal::json(
            &serde_json::json!({ "file": args.file, "bytes": bytes }),
        )?);
    }
    terminal::explain(&format!(
        "{} in {}; it holds every message and all keys' hashes: keep it as private as the data \
         directory",
        ByteSize(bytes).display().iec(),
        args.file.display()
    ));
    Ok(())
}

/// Refuses to put a backup where something is already, unless that was asked for.
fn is_free(file: &Path, force: bool) -> Result<(), Failure> {
    let shown = file.display();
    let refused = |rule: String| Err(Refusal::Conflict(rule).into());
    match fs::symlink_metadata(file) {
        Err(_) => Ok(()),
        Ok(meta) if meta.is_dir() => refused(format!("{shown} is a directory: name a file in it")),
        Ok(meta) if !meta.is_file() && !meta.is_symlink() => refused(format!(
            "{shown} is no ordinary file: with - the backup goes to standard output"
        )),
        Ok(_) if !force => refused(format!(
            "{shown} is there already: name another file, or overwrite it with --force"
        )),
        Ok(_) => Ok(()),
    }
}

/// Copies piece by piece. A backup that breaks off is an error and never a short file.
async fn copy(mut response: Response, out: &mut impl Write) -> Result<u64, Failure> {
    let mut progress = Progress::begin("backup", None);
    loop {
        let piece = response
            .chunk()
            .await
            .map_err(|_| Refusal::Unavailable("the backup broke off; try again".to_owned()))?;
        let Some(piece) = piece else { break };
        out.write_all(&piece)?;
        progress.add(piece.len());
    }
    Ok(progress.end())
}

/// A file that is not yet what it will be; gone unless it becomes whole.
struct Half {
    file: fs::File,
    path: PathBuf,
}

impl Half {
    /// In the same directory, so that it can take its place in one step; for its owner alone.
    fn beside(whole: &Path) -> io::Result<Self> {
        // A path that ends with a slash has the name of what would be a directory.
        let named = whole.file_name().filter(|name| {
            let text = whole.as_os_str().as_encoded_bytes();
            text.ends_with(name.as_encoded_bytes())
        });
        let mut name = named.ok_or_else(|| nameless(whole))?.to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = whole.with_file_name(name);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot write {}: {error}", path.display()),
            )
        })?;
        Ok(Self { file, path })
    }

    fn become_whole(self, whole: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, whole)
    }
}

fn nameless(path: &Path) -> io::Error {
    let why = format!(
        "{:?} is no file's name: name a file",
        path.display().to_string()
    );
    io::Error::new(io::ErrorKind::InvalidInput, why)
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
    fn a_backup_wants_a_files_name_and_says_where_it_cannot_be_written() {
        for nameless in ["", "new/", "..", "/"] {
            let error = Half::beside(Path::new(nameless))
                .map(|_| ())
                .expect_err(nameless);
            assert!(error.to_string().contains("name a file"), "{error}");
        }
        let error = Half::beside(Path::new("/nonexistent/b")).map(|_| ());
        let error = error.expect_err("no such directory").to_string();
        assert!(error.contains("cannot write /nonexistent/b"), "{error}");
    }

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
