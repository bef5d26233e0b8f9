//! What it is installed by: a service, a container, a manual.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::{fs::symlink, net::UnixDatagram},
    path::Path,
    process::{Command, Output},
};

use e2e::{
    binary::{doorbell, workspace},
    cli::Running,
    pace::PATIENCE,
    run::skip,
    server::{ClosedPort, Home, signal},
};

/// Runs a program, if this machine has it; a test without it says so.
fn have(command: &mut Command) -> Option<Output> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.output() {
        Ok(output) => Some(output),
        Err(_) => {
            skip(&format!("this machine has no {name}"));
            None
        }
    }
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn systemd_takes_the_unit_and_finds_little_exposed() {
    let home = Home::new();
    let unit = fs::read_to_string(workspace().join("packaging/doorbell.service"));
    let unit = unit.expect("the unit is there");
    let binary = doorbell().to_str().expect("UTF-8");
    assert!(unit.contains("ExecStart=/usr/local/bin/doorbell serve "));
    let here = unit.replace("/usr/local/bin/doorbell", binary);
    let path = home.dir().join("doorbell.service");
    fs::write(&path, here).expect("written");
    let analyze = |arguments: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        have(command.args(arguments).arg(&path).env("SYSTEMD_PAGER", ""))
    };
    if let Some(verified) = analyze(&["verify", "--man=no"]) {
        assert!(verified.status.success(), "{}", said(&verified));
        // What it does not know it only mentions.
        assert!(
            !said(&verified).contains("doorbell.service"),
            "{}",
            said(&verified)
        );
    }
    // From 0, nothing is exposed, to 100.
    if let Some(exposed) = analyze(&["security", "--offline=yes", "--threshold=20"]) {
        assert!(exposed.status.success(), "{}", said(&exposed));
    }
}

#[test]
fn a_service_manager_is_told_when_it_serves_and_when_it_stops() {
    let home = Home::new();
    // A socket's path must be short.
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("bound");
    socket.set_read_timeout(Some(PATIENCE)).expect("set");
    let hear = || {
        let mut word = [0; 256];
        let length = socket.recv(&mut word).expect("told in time");
        String::from_utf8_lossy(&word[..length]).into_owned()
    };
    let mut command = home.doorbell(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--control",
        "127.0.0.1:0",
    ]);
    command
        .env("NOTIFY_SOCKET", &path)
        .stdout(home.log("server.out"))
        .stderr(home.log("server.err"));
    let mut running = Running(command.spawn().expect("started"));
    assert_eq!(hear().trim_end(), "READY=1");
    let server = home.server_file().expect("it serves");
    assert_eq!(server["pid"], running.0.id());
    signal(running.0.id(), "TERM");
    assert_eq!(hear().trim_end(), "STOPPING=1");
    assert!(running.0.wait().expect("our own child").success());
}

#[test]
fn health_is_0_while_it_is_ready_and_1_otherwise() {
    let home = Home::new();
    // Not at the default address, where somebody's own server may be.
    let nobody = ClosedPort::new();
    let url = nobody.url();
    let alone = home
        .cli_with(&["health"], &[("DOORBELL_URL", &url)])
        .expect(1);
    let said = format!("no server answers at {url}");
    assert!(alone.stderr.contains(&said), "{}", alone.stderr);
    let server = home.serve();
    assert_eq!(home.cli(&["health"]).expect(0).stdout, "ready\n");
    server.stop();
    home.cli_with(&["health"], &[("DOORBELL_URL", &url)])
        .expect(1);
}

/// The instructions of a Containerfile, their continued lines joined.
fn instructions(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    joined
        .lines()
        .map(words)
        .filter(|words: &Vec<_>| !words.is_empty())
        .collect()
}

