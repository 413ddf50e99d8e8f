//! A grammar of requests and answers with its usual perversions, and byte-wise mutation on top; deterministic by seed.

/// A small deterministic generator (xorshift64*, Vigna 2016).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..4 {
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from((self.next() >> 33) % bound as u64).unwrap()
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Mostly the first, the plain one; sometimes any of them.
    fn mostly<'a>(&mut self, n: usize, of: &[&'a [u8]]) -> &'a [u8] {
        if self.one_in(n) { of[self.below(of.len())] } else { of[0] }
    }

    pub fn any<'a>(&mut self, of: &[&'a [u8]]) -> &'a [u8] {
        of[self.below(of.len())]
    }
}

const METHODS: &[&[u8]] = &[
    b"GET",
    b"POST",
    b"PUT",
    b"DELETE",
    b"HEAD",
    b"OPTIONS",
    b"PATCH",
    b"M-SEARCH",
    b"PROPFIND",
    b"get",
    b"CONNECT",
    b"TRACE",
    b"PRI",
    b"G@T",
    b"",
    b"GET ",
    b" GET",
    b"G\0T",
    b"GE\xe9T",
    b"G!T",
    b"GET\t",
];

const TARGETS: &[&[u8]] = &[
    b"/",
    b"/a",
    b"/a?b=c&d",
    b"/a/../b;x=1",
    b"/%2e%2E/%00",
    b"/a|b{c}\"^\\~",
    b"/a?`{}|\\^'\"",
    b"//x",
    b"/?",
    b"/??",
    b"/a%",
    b"/:80",
    b"/@",
    b"http://h/x?y",
    b"http://h",
    b"HTTPS://H/",
    b"http://h:80/",
    b"http://g/",
    b"http://u@h/",
    b"http://h?x",
    b"http://h/#",
    b"ftp://h/",
    b"*",
    b"h:80",
    b"h",
    b"/a#f",
    b"/a?b#c",
    b"/\xe9",
    b"/\xc3\xa9",
    b"/?\xc3\xa9",
    b"/<",
    b"/>",
    b"/a`b",
    b"/?<",
    b"?x",
    b"#",
    b"",
    b"/a b",
    b"/a\tb",
    b"/\x7f",
    b"/a\0b",
    b"http://",
    b"http:///",
    b"http://h:/",
    b"http://[::1]/",
];

const VERSIONS: &[&[u8]] = &[
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"HTTP/1.2",
    b"HTTP/2.0",
    b"HTTP/0.9",
    b"http/1.1",
    b"HTTP/1.1 ",
    b"",
    b"HTTP/11",
    b"HTTP/1.10",
    b"HTTP/+1.1",
];

const ENDS: &[&[u8]] =
    &[b"\r\n", b"\n", b"\r", b"\r\r\n", b"\r\n ", b"\r\n\t", b"\n\r", b" \r\n", b"\0\r\n", b"\r\n\r\n"];

const HOSTS: &[&[u8]] = &[
    b"h", b"H", b"h:80", b"h.", b"g", b"", b"u@h", b"h:", b"h:x", b"[::1]", b"[::1]:8", b"h, g", b"h g", b"\xe9",
    b"h/", b"1.2.3.4",
];

const COLONS: &[&[u8]] = &[b": ", b":", b":  ", b":\t", b" : ", b"\t: ", b" ", b"", b":\r\n ", b":\x0b", b": \x00"];

const NAMES: &[&[u8]] = &[
    b"X-A",
    b"x_a",
    b"Accept",
    b"Cookie",
    b"Cookie",
    b"Content-Length",
    b"Transfer-Encoding",
    b"Host",
    b"Connection",
    b"TE",
    b"Trailer",
    b"Keep-Alive",
    b"Upgrade",
    b"",
    b"X A",
    b"X\0A",
    b"\xe9",
    b"X(A)",
    b"X-A:",
    b"Content_Length",
    b"Transfer-Encoding\x0b",
    b" X",
    b"X;",
];

