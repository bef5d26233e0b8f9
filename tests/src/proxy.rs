//! A reverse proxy as far as a server notices one: it lies at an address of its own, mounts the
//! server under a path, and passes on what it is told to.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
};

/// What it makes of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Takes its own part away, as nginx does with `proxy_pass http://…/;`.
    Cut,
    /// Passes it on as the browser sent it.
    Whole,
}

/// What it makes of `Host`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Passes it on as the browser sent it.
    Kept,
    /// Names the server's own address, as nginx does unless it is told otherwise.
    Own,
}

/// One that listens and does not know yet what for.
#[derive(Debug)]
pub struct Proxy {
    listener: TcpListener,
    path: &'static str,
}

impl Proxy {
    /// One that mounts something under this path: `/bell`.
    pub fn at(path: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        Self { listener, path }
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.listener.local_addr().expect("it listens")
    }

    /// What is mounted there is reached at this URL, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.addr(), self.path)
    }

    /// Serves a server from now on, for as long as the test runs.
    pub fn serve(self, server: SocketAddr, path: Path, host: Host) {
        thread::spawn(move || {
            for client in self.listener.incoming() {
                let Ok(client) = client else { return };
                let below = self.path;
                // A side that goes away ends its connection and nothing else.
                thread::spawn(move || _ = carry(client, server, below, path, host));
            }
        });
    }
}

/// One request and its answer.
fn carry(
    mut client: TcpStream,
    server: SocketAddr,
    below: &str,
    path: Path,
    host: Host,
) -> io::Result<()> {
    let (head, rest) = read_head(&mut client)?;
    let mut lines = head.lines();
    let line = lines.next().unwrap_or_default();
    let mut words = line.split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let Some(inner) = target.strip_prefix(below).filter(|inner| {
        // `/bell` alone is not there, as with most proxies' rules for `/bell/`.
        inner.starts_with('/') || path == Path::Whole
    }) else {
        let nothing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return client.write_all(nothing);
    };
    let target = if path == Path::Cut { inner } else { target };
    let mut out = format!("{} {target} HTTP/1.1\r\n", method.unwrap_or_default());
    for line in lines.filter(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "connection" => {}
            "host" if host == Host::Own => out.push_str(&format!("Host: {server}\r\n")),
            _ => out.push_str(&format!("{line}\r\n")),
        }
    }
    out.push_str("X-Forwarded-Proto: http\r\nConnection: close\r\n\r\n");
    let mut upstream = TcpStream::connect(server)?;
    upstream.write_all(out.as_bytes())?;
    upstream.write_all(&rest)?;
    let (mut from, mut to) = (client.try_clone()?, upstream.try_clone()?);
    thread::spawn(move || {
        // Either side may be gone: what matters is that both then are.
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    io::copy(&mut upstream, &mut client)?;
    client.shutdown(Shutdown::Both)
}

/// The head of a request, and what came behind it.
fn read_head(client: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut read = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = read.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&read).into_owned(), rest));
        }
        match client.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => read.extend_from_slice(&chunk[..length]),
        }
    }
}
