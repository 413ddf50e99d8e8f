//! Spellings that have smuggled elsewhere, kept small, and third-party corpora where a folder with them is named; sends nothing.

use std::path::{Path, PathBuf};

/// Lines that carry a coding in an unusual way; the name begins with `+` where a length goes with it.
const CODINGS: &[&[u8]] = &[
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding:\x0bchunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    b"Transfer-Encoding:\r\n chunked",
    b" Transfer-Encoding: chunked",
    b"X: y\r\n Transfer-Encoding: chunked",
    b"X: y\nTransfer-Encoding: chunked",
    b"X: y\rTransfer-Encoding: chunked",
    b"Transfer-Encoding: identity, chunked",
    b"Transfer\xe2\x80\x90Encoding: chunked",
    b"Transfer_Encoding: chunked",
    b"Transfer-Encoding\0: chunked",
    b"Transfer-Encoding: chunked\0",
    b"Transfer-Encoding: 'chunked'",
    b"\x01Transfer-Encoding: chunked",
];

fn corpora() -> Option<PathBuf> {
    std::env::var_os("SCOPEGATE_CORPORA").map(PathBuf::from)
}

/// Spellings of a coding, each with and without a length beside it.
pub fn codings() -> Vec<(String, Vec<u8>)> {
    let mut lines: Vec<(String, Vec<u8>)> = CODINGS.iter().map(|line| (crate::shown(line), line.to_vec())).collect();
    if let Some(folder) = corpora() {
        let text = std::fs::read_to_string(folder.join("smuggler/te_gadgets.json")).unwrap();
        let gadgets: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
        println!("{} gadgets", gadgets.len());
        lines.extend(gadgets.into_iter().map(|(name, hex)| (name, unhex(hex.as_str().unwrap()))));
    }
    lines.iter().flat_map(|(name, line)| [(format!("+{name}"), line.clone()), (name.clone(), line.clone())]).collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Whole requests.
pub fn requests() -> Vec<(String, Vec<u8>)> {
    let mut found = vec![
        (
            "cl.0".to_owned(),
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(),
        ),
        (
            "chunk size wraps".to_owned(),
            b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n"
                .to_vec(),
        ),
    ];
    found.extend(fenced("llhttp/request"));
    found
}

/// Whole answers.
pub fn answers() -> Vec<(String, Vec<u8>)> {
    let mut found = vec![(
        "two lengths".to_owned(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_vec(),
    )];
    found.extend(fenced("llhttp/response"));
    found
}

/// The fenced `http` blocks of a folder of llhttp's test files, with their escapes resolved as its fixture does. Also with a Host
/// field put in, since most lack it.
fn fenced(folder: &str) -> Vec<(String, Vec<u8>)> {
    let Some(root) = corpora() else { return Vec::new() };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root.join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for (i, block) in text.split("```http\n").skip(1).enumerate() {
            let block = block.split("```").next().unwrap();
            let bytes = unescape(block);
            let with_host = match bytes.windows(2).position(|pair| pair == b"\r\n") {
                Some(at) => [&bytes[..at + 2], b"Host: h\r\n", &bytes[at + 2..]].concat(),
                None => bytes.clone(),
            };
            found.push((name(&path, i), bytes));
            found.push((format!("{} with Host", name(&path, i)), with_host));
        }
    }
    println!("{} blocks in {folder}", found.len() / 2);
    found
}

fn name(path: &Path, i: usize) -> String {
    format!("{}#{i}", path.file_name().unwrap().to_string_lossy())
}

fn unescape(block: &str) -> Vec<u8> {
    let block = block.strip_suffix('\n').unwrap_or(block).replace("\\\n", "").replace('\n', "\r\n");
    let (mut bytes, mut rest) = (Vec::new(), block.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        let (plain, left) = match (byte, after.first()) {
            (b'\\', Some(b'r')) => (b'\r', &after[1..]),
            (b'\\', Some(b'n')) => (b'\n', &after[1..]),
            (b'\\', Some(b't')) => (b'\t', &after[1..]),
            (b'\\', Some(b'f')) => (0x0c, &after[1..]),
            (b'\\', Some(b'x')) if after.len() > 2 => {
                match u8::from_str_radix(&String::from_utf8_lossy(&after[1..3]), 16) {
                    Ok(byte) => (byte, &after[3..]),
                    Err(_) => (byte, after),
                }
            }
            _ => (byte, after),
        };
        bytes.push(plain);
        rest = left;
    }
    bytes
}
