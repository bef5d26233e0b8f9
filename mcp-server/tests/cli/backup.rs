//! `doorbell backup` and `doorbell restore`.

use super::house::House;

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
