//! Checks one run: its checkpoints first, then every series that they bind.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use super::Anchor;
use super::report::{Fault, Report, RunReport, State};
use super::series::verify_series;
use super::walk::{settle, walk};
use crate::audit::checkpoint::{self, Checkpoint};
use crate::audit::layout::{self, CHECKPOINTS, RunDir};
use crate::audit::read::Kind;
use crate::audit::recover::living;
use crate::audit::signer::PublicKey;

/// What the checkpoints of a run say.
struct Checkpoints {
    last: Option<Checkpoint>,
    count: u64,
    torn: u64,
}

impl Checkpoints {
    fn closed(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.occasion.closes())
    }
}

/// Checks the checkpoints of a run: signatures, whose they are, and that they are those that `anchors` name.
fn verify_checkpoints(
    run: &RunDir,
    keys: &[PublicKey],
    anchors: &[Anchor],
    report: &mut Report,
) -> io::Result<Checkpoints> {
    let mut last: Option<Checkpoint> = None;
    let mut count = 0;
    let walked = walk(run, CHECKPOINTS, &mut |step| {
        if step.kind == Kind::Segment {
            return Ok(());
        }
        if step.hash.is_none() {
            return Err(("a checkpoint that ends in its hash".into(), step.shown()));
        }
        let checkpoint = checkpoint::read(step.line).ok_or(("a checkpoint".to_owned(), "something else".to_owned()))?;
        if !checkpoint::signed(step.before, step.body, &checkpoint, keys) {
            let expected =
                format!("a signature by {}", keys.iter().map(|key| key.fingerprint()).collect::<Vec<_>>().join(" or "));
            return Err((expected, format!("one that does not verify, by {}", checkpoint.signer)));
        }
        if (checkpoint.node.as_str(), checkpoint.run.as_str()) != (run.node.as_str(), run.name.as_str()) {
            return Err((format!("a checkpoint of {}", run.name), format!("one of {}", checkpoint.run)));
        }
        if let Some(anchor) = anchors.iter().find(|anchor| anchor.seq == step.seq && !step.has(&anchor.hash)) {
            return Err((format!("the hash {}, which {} binds", anchor.hash, anchor.by), step.shown()));
        }
        if let Some(closing) = last.as_ref().filter(|last| last.occasion.closes()) {
            return Err((
                format!("nothing after checkpoint {}, which closes the run", closing.seq),
                "a checkpoint".into(),
            ));
        }
        count += 1;
        last = Some(checkpoint);
        Ok(())
    });
    let walked = settle(walked, report)?;
    let found = Checkpoints { last, count, torn: walked.as_ref().map_or(0, |walked| walked.torn) };
    if walked.is_some() {
        let dir = run.path.join(CHECKPOINTS);
        let ends = found.last.as_ref().map_or(0, |last| last.seq);
        for anchor in anchors.iter().filter(|anchor| anchor.seq > ends) {
            let expected = format!("checkpoint {}, which {} binds", anchor.seq, anchor.by);
            report.faults.push(Fault {
                file: dir.clone(),
                line: None,
                expected,
                found: format!("an end after {ends}"),
            });
        }
        if found.closed() && found.torn > 0 {
            report.faults.push(torn(&dir, found.torn));
        }
    }
    Ok(found)
}

/// Checks a run and adds what was seen of it to the report.
pub(super) fn verify_run(run: &RunDir, keys: &[PublicKey], anchors: &[Anchor], report: &mut Report) -> io::Result<()> {
    // INVARIANT: the checkpoints are read before the records that they bind, so that a run that goes on being written never seems
    // to lack some.
    let lives = living(&run.path)?;
    let checkpoints = verify_checkpoints(run, keys, anchors, report)?;
    let state = match (checkpoints.closed(), lives) {
        (true, _) => State::Closed,
        (false, true) => State::Living,
        (false, false) => State::Crashed,
    };
    let mut summary = RunReport {
        node: run.node.clone(),
        run: run.name.clone(),
        state,
        series: 0,
        records: 0,
        checkpoints: checkpoints.count,
        unbound: 0,
        torn_bytes: checkpoints.torn,
    };
    let last = checkpoints.last.as_ref();
    let mut names: BTreeSet<String> =
        layout::series(&run.path)?.into_iter().filter(|name| name != CHECKPOINTS).collect();
    let ends: BTreeMap<String, u64> =
        last.iter().flat_map(|last| last.series.iter().map(|bound| (bound.name.clone(), bound.records))).collect();
    names.extend(ends.keys().cloned());
    let upto = last.map_or(0, |last| last.seq);
    for name in names {
        let Some(walked) = verify_series(run, &name, upto, report)? else { continue };
        let bound = ends.get(&name).copied().unwrap_or(0);
        let dir = run.path.join(&name);
        summary.series += 1;
        summary.records += walked.records;
        summary.torn_bytes += walked.torn;
        if state == State::Closed {
            if walked.torn > 0 {
                report.faults.push(torn(&dir, walked.torn));
            }
            if walked.records > bound {
                report.faults.push(Fault {
                    file: dir,
                    line: None,
                    expected: format!("an end after record {bound}, where the run was closed"),
                    found: format!("{} records", walked.records),
                });
            }
        } else {
            summary.unbound += walked.records.saturating_sub(bound);
        }
    }
    report.runs.push(summary);
    Ok(())
}

fn torn(dir: &Path, bytes: u64) -> Fault {
    Fault {
        file: dir.to_owned(),
        line: None,
        expected: "a last line with a hash, since the run was closed".into(),
        found: format!("{bytes} bytes after it"),
    }
}
