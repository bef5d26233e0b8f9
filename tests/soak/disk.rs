//! The disk that the server's data is on: one of its own that can be full, where we may make one.

use std::{
    env, fmt,
    fs::{self, File},
    io::Write,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};

use e2e::server::Home;

/// How large it is, in MiB.
const SIZE: u64 = 640;
/// How much of it messages may take, in MiB, where it cannot be filled from outside.
const MAX_DISK: &str = "384MiB";

/// Says that what is mounted from here on is seen by nobody else.
const PRIVATE: &str = "DOORBELL_SOAK_PRIVATE";

/// Runs this program again where what it mounts goes with it, however it ends.
pub(crate) fn in_a_place_of_our_own() -> Option<ExitCode> {
    if env::var_os(PRIVATE).is_some() {
        return None;
    }
    let possible = Command::new("unshare")
        .args(["--mount", "true"])
        .stderr(Stdio::null())
        .status();
    if !possible.is_ok_and(|status| status.success()) {
        return None;
    }
    let again = Command::new("unshare")
        .arg("--mount")
        .arg(env::current_exe().ok()?)
        .args(env::args_os().skip(1))
        .env(PRIVATE, "1")
        .status();
    let code = again.ok()?.code().and_then(|code| u8::try_from(code).ok());
    Some(ExitCode::from(code.unwrap_or(1)))
}

/// Where the data lies.
pub(crate) struct Disk {
    data: PathBuf,
    mounted: bool,
}

impl Disk {
    /// Under the home's data directory.
    pub(crate) fn under(home: &Home) -> Self {
        let data = home.data();
        fs::create_dir_all(&data).expect("the soak's directory is writable");
        let mut mount = Command::new("mount");
        mount
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={SIZE}m,mode=700"),
                "soak",
            ])
            .arg(&data)
            .stderr(Stdio::null());
        let private = env::var_os(PRIVATE).is_some();
        Self {
            mounted: private && mount.status().is_ok_and(|status| status.success()),
            data,
        }
    }

    /// What the server is told.
    pub(crate) fn flags(&self) -> &'static [&'static str] {
        &[
            "--hook-rate",
            "0",
            "--retain",
            "10s",
            "--max-disk",
            MAX_DISK,
            "--log",
            "warn",
        ]
    }

    /// Whether it can be filled from outside.
    pub(crate) fn can_be_full(&self) -> bool {
        self.mounted
    }

    /// Leaves no byte on it.
    pub(crate) fn fill(&self) {
        let mut ballast = File::create(self.ballast()).expect("a file more is possible");
        let mut block = vec![7; 1 << 20];
        // Ever smaller, until not even a page fits.
        while block.len() >= 4_096 {
            if ballast.write_all(&block).is_err() {
                block.truncate(block.len() / 2);
            }
        }
    }

    /// Gives back what [`Self::fill`] took.
    pub(crate) fn free(&self) {
        // There is none where nothing was filled.
        let _ = fs::remove_file(self.ballast());
    }

    fn ballast(&self) -> PathBuf {
        self.data.join("ballast")
    }

    /// How much the server has on it, in MiB.
    pub(crate) fn used(&self) -> f64 {
        let files = fs::read_dir(&self.data).into_iter().flatten().flatten();
        let bytes: u64 = files
            .filter(|file| file.path() != self.ballast())
            .filter_map(|file| Some(file.metadata().ok()?.len()))
            .sum();
        bytes as f64 / f64::from(1 << 20)
    }
}

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mounted {
            true => write!(f, "a disk of {SIZE} MiB that is filled now and then"),
            false => write!(
                f,
                "--max-disk {MAX_DISK} (a disk that is full needs root, and mount)"
            ),
        }
    }
}
