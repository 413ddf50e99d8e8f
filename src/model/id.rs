//! Identifiers: of a request, of a subject, of a rule set.

use std::fmt;
use std::sync::Arc;

/// The stable name of a person or service account, as rules and records spell it. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectId(Arc<str>);

impl SubjectId {
    /// A subject of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The identifier of one request: 96 bits, unique over nodes and restarts, shown as 24 hex digits.
///
/// The upper 64 bits are random for each process and core, the lower 32 count requests.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    prefix: u64,
    count: u32,
}

impl RequestId {
    /// An identifier from a core's random `prefix` and its running `count`.
    #[must_use]
    pub const fn new(prefix: u64, count: u32) -> Self {
        Self { prefix, count }
    }

    /// Reads the form that [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, count) = (text.len() == 24 && text.is_ascii()).then(|| text.split_at(16))?;
        Some(Self { prefix: u64::from_str_radix(prefix, 16).ok()?, count: u32::from_str_radix(count, 16).ok()? })
    }

    /// The identifier as 24 lower-case hex digits, without allocating.
    #[must_use]
    pub fn to_hex(self) -> [u8; 24] {
        let [a, b, c, d, e, f, g, h] = self.prefix.to_be_bytes();
        let words = [[a, b, c, d], [e, f, g, h], self.count.to_be_bytes()].map(u32::from_be_bytes);
        let mut digits = [0; 24];
        for (into, word) in digits.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *into = super::hex_digits(word);
        }
        digits
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:08x}", self.prefix, self.count)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The content hash of a compiled rule set: the first 12 hex digits of a SHA-256 over its files.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Revision(Arc<str>);

impl Revision {
    /// A revision of this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_reads_back_what_it_writes() {
        let id = RequestId::new(0x0123_4567_89ab_cdef, 42);
        assert_eq!(id.to_string(), "0123456789abcdef0000002a");
        assert_eq!(std::str::from_utf8(&id.to_hex()).unwrap(), id.to_string());
        assert_eq!(RequestId::parse(&id.to_string()), Some(id));
        assert_eq!(RequestId::parse("0123456789abcdef0000002"), None);
    }
}
