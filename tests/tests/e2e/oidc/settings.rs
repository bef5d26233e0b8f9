//! What may be set.

use e2e::server::Home;

#[test]
fn half_an_issuer_is_refused_at_the_start_and_the_other_half_named() {
    let home = Home::new();
    let issuer = "https://id.example";
    for (flags, said) in [
        (&["--oidc-issuer", issuer][..], "--oidc-audience"),
        (
            &["--oidc-issuer", issuer, "--oidc-audience", ""],
            "--oidc-audience",
        ),
        (&["--oidc-audience", "a"], "--oidc-issuer"),
        (&["--oidc-folder-claim", "a"], "--oidc-issuer"),
        (
            &["--oidc-issuer", "http://id.example", "--oidc-audience", "a"],
            "https://",
        ),
        (&["--oidc-issuer", "", "--oidc-audience", "a"], "https://"),
        (&["--control-url", "bell.example"], "--control-url"),
    ] {
        let args = [
            &[
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--control",
                "127.0.0.1:0",
            ],
            flags,
        ];
        let ran = home.cli(&args.concat()).expect(1);
        assert!(ran.stderr.contains(said), "{flags:?}: {}", ran.stderr);
    }
}

#[test]
fn the_environment_and_the_file_name_an_issuer_too() {
    let home = Home::new();
    std::fs::create_dir_all(home.data()).expect("a directory");
    std::fs::write(
        home.data().join("doorbell.toml"),
        "oidc_issuer = \"http://127.0.0.1:9\"\noidc_audience = \"doorbell\"\noidc_folder_claim = \"f\"\n",
    )
    .expect("written");
    let server = home.serve();
    let path = "/.well-known/oauth-protected-resource";
    let said = e2e::http::send(server.control, "GET", path, &[], b"").expect("an answer");
    assert_eq!(
        said.expect(200).json()["authorization_servers"][0],
        "http://127.0.0.1:9"
    );
}
