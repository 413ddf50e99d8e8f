//! Spellings of one request: the plain one and the odd ones that readers are known to differ on; deterministic by seed.

use crate::parts::multipart;
use crate::random::Random;
use crate::spot::Spot;
use crate::words::{SPECIAL, TYPES, VALUES};

/// A request that is to be sent.
#[derive(Clone, Debug, Default)]
pub struct Case {
    pub method: &'static str,
    pub target: Vec<u8>,
    pub fields: Vec<(&'static str, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Case {
    /// The bytes of the request, with `fields` and what every request has.
    pub fn bytes(&self, host: &str, fields: &str) -> Vec<u8> {
        let mut bytes = [self.method.as_bytes(), b" ", &self.target, b" HTTP/1.1\r\n"].concat();
        bytes.extend_from_slice(format!("Host: {host}\r\n{fields}").as_bytes());
        for (name, value) in &self.fields {
            bytes.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        if !self.body.is_empty() || self.method != "GET" {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", self.body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// A name, and a value where there is an equals sign.
pub type Pair = (Vec<u8>, Option<Vec<u8>>);

/// The same name as some reader may have it.
fn odd_name(random: &mut Random, name: &[u8]) -> Vec<u8> {
    let base: Vec<u8> = name.iter().copied().take_while(|byte| *byte != b'[').collect();
    let with = |before: &[u8], after: &[u8]| [before, name, after].concat();
    let base_with = |after: &[u8]| [&base[..], after].concat();
    match random.below(40) {
        0 => base_with(b"[]"),
        1 => base_with(b"[0]"),
        2 => base_with(b"[id]"),
        3 => base_with(b"["),
        4 => base_with(b"]"),
        5 => base_with(b"[id"),
        6 => base_with(b"[id]x"),
        7 => base_with(b"[id]["),
        8 => base_with(b"[][]"),
        9 => base_with(b"[ id]"),
        10 => base_with(b"[id][id]"),
        11 => base_with(b".id"),
        12 => with(b" ", b""),
        13 => with(b"", b" "),
        14 => with(b"\t", b""),
        15 => with(b"", b"\0"),
        16 => with(b"", b"\0x"),
        17 => with(b"", b"\n"),
        18 => with(b"[", b""),
        19 => with(b"[", b"]"),
        20 => with(b"&", b""),
        21 => with(b"amp;", b""),
        22 => with(b"\xef\xbb\xbf", b""),
        23 => with(b"", b"\xe2\x80\x8b"),
        24 => name.to_ascii_uppercase(),
        25 => name.iter().map(|byte| if *byte == b'_' { b'.' } else { *byte }).collect(),
        26 => name.iter().map(|byte| if *byte == b'_' { b' ' } else { *byte }).collect(),
        27 => name.iter().map(|byte| if *byte == b'_' { b'[' } else { *byte }).collect(),
        28 => name.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect(),
        29 => name.iter().flat_map(|byte| if *byte == b'w' { b"\xc1\xb7".to_vec() } else { vec![*byte] }).collect(),
        30 => with(b"", &[b'x'; 300]),
        31 => with(b"", b"="),
        32 => with(b"", b"*"),
        33 => with(b"", b"*0"),
        34 => with(b"", b":text"),
        35 => with(b"", b"%00"),
        36 => name.iter().flat_map(|byte| format!("%{byte:02x}").into_bytes()).collect(),
        37 => with(b"\"", b"\""),
        38 => with(b"$", b""),
        _ => random.any(SPECIAL).to_vec(),
    }
}

fn value(random: &mut Random) -> Vec<u8> {
    if random.one_in(2) { random.any(&VALUES[..4]).to_vec() } else { random.any(VALUES).to_vec() }
}

/// The pairs of one place. `bound` says that the rule looks here.
fn pairs(random: &mut Random, name: &[u8], bound: bool) -> Vec<Pair> {
    let mut pairs = Vec::new();
    if bound && !random.one_in(10) {
        let bare = random.one_in(40);
        pairs.push((name.to_vec(), (!bare).then(|| value(random))));
    }
    if name.ends_with(b"]") && bound && random.one_in(3) {
        pairs.push((name.to_vec(), Some(value(random))));
    }
    while random.one_in(if bound { 3 } else { 4 }) {
        let other = match random.below(6) {
            0 => name.to_vec(),
            1..=2 => odd_name(random, name),
            3..=4 => random.any(SPECIAL).to_vec(),
            _ => b"page".to_vec(),
        };
        let at = random.below(pairs.len() + 1);
        let bare = random.one_in(12);
        pairs.insert(at, (other, (!bare).then(|| value(random))));
    }
    if random.one_in(400) {
        let many = [998, 999, 1000, 1001][random.below(4)];
        let fillers = (0..many).map(|i| (format!("f{i}").into_bytes(), Some(b"1".to_vec())));
        let at = if random.one_in(2) { 0 } else { pairs.len() };
        pairs.splice(at..at, fillers.collect::<Vec<_>>());
    }
    pairs
}

/// Percent-encodes as a client may; rarely as none should.
fn encode(random: &mut Random, bytes: &[u8], out: &mut Vec<u8>) {
    let odd = random.one_in(12);
    for &byte in bytes {
        let plain = byte.is_ascii_alphanumeric() || b"-._*".contains(&byte);
        match byte {
            b' ' if !random.one_in(3) => out.push(b'+'),
            _ if plain && !random.one_in(40) => out.push(byte),
            b'[' | b']' if random.one_in(2) => out.push(byte),
            0x21..=0x7e if odd && byte != b'#' => out.push(byte),
            0x80.. if odd => out.push(byte),
            _ if random.one_in(2) => out.extend_from_slice(format!("%{byte:02x}").as_bytes()),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    if random.one_in(60) {
        let piece = random.any(&[
            b"%", b"%2", b"%zz", b"%u0048", b"%25", b"%2500", b"%c0%af", b"+", b"%0d%0a", b"\xe9", b"%e4%bb", b"%ff",
            b"%00",
        ]);
        let at = out.len() - random.below(out.len().min(3) + 1);
        out.splice(at..at, piece.iter().copied());
    }
}

fn urlencoded(random: &mut Random, pairs: &[Pair]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, (name, value)) in pairs.iter().enumerate() {
        if i > 0 {
            let usual: &[u8] = b"&";
            out.extend_from_slice(if random.one_in(25) {
                random.any(&[b";", b"&&", b"&amp;", b"&;", b"?", b",", b"& ", b"%26"])
            } else {
                usual
            });
        }
        let mut piece = Vec::new();
        encode(random, name, &mut piece);
        if let Some(value) = value {
            piece.push(b'=');
            let mut text = Vec::new();
            encode(random, value, &mut text);
            piece.extend_from_slice(&text);
        }
        out.extend_from_slice(&piece);
    }
    if random.one_in(40) {
        out.insert(0, if random.one_in(2) { b'&' } else { b'?' });
    }
    out
}

fn form_type(random: &mut Random) -> Vec<u8> {
    if random.one_in(10) { random.any(TYPES).to_vec() } else { b"application/x-www-form-urlencoded".to_vec() }
}

fn cookies(random: &mut Random, pairs: &[Pair]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, (name, value)) in pairs.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(if random.one_in(12) {
                random.any(&[b";", b",", b" ; ", b";;", b" "])
            } else {
                b"; "
            });
        }
        let text = |random: &mut Random, bytes: &[u8]| {
            let mut text = Vec::new();
            match random.below(4) {
                0 => encode(random, bytes, &mut text),
                1 => text.extend(bytes.iter().flat_map(|b| {
                    if b"\0\r\n;%\", ".contains(b) { format!("%{b:02X}").into_bytes() } else { vec![*b] }
                })),
                _ => text.extend(bytes.iter().copied().filter(|b| !b"\0\r\n".contains(b))),
            }
            text
        };
        let name = if random.one_in(6) {
            text(random, name)
        } else {
            name.iter().copied().filter(|b| !b"\0\r\n".contains(b)).collect()
        };
        out.extend_from_slice(&name);
        if let Some(value) = value {
            out.extend_from_slice(if random.one_in(30) { random.any(&[b" = ", b" =", b"= ", b"=="]) } else { b"=" });
            let value = text(random, value);
            let quoted = random.one_in(15);
            let quote: &[u8] = if quoted { b"\"" } else { b"" };
            out.extend_from_slice(&[quote, &value, quote].concat());
        }
    }
    if random.one_in(40) {
        let more = random.any(&[b"; $Version=1", b"; ", b";", b"; =SH", b"; w", b"; \"", b"; expires=x", b"; path=/"]);
        out.extend_from_slice(more);
    }
    out
}

fn json(random: &mut Random, name: &str) -> (Vec<u8>, Vec<u8>) {
    let values: &[&str] = &[
        "\"HF\"",
        "\"HF\"",
        "\"HF\"",
        "\"SH\"",
        "\"\\u0048F\"",
        "\"a b\"",
        "\"\\u4ed3\"",
        "\"仓\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\u0000\"",
        "\"a\\/b\"",
        "\"\\\"\"",
        "\"\\x\"",
        "\"a\tb\"",
        "1",
        "1.0",
        "1e2",
        "-0",
        "true",
        "null",
        "[\"HF\"]",
        "[]",
        "{}",
        "{\"w\":\"HF\"}",
        "NaN",
        "'HF'",
        "HF",
        "\"\"",
        "\"\\u00e9\"",
        "123456789012345678901234567890",
        "\"\u{feff}HF\"",
        "\"\u{2028}\"",
    ];
    let one = |random: &mut Random| values[random.below(values.len())];
    let mut text = format!("{{\"{name}\": {}", one(random));
    while random.one_in(5) {
        let upper = name.to_uppercase();
        let other = [name, "\\u0077", &upper, "page", "__proto__", "w\\u0000", "", "W"][random.below(8)];
        text += &format!("{}\"{other}\": {}", if random.one_in(20) { ";" } else { "," }, one(random));
    }
    text += if random.one_in(30) { ["", ",}", "} x", "}}", "}{}", "} /* */", "}\n\n"][random.below(7)] } else { "}" };
    let mut bytes = text.into_bytes();
    if random.one_in(30) {
        let before: &[u8] = random.any(&[b"\xef\xbb\xbf", b" ", b"//x\n", b"[", b"\x0c"]);
        bytes.splice(0..0, before.iter().copied());
    }
    if random.one_in(40) {
        bytes = bytes.iter().flat_map(|byte| [*byte, 0]).collect();
    }
    let kind = random.any(&[
        b"application/json",
        b"application/json",
        b"application/json",
        b"application/json; charset=utf-8",
        b"application/json; charset=gbk",
        b"application/json; charset=utf-16",
        b"application/vnd.x+json",
        b"text/json",
        b"Application/JSON",
    ]);
    (kind.to_vec(), bytes)
}

/// A path whose second segment is the value.
fn path(random: &mut Random, first: &str) -> Vec<u8> {
    let mut out = vec![b'/'];
    out.extend_from_slice(first.as_bytes());
    out.push(b'/');
    let mut segment = Vec::new();
    let value = loop {
        let value = value(random);
        if !value.is_empty() {
            break value;
        }
    };
    for byte in value {
        let plain = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte);
        let raw = (plain && !random.one_in(20)) || (random.one_in(20) && byte > b' ' && byte != b'#' && byte != b'?');
        if raw { segment.push(byte) } else { segment.extend_from_slice(format!("%{byte:02x}").as_bytes()) }
    }
    out.extend_from_slice(&segment);
    if random.one_in(6) {
        let piece: &[u8] = random.any(&[
            b"/",
            b"//",
            b";x=y",
            b";jsessionid=1",
            b"/..",
            b"/.",
            b"/../HF",
            b"%2f",
            b"%2F..",
            b"\\",
            b"%5c",
            b"%00",
            b"%00.css",
            b".css",
            b"%20",
            b".",
            b"%2e",
            b"%2e%2e",
            b"/x",
            b"/x/y",
            b";",
            b"%3b",
            b";/x",
            b"..;",
            b"%3f",
            b"%23",
            b"%25",
            b"%252f",
            b"%c0%af",
            b"%uff0f",
            b"\xe9",
            b"%ef%bc%8f",
            b"/%2e%2e/x",
            b"/;x/y",
            b"?",
            b"~1",
            b"::$DATA",
            b"%0a",
            b"%0d%0a",
            b"%7f",
            b"%e2%80%ae",
            b"\"",
            b"<",
            b"|",
            b"^",
            b"`",
            b"{}",
            b"*",
            b"+",
        ]);
        let at = if random.one_in(2) { out.len() } else { random.below(out.len()) + 1 };
        out.splice(at..at, piece.iter().copied());
    }
    if random.one_in(40) {
        out = out.to_ascii_uppercase();
    }
    out
}

/// A request for this spot.
pub fn case(random: &mut Random, spot: &Spot) -> Case {
    let name = spot.name.as_bytes();
    let mut case = Case { method: "GET", target: spot.path().into_bytes(), ..Case::default() };
    let place = spot.place;
    if matches!(place, "path" | "path-info") {
        case.target = path(random, spot.first());
    }
    let in_query = place == "query" || (place == "param" && random.one_in(2));
    if in_query || random.one_in(5) {
        let pairs = pairs(random, name, in_query);
        if !pairs.is_empty() && !case.target.contains(&b'?') {
            case.target.push(b'?');
            case.target.extend_from_slice(&urlencoded(random, &pairs));
        }
    }
    let in_body = matches!(place, "form" | "multipart" | "file-name" | "json") || (place == "param" && !in_query);
    if in_body || random.one_in(10) {
        case.method =
            if random.one_in(25) { ["PUT", "PATCH", "DELETE", "GET", "OPTIONS"][random.below(5)] } else { "POST" };
        let as_parts = matches!(place, "multipart" | "file-name") || random.one_in(6);
        let (kind, body) = if place == "json" && !random.one_in(12) {
            json(random, spot.name)
        } else {
            let pairs = pairs(random, name, in_body);
            if as_parts {
                multipart(random, &pairs, place == "file-name")
            } else {
                (form_type(random), urlencoded(random, &pairs))
            }
        };
        if !kind.is_empty() {
            case.fields.push(("Content-Type", kind));
        }
        case.body = body;
        if random.one_in(100) {
            case.fields.push(("Content-Encoding", b"gzip".to_vec()));
        }
    } else if random.one_in(20) {
        case.method = ["POST", "DELETE", "PUT", "HEAD", "OPTIONS"][random.below(5)];
    }
    if place == "cookie" || random.one_in(8) {
        let pairs = pairs(random, name, place == "cookie");
        let value = cookies(random, &pairs);
        if !value.is_empty() {
            case.fields.push(("Cookie", value));
        }
        if random.one_in(50) {
            case.fields.push(("cookie", b"w=SH".to_vec()));
        }
    }
    if place == "header" {
        header(random, &mut case);
    }
    case
}

fn header(random: &mut Random, case: &mut Case) {
    let mut names = vec!["X-Warehouse"];
    while random.one_in(4) {
        names.push(
            ["X-Warehouse", "x-warehouse", "X_Warehouse", "X.Warehouse", "X-Warehouse-Y", "X+Warehouse", "Connection"]
                [random.below(7)],
        );
    }
    for name in names {
        let text = if name == "Connection" { b"X-Warehouse".to_vec() } else { value(random) };
        case.fields.push((name, text.into_iter().filter(|b| !b"\0\r\n".contains(b)).collect()));
    }
}
