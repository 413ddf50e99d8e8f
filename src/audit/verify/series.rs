//! Checks one series of a run against the checkpoints that bind it.

use std::io;

use super::report::{Fault, Report};
use super::walk::{Walked, settle, walk};
use crate::audit::checkpoint::{self, Bound};
use crate::audit::follow::Step;
use crate::audit::layout::{self, CHECKPOINTS, RunDir, SegmentFile};
use crate::audit::read::{Kind, Lines};

/// Walks a series along the checkpoints up to number `upto` that bind it.
pub(super) fn verify_series(run: &RunDir, name: &str, upto: u64, report: &mut Report) -> io::Result<Option<Walked>> {
    let mut bounds = Bounds::open(run, name, upto)?;
    let mut next = bounds.next_bound()?;
    let mut doubtful = Vec::new();
    let walked = walk(run, name, &mut |step| {
        doubtful.extend(doubtful_from(step).map(|from| (from, step.seq - 1)));
        while let Some((seq, bound)) = next.as_ref().filter(|(_, bound)| bound.records <= step.seq) {
            if bound.records == step.seq && !step.has(&bound.head) {
                return Err((format!("the hash {}, which checkpoint {seq} binds", bound.head), step.shown()));
            }
            // A checkpoint that cannot be read has been found when the checkpoints were walked.
            next = bounds.next_bound().unwrap_or_default();
        }
        Ok(())
    });
    let walked = settle(walked, report)?;
    report.limits.extend(doubtful.into_iter().map(|(from, through)| {
        format!("the disk failed to keep records {from} to {through} of {}/{name} when it was asked to: a power loss may have taken some after they were acted upon", run.name)
    }));
    if let (Some(walked), Some((seq, bound))) = (&walked, &next) {
        report.faults.push(Fault {
            file: run.path.join(name),
            line: None,
            expected: format!("{} records, which checkpoint {seq} binds", bound.records),
            found: format!("{}; the end is missing", walked.records),
        });
        return Ok(None);
    }
    Ok(walked)
}

/// The first record before a segment that may be missing, where its head says so.
fn doubtful_from(step: &Step<'_>) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Head {
        doubtful_from: Option<u64>,
    }
    let head = (step.kind == Kind::Segment).then_some(step.line)?;
    serde_json::from_slice::<Head>(head).ok()?.doubtful_from
}

/// What the checkpoints of a run say of one series, in their order.
struct Bounds {
    name: String,
    upto: u64,
    segments: std::vec::IntoIter<SegmentFile>,
    lines: Option<Lines>,
}

impl Bounds {
    fn open(run: &RunDir, name: &str, upto: u64) -> io::Result<Self> {
        let dir = run.path.join(CHECKPOINTS);
        let segments = if dir.is_dir() { layout::segments(&dir)? } else { Vec::new() };
        Ok(Self { name: name.to_owned(), upto, segments: segments.into_iter(), lines: None })
    }

    /// The next statement on the series, and the number of the checkpoint that makes it.
    fn next_bound(&mut self) -> io::Result<Option<(u64, Bound)>> {
        loop {
            let Some(lines) = &mut self.lines else {
                let Some(segment) = self.segments.next() else { return Ok(None) };
                self.lines = Some(Lines::open(&segment.path, 0)?);
                continue;
            };
            match lines.next_line()? {
                None => self.lines = None,
                Some((line, _)) => {
                    let Some(checkpoint) = checkpoint::read(line).filter(|found| found.seq <= self.upto) else {
                        continue;
                    };
                    if let Some(bound) = checkpoint.series.into_iter().find(|bound| bound.name == self.name) {
                        return Ok(Some((checkpoint.seq, bound)));
                    }
                }
            }
        }
    }
}
