//! `listen --forward-to`: what goes on, byte for byte, and what happens where nothing can.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::house::{House, post};

const PATIENCE: Duration = Duration::from_secs(60);

/// Sends these bytes to the front door of a URL, `PATH` in them replaced by its path; the message's
/// id.
async fn raw_post(url: &str, request: &[u8]) -> String {
    let rest = url.strip_prefix("http://").expect("http");
    let (place, path) = rest.split_once('/').expect("a path");
    let head = [b"/", path.as_bytes()].concat();
    let at = request.windows(4).position(|part| part == b"PATH");
    let at = at.expect("a place for the path");
    let request = [&request[..at], &head, &request[at + 4..]].concat();
    let mut stream = TcpStream::connect(place).await.expect("connected");
    stream.write_all(&request).await.expect("sent");
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    read.expect("in time").expect("read");
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    let (_, id) = answer.split_once("x-message-id: ").expect("an id");
    id.lines().next().expect("a line").trim().to_uppercase()
}

/// Takes one request that ends with its head, says 204, and hands back what came.
async fn take(listener: &TcpListener) -> Vec<u8> {
    let accepted = timeout(PATIENCE, listener.accept()).await;
    let (mut stream, _) = accepted.expect("in time").expect("accepted");
    let mut came = Vec::new();
    while !came.ends_with(b"\r\n\r\n") {
        let mut some = [0; 1024];
        let length = stream.read(&mut some).await.expect("readable");
        assert!(length > 0, "{}", String::from_utf8_lossy(&came));
        came.extend_from_slice(&some[..length]);
    }
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
    stream.write_all(answer).await.expect("writable");
    came
}

#[tokio::test]
async fn method_query_and_headers_go_on_in_the_bytes_that_came_and_an_empty_body_has_a_length() {
    let house = House::serving().await;
    let url = house.url("github").await;
    let target = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let port = target.local_addr().expect("bound").port();
    let request = b"PUT PATH?a='x'&b=%2f&c=[1] HTTP/1.1\r\nHost: bell\r\nConnection: close\r\n\
        X-Latin: caf\xe9\r\nX-Utf: \xe6\x97\xa5\r\nContent-Length: 0\r\n\r\n";
    raw_post(&url, request).await;
    let place = format!("localhost:{port}/hooks?own=1");
    let args = ["listen", "--folder", "acme/eng", "--forward-to", &place];
    let _listen = house.start(&args);
    let came = take(&target).await;
    let line = b"PUT /hooks?own=1&a='x'&b=%2f&c=[1] HTTP/1.1\r\n";
    assert!(came.starts_with(line), "{}", String::from_utf8_lossy(&came));
    let host = format!("\r\nhost: localhost:{port}\r\n");
    for header in [
        b"\r\nx-latin: caf\xe9\r\n" as &[u8],
        b"\r\nx-utf: \xe6\x97\xa5\r\n",
        b"\r\ncontent-length: 0\r\n",
        host.as_bytes(),
    ] {
        let found = came.windows(header.len()).filter(|part| *part == header);
        let shown = String::from_utf8_lossy(&came);
        assert_eq!(
            found.count(),
            1,
            "{:?} in {shown}",
            String::from_utf8_lossy(header)
        );
    }
    // Nothing that its sender did not write, but for where it goes.
    assert!(!String::from_utf8_lossy(&came).contains("accept"));
}

#[tokio::test]
async fn where_nobody_listens_nothing_counts_and_it_goes_on_once_somebody_does() {
    let house = House::serving().await;
    let url = house.url("github").await;
    let held = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let at = held.local_addr().expect("bound");
    drop(held);
    let id = post(&url, b"").await;
    let port = at.port().to_string();
    let args = ["listen", "--folder", "acme/eng", "--forward-to", &port];
    let mut listen = house.start(&args);
    let mut before = None;
    for seconds in [1, 2, 4] {
        let line = listen.json().await;
        if let Some((at, promised)) = before.replace((Instant::now(), seconds)) {
            let waited = Instant::now().duration_since(at);
            assert!(
                waited >= Duration::from_millis(promised * 1000 - 200),
                "{waited:?}"
            );
        }
        let outcome = line["outcome"].as_str().expect("said");
        assert!(outcome.starts_with("no connection: "), "{line}");
        assert_eq!(line["status"], "nacked", "{line}");
        assert_eq!(line["attempted"], false, "{line}");
        assert_eq!(line["retry_in_seconds"], seconds, "{line}");
        let life = house.life(&id).await;
        assert_eq!(
            (&life["state"], &life["attempt"]),
            (&"pending".into(), &0.into())
        );
    }
    let target = TcpListener::bind(at).await.expect("the port is free still");
    take(&target).await;
    let line = listen.json().await;
    assert_eq!(
        (&line["outcome"], &line["attempt"]),
        (&"204".into(), &1.into())
    );
    let life = house.life(&id).await;
    assert_eq!(life["state"], "settled");
    let reasons = life["life"].as_array().expect("a life").iter();
    let reasons: Vec<_> = reasons
        .filter(|event| event["what"] == "nacked")
        .map(|event| event["reason"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(reasons.len(), 3, "{life}");
    assert!(
        reasons.iter().all(|it| it.contains("no connection")),
        "{life}"
    );
}

#[tokio::test]
async fn no_tls_and_no_address_are_no_attempt_either() {
    let house = House::serving().await;
    let url = house.url("github").await;
    let id = post(&url, b"1").await;
    // It answers a TLS client's hello in plain text.
    let plain = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let place = format!("https://{}/in", plain.local_addr().expect("bound"));
    let answering = tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let mut some = [0; 1024];
            let _ = stream.read(&mut some).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    for (target, why) in [
        (place.as_str(), "no connection: no TLS: "),
        (
            "http://nowhere.invalid/",
            "no connection: nowhere.invalid has no address",
        ),
    ] {
        let args = ["listen", "--folder", "acme/eng", "--forward-to", target];
        let mut listen = house.start(&args);
        let line = listen.json().await;
        let outcome = line["outcome"].as_str().expect("said");
        assert!(outcome.starts_with(why), "{line}");
        drop(listen);
        assert_eq!(house.life(&id).await["attempt"], 0);
    }
    answering.abort();
}

#[tokio::test]
async fn what_no_target_can_be_is_refused_with_what_can() {
    let house = House::serving().await;
    for bad in [
        "localhost",
        "ftp://h/",
        "0",
        "70000",
        "not a url",
        "http://",
    ] {
        let args = ["listen", "--folder", "acme", "--forward-to", bad];
        let ended = house.run(&args).await;
        assert_eq!(ended.code, Some(1), "{bad}");
        assert!(
            ended.err.contains("localhost:3000/webhooks"),
            "{}",
            ended.err
        );
    }
}