const VALUES: &[&[u8]] = &[
    b"v",
    b"",
    b"a, b",
    b" v ",
    b"\tv\t",
    b"\xe9\xff",
    b"\"q\\\"\"",
    b"a\0b",
    b"a\x7fb",
    b"a\x01b",
    b"close",
    b"keep-alive",
    b"chunked",
    b"5",
    b"a\rb",
    b"a\nb",
    b"=?utf-8?q?x?=",
    b"a;b=c:d",
];

const CODINGS: &[&[u8]] = &[
    b"chunked",
    b"Chunked",
    b"CHUNKED",
    b"identity",
    b"gzip, chunked",
    b"chunked, chunked",
    b"identity, chunked",
    b"chunked, identity",
    b"xchunked",
    b"chunked;a=b",
    b"\"chunked\"",
    b",chunked",
    b"chunked,",
    b"\x0bchunked",
    b"chunked\x0b",
    b"chun\tked",
    b"c hunked",
    b"",
    b"chunked\x00",
    b"\xa0chunked",
];

fn field(out: &mut Vec<u8>, random: &mut Random, name: &[u8], value: &[u8]) {
    let mut name = name.to_vec();
    if random.one_in(6) {
        for byte in &mut name {
            if random.one_in(2) {
                *byte = if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
            }
        }
    }
    out.extend_from_slice(&name);
    out.extend_from_slice(random.mostly(30, COLONS));
    out.extend_from_slice(value);
    out.extend_from_slice(random.mostly(40, ENDS));
}

fn length(random: &mut Random, len: usize) -> Vec<u8> {
    match random.below(40) {
        0 => format!("+{len}").into_bytes(),
        1 => format!("0{len}").into_bytes(),
        2 => format!("{len}, {len}").into_bytes(),
        3 => format!("0x{len:x}").into_bytes(),
        4 => format!("{len} ").into_bytes(),
        5 => format!("{}", len + 1).into_bytes(),
        6 => format!("{}", len.saturating_sub(1)).into_bytes(),
        7 => b"18446744073709551616".to_vec(),
        8 => b"".to_vec(),
        9 => format!("{len}.0").into_bytes(),
        10 => format!("-{len}").into_bytes(),
        _ => len.to_string().into_bytes(),
    }
}

fn body(random: &mut Random) -> Vec<u8> {
    match random.below(6) {
        0 => Vec::new(),
        1 => b"GET /inner HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(),
        2 => b"0\r\n\r\n".to_vec(),
        3 => vec![b'x'; random.below(300)],
        _ => (0..random.below(20)).map(|_| u8::try_from(random.below(256)).unwrap()).collect(),
    }
}

/// A body in chunks, with what chunks can be made to carry.
fn chunks(random: &mut Random, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let take = (random.below(rest.len()) + 1).min(rest.len());
        let (part, left) = rest.split_at(take);
        rest = left;
        let announced = if random.one_in(60) { take + 1 } else { take };
        let size = match random.below(8) {
            0 => format!("{announced:X}"),
            1 => format!("000{announced:x}"),
            _ if random.one_in(60) => format!("0x{announced:x}"),
            _ if random.one_in(60) => format!("+{announced:x}"),
            _ => format!("{announced:x}"),
        };
        out.extend_from_slice(size.as_bytes());
        out.extend_from_slice(random.mostly(
            8,
            &[
                b"",
                b";a=b",
                b";a=\"b;c\"",
                b" ;a",
                b" ",
                b"\t",
                b";\0",
                b";\n",
                b";\r",
                b";\xe9",
                b",",
                b";a\x7f",
                b";;",
            ],
        ));
        out.extend_from_slice(random.mostly(40, ENDS));
        out.extend_from_slice(part);
        out.extend_from_slice(random.mostly(40, ENDS));
    }
    out.extend_from_slice(random.mostly(20, &[b"0", b"00000", b"0;a=b", b"", b"0 ", b"-0", b"0\0"]));
    out.extend_from_slice(random.mostly(40, ENDS));
    if random.one_in(5) {
        let (name, value) = (random.mostly(3, NAMES), random.mostly(3, VALUES));
        field(&mut out, random, name, value);
    }
    out.extend_from_slice(random.mostly(40, ENDS));
    out
}

