//! Follows the chain of a series line by line: whether each fits what stands before it. Reads no file, and judges nothing that a line says.

use super::chain::{self, Hash, Link};
use super::read::{Front, Kind};

/// What the next line of a series is held against.
pub(super) struct Chain {
    /// The last hash.
    head: Hash,
    /// That of the lines since, under way.
    link: Link,
    /// The number of the last line.
    seq: u64,
    /// How many lines follow the last hash.
    open: u64,
}

/// A line that fits.
pub(super) struct Step<'a> {
    /// The last hash before it.
    pub(super) before: Hash,
    /// Its own; `None` where a later line's hash binds it, which may not be there or not fit.
    pub(super) hash: Option<Hash>,
    pub(super) seq: u64,
    pub(super) kind: Kind,
    pub(super) line: &'a [u8],
    pub(super) body: &'a [u8],
}

impl Step<'_> {
    /// Whether its hash is `hash`.
    pub(super) fn has(&self, hash: &str) -> bool {
        self.hash.is_some_and(|own| own.as_str() == hash)
    }

    /// Its hash for a report.
    pub(super) fn shown(&self) -> String {
        self.hash.map_or_else(|| "a line without a hash".into(), |own| own.to_string())
    }
}

/// Why a line does not fit.
pub(super) enum Misfit {
    /// It does not begin as a record does.
    NoRecord,
    /// Its hash is not that of so many lines up to it.
    Hash { expected: Hash, found: Hash, lines: u64 },
    /// It has another number than the next one.
    Number { expected: u64, found: u64 },
}

impl Misfit {
    /// What was expected and what was found, for a report.
    pub(super) fn told(&self) -> (String, String) {
        match self {
            Self::NoRecord => ("a record".into(), "a line that is none".into()),
            Self::Hash { expected, found, lines: 1 } => (format!("the hash {expected}"), found.to_string()),
            Self::Hash { expected, found, lines } => {
                (format!("the hash {expected}, that of the last {lines} lines"), found.to_string())
            }
            Self::Number { expected, found } => (format!("record {expected}"), format!("record {found}")),
        }
    }
}

impl Chain {
    /// Of a series that begins with this hash.
    pub(super) fn from(head: Hash) -> Self {
        Self { head, link: Link::after(head), seq: 0, open: 0 }
    }

    /// Takes the next line. After a misfit nothing can be told of later ones.
    pub(super) fn follow<'a>(&mut self, line: &'a [u8]) -> Result<Step<'a>, Misfit> {
        let split = chain::split(line);
        let body = split.map_or(line, |(body, _)| body);
        let front = Front::read(body).ok_or(Misfit::NoRecord)?;
        let (before, seq) = (self.head, self.seq + 1);
        let link = std::mem::replace(&mut self.link, Link::after(before)).then(body);
        let hash = split.map(|(_, hash)| hash);
        match hash {
            Some(found) => {
                let expected = link.hash();
                if expected != found {
                    return Err(Misfit::Hash { expected, found, lines: self.open + 1 });
                }
                (self.head, self.link, self.open) = (found, Link::after(found), 0);
            }
            None => (self.link, self.open) = (link.then(b"\n"), self.open + 1),
        }
        if front.seq != seq {
            return Err(Misfit::Number { expected: seq, found: front.seq });
        }
        self.seq = seq;
        Ok(Step { before, hash, seq, kind: front.kind, line, body })
    }
}
