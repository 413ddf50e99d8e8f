//! An HTTP/2 client that sends any frames at all over real TLS, reads what comes back as frames, and judges it by what the RFC
//! allows; knows no more of HPACK than literal fields and a status.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;

use crate::world::World;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 0x1;
pub const ACK: u8 = 0x1;
pub const END_HEADERS: u8 = 0x4;
pub const PADDED: u8 = 0x8;
pub const PRIORITISED: u8 = 0x20;
/// A request without a body in one frame.
pub const WHOLE: u8 = END_STREAM | END_HEADERS;

// RFC 9113 section 7
pub const PROTOCOL_ERROR: u32 = 1;
pub const FLOW_CONTROL_ERROR: u32 = 3;
pub const STREAM_CLOSED: u32 = 5;
pub const FRAME_SIZE_ERROR: u32 = 6;
pub const REFUSED_STREAM: u32 = 7;
pub const COMPRESSION_ERROR: u32 = 9;
pub const ENHANCE_YOUR_CALM: u32 = 11;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const FENCE: &[u8; 8] = b"fence-0!";

#[derive(Clone, Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// What came of what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The whole answer to the stream in question.
    Answer(u16),
    /// A stream was reset.
    Reset(u32),
    /// The connection is over: the code, where one was told.
    Over(Option<u32>),
    /// It goes on as if nothing had been.
    Alive,
}

