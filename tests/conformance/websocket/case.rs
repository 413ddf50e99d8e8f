//! The cases of Autobahn's suite that concern servers, as frames; what each must come to, whoever passes them on.

/// What the bytes after the handshake come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comes {
    /// The messages are sent back, pings are answered, and the close is clean.
    Good,
    /// The connection is failed (RFC 6455 section 7.1.7).
    Failed,
}

pub struct Case {
    pub number: String,
    pub bytes: Vec<u8>,
    /// What is sent once all of it has come back.
    pub then: Vec<u8>,
    /// Bytes of one write; 0 for all at once.
    pub chop: usize,
    pub comes: Comes,
    /// Whether compression is offered.
    pub compressed: bool,
}

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const LAST: u8 = 0x80;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A masked frame whose first byte is this.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = match payload.len() {
        length @ 0..=125 => vec![first, 0x80 | u8::try_from(length).unwrap()],
        length @ 126..=0xffff => [&[first, 0xfe][..], &u16::try_from(length).unwrap().to_be_bytes()].concat(),
        length => [&[first, 0xff][..], &(length as u64).to_be_bytes()].concat(),
    };
    bytes.extend_from_slice(&MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

fn whole(kind: u8, payload: &[u8]) -> Vec<u8> {
    frame(LAST | kind, payload)
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    whole(CLOSE, &[&code.to_be_bytes()[..], reason].concat())
}

/// A message in fragments, with something between them.
fn fragments(kind: u8, parts: &[&[u8]], between: &[u8]) -> Vec<u8> {
    let last = parts.len() - 1;
    let head = |at: usize| if at == 0 { kind } else { 0 } | if at == last { LAST } else { 0 };
    let piece = |(at, part): (usize, &&[u8])| {
        [frame(head(at), part), if at == last { Vec::new() } else { between.to_vec() }].concat()
    };
    parts.iter().enumerate().flat_map(piece).collect()
}

impl Case {
    /// How many frames must come back: one for each message and each ping.
    pub fn answers(&self) -> usize {
        let (mut rest, mut count) = (&self.bytes[..], 0);
        while let [first, second, ..] = rest {
            let (header, length) = match second & 0x7f {
                126 => (4, usize::from(u16::from_be_bytes([rest[2], rest[3]]))),
                127 => (10, usize::try_from(u64::from_be_bytes(rest[2..10].try_into().unwrap())).unwrap()),
                short => (2, usize::from(short)),
            };
            count += usize::from(first & LAST != 0 && matches!(first & 0x0f, 0..=2 | PING));
            rest = &rest[header + MASK.len() + length..];
        }
        count
    }
}

struct Cases(Vec<Case>);

impl Cases {
    fn add(&mut self, number: &str, comes: Comes, bytes: Vec<u8>) -> &mut Case {
        self.0.push(Case { number: number.to_owned(), bytes, then: Vec::new(), chop: 0, comes, compressed: false });
        self.0.last_mut().unwrap()
    }

    /// The bytes, then a clean close.
    fn good(&mut self, number: &str, bytes: Vec<u8>) -> &mut Case {
        let case = self.add(number, Comes::Good, bytes);
        case.then = close(1000, b"");
        case
    }

    fn failed(&mut self, number: &str, bytes: Vec<u8>) -> &mut Case {
        self.add(number, Comes::Failed, bytes)
    }
}

pub fn all() -> Vec<Case> {
    let mut cases = Cases(Vec::new());
    framing(&mut cases);
    control(&mut cases);
    reserved(&mut cases);
    fragmentation(&mut cases);
    utf8(&mut cases);
    closing(&mut cases);
    sizes(&mut cases);
    compression(&mut cases);
    cases.0
}

fn framing(cases: &mut Cases) {
    for (category, kind, byte) in [("1.1", TEXT, b'*'), ("1.2", BINARY, 0xfe)] {
        for (number, size) in [0, 125, 126, 127, 128, 65_535, 65_536].into_iter().enumerate() {
            cases.good(&format!("{category}.{}", number + 1), whole(kind, &vec![byte; size]));
        }
        cases.good(&format!("{category}.8"), whole(kind, &vec![byte; 65_536])).chop = 997;
    }
}

fn control(cases: &mut Cases) {
    cases.good("2.1", whole(PING, b""));
    cases.good("2.2", whole(PING, b"Hello, world!"));
    cases.good("2.3", whole(PING, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"));
    cases.good("2.4", whole(PING, &[0xfe; 125]));
    cases.failed("2.5", whole(PING, &[0xfe; 126]));
    cases.good("2.6", whole(PING, &[0xfe; 125])).chop = 1;
    cases.good("2.7", whole(PONG, b""));
    cases.good("2.8", whole(PONG, b"unsolicited"));
    cases.good("2.9", [whole(PONG, b"unsolicited"), whole(PING, b"ping")].concat());
    let ten: Vec<u8> = (0..10_u8).flat_map(|n| whole(PING, &[b'0' + n])).collect();
    cases.good("2.10", ten.clone());
    cases.good("2.11", ten).chop = 1;
}

fn reserved(cases: &mut Cases) {
    let hello = whole(TEXT, b"Hello, world!");
    for bits in 1..=7_u8 {
        for (turn, kind) in [TEXT, BINARY, PING, CLOSE].into_iter().enumerate() {
            let bytes = [hello.clone(), frame(LAST | bits << 4 | kind, b""), whole(PING, b"")].concat();
            cases.failed(&format!("3.{bits}.{turn}"), bytes);
        }
    }
    for (category, kinds) in [("4.1", 3..=7_u8), ("4.2", 11..=15)] {
        for (number, kind) in kinds.enumerate() {
            for (turn, payload) in [&b""[..], b"reserved"].into_iter().enumerate() {
                let bytes = [hello.clone(), whole(kind, payload), whole(PING, b"")].concat();
                cases.failed(&format!("{category}.{}.{turn}", number + 1), bytes);
            }
        }
    }
    // section 5.1: a client's frames are masked; section 5.2: the shortest length
    cases.failed("unmasked", b"\x81\x05Hello".to_vec());
    cases.failed("needless-length-16", [&[0x81, 0xfe, 0, 5][..], &MASK, b"Hello"].concat());
}

fn fragmentation(cases: &mut Cases) {
    let ping = whole(PING, b"ping");
    cases.failed("5.1", fragments(PING, &[b"frag1", b"frag2"], b""));
    cases.failed("5.2", fragments(PONG, &[b"frag1", b"frag2"], b""));
    for (number, between, chop) in [
        ("5.3", &[][..], 0),
        ("5.4", &[], 10),
        ("5.5", &[], 1),
        ("5.6", &ping, 0),
        ("5.7", &ping, 7),
        ("5.8", &ping, 1),
    ] {
        cases.good(number, fragments(TEXT, &[b"fragment1", b"fragment2"], between)).chop = chop;
    }
    let hello = whole(TEXT, b"Hello, world!");
    for (number, first, chop) in
        [("5.9", LAST, 0), ("5.10", LAST, 10), ("5.11", LAST, 1), ("5.12", 0, 0), ("5.13", 0, 10), ("5.14", 0, 1)]
    {
        cases.failed(number, [frame(first, b"non-continuation payload"), hello.clone()].concat()).chop = chop;
    }
    let message = fragments(TEXT, &[b"fragment1", b"fragment2"], b"");
    cases.failed("5.15", [message, frame(0, b"fragment3"), frame(LAST | TEXT, b"fragment4")].concat());
    for (number, first) in [("5.16", 0), ("5.17", LAST)] {
        let turn = [frame(first, b"fragment1"), frame(TEXT, b"fragment2"), frame(LAST, b"fragment3")].concat();
        cases.failed(number, turn.repeat(2));
    }
    cases.failed("5.18", [frame(TEXT, b"fragment1"), frame(LAST | TEXT, b"fragment2")].concat());
    let parts: [&[u8]; 5] = [b"fragment1", b"fragment2", b"fragment3", b"fragment4", b"fragment5"];
    cases.good("5.19", fragments(TEXT, &parts, &ping));
    cases.good("5.20", fragments(BINARY, &parts, &[ping.clone(), ping].concat())).chop = 13;
}

fn utf8(cases: &mut Cases) {
    cases.good("6.1.1", whole(TEXT, b""));
    cases.good("6.1.2", fragments(TEXT, &[b"", b"", b""], b""));
    cases.good("6.1.3", fragments(TEXT, &[b"", b"middle frame payload", b""], b""));
    let text = "Hello-µ@ßöäüàá-UTF-8!!".as_bytes();
    cases.good("6.2.1", whole(TEXT, text));
    cases.good("6.2.2", fragments(TEXT, &[&text[..12], &text[12..]], b""));
    let octets: Vec<&[u8]> = text.chunks(1).collect();
    cases.good("6.2.3", fragments(TEXT, &octets, b""));
    cases.good("6.2.4", fragments(TEXT, &"κόσμε".as_bytes().chunks(1).collect::<Vec<_>>(), b""));
    let valid: [&str; 9] =
        ["κόσμε", "\0", "\u{80}", "\u{800}", "\u{10000}", "\u{7f}", "\u{7ff}", "\u{ffff}", "\u{10ffff}"];
    for (number, text) in valid.iter().enumerate() {
        cases.good(&format!("6.5-6.9.{number}"), whole(TEXT, text.as_bytes()));
    }
    let invalid: [&[u8]; 22] = [
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfc\x84\x80\x80\x80\x80",
        b"\x80",
        b"\xbf",
        b"\x80\xbf\x80",
        b"\xc0 ",
        b"\xe0 ",
        b"\xf0 ",
        b"\xc0",
        b"\xe0\x80",
        b"\xf0\x80\x80",
        b"\xfe",
        b"\xff",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xc1\xbf",
        b"\xed\xa0\x80",
        b"\xed\xaf\xbf\xed\xbf\xbf",
        b"\xed\xbf\xbf",
    ];
    for (number, bytes) in invalid.iter().enumerate() {
        cases.failed(&format!("6.3-6.21.{number}"), whole(TEXT, bytes));
        cases.failed(&format!("6.3-6.21.{number} in fragments"), fragments(TEXT, &[b"valid ", bytes, b" more"], b""));
    }
}

fn closing(cases: &mut Cases) {
    cases.good("7.1.1", whole(TEXT, b"Hello World!"));
    for (number, after) in [("7.1.2", close(1000, b"")), ("7.1.3", whole(PING, b"")), ("7.1.4", whole(TEXT, b"late"))] {
        cases.add(number, Comes::Good, [close(1000, b""), after].concat());
    }
    cases.add("7.1.5", Comes::Good, [frame(TEXT, b"fragment1"), close(1000, b""), frame(LAST, b"fragment2")].concat());
    cases.good("7.1.6", [whole(TEXT, &vec![b'B'; 256 * 1024]), whole(TEXT, b"Hello World!")].concat());
    cases.add("7.3.1", Comes::Good, whole(CLOSE, b""));
    cases.failed("7.3.2", whole(CLOSE, b"a"));
    cases.add("7.3.3", Comes::Good, close(1000, b""));
    cases.add("7.3.4", Comes::Good, close(1000, b"Hello World!"));
    cases.add("7.3.5", Comes::Good, close(1000, &[b'*'; 123]));
    cases.failed("7.3.6", close(1000, &[b'*'; 124]));
    cases.failed("7.5.1", close(1000, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"));
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        cases.add(&format!("7.7.{code}"), Comes::Good, close(code, b""));
    }
    for code in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535] {
        cases.failed(&format!("7.9.{code}"), close(code, b""));
    }
}

fn sizes(cases: &mut Cases) {
    for (category, kind) in [("9.1", TEXT), ("9.2", BINARY)] {
        for (number, size) in [1 << 16, 1 << 18, 1 << 20].into_iter().enumerate() {
            cases.good(&format!("{category}.{}", number + 1), whole(kind, &vec![b'*'; size]));
        }
    }
    let large = vec![b'*'; 1 << 20];
    for (category, kind) in [("9.3", TEXT), ("9.4", BINARY)] {
        for (number, size) in [1024, 16_384, 1 << 20].into_iter().enumerate() {
            let parts: Vec<&[u8]> = large.chunks(size).collect();
            cases.good(&format!("{category}.{}", number + 1), fragments(kind, &parts, b""));
        }
    }
    for (category, kind) in [("9.5", TEXT), ("9.6", BINARY)] {
        for (number, chop) in [4096].into_iter().enumerate() {
            cases.good(&format!("{category}.{}", number + 1), whole(kind, &large)).chop = chop;
        }
    }
    for (number, size) in [0, 16, 256, 4096].into_iter().enumerate() {
        cases.good(&format!("9.7.{}", number + 1), whole(TEXT, &vec![b'*'; size]).repeat(200));
    }
    let parts: Vec<&[u8]> = large[..65_536].chunks(1300).collect();
    cases.good("10.1.1", fragments(TEXT, &parts, b""));
}

/// Payloads of a stored block (RFC 7692 section 7.2.3.3), so that nothing need compress here.
fn compression(cases: &mut Cases) {
    const RSV1: u8 = 0x40;
    let stored = |text: &[u8]| {
        let length = u16::try_from(text.len()).unwrap();
        [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes(), text, &[0]].concat()
    };
    for (number, size) in [0, 16, 64, 256, 1024, 8192, 65_535].into_iter().enumerate() {
        let message = frame(LAST | RSV1 | TEXT, &stored(&vec![b'*'; size]));
        cases.good(&format!("12.1.{}", number + 1), message.repeat(10)).compressed = true;
    }
    let long = stored(&[b'*'; 30_000]);
    let parts: Vec<Vec<u8>> = long
        .chunks(1000)
        .enumerate()
        .map(|(at, part)| {
            frame(if at == 0 { RSV1 | BINARY } else { 0 } | if (at + 1) * 1000 >= long.len() { LAST } else { 0 }, part)
        })
        .collect();
    cases.good("12.3.1", parts.concat()).compressed = true;
    cases
        .good("13.1.1", [frame(LAST | RSV1 | TEXT, &stored(b"compressed")), whole(TEXT, b"plain")].concat())
        .compressed = true;
    cases.failed("13.2.1", [frame(TEXT, b"frag"), frame(LAST | RSV1, b"ment")].concat()).compressed = true;
    cases.failed("13.3.1", frame(LAST | RSV1 | TEXT, b"\xff\xff\xff no block at all")).compressed = true;
}
