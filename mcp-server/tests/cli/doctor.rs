//! `doorbell doctor`.

use super::house::House;

#[tokio::test]
async fn a_server_that_works_is_well_and_nothing_is_left_behind() {
    let house = House::serving().await;
    let ended = house.run(&["doctor"]).await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("ok round trip: "), "{}", ended.out);
    assert!(ended.out.contains("ok MCP: "), "{}", ended.out);
    assert!(ended.out.contains("ok revocation: "), "{}", ended.out);
    assert!(ended.out.contains("ok channel: "), "{}", ended.out);
    assert!(ended.out.is_ascii(), "{}", ended.out);
    let tokens = house.run(&["token", "ls", "--json"]).await;
    assert_eq!(tokens.out, "");
    let pending = house.run(&["messages", "ls", "--pending", "--json"]).await;
    assert_eq!(pending.out, "");
}

#[tokio::test]
async fn without_a_server_it_says_what_to_type() {
    let house = House::empty();
    let ended = house.run(&["doctor", "--json"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    let report: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(report["ok"], false);
    let checks = report["checks"].as_array().expect("checks");
    let server = checks.iter().find(|check| check["check"] == "server");
    let fix = server.and_then(|check| check["fix"].as_str());
    assert!(
        fix.is_some_and(|fix| fix.contains("doorbell serve")),
        "{report}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_can_read_is_found() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::serving().await;
    let key = house.data_dir().join("operator.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("changed");
    let ended = house.run(&["doctor"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("chmod 600"), "{}", ended.out);
}

#[tokio::test]
async fn an_agents_key_makes_the_trip_through_its_own_inbox() {
    let house = House::serving().await;
    let key = house.run(&["key", "issue", "acme/eng"]).await.out;
    let mut command = house.command(&["doctor"]);
    let output = command
        .env("DOORBELL_KEY", key.trim())
        .output()
        .await
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("you are the agent of a folder"), "{said}");
}