/// What the RFC asks for.
#[derive(Clone, Copy, Debug)]
pub enum Must {
    /// A connection error with one of these codes; a close without a word is allowed (section 5.4.1).
    End(&'static [u32]),
    /// A stream error with one of these codes, or a connection error instead (section 5.4.2).
    Reset(&'static [u32]),
    /// A stream error, or an answer that says so (section 8.1.1).
    Refuse,
    /// The answer with this status.
    Answer(u16),
    /// No error at all.
    Go,
    /// Treated as an error with one of these codes, or overlooked.
    EndOrGo(&'static [u32]),
}

impl Must {
    pub fn allows(self, outcome: Outcome) -> bool {
        // the library beneath tells PROTOCOL_ERROR where the RFC has a more specific code; what counts is the end
        let over =
            |codes: &[u32], code: Option<u32>| code.is_none_or(|code| code == PROTOCOL_ERROR || codes.contains(&code));
        match (self, outcome) {
            (Self::End(codes), Outcome::Over(code)) => over(codes, code),
            (Self::Reset(codes), Outcome::Reset(code)) => codes.contains(&code),
            (Self::Reset(codes), Outcome::Over(code)) => over(codes, code),
            (Self::EndOrGo(codes), Outcome::Over(code)) => over(codes, code),
            (Self::EndOrGo(codes), Outcome::Reset(code)) => codes.contains(&code),
            (Self::EndOrGo(_), Outcome::Alive) | (Self::Go, Outcome::Alive) => true,
            (Self::Answer(status), Outcome::Answer(got)) => got == status,
            (Self::Refuse, Outcome::Answer(status)) => (400..500).contains(&status),
            (Self::Refuse, Outcome::Reset(code)) => code == PROTOCOL_ERROR,
            (Self::Refuse, Outcome::Over(code)) => over(&[PROTOCOL_ERROR], code),
            _ => false,
        }
    }
}

pub struct Peer {
    stream: rustls::StreamOwned<rustls::ClientConnection, TcpStream>,
    buffer: Vec<u8>,
    /// What has been heard of the connection's settings.
    pub settings: Vec<(u16, u32)>,
    status: Option<u16>,
}

impl Peer {
    /// A connection on which HTTP/2 was agreed on and nothing has been said.
    pub fn connected(world: &World) -> Self {
        let mut config = world.config();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::try_from("wms.test").unwrap();
        let mut connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut socket = TcpStream::connect(world.address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        socket.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
        while connection.is_handshaking() {
            connection.complete_io(&mut socket).unwrap();
        }
        assert_eq!(connection.alpn_protocol(), Some(&b"h2"[..]));
        let stream = rustls::StreamOwned::new(connection, socket);
        Self { stream, buffer: Vec::new(), settings: Vec::new(), status: None }
    }

    /// A connection with preface and settings exchanged and acknowledged (section 3.4).
    pub fn begun(world: &World) -> Self {
        Self::begun_with(world, &[])
    }

    pub fn begun_with(world: &World, settings: &[(u16, u32)]) -> Self {
        let mut peer = Self::connected(world);
        peer.raw(PREFACE);
        peer.settings(settings);
        let (mut theirs, mut acknowledged) = (false, false);
        while !(theirs && acknowledged) {
            let frame = peer.next().expect("settings and an acknowledgement");
            match (frame.kind, frame.has(ACK)) {
                (SETTINGS, true) => acknowledged = true,
                (SETTINGS, false) => {
                    assert!(!theirs && frame.stream == 0 && frame.payload.len().is_multiple_of(6));
                    theirs = true;
                    peer.settings = pairs(&frame.payload);
                    peer.frame(SETTINGS, ACK, 0, b"");
                }
                _ => {}
            }
        }
        peer
    }

    /// Writes bytes as they are. A gateway that has had enough need not take them.
    pub fn raw(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
    }

    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let bytes = frame(kind, flags, stream, payload);
        self.raw(&bytes);
    }

    pub fn settings(&mut self, settings: &[(u16, u32)]) {
        let payload: Vec<u8> =
            settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
        self.frame(SETTINGS, 0, 0, &payload);
    }

    pub fn get(&mut self, stream: u32) {
        self.frame(HEADERS, WHOLE, stream, &get());
    }

    /// The head of a `POST` whose body is still to come.
    pub fn post(&mut self, stream: u32) {
        self.frame(HEADERS, END_HEADERS, stream, &post(&[]));
    }

    pub fn window(&mut self, stream: u32, increment: u32) {
        self.frame(WINDOW_UPDATE, 0, stream, &increment.to_be_bytes());
    }

    /// The next frame; `None` when the gateway has closed.
    pub fn next(&mut self) -> Option<Frame> {
        loop {
            if self.buffer.len() >= 9 {
                let length =
                    usize::from(self.buffer[0]) << 16 | usize::from(self.buffer[1]) << 8 | usize::from(self.buffer[2]);
                if self.buffer.len() >= 9 + length {
                    let frame: Vec<u8> = self.buffer.drain(..9 + length).collect();
                    return Some(Frame {
                        kind: frame[3],
                        flags: frame[4],
                        stream: u32::from_be_bytes(frame[5..9].try_into().unwrap()) & 0x7fff_ffff,
                        payload: frame[9..].to_vec(),
                    });
                }
            }
            let mut space = [0; 16 * 1024];
            match self.stream.read(&mut space) {
                Ok(0) => return None,
                Ok(count) => self.buffer.extend_from_slice(&space[..count]),
                Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                    panic!("nothing comes any more")
                }
                Err(_) => return None,
            }
        }
    }

    /// Waits for what comes of it. Where nothing need come, the echo of a ping behind everything else says that all went well.
    pub fn outcome(&mut self, must: Must) -> Outcome {
        if matches!(must, Must::End(_) | Must::Go | Must::EndOrGo(_)) {
            self.frame(PING, 0, 0, FENCE);
        }
        loop {
            let Some(frame) = self.next() else { return Outcome::Over(None) };
            match frame.kind {
                GOAWAY if frame.number(4) != 0 => return Outcome::Over(Some(frame.number(4))),
                RST_STREAM => return Outcome::Reset(frame.number(0)),
                HEADERS => {
                    self.status = status(&frame.payload).or(self.status);
                    if frame.has(END_STREAM) && matches!(must, Must::Answer(_) | Must::Reset(_) | Must::Refuse) {
                        return Outcome::Answer(self.status.unwrap());
                    }
                }
                DATA if frame.has(END_STREAM) && matches!(must, Must::Answer(_) | Must::Reset(_) | Must::Refuse) => {
                    return Outcome::Answer(self.status.unwrap());
                }
                SETTINGS if !frame.has(ACK) => self.frame(SETTINGS, ACK, 0, b""),
                PING if frame.has(ACK) && frame.payload == FENCE => return Outcome::Alive,
                _ => {}
            }
        }
    }

    /// Reads to the end of the connection, which must be near, and gives the code that it was told with, if it was.
    pub fn end(&mut self) -> Option<u32> {
        self.frame(PING, 0, 0, FENCE);
        let mut code = None;
        while let Some(frame) = self.next() {
            assert!(frame.kind != PING || frame.payload != FENCE, "the connection goes on");
            if frame.kind == GOAWAY {
                code = Some(frame.number(4));
            }
        }
        code
    }

    /// Reads up to the first frame of this kind.
    pub fn until(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.next().unwrap_or_else(|| panic!("closed before a frame of type {kind}"));
            if frame.kind == kind && (kind != SETTINGS || frame.has(ACK)) {
                return frame;
            }
        }
    }

    /// Reads the whole answer on this stream and gives its status and body.
    pub fn answer(&mut self, stream: u32) -> (u16, Vec<u8>) {
        let (mut got, mut body) = (0, Vec::new());
        loop {
            let frame = self.next().expect("an answer");
            if frame.stream != stream {
                continue;
            }
            match frame.kind {
                HEADERS => got = status(&frame.payload).unwrap_or(got),
                DATA => body.extend_from_slice(&frame.payload),
                RST_STREAM => panic!("reset: {}", frame.number(0)),
                _ => continue,
            }
            if frame.has(END_STREAM) {
                return (got, body);
            }
        }
    }
}

fn pairs(payload: &[u8]) -> Vec<(u16, u32)> {
    let pair = |pair: &[u8]| {
        (u16::from_be_bytes(pair[..2].try_into().unwrap()), u32::from_be_bytes(pair[2..].try_into().unwrap()))
    };
    payload.chunks(6).map(pair).collect()
}

/// A frame as section 4.1 has it.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// An integer with a prefix of seven bits and this first bit pattern (RFC 7541 section 5.1).
fn integer(number: usize, bits: u8, pattern: u8) -> Vec<u8> {
    let most = (1 << bits) - 1;
    if number < most {
        return vec![pattern | u8::try_from(number).unwrap()];
    }
    let mut bytes = vec![pattern | u8::try_from(most).unwrap()];
    let mut rest = number - most;
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).unwrap() | 0x80);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

