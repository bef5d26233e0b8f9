//! What takes as long as the contract's limits are: all of it at once.

use std::{
    thread,
    time::{Duration, Instant},
};

use e2e::{
    http::{Wire, request},
    pace::assert_within,
    server::Home,
};

use super::refused;

#[test]
fn a_body_that_stops_is_408_after_5_s_a_long_one_after_30_s_and_a_slow_head_is_cut_off_after_10_s()
{
    let home = Home::new();
    let server = home.serve();
    let operator = server.operator();
    let hook = operator.hook("acme", "slow");
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut wire = Wire::open(server.front).expect("connected");
            let began = Instant::now();
            let announced = [("Content-Length", "10")];
            wire.write(&request("POST", &hook.path(), &announced, b"half"))
                .expect("written");
            let reply = wire.reply(false).expect("an answer");
            refused(reply, 408, "body_timeout");
            let took = began.elapsed();
            assert!(took > Duration::from_millis(4_900), "{took:?}");
            assert_within(Duration::from_secs(8), took);
        });
        scope.spawn(|| {
            // It keeps up, and does not end.
            let mut wire = Wire::open(server.front).expect("connected");
            let announced = [("Content-Length", "1000000")];
            wire.write(&request("POST", &hook.path(), &announced, b""))
                .expect("written");
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(29) && wire.write(&[b'x'; 4096]).is_ok() {
                thread::sleep(Duration::from_millis(500));
            }
            refused(wire.reply(false).expect("an answer"), 408, "body_timeout");
            let took = began.elapsed();
            assert!(took > Duration::from_secs(29), "{took:?}");
            assert_within(Duration::from_secs(36), took);
        });
        scope.spawn(|| {
            // A byte now and then does not buy a body more time.
            let mut wire = Wire::open(server.front).expect("connected");
            let announced = [("Content-Length", "1000")];
            wire.write(&request("POST", &hook.path(), &announced, b""))
                .expect("written");
            for _ in 0..12 {
                if wire.write(b"x").is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(500));
            }
            let began = Instant::now();
            refused(wire.reply(false).expect("an answer"), 408, "body_timeout");
            assert_within(Duration::from_secs(3), began.elapsed());
        });
        scope.spawn(|| {
            let mut wire = Wire::open(server.front).expect("connected");
            let began = Instant::now();
            wire.write(b"POST /hook HTTP/1.1\r\nHost: slow.example\r\nX-")
                .expect("written");
            assert!(wire.is_at_end().unwrap_or(true));
            let took = began.elapsed();
            assert!(took > Duration::from_secs(9), "{took:?}");
            assert_within(Duration::from_secs(15), took);
        });
    });
    assert_eq!(operator.log().len(), 0);
}
