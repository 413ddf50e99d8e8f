//! The hash chain: how lines are bound to all before them; pure.
//!
//! The last line of each write is `BODY,"hash":"HASH"}`, with `HASH = SHA-256(the hash before, as 64 hex digits, then the lines
//! since that one, with their line breaks, then BODY)`; anyone can check it with `printf %s "$before"`, `sed -n A,Bp FILE` and
//! `printf %s "$body"` together into `sha256sum`.
//! What comes first in a series follows [`Hash::origin`].

use crate::model::hex_digits;
use aws_lc_rs::digest;

const KEY: &[u8] = b",\"hash\":\"";
const END: &[u8] = b"\"}";
/// How a line ends that has no hash.
const CLOSED: &[u8] = b"}\n";

/// A hash of the chain: 64 lower-case hex digits.
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
        Self::hex(digest::digest(&digest::SHA256, bytes).as_ref())
    }

    fn hex(digest: &[u8]) -> Self {
        let mut hex = [b'0'; 64];
        for (into, word) in hex.as_chunks_mut::<8>().0.iter_mut().zip(digest.as_chunks::<4>().0) {
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

/// A hash under way.
pub struct Link(digest::Context);

impl Link {
    /// Of what follows the hash `before`.
    #[must_use]
    pub fn after(before: Hash) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(before.as_bytes());
        Self(context)
    }

    /// Adds what comes next.
    #[must_use]
    pub fn then(mut self, text: &[u8]) -> Self {
        self.0.update(text);
        self
    }

    /// Of all that was added.
    #[must_use]
    pub fn hash(self) -> Hash {
        Hash::hex(self.0.finish().as_ref())
    }
}

/// Ends a line.
pub(super) fn close(out: &mut Vec<u8>) {
    out.extend_from_slice(CLOSED);
}

/// Gives the last line in `out`, a closed one, the hash of all lines from the byte `from` on.
pub(super) fn seal(before: Hash, out: &mut Vec<u8>, from: usize) -> Hash {
    out.truncate(out.len() - CLOSED.len());
    let hash = Link::after(before).then(out.get(from..).unwrap_or_default()).hash();
    out.extend_from_slice(KEY);
    out.extend_from_slice(hash.as_bytes());
    out.extend_from_slice(END);
    out.push(b'\n');
    hash
}

/// Takes a line (without its line break) apart into body and hash; `None` where it has none.
#[must_use]
pub fn split(line: &[u8]) -> Option<(&[u8], Hash)> {
    let (rest, hash) = line.strip_suffix(END)?.split_last_chunk::<64>()?;
    Some((rest.strip_suffix(KEY)?, Hash::parse(hash)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_has_the_hash_of_all_from_the_place_on() {
        let origin = Hash::origin("n", "r", "core-00");
        let mut out = b"before\n{\"seq\":1}\n{\"seq\":2".to_vec();
        close(&mut out);
        let hash = seal(origin, &mut out, 7);
        let text = [origin.as_bytes().as_slice(), b"{\"seq\":1}\n{\"seq\":2"].concat();
        assert_eq!(hash, Hash::of(&text));
        let lines: Vec<_> = out.split(|&byte| byte == b'\n').collect();
        assert_eq!((lines.len(), lines[1], lines[3]), (4, &b"{\"seq\":1}"[..], &b""[..]));
        assert_eq!((split(lines[1]), split(lines[2])), (None, Some((&b"{\"seq\":2"[..], hash))));
        assert!(serde_json::from_slice::<serde_json::Value>(lines[2]).is_ok());
    }

    #[test]
    fn the_hash_is_sha_256_in_hex() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Hash::of(b"abc").as_str(), known);
        assert_eq!(Hash::parse(known.to_uppercase().as_bytes()), None);
    }
}
