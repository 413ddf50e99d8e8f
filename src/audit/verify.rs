//! Checks the whole journal: chains, numbers, segments, checkpoints, signatures; says where the first fault is and what cannot be shown.

pub mod report;
mod run;
mod series;
mod walk;

use self::report::{Fault, Report};
use self::run::verify_run;
use self::walk::{Stop, walk};
use super::chain;
use super::checkpoint::{self, Checkpoint};
use super::layout::{self, CHECKPOINTS, RunDir};
use super::read::Kind;
use super::signer::PublicKey;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

/// A checkpoint that was kept elsewhere, or that a later run has bound.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Anchor {
    node: String,
    run: String,
    seq: u64,
    hash: String,
    /// Who says so, for the report.
    by: String,
}

impl Anchor {
    /// Reads the lines of a file that holds checkpoints copied from a journal.
    ///
    /// # Errors
    /// When the file cannot be read or holds something else.
    pub fn read(path: &Path) -> io::Result<Vec<Self>> {
        let mut anchors = Vec::new();
        for line in std::fs::read_to_string(path)?.lines().filter(|line| !line.trim().is_empty()) {
            let line = line.trim().as_bytes();
            let (_, hash) = chain::split(line).ok_or(io::ErrorKind::InvalidData)?;
            let Checkpoint { node, run, seq, .. } = checkpoint::read(line).ok_or(io::ErrorKind::InvalidData)?;
            anchors.push(Self { node, run, seq, hash: hash.to_string(), by: path.display().to_string() });
        }
        Ok(anchors)
    }
}

/// What to verify with.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Keys from elsewhere. Where there are none, the public key in the journal's directory is used, which proves less.
    pub keys: Vec<PublicKey>,
    /// Checkpoints from elsewhere.
    pub anchors: Vec<Anchor>,
}

/// Checks everything below `journal`. Reads every byte once; needs memory only for names and the checkpoints that bind runs.
///
/// # Errors
/// When a file cannot be read. What is in the files never makes an error, but a fault.
pub fn verify(journal: &Path, trust: &Trust) -> io::Result<Report> {
    let mut limits = Vec::new();
    let keys = match trust.keys.as_slice() {
        [] => {
            let path = super::signer::public_path(&super::key_path(journal, &super::JournalSettings::default()));
            let key = PublicKey::read(&path).map_err(io::Error::other)?;
            limits.push(format!(
                "the key was read from the journal itself; compare its fingerprint {} with one kept elsewhere, or give --public-key",
                key.fingerprint()
            ));
            vec![key]
        }
        keys => keys.to_vec(),
    };
    let runs = layout::runs(journal)?;
    let mut report = Report { runs: Vec::new(), faults: Vec::new(), limits };
    let mut anchors: BTreeSet<Anchor> = trust.anchors.iter().cloned().collect();
    for run in &runs {
        anchors.extend(binds(run, &keys)?);
    }
    let mut wanted: BTreeMap<(String, String), Vec<Anchor>> = BTreeMap::new();
    for anchor in anchors {
        wanted.entry((anchor.node.clone(), anchor.run.clone())).or_default().push(anchor);
    }
    for run in &runs {
        let anchors = wanted.remove(&(run.node.clone(), run.name.clone())).unwrap_or_default();
        verify_run(run, &keys, &anchors, &mut report)?;
    }
    for ((node, run), anchors) in wanted {
        report.faults.push(Fault {
            file: journal.join(node).join(run),
            line: None,
            expected: format!("a run, which {} binds", anchors.first().map_or("", |anchor| &anchor.by)),
            found: "nothing".into(),
        });
    }
    state_limits(&mut report, trust);
    Ok(report)
}

/// What a verification of these runs cannot show.
fn state_limits(report: &mut Report, trust: &Trust) {
    let unbound: u64 = report.runs.iter().map(|run| run.unbound).sum();
    if unbound > 0 {
        report.limits.push(format!("{unbound} records follow the last checkpoint of their run: an alteration of them by somebody who computes the chain anew does not show"));
    }
    report.limits.push(if trust.anchors.is_empty() {
        "whoever holds the signing key could have written everything anew, and the newest runs could be missing as a whole: that shows only against checkpoints kept elsewhere (--anchor)".into()
    } else {
        "what follows the given anchors could have been written anew by whoever holds the signing key, or be missing at the end".into()
    });
}

/// The earlier runs that a run's first checkpoint binds. One that does not verify binds nothing: its fault is told in its own file.
fn binds(run: &RunDir, keys: &[PublicKey]) -> io::Result<Vec<Anchor>> {
    let mut anchors = Vec::new();
    if !run.path.join(CHECKPOINTS).is_dir() {
        return Ok(anchors);
    }
    let walked = walk(run, CHECKPOINTS, &mut |step| {
        if step.kind == Kind::Segment {
            return Ok(());
        }
        let first = checkpoint::read(step.line);
        let signed = first.filter(|first| checkpoint::signed(step.before, step.body, first, keys));
        for earlier in signed.map(|first| first.earlier).unwrap_or_default() {
            anchors.push(Anchor {
                node: run.node.clone(),
                run: earlier.run,
                seq: earlier.seq,
                hash: earlier.hash,
                by: format!("the first checkpoint of {}", run.name),
            });
        }
        // Only the first is wanted.
        Err((String::new(), String::new()))
    });
    match walked {
        Err(Stop::Io(error)) => Err(error),
        Ok(_) | Err(Stop::Fault(_)) => Ok(anchors),
    }
}
