//! What a client says when it cannot have what it was asked for: the cause, and the cure.

use std::{fs, io::Write, net::TcpListener, os::unix::fs::PermissionsExt, thread};

use e2e::server::Home;

/// A key's form, of no server.
fn some_key() -> String {
    e2e::secrets::forge("dbk_", &"0".repeat(43))
}

/// Answers every connection with these bytes.
fn answering(bytes: &'static [u8]) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // The request is read first, or the answer could be a reset.
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let _ = stream.write_all(bytes);
        }
    });
    addr
}

#[test]
fn before_the_first_start_it_says_that_no_server_has_run_and_how_to_start_one() {
    let home = Home::new();
    let ran = home.cli(&["token", "ls"]).expect(1);
    let dir = home.data().display().to_string();
    assert!(ran.stderr.contains("no server has run"), "{}", ran.stderr);
    // It can be typed as it stands: the program is not on the PATH, the directory was named.
    let typed = format!(
        "{} serve --data-dir {dir}",
        e2e::binary::doorbell().display()
    );
    assert!(ran.stderr.contains(&typed), "{}\n{typed}", ran.stderr);
}

#[test]
fn a_way_that_does_not_lead_to_a_server_says_where_it_ends() {
    let home = Home::new();
    drop(home.serve());
    let key = some_key();
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address")
    };
    let plain =
        answering(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi");
    let missing = answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let gateway = answering(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    let foreign = answering(b"SSH-2.0-OpenSSH_9.9\r\n");
    for (url, said) in [
        (
            format!("http://{closed}"),
            &["no server answers", "doorbell serve"][..],
        ),
        (
            "http://nowhere.invalid:8788".to_owned(),
            &["nowhere.invalid is not found"],
        ),
        (
            format!("https://{plain}"),
            &["does not speak TLS", "http://"],
        ),
        (
            format!("http://{plain}"),
            &["is no doorbell", "DOORBELL_URL"],
        ),
        (format!("http://{missing}"), &["is no doorbell", "404"]),
        (format!("http://{gateway}"), &["502", "does not reach it"]),
        (format!("http://{foreign}"), &["is no doorbell"]),
    ] {
        let env = [
            ("DOORBELL_URL", url.as_str()),
            ("DOORBELL_KEY", key.as_str()),
        ];
        for command in [["token", "ls"], ["messages", "ls"]] {
            let ran = home.cli_with(&command, &env).expect(1);
            for words in said {
                assert!(
                    ran.stderr.contains(words),
                    "{url} {command:?}: {}",
                    ran.stderr
                );
            }
            assert!(!ran.stderr.contains(&key), "{}", ran.stderr);
        }
    }
}

#[test]
fn a_remote_address_without_a_key_is_refused_by_every_command_that_shows_one() {
    let home = Home::new();
    let server = home.serve();
    let env = [("DOORBELL_URL", "https://nowhere.invalid")];
    for command in [
        &["token", "ls"][..],
        &["key", "issue", "acme"],
        &["messages", "ls"],
        &["listen"],
        &["wait", "--timeout", "1"],
        &["backup", "-"],
    ] {
        let ran = home.cli_with(command, &env).expect(1);
        assert!(
            ran.stderr.contains("DOORBELL_KEY"),
            "{command:?}: {}",
            ran.stderr
        );
    }
    drop(server);
}

#[test]
fn a_file_of_the_store_that_may_not_be_opened_is_named() {
    let home = Home::new();
    drop(home.serve());
    for name in ["doorbell.pid", "doorbell.redb", "operator.key"] {
        let path = home.data().join(name);
        let aside = home.data().join("aside");
        fs::rename(&path, &aside).expect("moved");
        // What is a directory cannot be opened as a file, by root either.
        fs::create_dir(&path).expect("made");
        let ran = home
            .cli(&[
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--control",
                "127.0.0.1:0",
            ])
            .expect(1);
        let whole = path.display().to_string();
        assert!(ran.stderr.contains(&whole), "{}", ran.stderr);
        fs::remove_dir(&path).expect("removed");
        fs::rename(&aside, &path).expect("moved");
    }
    home.serve().operator().get("/v1/keys");
}

/// Runs a command as somebody who may not look into this data directory.
fn as_another(home: &Home, args: &[&str]) -> std::process::Output {
    let mut command = home.doorbell(args);
    let id = std::process::Command::new("id").arg("-u").output();
    if id.expect("id(1) is there").stdout == b"0\n" {
        // Root may read everything, but for what it has renounced. Another user might not reach the
        // binary itself.
        let renounced = "-dac_override,-dac_read_search";
        let mut bare = std::process::Command::new("setpriv");
        bare.arg(format!("--bounding-set={renounced}"))
            .arg(format!("--inh-caps={renounced}"))
            .arg(command.get_program())
            .args(command.get_args())
            .env_clear()
            .envs(
                command
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        command = bare;
    }
    let set = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(home.data(), mode).expect("set");
    };
    set(0o000);
    let output = command.output().expect("the binary can be started");
    set(0o700);
    output
}

#[test]
fn a_data_directory_that_may_not_be_read_is_named_with_what_to_do() {
    let home = Home::new();
    drop(home.serve());
    let dir = home.data().display().to_string();
    for command in [
        &["token", "ls"][..],
        &["run", "--folder", "demo", "--", "true"],
        &["status"],
        &["stop"],
        &["logs"],
        &["open"],
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--control",
            "127.0.0.1:0",
        ],
        &["doctor"],
    ] {
        let output = as_another(&home, command);
        let said = [output.stderr, output.stdout].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        assert!(said.contains(&dir), "{command:?}: {said}");
        assert!(!said.contains("start one with"), "{command:?}: {said}");
    }
}

