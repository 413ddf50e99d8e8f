//! A WebSocket as a page would open it: the handshake and unmasked text; no more of RFC 6455 than the stories need.

use std::io::{ErrorKind, Read, Write};

use super::browser::{Seen, Stream, parse};
use super::house::Person;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// The answer to the key (RFC 6455 section 1.3).
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// What came of a handshake.
pub struct Opened {
    /// The answer to it.
    pub seen: Seen,
    stream: Stream,
    rest: Vec<u8>,
}

/// Asks for a WebSocket, as a page of `origin` does.
pub fn open(person: &Person<'_>, target: &str, origin: &str) -> Opened {
    let (host, mark, cookies) = (person.host, &person.mark, person.browser.cookies());
    let mut stream = person.browser.connect();
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Story: {mark}\r\n\
         Cookie: {cookies}\r\nOrigin: {origin}\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        assert!(read(&mut stream, &mut answer) > 0, "{:?}", String::from_utf8_lossy(&answer));
    }
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    let rest = answer.split_off(end);
    Opened { seen: parse(&answer).unwrap(), stream, rest }
}

fn read(stream: &mut Stream, into: &mut Vec<u8>) -> usize {
    let mut buffer = [0; 1024];
    let count = match stream.read(&mut buffer) {
        Ok(count) => count,
        // What stays open is not closed.
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => panic!("nothing comes"),
        Err(_) => 0,
    };
    into.extend_from_slice(&buffer[..count]);
    count
}

impl Opened {
    /// The next short text message.
    pub fn text(&mut self) -> String {
        while self.rest.len() < 2 || self.rest.len() < 2 + usize::from(self.rest[1]) {
            assert!(read(&mut self.stream, &mut self.rest) > 0, "the tunnel closed");
        }
        assert_eq!(self.rest[0], 0x81, "a whole text message");
        let length = usize::from(self.rest[1]);
        let message = self.rest.drain(..2 + length).skip(2).collect();
        String::from_utf8(message).unwrap()
    }

    /// Asks the application whether it is there, and waits for its answer.
    pub fn ping(&mut self) {
        // An empty frame, masked by nothing (RFC 6455 section 5.5.2).
        self.stream.write_all(&[0x89, 0x80, 0, 0, 0, 0]).unwrap();
        while self.rest.len() < 2 {
            assert!(read(&mut self.stream, &mut self.rest) > 0, "the tunnel closed");
        }
        assert_eq!(self.rest.drain(..2).collect::<Vec<u8>>(), [0x8a, 0], "a pong");
    }

    /// Waits until the gateway closes the tunnel.
    pub fn closed(mut self) {
        let mut rest = Vec::new();
        while read(&mut self.stream, &mut rest) > 0 {}
        assert!(rest.is_empty(), "nothing came before the end: {rest:?}");
    }
}
