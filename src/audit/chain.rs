//! The hash chain: how one line is bound to all before it; pure.
//!
//! A line is `BODY,"hash":"HASH"}` with `HASH = SHA-256(hash of the line before, as 64 hex digits, then BODY)`; anyone can check it
//! with `printf %s "$before$body" | sha256sum`. The first line of a series follows [`Hash::origin`].

use crate::model::hex_digits;
use aws_lc_rs::digest;

const KEY: &[u8] = b",\"hash\":\"";
const END: &[u8] = b"\"}";

/// The hash of a line: 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 64]);

impl Hash {
    /// What the first line of the series of this node, run and name follows, so that no series can stand in for another.
    #[must_use]
    pub fn origin(node: &str, run: &str, series: &str) -> Self {
        Self::of(format!("scopegate-journal-1 {node}/{run}/{series}").as_bytes())
    }

    /// SHA-256 of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, bytes);
        let mut hex = [b'0'; 64];
        for (into, word) in hex.as_chunks_mut::<8>().0.iter_mut().zip(digest.as_ref().as_chunks::<4>().0) {
            *into = hex_digits(u32::from_be_bytes(*word));
        }
        Self(hex)
    }

    /// Reads 64 lower-case hex digits.
    #[must_use]
    pub fn parse(hex: &[u8]) -> Option<Self> {
        let hex = <[u8; 64]>::try_from(hex).ok()?;
        hex.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')).then_some(Self(hex))
    }

    /// The digits.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Appends a line to `out`: the body that follows the hash of the line before in `linked`, and the hash of both.
pub(super) fn close(linked: &[u8], out: &mut Vec<u8>) -> Hash {
    let hash = Hash::of(linked);
    out.extend_from_slice(linked.get(64..).unwrap_or_default());
    out.extend_from_slice(KEY);
    out.extend_from_slice(hash.as_bytes());
    out.extend_from_slice(END);
    out.push(b'\n');
    hash
}

/// Takes a line (without its line break) apart into body and hash.
#[must_use]
pub fn split(line: &[u8]) -> Option<(&[u8], Hash)> {
    let (rest, hash) = line.strip_suffix(END)?.split_last_chunk::<64>()?;
    Some((rest.strip_suffix(KEY)?, Hash::parse(hash)?))
}

/// The hash that a line with this body has after a line with the hash `before`.
#[must_use]
pub fn link(before: Hash, body: &[u8], scratch: &mut Vec<u8>) -> Hash {
    scratch.clear();
    scratch.extend_from_slice(before.as_bytes());
    scratch.extend_from_slice(body);
    Hash::of(scratch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_line_splits_into_what_it_was_made_of() {
        let origin = Hash::origin("n", "r", "core-00");
        let linked = [origin.as_bytes().as_slice(), b"{\"seq\":1"].concat();
        let mut out = Vec::new();
        let hash = close(&linked, &mut out);
        let line = out.strip_suffix(b"\n").unwrap();
        assert_eq!(split(line), Some((&b"{\"seq\":1"[..], hash)));
        assert_eq!(link(origin, b"{\"seq\":1", &mut Vec::new()), hash);
        assert!(serde_json::from_slice::<serde_json::Value>(line).is_ok());
    }

    #[test]
    fn the_hash_is_sha_256_in_hex() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Hash::of(b"abc").as_str(), known);
        assert_eq!(Hash::parse(known.to_uppercase().as_bytes()), None);
    }
}
