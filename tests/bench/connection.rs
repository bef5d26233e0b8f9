//! A keep-alive HTTP/1.1 connection with the least code between the socket and the clock: the
//! generator shares its cores with the server, so whatever it spends is taken from what it measures.

use crate::Outcome;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection, one request at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

/// A whole reply, until the next exchange.
pub(crate) struct Reply<'a> {
    /// The status code.
    pub(crate) status: u16,
    head: &'a [u8],
    /// The body.
    pub(crate) body: &'a [u8],
}

struct Shape {
    status: u16,
    head: usize,
    whole: usize,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        Self::over(TcpStream::connect(address).await?)
    }

    /// Takes over a stream that is already connected.
    pub(crate) fn over(stream: TcpStream) -> Outcome<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: vec![0; 1024],
            filled: 0,
        })
    }

    /// Sends these bytes and reads one reply.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Outcome<Reply<'_>> {
        self.stream.write_all(request).await?;
        self.reply().await
    }

    /// Sends these bytes while reading, as a sender must that may be refused half-way.
    pub(crate) async fn exchange_at_once(&mut self, head: &[u8], body: &[u8]) -> Outcome<u16> {
        let (mut reader, mut writer) = self.stream.split();
        let send = async {
            writer.write_all(head).await?;
            writer.write_all(body).await
        };
        let read = read_reply(&mut reader, &mut self.buffer, &mut self.filled);
        tokio::pin!(read);
        let shape = tokio::select! {
            shape = &mut read => shape?,
            // A refused sender may find the pipe shut; what counts is whether a reply is there.
            _ = send => read.await?,
        };
        Ok(shape.status)
    }

    async fn reply(&mut self) -> Outcome<Reply<'_>> {
        let shape = read_reply(&mut self.stream, &mut self.buffer, &mut self.filled).await?;
        if self.filled != shape.whole {
            return Err("more bytes than one reply came back".into());
        }
        self.filled = 0;
        Ok(Reply {
            status: shape.status,
            head: &self.buffer[..shape.head],
            body: &self.buffer[shape.head..shape.whole],
        })
    }
}

impl Reply<'_> {
    /// A header's value, if it is there.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        header(self.head, name)
    }
}

async fn read_reply(
    stream: &mut (impl AsyncReadExt + Unpin),
    buffer: &mut Vec<u8>,
    filled: &mut usize,
) -> Outcome<Shape> {
    let mut shape = None;
    loop {
        if shape.is_none() {
            shape = parse_head(&buffer[..*filled])?;
        }
        if let Some(shape) = shape.take_if(|shape| shape.whole <= *filled) {
            return Ok(shape);
        }
        let wanted = shape.as_ref().map_or(0, |shape| shape.whole);
        if buffer.len() <= *filled || buffer.len() < wanted {
            buffer.resize((buffer.len() * 2).max(wanted), 0);
        }
        match stream.read(&mut buffer[*filled..]).await? {
            0 => return Err("the server closed the connection without a whole reply".into()),
            read => *filled += read,
        }
    }
}

/// The shape of the reply that begins here, or `None` while its head is not whole.
fn parse_head(bytes: &[u8]) -> Outcome<Option<Shape>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = end + 4;
    let status: u16 = bytes
        .strip_prefix(b"HTTP/1.1 ")
        .and_then(|rest| std::str::from_utf8(rest.get(..3)?).ok()?.parse().ok())
        .ok_or("the reply is not HTTP/1.1")?;
    let length = match header(&bytes[..head], "content-length") {
        Some(value) => std::str::from_utf8(value)?.trim().parse()?,
        None if status == 204 => 0,
        None => return Err(format!("a {status} without a content-length").into()),
    };
    Ok(Some(Shape {
        status,
        head,
        whole: head + length,
    }))
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a [u8]> {
    head.split(|&byte| byte == b'\n').skip(1).find_map(|line| {
        let (field, value) = line.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":")?;
        field
            .eq_ignore_ascii_case(name.as_bytes())
            .then(|| value.trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY: &[u8] = b"HTTP/1.1 200 OK\r\nX-Message-Id: 01K\r\ncontent-length: 5\r\n\r\nhello";

    async fn fed(chunks: &[&[u8]]) -> Outcome<(Shape, Vec<u8>)> {
        let (mut near, mut far) = tokio::io::duplex(8);
        let feed = async {
            for chunk in chunks {
                far.write_all(chunk).await.unwrap();
                tokio::task::yield_now().await;
            }
            drop(far);
        };
        let (mut buffer, mut filled) = (vec![0; 4], 0);
        let (shape, ()) = tokio::join!(read_reply(&mut near, &mut buffer, &mut filled), feed);
        shape.map(|shape| (shape, buffer))
    }

    #[tokio::test]
    async fn a_reply_reads_the_same_however_it_is_cut() {
        for cut in 0..REPLY.len() {
            let (shape, buffer) = fed(&[&REPLY[..cut], &REPLY[cut..]]).await.unwrap();
            assert_eq!(shape.status, 200);
            assert_eq!(&buffer[shape.head..shape.whole], b"hello");
            assert_eq!(
                header(&buffer[..shape.head], "x-message-id"),
                Some(&b"01K"[..])
            );
            assert_eq!(header(&buffer[..shape.head], "x-message"), None);
        }
    }

    #[tokio::test]
    async fn a_reply_that_is_cut_short_is_an_error() {
        assert!(fed(&[&REPLY[..REPLY.len() - 1]]).await.is_err());
        assert!(fed(&[b"HTTP/1.1 200 OK\r\n\r\n"]).await.is_err());
    }

    #[tokio::test]
    async fn a_204_has_no_body() {
        let (shape, _) = fed(&[b"HTTP/1.1 204 No Content\r\n\r\n"]).await.unwrap();
        assert_eq!((shape.status, shape.whole - shape.head), (204, 0));
    }
}