/// The fields that frame a body, and the body as it goes over the wire.
fn framed(out: &mut Vec<u8>, random: &mut Random) -> Vec<u8> {
    let body = body(random);
    match random.below(10) {
        0..=2 => Vec::new(),
        3..=5 => {
            let digits = length(random, body.len());
            field(out, random, b"Content-Length", &digits);
            body
        }
        6..=8 => {
            let coding = random.mostly(4, CODINGS);
            field(out, random, b"Transfer-Encoding", coding);
            chunks(random, &body)
        }
        _ => {
            let digits = length(random, body.len());
            let coding = random.mostly(3, CODINGS);
            field(out, random, b"Content-Length", &digits);
            field(out, random, b"Transfer-Encoding", coding);
            if random.one_in(2) { chunks(random, &body) } else { body }
        }
    }
}

fn fields(out: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..random.below(4) {
        let (name, value) = (random.mostly(4, NAMES), random.mostly(4, VALUES));
        field(out, random, name, value);
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    const BYTES: &[u8] = b"\r\n\0 \t:;,/?#%0aA\x0b\x7f\xe9\"";
    if !random.one_in(4) {
        return;
    }
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        let byte = BYTES[random.below(BYTES.len())];
        match random.below(5) {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 => drop(bytes.remove(at)),
            3 => {
                let end = (at + random.below(40)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => bytes.truncate(at),
        }
    }
}

/// One to three requests on one connection.
pub fn requests(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..=random.below(3) {
        if random.one_in(12) {
            bytes.extend_from_slice(random.any(ENDS));
        }
        let method = if random.one_in(2) { random.any(&METHODS[..9]) } else { random.mostly(12, METHODS) };
        bytes.extend_from_slice(method);
        bytes.extend_from_slice(random.mostly(60, &[b" ", b"  ", b"\t", b"", b"\x0b"]));
        let target = if random.one_in(2) { random.any(&TARGETS[..13]) } else { random.mostly(4, TARGETS) };
        bytes.extend_from_slice(target);
        bytes.extend_from_slice(random.mostly(60, &[b" ", b"  ", b"\t", b"", b"\x0b"]));
        bytes.extend_from_slice(random.mostly(15, VERSIONS));
        bytes.extend_from_slice(random.mostly(40, ENDS));
        let host = random.mostly(10, HOSTS);
        field(&mut bytes, random, b"Host", host);
        fields(&mut bytes, random);
        if random.one_in(12) {
            let value = random.any(&[b"100-continue", b"100-Continue", b"x"]);
            field(&mut bytes, random, b"Expect", value);
        }
        let body = framed(&mut bytes, random);
        fields(&mut bytes, random);
        bytes.extend_from_slice(random.mostly(60, ENDS));
        bytes.extend_from_slice(&body);
    }
    mutate(&mut bytes, random);
    bytes
}

const STATUSES: &[&[u8]] = &[
    b"200 OK",
    b"404 Not Found",
    b"204 No Content",
    b"304 Not Modified",
    b"200",
    b"200 ",
    b"299 \xe9",
    b"500 a\tb",
    b"099 x",
    b"20 x",
    b"2000 x",
    b"999 x",
    b"101 x",
    b"100 Continue",
    b"+20 x",
    b"200\0",
];

/// One answer, perhaps after interim ones, perhaps followed by more.
pub fn answer(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..random.below(8).saturating_sub(5) {
        bytes.extend_from_slice(random.any(&[
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
            b"HTTP/1.1 102 P\r\nContent-Length: 3\r\n\r\n",
        ]));
    }
    bytes.extend_from_slice(random.mostly(10, VERSIONS));
    bytes.extend_from_slice(random.mostly(60, &[b" ", b"  ", b"\t", b""]));
    let status = if random.one_in(3) { random.any(&STATUSES[..6]) } else { random.mostly(8, STATUSES) };
    bytes.extend_from_slice(status);
    bytes.extend_from_slice(random.mostly(40, ENDS));
    fields(&mut bytes, random);
    let body = framed(&mut bytes, random);
    fields(&mut bytes, random);
    bytes.extend_from_slice(random.mostly(60, ENDS));
    bytes.extend_from_slice(&body);
    mutate(&mut bytes, random);
    bytes
}
