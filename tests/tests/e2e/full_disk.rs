//! A disk that somebody fills while we serve.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use e2e::{
    binary, http, run,
    server::{Home, wait_for},
};
use serde_json::json;

/// A small file system of its own.
struct Small(PathBuf);

impl Small {
    /// There, or nothing where nobody may mount one.
    fn mount(at: PathBuf) -> Option<Self> {
        fs::create_dir_all(&at).expect("a directory");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=96m,mode=700", "tmpfs"])
            .arg(&at)
            .output();
        let mounted = mount.is_ok_and(|ran| ran.status.success());
        mounted.then_some(Self(at))
    }

    /// Takes all that is free.
    fn fill(&self) {
        let mut hog = fs::File::create(self.0.join("hog")).expect("a file");
        for piece in [1 << 20, 4_096, 1] {
            let piece = vec![1; piece];
            while hog.write_all(&piece).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.0.join("hog")).expect("it is there");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // It goes with the last that has something open in it.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn on_a_full_disk_arrivals_are_refused_and_all_else_goes_on() {
    let home = Home::new();
    let Some(disk) = Small::mount(home.data()) else {
        run::skip("no file system can be mounted here: a full disk is tried in memory alone");
        return;
    };
    let server = home.serve_with(&["--hook-rate", "0"]);
    let agent = server.agent("acme");
    let hook = agent.mint(json!({"source_label": "github"}));
    let other = agent.mint(json!({"source_label": "other"}));
    let kept: Vec<String> = (0..40).map(|_| hook.deliver(&[b'x'; 5_000])).collect();
    let reserve = disk.0.join("reserve");
    wait_for("the reserve", || reserve.exists().then_some(()));
    let ready = || http::send(server.control, "GET", "/readyz", &[], b"").expect("an answer");
    ready().expect(200);

    disk.fill();
    let refused = hook.post(&[], b"no room").expect(503);
    assert!(refused.header("retry-after").is_some());
    assert!(refused.text().contains("no room"), "{}", refused.text());
    let why = ready().expect(503).text();
    assert!(
        why.contains("disk is full") && why.contains("make room"),
        "{why}"
    );
    let health = home.cli(&["health"]).expect(1);
    assert!(health.stderr.contains("disk is full"), "{}", health.stderr);
    let doctor = home.cli(&["doctor"]);
    assert!(doctor.stdout.contains("make room"), "{}", doctor.stdout);
    let mut mcp = home.command(binary::doorbell());
    mcp.args(["mcp", "--folder", "acme"]);
    let mut mcp = mcp
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }});
    let mut asked = mcp.stdin.take().expect("piped");
    writeln!(asked, "{hello}").expect("it listens");
    drop(asked);
    let told = mcp.wait_with_output().expect("it ends").stdout;
    let told = String::from_utf8_lossy(&told);
    assert!(told.contains("serverInfo"), "{told}");
    // Somebody takes what is given back, too.
    for (n, id) in kept.iter().enumerate() {
        let held = agent.receive(json!({"max": 1}));
        assert_eq!(held[0]["id"], json!(id), "{n}");
        assert_eq!(agent.ack(&held), ["acked"], "{n}");
    }
    assert_eq!(agent.log().len(), kept.len());
    agent
        .call("DELETE", &format!("/v1/grants/{}", other.grant_id), None)
        .expect(200);
    other.post(&[], b"revoked").expect(401);
    agent.mint(json!({"source_label": "new"}));
    assert!(!reserve.exists(), "it was given up");
    hook.post(&[], b"still none").expect(503);

    disk.free();
    hook.post(&[], b"there is room").expect(200);
    ready().expect(200);
    wait_for("the reserve to come back", || {
        reserve.exists().then_some(())
    });
    home.cli(&["health"]).expect(0);
    server.stop();
}

#[test]
fn one_url_does_not_take_all_of_the_logs_room() {
    let home = Home::new();
    let server = home.serve_with(&["--hook-rate", "0", "--max-disk", "8MiB"]);
    let agent = server.agent("acme");
    let greedy = agent.mint(json!({"source_label": "greedy"}));
    let modest = agent.mint(json!({"source_label": "modest"}));
    let body = vec![b'x'; 500_000];
    let taken = (0..20)
        .take_while(|_| greedy.post(&[], &body).status == 200)
        .count();
    assert!((8..15).contains(&taken), "{taken}");
    let refused = greedy.post(&[], &body).expect(503);
    assert!(refused.header("retry-after").is_some());
    assert!(refused.text().contains("its part"), "{}", refused.text());
    modest.post(&[], &body).expect(200);
    let ready = http::send(server.control, "GET", "/readyz", &[], b"").expect("an answer");
    ready.expect(200);
    let mut server = server;
    server.stop_and_restart();
    greedy.post(&[], &body).expect(503);
    modest.post(&[], &body).expect(200);
}
