//! `doorbell backup` and `doorbell restore`.

use super::house::{House, post};

#[tokio::test]
async fn a_backup_that_is_refused_leaves_no_file() {
    let house = House::serving().await;
    let key = house.run(&["key", "issue", "acme/eng"]).await.out;
    let file = house.path().join("all.bak");
    let mut command = house.command(&["backup", file.to_str().expect("UTF-8")]);
    let output = command
        .env("DOORBELL_KEY", key.trim())
        .output()
        .await
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("operator"), "{said}");
    assert!(!file.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn what_was_backed_up_while_serving_is_there_after_a_restore() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::serving().await;
    let url = house.url("github").await;
    let id = post(&url, &[0xff, 0, b'x']).await;
    let file = house.path().join("all.bak");
    let file = file.to_str().expect("UTF-8");
    let backed_up = house.run(&["backup", file]).await;
    assert_eq!(backed_up.code, Some(0), "{}", backed_up.err);
    let mode = std::fs::metadata(file).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let mut other = House::empty();
    let restored = other.run(&["restore", file]).await;
    assert_eq!(restored.code, Some(0), "{}", restored.err);
    other.serve().await;
    let message = other.life(&id).await;
    assert_eq!(
        (&message["body"], &message["state"]),
        (&"/wB4".into(), &"pending".into())
    );
    let tokens = other.run(&["token", "ls", "--json"]).await;
    assert!(
        tokens.out.contains("hook:acme/eng/github"),
        "{}",
        tokens.out
    );
}

#[tokio::test]
async fn a_backup_goes_to_standard_output_too() {
    let house = House::serving().await;
    let output = house
        .command(&["backup", "-"])
        .output()
        .await
        .expect("it runs");
    assert!(output.status.success());
    assert!(output.stdout.starts_with(b"doorbell backup\n"));
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_restored_over_a_store_or_under_a_server() {
    let mut house = House::serving().await;
    let file = house.path().join("all.bak");
    let file = file.to_str().expect("UTF-8");
    assert_eq!(house.run(&["backup", file]).await.code, Some(0));
    let under = house.run(&["restore", file]).await;
    assert_eq!(under.code, Some(1));
    assert!(under.err.contains("in use by process"), "{}", under.err);
    house.stop().await;
    let over = house.run(&["restore", file]).await;
    assert_eq!(over.code, Some(1));
    assert!(
        over.err.contains("there is a store already"),
        "{}",
        over.err
    );
}

#[tokio::test]
async fn half_a_backup_makes_no_store() {
    let house = House::serving().await;
    let file = house.path().join("all.bak");
    let name = file.to_str().expect("UTF-8");
    assert_eq!(house.run(&["backup", name]).await.code, Some(0));
    let whole = std::fs::read(&file).expect("read");
    std::fs::write(&file, &whole[..whole.len() - 20]).expect("cut");
    let mut other = House::empty();
    let restored = other.run(&["restore", name]).await;
    assert_eq!(restored.code, Some(1));
    other.serve().await;
    assert_eq!(other.run(&["messages", "ls", "--json"]).await.out, "");
}
