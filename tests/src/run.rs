//! One run of the tests: a directory that keeps all that was printed and stored.
//!
//! It lies in `target/tmp/e2e`: `captured` holds what the last test searches, `minted` the tokens
//! it searches for. The next run clears it away.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use crate::{binary, secrets};

/// Where runs lie: beside the directory of the binary that is running. A program that is no test has
/// a place of its own: it may run at the same time.
pub fn root() -> PathBuf {
    let profile = binary::profile_dir();
    let target = profile.parent().expect("target/<profile>");
    let exe = std::env::current_exe().expect("a running program has a path");
    let name = match exe.starts_with(profile.join("deps")) {
        true => "e2e".as_ref(),
        false => exe.file_stem().expect("a program has a name"),
    };
    target.join("tmp").join(name)
}

/// Where everything that was captured lies.
pub fn captured() -> PathBuf {
    root().join("captured")
}

/// The list of tokens that the tests minted, one a line.
pub fn minted() -> PathBuf {
    root().join("minted")
}

fn begin() -> &'static Path {
    static BEGUN: OnceLock<PathBuf> = OnceLock::new();
    BEGUN.get_or_init(|| {
        // The leavings of the last run; there are none the first time.
        let _ = fs::remove_dir_all(root());
        let dir = captured();
        fs::create_dir_all(&dir).expect("the target directory is writable");
        dir
    })
}

/// A new directory for one test, named after it.
pub fn new_dir() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let thread = std::thread::current();
    let name: String = thread
        .name()
        .unwrap_or("test")
        .replace("::", ".")
        .chars()
        .take(60)
        .collect();
    let dir = begin().join(format!(
        "{:03}-{name}",
        NEXT.fetch_add(1, Ordering::Relaxed)
    ));
    fs::create_dir(&dir).expect("each name is new");
    dir
}

/// Says that this test, or a part of it, cannot be done here. What a test that passes prints is not
/// shown, so whoever runs them all names a file in `DOORBELL_TEST_SKIPS`, and shows that.
pub fn skip(why: &str) {
    eprintln!("!! SKIPPED: {why}");
    if let Some(path) = std::env::var_os("DOORBELL_TEST_SKIPS") {
        let thread = std::thread::current();
        let line = format!("test\t{}\t{why}\n", thread.name().unwrap_or("a test"));
        let file = File::options().create(true).append(true).open(path);
        file.and_then(|mut file| file.write_all(line.as_bytes()))
            .expect("the list of what was skipped can be written");
    }
}

/// Remembers every token in a text that was meant to hold one, so that the last test looks for it.
pub fn register(text: &str) {
    static LIST: OnceLock<Mutex<File>> = OnceLock::new();
    let found = secrets::tokens_in(text.as_bytes());
    if found.is_empty() {
        return;
    }
    let list = LIST.get_or_init(|| {
        begin();
        let file = File::options().create(true).append(true).open(minted());
        Mutex::new(file.expect("the run's directory is writable"))
    });
    let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
    for token in found {
        writeln!(list, "{token}").expect("the list of tokens can be written");
    }
}