/// A string without Huffman coding (RFC 7541 section 5.2).
pub fn text(text: &[u8]) -> Vec<u8> {
    [integer(text.len(), 7, 0), text.to_vec()].concat()
}

/// Literal fields without indexing and with new names (RFC 7541 section 6.2.2).
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    raw_block(&fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect::<Vec<_>>())
}

pub fn raw_block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

pub const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":authority", "wms.test"), (":path", "/ok")];

pub fn get() -> Vec<u8> {
    block(&GET)
}

/// A `GET` with further fields.
pub fn get_with(fields: &[(&str, &str)]) -> Vec<u8> {
    [get(), block(fields)].concat()
}

/// A `POST` with further fields.
pub fn post(fields: &[(&str, &str)]) -> Vec<u8> {
    let head = [(":method", "POST"), (":scheme", "https"), (":authority", "wms.test"), (":path", "/ok")];
    let form = [("content-type", "application/x-www-form-urlencoded")];
    [block(&head), block(&form), block(fields)].concat()
}

/// The status at the beginning of a block of fields: indexed, or a literal in digits (RFC 7541 appendices A and B).
pub fn status(mut block: &[u8]) -> Option<u16> {
    while let [first, rest @ ..] = block
        && first >> 5 == 1
    {
        block = rest;
    }
    match block {
        [first @ 0x88..=0x8e, ..] => Some([200, 204, 206, 304, 400, 404, 500][usize::from(first - 0x88)]),
        // a literal whose name is one of the table's `:status`
        [first, length, rest @ ..] if matches!(first & 0x0f, 8..=14) || matches!(first & 0x3f, 8..=14) => {
            let value = &rest[..usize::from(length & 0x7f)];
            if length & 0x80 == 0 { std::str::from_utf8(value).ok()?.parse().ok() } else { digits(value)?.parse().ok() }
        }
        _ => None,
    }
}

/// Digits in Huffman coding.
fn digits(bytes: &[u8]) -> Option<String> {
    let mut bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1));
    let mut text = String::new();
    while text.len() < 3 {
        let five = (0..5).try_fold(0, |sum, _| Some(sum << 1 | bits.next()?))?;
        let digit = match five {
            0..=2 => five,
            _ => (five << 1 | bits.next()?) - 0b01_1001 + 3,
        };
        text.push(char::from(b'0' + digit));
    }
    Some(text)
}
