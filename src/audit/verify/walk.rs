//! Follows the chain of one series over all its segments; what a line may say besides is judged by whoever asks.

use std::io;
use std::path::Path;

use super::report::{Fault, Report};
use crate::audit::chain::Hash;
use crate::audit::follow::{Chain, Step};
use crate::audit::layout::{self, RunDir};
use crate::audit::read::{Kind, Lines};

/// What walking a series found.
#[derive(Default)]
pub(super) struct Walked {
    /// Records that a hash binds.
    pub(super) records: u64,
    /// Bytes after the last hash.
    pub(super) torn: u64,
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
            let step = chain.follow(line).map_err(|misfit| at(misfit.told()))?;
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
