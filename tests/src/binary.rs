//! The program under test, built once.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The path of the `doorbell` binary, built from this workspace as it stands, in the profile that
/// the tests were built in. `DOORBELL_E2E_BINARY` names another one instead.
pub fn doorbell() -> &'static Path {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    once(&BINARY, || match std::env::var_os("DOORBELL_E2E_BINARY") {
        Some(path) => Ok(path.into()),
        None => build("doorbell").map(|dir| executable(&dir, "doorbell")),
    })
}

/// The path of a program of `examples/`, built likewise. `DOORBELL_E2E_EXAMPLES` names a folder
/// that they were built in already.
pub fn example(name: &str) -> PathBuf {
    static DIR: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let dir = once(&DIR, || match std::env::var_os("DOORBELL_E2E_EXAMPLES") {
        Some(dir) => Ok(dir.into()),
        None => build("doorbell-examples"),
    });
    executable(dir, name)
}

/// A failure is kept too: to build again for every test would only say the same.
fn once(
    built: &'static OnceLock<Result<PathBuf, String>>,
    build: impl FnOnce() -> Result<PathBuf, String>,
) -> &'static Path {
    match built.get_or_init(build) {
        Ok(path) => path,
        Err(said) => panic!("it does not build:\n{said}"),
    }
}

fn executable(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Builds a package's programs and says where they are.
fn build(package: &str) -> Result<PathBuf, String> {
    let profile = profile_dir();
    let target = profile.parent().expect("target/<profile>");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--quiet", "--bins", "--package", package])
        .arg("--manifest-path")
        .arg(workspace().join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target);
    match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => {}
        Some(name) => _ = build.args(["--profile", name]),
    }
    let built = build.output().map_err(|error| error.to_string())?;
    if built.status.success() {
        Ok(profile)
    } else {
        Err(String::from_utf8_lossy(&built.stderr).into_owned())
    }
}

/// The directory of the profile that what runs was built in: of a test, which lies in its `deps`, or
/// of a program.
pub(crate) fn profile_dir() -> PathBuf {
    let exe = std::env::current_exe().expect("a running program has a path");
    let dir = exe.parent().expect("a file is in a directory");
    match dir.ends_with("deps") {
        true => dir.parent().expect("target/<profile>/deps").to_owned(),
        false => dir.to_owned(),
    }
}

/// The top of the repository.
pub fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("tests/ lies in the workspace")
        .to_owned()
}
