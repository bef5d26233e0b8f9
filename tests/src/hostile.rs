//! One token, one key and one address that do their worst at once: another URL must hardly feel it.
//!
//! Each comes from a loopback address of its own, so that they are three peers, and none is the
//! peer of whoever is measured beside them.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::http::{Wire, request};

const TOKEN_FROM: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 4);
const KEY_FROM: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
const STRANGER_FROM: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// The longest body that is taken, in bytes.
const BODY: usize = 1 << 20;
/// How much of a slow body is there at once; the rest trickles.
const AT_ONCE: usize = BODY - (256 << 10);
/// What a slow body brings each time, well above the slowest pace that is let pass.
const TRICKLE: usize = 2 << 10;
/// How often slow bodies trickle, and what was closed is opened again.
const EVERY: Duration = Duration::from_millis(500);

/// Whom to attack, and with what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attack {
    /// The front door.
    pub front: SocketAddr,
    /// The control listener.
    pub control: SocketAddr,
    /// The token of a URL.
    pub token: String,
    /// The key of the agent that reads what comes there.
    pub key: String,
    /// How much of each.
    pub strength: Strength,
}

/// How much of each there is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Strength {
    /// Bodies that come slowly, of the token.
    pub slow_bodies: usize,
    /// Event streams, of the key.
    pub streams: usize,
    /// Calls that wait, of the key.
    pub waits: usize,
    /// Connections at rest with each listener, of the address.
    pub idle: usize,
    /// Connections that begin a head and do not end it, with each listener, of the address.
    pub half_open: usize,
    /// Threads each that post the largest bodies, read the largest pages and show tokens that are none.
    pub loops: usize,
}

/// What came of it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Slow bodies that were begun.
    pub slow_bodies: AtomicU64,
    /// Whole ones that were stored.
    pub stored: AtomicU64,
    /// Whole ones that were refused.
    pub refused: AtomicU64,
    /// Pages of messages that were read.
    pub pages: AtomicU64,
    /// Tokens that were refused.
    pub garbage: AtomicU64,
    /// Streams and calls that were begun.
    pub waiting: AtomicU64,
    /// Connections at rest or half open that were opened, those again that were closed.
    pub opened: AtomicU64,
}

/// An attack that runs, until it is dropped or ended.
pub struct Running {
    stop: Arc<AtomicBool>,
    tally: Arc<Tally>,
    threads: Vec<JoinHandle<()>>,
}

impl Attack {
    /// Begins, and returns once everything that is to be held is.
    pub fn begin(&self) -> io::Result<Running> {
        let mut running = Running {
            stop: Arc::default(),
            tally: Arc::default(),
            threads: Vec::new(),
        };
        // Whatever is refused at first is tried again: who attacks does not mind.
        let held = self.all_held();
        running.hold(held);
        let post = format!("/hook/{}", self.token);
        let body = vec![b'x'; BODY];
        let bearer = format!("Bearer {}", self.key);
        let asked = [("Authorization", bearer.as_str())];
        let whole = request("POST", &post, &[], &body);
        let page = request("GET", "/v1/messages?limit=500", &asked, b"");
        let garbage = request("POST", &format!("/hook/dbh_{}", "0".repeat(49)), &[], b"x");
        for _ in 0..self.strength.loops {
            running.ask_again(TOKEN_FROM, self.front, &whole, |tally, status| {
                let of = if status == 200 {
                    &tally.stored
                } else {
                    &tally.refused
                };
                of.fetch_add(1, Ordering::Relaxed);
            });
            running.ask_again(KEY_FROM, self.control, &page, |tally, _| {
                tally.pages.fetch_add(1, Ordering::Relaxed);
            });
            running.ask_again(STRANGER_FROM, self.front, &garbage, |tally, _| {
                tally.garbage.fetch_add(1, Ordering::Relaxed);
            });
        }
        Ok(running)
    }

