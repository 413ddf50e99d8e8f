//! Follows the chain of one series over all its segments; what a line may say besides is judged by whoever asks.

use std::io;
use std::path::Path;

use super::report::{Fault, Report};
use crate::audit::chain::{self, Hash, Link};
use crate::audit::layout::{self, RunDir};
use crate::audit::read::{Front, Kind, Lines};

/// What walking a series found.
#[derive(Default)]
pub(super) struct Walked {
    /// Records that a hash binds.
    pub(super) records: u64,
    /// Bytes after the last hash.
    pub(super) torn: u64,
}

/// A line that follows its predecessors.
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

pub(super) enum Stop {
    Io(io::Error),
    Fault(Fault),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

pub(super) type Judge<'a> = dyn FnMut(&Step<'_>) -> Result<(), (String, String)> + 'a;

/// Follows the chain of a series over all its segments.
pub(super) fn walk(run: &RunDir, name: &str, judge: &mut Judge<'_>) -> Result<Walked, Stop> {
    let dir = run.path.join(name);
    let fault = |file: &Path, line, expected: String, found: String| {
        Stop::Fault(Fault { file: file.to_owned(), line, expected, found })
    };
    if !dir.is_dir() {
        return Err(fault(&dir, None, "a series of records".into(), "nothing".into()));
    }
    let segments = layout::segments(&dir)?;
    let mut chain = Chain::from(Hash::origin(&run.node, &run.name, name));
    let mut walked = Walked::default();
    for (index, segment) in (1..).zip(&segments) {
        if segment.index != index {
            return Err(fault(&dir, None, format!("segment {index:08}"), format!("segment {:08}", segment.index)));
        }
        if walked.torn > 0 {
            let found = format!("{} bytes after it, and a segment after them", walked.torn);
            return Err(fault(&dir, None, "a last line with a hash".into(), found));
        }
        let mut lines = Lines::open(&segment.path, 0)?;
        let (mut number, mut bound) = (0, 0);
        while let Some((line, begin)) = lines.next_line()? {
            number += 1;
            let after = begin + u64::try_from(line.len() + 1).unwrap_or(u64::MAX);
            let at = |(expected, found)| fault(&segment.path, Some(number), expected, found);
            let step = chain.follow(line).map_err(at)?;
            if (number == 1) != (step.kind == Kind::Segment) {
                let expected = if number == 1 { "the head of a segment" } else { "a record" };
                return Err(at((expected.into(), "something else".into())));
            }
            judge(&step).map_err(at)?;
            if step.hash.is_some() {
                (walked.records, bound) = (step.seq, after);
            }
        }
        walked.torn = std::fs::metadata(&segment.path)?.len().saturating_sub(bound);
    }
    Ok(walked)
}

/// Notes a fault in the report; passes on what could be walked.
pub(super) fn settle(walked: Result<Walked, Stop>, report: &mut Report) -> io::Result<Option<Walked>> {
    match walked {
        Ok(walked) => Ok(Some(walked)),
        Err(Stop::Io(error)) => Err(error),
        Err(Stop::Fault(fault)) => {
            report.faults.push(fault);
            Ok(None)
        }
    }
}

/// What a line is checked against.
struct Chain {
    /// The last hash.
    head: Hash,
    /// That of the lines since, under way.
    link: Link,
    /// The number of the last line.
    seq: u64,
    /// How many lines follow the last hash.
    open: u64,
}

impl Chain {
    fn from(head: Hash) -> Self {
        Self { head, link: Link::after(head), seq: 0, open: 0 }
    }

    /// Checks one line against what stands before it, by expected and found.
    fn follow<'a>(&mut self, line: &'a [u8]) -> Result<Step<'a>, (String, String)> {
        let split = chain::split(line);
        let body = split.map_or(line, |(body, _)| body);
        let front = Front::read(body).ok_or_else(|| ("a record".to_owned(), "a line that is none".to_owned()))?;
        let (before, seq) = (self.head, self.seq + 1);
        let link = std::mem::replace(&mut self.link, Link::after(before)).then(body);
        match split {
            Some((_, hash)) => {
                let expected = link.hash();
                if expected != hash {
                    let over = if self.open > 0 {
                        format!(", that of the last {} lines", self.open + 1)
                    } else {
                        String::new()
                    };
                    return Err((format!("the hash {expected}{over}"), hash.to_string()));
                }
                (self.head, self.link, self.open) = (hash, Link::after(hash), 0);
            }
            None => (self.link, self.open) = (link.then(b"\n"), self.open + 1),
        }
        if front.seq != seq {
            return Err((format!("record {seq}"), format!("record {}", front.seq)));
        }
        self.seq = seq;
        Ok(Step { before, hash: split.map(|(_, hash)| hash), seq, kind: front.kind, line, body })
    }
}