#[test]
fn the_container_is_built_from_what_is_here_and_runs_as_nobody_in_particular() {
    let home = Home::new();
    let file = fs::read_to_string(workspace().join("packaging/Containerfile"));
    let steps = instructions(&file.expect("the file is there"));
    let of = |name: &str| -> Vec<&[String]> {
        let steps = steps.iter().filter(|step| step[0] == name);
        steps.map(|step| &step[1..]).collect()
    };
    // Its build steps, walked as far as they can be without an engine: what they copy makes a
    // workspace that cargo takes as it is locked. What this platform does not need is not asked
    // for: cargo may never have fetched it.
    let scratch = home.dir().join("src");
    fs::create_dir(&scratch).expect("made");
    for copied in of("COPY")
        .iter()
        .filter(|copied| !copied[0].starts_with("--from"))
    {
        let (to, from) = copied.split_last().expect("a destination");
        for from in from {
            let here = workspace().join(from);
            assert!(here.exists(), "{from} is copied and is not here");
            let to = if to == "./" { from } else { to };
            symlink(&here, scratch.join(to)).expect("linked");
        }
    }
    let version = Command::new("rustc")
        .arg("-vV")
        .output()
        .expect("rustc runs");
    let version = said(&version);
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let metadata = Command::new(cargo)
        .args([
            "metadata",
            "--locked",
            "--filter-platform",
            host.expect("a platform"),
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(scratch.join("Cargo.toml"))
        .output()
        .expect("cargo runs");
    assert!(metadata.status.success(), "{}", said(&metadata));
    let least = fs::read_to_string(workspace().join("Cargo.toml")).expect("the manifest");
    let least = least
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "));
    let least = least.expect("a least Rust").trim_matches('"');
    assert!(
        of("FROM")[0][0].starts_with(&format!("rust:{least}-")),
        "another Rust"
    );

    let last = steps
        .iter()
        .rposition(|step| step[0] == "FROM")
        .expect("a base");
    let user = of("USER").last().expect("a user")[0].clone();
    assert_ne!(user, "0");
    assert!(
        steps[last..].iter().any(|step| step[0] == "USER"),
        "it runs as root"
    );
    assert_eq!(
        of("EXPOSE"),
        [["8787".to_owned()]],
        "the control listener is exposed"
    );
    assert_eq!(of("STOPSIGNAL"), [["SIGTERM".to_owned()]]);
    let environment = of("ENV").concat().join(" ");
    assert!(environment.contains("DOORBELL_LISTEN=0.0.0.0:8787"));
    assert!(!environment.contains("CONTROL"), "{environment}");
    let volume = of("VOLUME")[0][0].clone();
    assert!(environment.contains(&format!("DOORBELL_DATA_DIR={volume}")));
    // The binary is copied from where the build leaves it.
    let built = of("COPY").concat().join(" ");
    assert!(
        built.contains("/src/target/release/doorbell /usr/local/bin/doorbell"),
        "{built}"
    );
    let health = of("HEALTHCHECK").concat().join(" ");
    assert!(
        health.ends_with(r#"CMD ["doorbell", "health"]"#),
        "{health}"
    );
}

#[test]
fn the_manual_has_a_page_for_each_command_and_groff_minds_none() {
    let home = Home::new();
    let page = home.cli(&["man"]).expect(0).stdout;
    assert!(page.starts_with(".ie"), "{page}");
    for said in ["doorbell", "serve", "listen", "DOORBELL_DATA_DIR"] {
        assert!(page.contains(said), "{said}");
    }
    let dir = home.dir().join("man");
    home.cli(&["man", "--dir", dir.to_str().expect("UTF-8")])
        .expect(0);
    let pages: BTreeSet<_> = fs::read_dir(&dir)
        .expect("it was made")
        .map(|entry| entry.expect("readable").path())
        .collect();
    let has = |name: &str| pages.contains(&dir.join(name));
    assert!(has("doorbell.1") && has("doorbell-serve.1") && has("doorbell-token-issue.1"));
    for page in &pages {
        clean(page);
    }
}

/// Fails where a formatter of manuals has something to say.
fn clean(page: &Path) {
    if let Some(set) = have(
        Command::new("groff")
            .args(["-man", "-ww", "-Tutf8", "-z"])
            .arg(page),
    ) {
        assert!(
            set.status.success() && set.stderr.is_empty(),
            "{page:?}: {}",
            said(&set)
        );
    }
    if let Some(lint) = have(
        Command::new("mandoc")
            .args(["-T", "lint", "-W", "error"])
            .arg(page),
    ) {
        assert!(lint.status.success(), "{page:?}: {}", said(&lint));
    }
}
