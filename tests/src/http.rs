//! HTTP/1.1 by hand, where exact bytes matter: what was written is what went out.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::Value;

use crate::pace::PATIENCE;

/// An answer, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers, names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// Its body, with chunked framing undone.
    pub body: Vec<u8>,
}

impl Reply {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(have, _)| have == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON. Fails the test if it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("not JSON ({error}): {} {}", self.status, self.text()),
        }
    }

    /// Fails the test unless the status is this one; hands the reply on.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?} {}", self.headers, self.text());
        self
    }
}

/// A connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Wire {
    /// Connects.
    pub fn open(addr: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect_timeout(&addr, PATIENCE)?)
    }

    /// Takes over a stream that is already connected.
    pub fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            read: Vec::new(),
        })
    }

    /// Writes bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Closes the sending half.
    pub fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown(std::net::Shutdown::Write)
    }

    /// Whether the other side has closed and nothing is left to read.
    pub fn is_at_end(&mut self) -> io::Result<bool> {
        Ok(self.read.is_empty() && !self.more()?)
    }

    /// Reads one answer. `bodiless` after HEAD.
    pub fn reply(&mut self, bodiless: bool) -> io::Result<Reply> {
        loop {
            let mut reply = self.head()?;
            if reply.status / 100 == 1 {
                continue;
            }
            if !bodiless && reply.status != 204 && reply.status != 304 {
                reply.body = self.body(&reply)?;
            }
            return Ok(reply);
        }
    }

    fn head(&mut self) -> io::Result<Reply> {
        let line = self.line()?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let mut reply = Reply {
            status: status.ok_or_else(|| io::Error::other(format!("no status line: {line:?}")))?,
            headers: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                return Ok(reply);
            };
            let name = name.to_ascii_lowercase();
            reply.headers.push((name, value.trim().to_owned()));
        }
    }

    fn body(&mut self, head: &Reply) -> io::Result<Vec<u8>> {
        if head.header("transfer-encoding").is_some() {
            let mut body = Vec::new();
            while let Some(chunk) = self.chunk()? {
                body.extend(chunk);
            }
            return Ok(body);
        }
        match head
            .header("content-length")
            .and_then(|length| length.parse().ok())
        {
            Some(length) => self.take(length),
            None => {
                while self.more()? {}
                Ok(std::mem::take(&mut self.read))
            }
        }
    }

    /// One chunk of a chunked body; nothing once it is over.
    pub fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = self.line()?;
        let length = usize::from_str_radix(line.split(';').next().unwrap_or_default(), 16)
            .map_err(io::Error::other)?;
        let chunk = self.take(length)?;
        self.line()?;
        Ok((length > 0).then_some(chunk))
    }

    /// Reads the head of an answer whose body is a stream, to be read with [`Self::chunk`].
    pub fn stream(&mut self) -> io::Result<Reply> {
        self.head()
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.read.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.take(end)?;
                self.take(2)?;
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            if !self.more()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.read.len() < length {
            if !self.more()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let rest = self.read.split_off(length);
        Ok(std::mem::replace(&mut self.read, rest))
    }

    fn more(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 16 * 1024];
        // A signal, such as a child's that ended, is no end of the answer.
        let length = loop {
            match self.stream.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.read.extend_from_slice(&chunk[..length]);
        Ok(length > 0)
    }
}

/// A request as bytes: `Host` and, where a body is given or the method calls for one,
/// `Content-Length` are added; the rest is as told.
pub fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\n");
    let given = |name: &str| {
        headers
            .iter()
            .any(|(have, _)| have.eq_ignore_ascii_case(name))
    };
    if !given("host") {
        head.push_str("Host: 127.0.0.1\r\n");
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let takes_body = matches!(method, "POST" | "PUT" | "PATCH") || !body.is_empty();
    if takes_body && !given("content-length") && !given("transfer-encoding") {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    let mut bytes = format!("{head}\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Sends one request on a connection of its own and reads the answer.
pub fn send(
    addr: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Reply> {
    let mut wire = Wire::open(addr)?;
    wire.write(&request(method, target, headers, body))?;
    wire.reply(method == "HEAD")
}
