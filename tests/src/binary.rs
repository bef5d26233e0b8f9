//! The program under test, built once.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The path of the `doorbell` binary, built from this workspace as it stands, in the profile that
/// the tests were built in. `DOORBELL_E2E_BINARY` names another one instead.
pub fn doorbell() -> &'static Path {
    // A failure is kept too: to build again for every test would only say the same.
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let binary = BINARY.get_or_init(|| match std::env::var_os("DOORBELL_E2E_BINARY") {
        Some(path) => Ok(path.into()),
        None => build(),
    });
    match binary {
        Ok(path) => path,
        Err(said) => panic!("doorbell does not build:\n{said}"),
    }
}

fn build() -> Result<PathBuf, String> {
    let exe = std::env::current_exe().expect("a running program has a path");
    let profile = exe
        .ancestors()
        .nth(2)
        .expect("target/<profile>/deps/<test>");
    let target = profile.parent().expect("target/<profile>");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--quiet", "--package", "doorbell"])
        .args(["--bin", "doorbell", "--manifest-path"])
        .arg(workspace().join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target);
    match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => {}
        Some(profile) => _ = build.args(["--profile", profile]),
    }
    let built = build.output().map_err(|error| error.to_string())?;
    if built.status.success() {
        Ok(profile.join(format!("doorbell{}", std::env::consts::EXE_SUFFIX)))
    } else {
        Err(String::from_utf8_lossy(&built.stderr).into_owned())
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
