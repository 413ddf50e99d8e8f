//! Follows the chain of one series over all its segments; what a line may say besides is judged by whoever asks.

use std::io;
use std::path::Path;

use super::report::{Fault, Report};
use crate::audit::chain::{self, Hash};
use crate::audit::layout::{self, RunDir};
use crate::audit::read::{Front, Kind, Lines};

/// What walking a series found.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) records: u64,
    pub(super) torn: u64,
}

/// A line that follows its predecessors.
pub(super) struct Step<'a> {
    pub(super) before: Hash,
    pub(super) hash: Hash,
    pub(super) seq: u64,
    pub(super) kind: Kind,
    pub(super) line: &'a [u8],
    pub(super) body: &'a [u8],
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
    let mut head = Hash::origin(&run.node, &run.name, name);
    let mut walked = Walked::default();
    let mut scratch = Vec::new();
    for (index, segment) in (1..).zip(&segments) {
        if segment.index != index {
            return Err(fault(&dir, None, format!("segment {index:08}"), format!("segment {:08}", segment.index)));
        }
        if walked.torn > 0 {
            let found = format!("{} bytes of an unfinished one, and a segment after it", walked.torn);
            return Err(fault(&dir, None, "a whole last line".into(), found));
        }
        let mut lines = Lines::open(&segment.path, 0)?;
        let mut number = 0;
        while let Some((line, _)) = lines.next_line()? {
            number += 1;
            let at = |(expected, found)| fault(&segment.path, Some(number), expected, found);
            let step = follow(line, head, walked.records + 1, &mut scratch).map_err(at)?;
            if (number == 1) != (step.kind == Kind::Segment) {
                let expected = if number == 1 { "the head of a segment" } else { "a record" };
                return Err(at((expected.into(), "something else".into())));
            }
            judge(&step).map_err(at)?;
            (head, walked.records) = (step.hash, step.seq);
        }
        walked.torn = std::fs::metadata(&segment.path)?.len().saturating_sub(lines.offset());
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

/// Checks one line against what stands before it.
fn follow<'a>(line: &'a [u8], before: Hash, seq: u64, scratch: &mut Vec<u8>) -> Result<Step<'a>, (String, String)> {
    let odd = |found: &str| ("a line that ends in its hash".to_owned(), found.to_owned());
    let (body, hash) = chain::split(line).ok_or_else(|| odd("one that does not"))?;
    let expected = chain::link(before, body, scratch);
    if expected != hash {
        return Err((format!("the hash {expected}"), hash.to_string()));
    }
    let front = Front::read(body).ok_or_else(|| odd("one that is no record"))?;
    if front.seq != seq {
        return Err((format!("record {seq}"), format!("record {}", front.seq)));
    }
    Ok(Step { before, hash, seq, kind: front.kind, line, body })
}
