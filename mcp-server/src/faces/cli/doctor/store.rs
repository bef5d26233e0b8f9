//! `doorbell doctor --store`: looks at everything on the disk, while no server has it, and writes what
//! is whole into a new data directory.

use std::path::{Path, PathBuf};

use doorbell_ingress::store::redb::{CheckError, Checked, OpenError, Watch, check};
use serde_json::{Value, json};

use super::super::{Common, Failure, progress::Progress, terminal};
use crate::{
    config::{DataDir, command_line, command_line_in, quoted},
    refusal::Refusal,
};

/// Tells of damage as it is found, and how far the work is.
struct Told {
    json: bool,
    progress: Option<Progress>,
    damaged: Vec<Value>,
    /// Why standard output could not be written to, if it could not.
    mute: Option<std::io::Error>,
}

impl Watch for Told {
    fn damaged(&mut self, file: &str, what: &str) {
        if self.json {
            self.damaged.push(json!({"file": file, "what": what}));
            return;
        }
        let line = format!("damaged  {}", terminal::lines(&format!("{file}: {what}")));
        self.mute = self.mute.take().or_else(|| terminal::say(&line).err());
    }

    fn went_on(&mut self, bytes: u64) {
        if let Some(progress) = &mut self.progress {
            progress.add(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
    }
}

/// Looks at the store, and salvages what is whole if there is somewhere to put it. False: something
/// is damaged, and it was not salvaged.
pub(super) fn run(
    common: &Common,
    data_dir: &DataDir,
    salvage: Option<PathBuf>,
) -> Result<bool, Failure> {
    let dir = data_dir.path();
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let total = files
        .filter(|file| {
            Path::new(&file.file_name())
                .extension()
                .is_some_and(|it| it == "redb")
        })
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum();
    let mut told = Told {
        json: common.json,
        progress: Some(Progress::begin("looking", Some(total))),
        damaged: Vec::new(),
        mute: None,
    };
    let checked = check(dir, salvage.as_deref(), &mut told).map_err(|error| refused(&error))?;
    drop(told.progress.take());
    if let Some(mute) = told.mute.take() {
        return Err(mute.into());
    }
    if common.json {
        terminal::json(&shown(&checked, told.damaged, salvage.as_deref()))?;
    } else {
        terminal::say(&summary(&checked))?;
    }
    if checked.damaged == 0 && salvage.is_none() {
        return Ok(true);
    }
    terminal::explain(&match &salvage {
        Some(to) => {
            let serve = command_line_in(to, "serve");
            format!(
                "What is whole is in {}. Start it with: {serve}\n{} is as it was.",
                to.display(),
                dir.display()
            )
        }
        None => {
            let to = dir.with_extension("salvaged");
            let salvage = format!("doctor --store --salvage {}", quoted(&to.to_string_lossy()));
            format!(
                "Nothing was changed. To write what is whole into a new data directory: {}",
                command_line_in(dir, &salvage)
            )
        }
    });
    Ok(salvage.is_some())
}

fn refused(error: &CheckError) -> Refusal {
    let why = match error {
        CheckError::Open(OpenError::Taken { .. }) => {
            format!(
                "not looked at: {error}; stop that server with `{}`",
                command_line("stop")
            )
        }
        CheckError::NoStore(_) => format!("{error}; name its directory with --data-dir"),
        error => error.to_string(),
    };
    Refusal::Conflict(why)
}

fn summary(checked: &Checked) -> String {
    let Checked {
        files,
        rows,
        messages,
        unchecked,
        damaged,
    } = *checked;
    let mut line = format!("Looked at {files} files, {rows} rows, {messages} whole messages");
    if unchecked > 0 {
        line.push_str(&format!(
            " ({unchecked} of them unchecked: they came before there were checksums)"
        ));
    }
    line.push_str(&match damaged {
        0 => ": nothing is damaged.".to_owned(),
        1 => ": 1 thing is damaged.".to_owned(),
        n => format!(": {n} things are damaged."),
    });
    line
}

fn shown(checked: &Checked, damaged: Vec<Value>, salvage: Option<&Path>) -> Value {
    let mut shown = json!({
        "ok": checked.damaged == 0,
        "files": checked.files,
        "rows": checked.rows,
        "messages": checked.messages,
        "unchecked": checked.unchecked,
        "damaged": damaged,
    });
    if let Some(to) = salvage {
        shown["salvaged_to"] = json!(to);
    }
    shown
}
