//! What the command line says of itself.

use super::house::House;

#[tokio::test]
async fn a_command_that_is_not_there_suggests_one() {
    let ended = House::empty().run(&["mesages"]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("'messages'"), "{}", ended.err);
}

#[tokio::test]
async fn help_and_version_go_to_standard_output() {
    let house = House::empty();
    for args in [
        &["help"][..],
        &["--help"],
        &["help", "listen"],
        &["listen", "--help"],
    ] {
        let ended = house.run(args).await;
        assert_eq!(ended.code, Some(0), "{args:?}");
        assert!(
            ended.out.contains("Usage: doorbell"),
            "{args:?}: {}",
            ended.out
        );
    }
    let version = house.run(&["--version"]).await;
    assert_eq!(
        version.out,
        format!("doorbell {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[tokio::test]
async fn a_shell_gets_its_completions() {
    let ended = House::empty().run(&["completions", "bash"]).await;
    assert_eq!(ended.code, Some(0));
    assert!(ended.out.contains("listen"), "{}", ended.out);
}

#[cfg(unix)]
#[tokio::test]
async fn without_a_server_a_command_says_how_to_start_one() {
    let mut house = House::serving().await;
    house.stop().await;
    // Nobody listens on the port of tcpmux here, whatever runs on the default ports.
    let mut command = house.command(&["token", "ls"]);
    let output = command
        .env("DOORBELL_URL", "http://127.0.0.1:1")
        .output()
        .await
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("start one with: ") && said.contains("doorbell serve"),
        "{said}"
    );
}

#[tokio::test]
async fn a_server_elsewhere_needs_a_key_of_its_own() {
    let house = House::serving().await;
    let mut command = house.command(&["token", "ls"]);
    let output = command
        .env("DOORBELL_URL", "http://bell.invalid")
        .output()
        .await
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("set DOORBELL_KEY"), "{said}");
}
