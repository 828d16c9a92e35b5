//! One keep-alive connection of HTTP/1.1 over plain TCP, as thin as it can be: what the driver spends is taken
//! from the machine that it measures. It understands answers with a `Content-Length` only,
//! and those that have no body.

use crate::Outcome;
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::{TcpSocket, TcpStream};

/// More than any answer needs.
const BUFFER: usize = 128 * 1024;

/// A connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What came back.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// Status line and headers.
    pub head: &'a [u8],
    /// The body.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }

    /// All values of a header that may be sent several times.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        headers(self.head, name)
    }

    /// The body as text.
    pub fn text(&self) -> Outcome<&str> {
        Ok(std::str::from_utf8(self.body)?)
    }

    /// The error of a flow that got another answer than it must.
    pub fn unexpected(&self) -> Box<dyn Error> {
        let (head, body) = (String::from_utf8_lossy(self.head), String::from_utf8_lossy(self.body));
        format!("not the expected answer: {head}{body}").into()
    }
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; BUFFER] })
    }

    /// Connects from an address of this machine: to the server each of 127.0.0.0/8 is another caller.
    pub async fn open_from(source: Ipv4Addr, address: SocketAddr) -> Outcome<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((source, 0).into())?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; BUFFER] })
    }

    /// The server's address.
    pub fn address(&self) -> Outcome<SocketAddr> {
        Ok(self.stream.peer_addr()?)
    }

    /// Sends a whole request and waits for the whole answer.
    pub async fn send(&mut self, request: &[u8]) -> Outcome<Answer<'_>> {
        self.write(request).await?;
        let (mut filled, mut expected) = (0, None);
        loop {
            filled += self.read(filled).await?;
            let received = self.buffer.get(..filled).unwrap_or_default();
            expected = match expected {
                None => expected_lengths(received)?,
                known => known,
            };
            if expected.is_some_and(|(head, body)| filled >= head + body) {
                break;
            }
        }
        let (head, body) = expected.unwrap_or_default();
        let received = self.buffer.get(..filled).unwrap_or_default();
        if filled != head + body {
            return Err("the server sent more than one answer".into());
        }
        let (head, body) = received.split_at(head);
        Ok(Answer { status: status(head)?, head, body })
    }

    async fn write(&self, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            match self.stream.try_write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.stream.writable().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn read(&mut self, filled: usize) -> Outcome<usize> {
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(self.buffer.get_mut(filled..).unwrap_or_default()) {
                Ok(0) => return Err("the server closed the connection, or its answer is too long".into()),
                Ok(read) => return Ok(read),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The lengths of head and body, once the head is there.
fn expected_lengths(received: &[u8]) -> Outcome<Option<(usize, usize)>> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(end) = received.windows(END.len()).position(|four| four == END) else { return Ok(None) };
    let head = received.get(..end).unwrap_or_default();
    // RFC 9112 §6.3: no body, whatever the headers say.
    if matches!(status(head)?, 204 | 304) {
        return Ok(Some((end + END.len(), 0)));
    }
    let length = header(head, "content-length").ok_or("an answer without Content-Length")?;
    Ok(Some((end + END.len(), length.parse()?)))
}

/// A header's value.
pub fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    headers(head, name).next()
}

fn headers<'a>(head: &'a [u8], name: &str) -> impl Iterator<Item = &'a str> {
    head.split(|byte| *byte == b'\n').filter_map(move |line| {
        let (own, value) = line.split_at_checked(name.len())?;
        let value = own.eq_ignore_ascii_case(name.as_bytes()).then(|| value.strip_prefix(b":")).flatten()?;
        Some(std::str::from_utf8(value).ok()?.trim())
    })
}

fn status(head: &[u8]) -> Outcome<u16> {
    let digits = head.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3));
    Ok(std::str::from_utf8(digits.ok_or("not an answer of HTTP/1.1")?)?.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 12\r\n\r\n";

    #[test]
    fn an_answer_is_awaited_to_its_last_byte() {
        assert_eq!(expected_lengths(&HEAD[..HEAD.len() - 1]).unwrap(), None);
        assert_eq!(expected_lengths(HEAD).unwrap(), Some((HEAD.len(), 12)));
        assert_eq!(status(HEAD).unwrap(), 200);
        assert_eq!(header(HEAD, "Content-Type"), Some("text/plain"));
        assert_eq!(header(HEAD, "content"), None);
    }

    #[test]
    fn some_answers_have_no_body() {
        let head = b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n";
        assert_eq!(expected_lengths(head).unwrap(), Some((head.len(), 0)));
    }

    #[test]
    fn what_has_no_length_is_no_answer() {
        assert!(expected_lengths(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(status(b"HTTP/2 200\r\n").is_err());
    }
}