    /// Whatever is opened and stays.
    fn all_held(&self) -> Vec<Held> {
        let strength = self.strength;
        let bearer = format!("Authorization: Bearer {}\r\n", self.key);
        let waits = r#"{"wait_seconds":50}"#;
        let slow = Opening {
            from: TOKEN_FROM,
            to: self.front,
            begins: [
                format!(
                    "POST /hook/{} HTTP/1.1\r\nHost: h\r\nContent-Length: {BODY}\r\n\r\n",
                    self.token
                )
                .into_bytes(),
                vec![b'x'; AT_ONCE],
            ]
            .concat(),
            trickle: TRICKLE,
            counted: |tally| &tally.slow_bodies,
        };
        let stream = Opening {
            from: KEY_FROM,
            to: self.control,
            begins: format!(
                "GET /v1/stream HTTP/1.1\r\nHost: {}\r\n{bearer}\r\n",
                self.control
            )
            .into_bytes(),
            trickle: 0,
            counted: |tally| &tally.waiting,
        };
        let wait = Opening {
            begins: format!(
                "POST /v1/messages/receive HTTP/1.1\r\nHost: {}\r\n{bearer}\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{waits}",
                self.control,
                waits.len()
            )
            .into_bytes(),
            ..stream.clone()
        };
        let mut all = vec![
            slow.times(strength.slow_bodies),
            stream.times(strength.streams),
            wait.times(strength.waits),
        ];
        for to in [self.front, self.control] {
            let idle = Opening {
                from: STRANGER_FROM,
                to,
                begins: Vec::new(),
                trickle: 0,
                counted: |tally| &tally.opened,
            };
            let half = Opening {
                begins: b"POST /hook HTTP/1.1\r\nHost: ".to_vec(),
                ..idle.clone()
            };
            all.push(idle.times(strength.idle));
            all.push(half.times(strength.half_open));
        }
        all
    }
}

/// A connection that is to stand.
#[derive(Clone)]
struct Opening {
    from: Ipv4Addr,
    to: SocketAddr,
    begins: Vec<u8>,
    trickle: usize,
    counted: fn(&Tally) -> &AtomicU64,
}

/// So many of a kind; nothing where one was closed.
struct Held {
    how: Opening,
    streams: Vec<Option<TcpStream>>,
}

impl Opening {
    fn times(self, count: usize) -> Held {
        Held {
            how: self,
            streams: (0..count).map(|_| None).collect(),
        }
    }

    fn open(&self) -> io::Result<TcpStream> {
        let mut stream = connect(self.from, self.to)?;
        stream.set_write_timeout(Some(EVERY))?;
        stream.write_all(&self.begins)?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    }
}

impl Held {
    /// Opens what is not there, and goes on with the rest.
    fn keep(&mut self, stop: &AtomicBool, tally: &Tally) {
        for held in &mut self.streams {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let trickle = &[b'x'; TRICKLE][..self.how.trickle];
            let stands = held
                .as_mut()
                .is_some_and(|stream| !is_over(stream) && stream.write_all(trickle).is_ok());
            if !stands {
                *held = self.how.open().ok();
                (self.how.counted)(tally).fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Whether the server has closed a connection; what it says is read and thrown away.
fn is_over(stream: &mut TcpStream) -> bool {
    let mut said = [0; 4096];
    loop {
        match stream.read(&mut said) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

/// Connects from this address.
fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect(to).await?.into_std()
    })?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

impl Running {
    /// Opens all, and keeps it open on a thread of its own.
    fn hold(&mut self, mut all: Vec<Held>) {
        for held in &mut all {
            held.keep(&self.stop, &self.tally);
        }
        let (stop, tally) = (Arc::clone(&self.stop), Arc::clone(&self.tally));
        self.threads.push(thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(EVERY);
                all.iter_mut().for_each(|held| held.keep(&stop, &tally));
            }
        }));
    }

    /// Sends the same over and over, on one connection for as long as it lasts.
    fn ask_again(&mut self, from: Ipv4Addr, to: SocketAddr, bytes: &[u8], count: fn(&Tally, u16)) {
        let (stop, tally) = (Arc::clone(&self.stop), Arc::clone(&self.tally));
        let bytes = bytes.to_vec();
        self.threads.push(thread::spawn(move || {
            let mut wire = None;
            while !stop.load(Ordering::Relaxed) {
                let answered = wire
                    .take()
                    .map_or_else(|| Wire::over(connect(from, to)?), Ok)
                    .and_then(|mut wire: Wire| {
                        wire.write(&bytes)?;
                        let reply = wire.reply(false)?;
                        let closes = reply.header("connection") == Some("close");
                        Ok((reply.status, (!closes).then_some(wire)))
                    });
                // Refused and cut off: another time, then.
                if let Ok((status, kept)) = answered {
                    count(&tally, status);
                    wire = kept;
                }
            }
        }));
    }

    /// What came of it so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // Its panic was printed.
            let _ = thread.join();
        }
    }
}