#[test]
fn a_port_that_is_taken_is_refused_with_who_has_it_and_the_flag() {
    let home = Home::new();
    let server = home.serve();
    let other = Home::new();
    for (flag, addr, free) in [
        ("--listen", server.front, "--control"),
        ("--control", server.control, "--listen"),
    ] {
        let ran = other
            .cli(&["serve", flag, &addr.to_string(), free, "127.0.0.1:0"])
            .expect(1);
        for words in [
            flag,
            &addr.to_string(),
            &format!("process {}", server.pid()),
        ] {
            assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
        }
    }
}

#[test]
fn health_says_in_json_whether_it_is_ready_and_why_not() {
    let home = Home::new();
    let mut server = home.serve();
    let json = home.cli(&["health", "--json"]).expect(0).json()[0].clone();
    assert_eq!(json["ready"], true);
    assert_eq!(home.cli(&["health"]).expect(0).stdout, "ready\n");
    server.kill();
    let json = home.cli(&["health", "--json"]).expect(1).json()[0].clone();
    assert_eq!(json["ready"], false);
    assert!(
        json["why"]
            .as_str()
            .is_some_and(|why| why.contains("no server answers")),
        "{json}"
    );
}

#[test]
fn a_data_directory_in_use_is_refused_with_what_ends_its_server() {
    let home = Home::new();
    let server = home.serve();
    let file = home.dir().join("all.bak");
    let file = file.to_str().expect("UTF-8");
    home.cli(&["backup", file]).expect(0);
    let again = home.cli(&["backup", file]).expect(1);
    assert!(again.stderr.contains("--force"), "{}", again.stderr);
    home.cli(&["backup", file, "--force"]).expect(0);
    for command in [
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--control",
            "127.0.0.1:0",
        ][..],
        &["restore", file],
    ] {
        let ran = home.cli(command).expect(1);
        for words in [&format!("process {}", server.pid()), "doorbell stop"] {
            assert!(ran.stderr.contains(words), "{command:?}: {}", ran.stderr);
        }
    }
}

#[test]
fn words_that_other_programs_have_lead_to_ours() {
    let home = Home::new();
    for (word, is) in [
        ("ps", "status"),
        ("log", "logs"),
        ("dashboard", "open"),
        ("kill", "stop"),
    ] {
        let ran = home.cli(&[word, "--help"]).expect(0);
        assert!(
            ran.stdout.contains(&format!("Usage: doorbell {is}")),
            "{}",
            ran.stdout
        );
    }
    let ran = home.cli(&["restart"]).expect(1);
    assert!(ran.stderr.contains("doorbell stop"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("restore"), "{}", ran.stderr);
}

#[test]
fn what_a_refusal_says_to_type_can_be_typed_as_it_stands() {
    let home = Home::new();
    let _server = home.serve();
    let dir = home.data().display().to_string();
    for (args, typed) in [
        (&["token", "revoke", "github"] as &[&str], "token ls"),
        (
            &["token", "issue", "acme/eng", "web"],
            "token issue acme/eng hook web",
        ),
        (
            &["channel", "expose", "--session", "build"],
            "run --session build",
        ),
    ] {
        let ran = home.cli(args).expect(1);
        let whole = format!(
            "{} {typed} --data-dir {dir}",
            e2e::binary::doorbell().display()
        );
        assert!(ran.stderr.contains(&whole), "{}", ran.stderr);
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let home = Home::new();
    let _server = home.serve();
    let new = home.data().join("new/").display().to_string();
    for (args, named) in [
        (&["backup", "/proc/none/b"] as &[&str], "/proc/none/b"),
        (&["backup", &new], "name a file"),
        (&["man", "--dir", "/proc/none"], "/proc/none"),
    ] {
        let ran = home.cli(args).expect(1);
        assert!(ran.stderr.contains(named), "{}", ran.stderr);
    }
}
