//! `doorbell logs`: what a server that was started in the background has logged.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead, BufReader, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;

use super::{Common, Failure, own_server::OwnServer, stop::Stop, terminal};
use crate::refusal::Refusal;

/// How often to look for more.
const PAUSE: Duration = Duration::from_millis(200);

/// Arguments of `doorbell logs`.
#[derive(Args, Debug)]
pub(super) struct Logs {
    /// Go on with what is logged from now on
    #[arg(long, short)]
    follow: bool,
    /// Only so many lines from the end
    #[arg(long, short = 'n', value_name = "N")]
    lines: Option<usize>,
}

pub(super) async fn run(common: &Common, args: Logs) -> Result<(), Failure> {
    let own = OwnServer::find(common, "doorbell logs")?;
    let path = own.data_dir.log_file();
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(none(&own, &path)),
        Err(error) => {
            let why = format!("cannot read {}: {error}", path.display());
            return Err(io::Error::new(error.kind(), why).into());
        }
    };
    if own.file.as_ref().is_some_and(|file| file.log.is_none()) {
        terminal::explain(&format!(
            "the server that runs now does not log here: {}; this is of one before it",
            elsewhere(&own)
        ));
    }
    let mut log = Log::begin(path, file, common.json)?;
    match args.lines {
        None => log.print_rest()?,
        Some(most) => log.print_last(most)?,
    }
    if args.follow {
        let mut stop = Stop::listen()?;
        loop {
            tokio::select! {
                biased;
                () = stop.told() => break,
                () = tokio::time::sleep(PAUSE) => log.go_on()?,
            }
        }
    }
    Ok(())
}

/// There is no such file: where the log is instead.
fn none(own: &OwnServer, path: &Path) -> Failure {
    let why = format!(
        "{} is not there: only a server that another command started in the background logs to \
         it; {}",
        path.display(),
        elsewhere(own)
    );
    Refusal::NotFound(why).into()
}

/// Where a server logs that was not started in the background.
fn elsewhere(own: &OwnServer) -> String {
    let unit = own.pid().ok().and_then(unit);
    match unit {
        Some(unit) => format!("its log is in the journal: journalctl -u {unit} -f"),
        None => "one in a terminal logs there, and a service to the journal: journalctl -u \
                 doorbell -f"
            .to_owned(),
    }
}

/// The systemd unit that a process belongs to.
fn unit(pid: u32) -> Option<String> {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    unit_in(&groups)
}

fn unit_in(groups: &str) -> Option<String> {
    let last = groups.lines().find_map(|line| line.rsplit('/').next())?;
    // Everything in a person's session belongs to a service of the person's.
    let own = last.ends_with(".service") && !last.starts_with("user@");
    own.then(|| last.to_owned())
}

/// The file as far as it was printed.
struct Log {
    path: PathBuf,
    /// Each line as an object.
    json: bool,
    reader: BufReader<File>,
    /// A line that has not ended yet.
    half: Vec<u8>,
}

impl Log {
    fn begin(path: PathBuf, file: File, json: bool) -> io::Result<Self> {
        Ok(Self {
            path,
            json,
            reader: BufReader::new(file),
            half: Vec::new(),
        })
    }

    /// The next whole line.
    fn line(&mut self) -> io::Result<Option<String>> {
        self.reader.read_until(b'\n', &mut self.half)?;
        if !self.half.ends_with(b"\n") {
            return Ok(None);
        }
        self.half.pop();
        let line = terminal::printable(&String::from_utf8_lossy(&self.half));
        self.half.clear();
        Ok(Some(line))
    }

    fn print_rest(&mut self) -> io::Result<()> {
        while let Some(line) = self.line()? {
            self.print(&line)?;
        }
        Ok(())
    }

    fn print_last(&mut self, most: usize) -> io::Result<()> {
        let mut last = VecDeque::new();
        while let Some(line) = self.line()? {
            last.push_back(line);
            if last.len() > most {
                last.pop_front();
            }
        }
        last.iter().try_for_each(|line| self.print(line))
    }

    fn print(&self, line: &str) -> io::Result<()> {
        if self.json {
            terminal::json(&serde_json::json!({ "line": line }))
        } else {
            terminal::say(line)
        }
    }

    /// What has come since; in the next file, where this one was put aside.
    fn go_on(&mut self) -> io::Result<()> {
        self.print_rest()?;
        if self.was_put_aside()? {
            // What came between the last look and the change.
            self.print_rest()?;
            self.reader = BufReader::new(File::open(&self.path)?);
            self.half.clear();
            return self.print_rest();
        }
        // One that was emptied begins anew.
        let file = self.reader.get_mut();
        if file.metadata()?.len() < file.stream_position()? {
            file.seek(SeekFrom::Start(0))?;
        }
        Ok(())
    }

    #[cfg(unix)]
    fn was_put_aside(&self) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let own = self.reader.get_ref().metadata()?;
        match std::fs::metadata(&self.path) {
            Ok(there) => Ok((there.dev(), there.ino()) != (own.dev(), own.ino())),
            // Between the two names.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    #[cfg(not(unix))]
    fn was_put_aside(&self) -> io::Result<bool> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_told_from_a_terminal() {
        assert_eq!(
            unit_in("0::/system.slice/doorbell.service\n").as_deref(),
            Some("doorbell.service")
        );
        assert_eq!(
            unit_in("0::/user.slice/user-1000.slice/session-2.scope\n"),
            None
        );
        assert_eq!(
            unit_in("0::/user.slice/user-1000.slice/user@1000.service\n"),
            None
        );
        assert_eq!(unit_in("0::/\n"), None);
    }
}
