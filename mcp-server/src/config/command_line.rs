//! Commands as a person can type them, wherever one is printed: with the program's path where its
//! name is not found on the `PATH`, and with `--data-dir` where another one than the default is used.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{self, Path, PathBuf},
    sync::OnceLock,
};

use super::DataDir;

/// How this program is called again.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    program: String,
    data_dir: Option<String>,
}

/// Known from the start of the program on; in tests of the library there is none.
static CALL: OnceLock<Call> = OnceLock::new();

/// Finds out how this program is called again: once, before anything is printed.
pub fn remember_call(named: Option<&Path>) {
    let usual = DataDir::find(None).ok();
    let data_dir = named
        .filter(|named| !named.as_os_str().is_empty())
        .and_then(|named| path::absolute(named).ok())
        .filter(|named| usual.as_ref().is_none_or(|usual| usual.path() != named))
        .map(|named| quoted(&named.to_string_lossy()));
    // The first call is the program's; who parses twice means the same.
    let _ = CALL.set(Call {
        program: program(env::current_exe().ok(), env::var_os("PATH").as_deref()),
        data_dir,
    });
}

/// `doorbell <command>`, as it can be typed in any terminal of this machine: `token issue demo github`.
pub fn command_line(command: &str) -> String {
    match CALL.get() {
        None => format!("doorbell {command}"),
        Some(call) => call.line(command),
    }
}

/// The same for another data directory than this program's own: `serve`.
pub fn command_line_in(data_dir: &Path, command: &str) -> String {
    let data_dir = path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned());
    let call = Call {
        program: CALL
            .get()
            .map_or_else(|| "doorbell".to_owned(), |call| call.program.clone()),
        data_dir: Some(quoted(&data_dir.to_string_lossy())),
    };
    call.line(command)
}

impl Call {
    fn line(&self, command: &str) -> String {
        let program = &self.program;
        match (&self.data_dir, command.split_once(" -- ")) {
            (None, _) => format!("{program} {command}"),
            (Some(dir), None) => format!("{program} {command} --data-dir {dir}"),
            (Some(dir), Some((own, other))) => {
                format!("{program} {own} --data-dir {dir} -- {other}")
            }
        }
    }
}

/// The bare name where a shell finds this very program by it, else its path.
fn program(own: Option<PathBuf>, path: Option<&OsStr>) -> String {
    const NAME: &str = "doorbell";
    // One that was replaced meanwhile has no path any more.
    let Some(own) = own.filter(|own| own.exists()) else {
        return NAME.to_owned();
    };
    let found = path.and_then(|path| {
        env::split_paths(path)
            .map(|dir| dir.join(NAME).with_extension(env::consts::EXE_EXTENSION))
            .find(|file| file.is_file())
    });
    let same = found.is_some_and(|found| {
        let real = |file: &Path| fs::canonicalize(file).ok();
        real(&found).is_some_and(|found| Some(found) == real(&own))
    });
    if same {
        NAME.to_owned()
    } else {
        quoted(&own.to_string_lossy())
    }
}

/// One word of a shell's.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(data_dir: Option<&str>, command: &str) -> String {
        let call = Call {
            program: "doorbell".to_owned(),
            data_dir: data_dir.map(quoted),
        };
        call.line(command)
    }

    #[test]
    fn a_data_directory_that_was_named_is_named_again_before_another_programs_words() {
        assert_eq!(line(None, "serve"), "doorbell serve");
        assert_eq!(
            line(Some("/srv/bell"), "token ls"),
            "doorbell token ls --data-dir /srv/bell"
        );
        assert_eq!(
            line(Some("/my bell's"), "run --folder demo -- claude"),
            r"doorbell run --folder demo --data-dir '/my bell'\''s' -- claude"
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_name_alone_is_said_only_where_a_shell_finds_this_very_program_by_it() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let own = dir.path().join("build/doorbell");
        let bin = dir.path().join("bin");
        fs::create_dir_all(&bin).expect("made");
        fs::create_dir_all(own.parent().expect("a parent")).expect("made");
        fs::write(&own, "").expect("written");
        let said = |path: &Path| program(Some(own.clone()), Some(path.as_os_str()));
        let whole = own.to_str().expect("UTF-8");
        assert_eq!(said(&bin), whole, "not there");
        std::os::unix::fs::symlink(&own, bin.join("doorbell")).expect("linked");
        assert_eq!(said(&bin), "doorbell", "there, by a link");
        fs::remove_file(bin.join("doorbell")).expect("removed");
        fs::write(bin.join("doorbell"), "").expect("written");
        assert_eq!(said(&bin), whole, "another program is there");
        assert_eq!(program(Some(dir.path().join("gone")), None), "doorbell");
    }

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        assert_eq!(quoted("/a/b-c_1.0"), "/a/b-c_1.0");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("$(x)"), "'$(x)'");
        assert_eq!(quoted(""), "''");
    }
}
