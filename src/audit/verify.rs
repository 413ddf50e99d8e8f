//! Checks the whole journal: chains, numbers, segments, checkpoints, signatures; says where the first fault is and what cannot be shown.

use super::chain::{self, Hash};
use super::checkpoint::{self, Bound, Checkpoint};
use super::layout::{self, CHECKPOINTS, RunDir, SegmentFile};
use super::read::{Front, Kind, Lines};
use super::recover::living;
use super::signer::PublicKey;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

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

/// Where and how the journal is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// The file or directory.
    pub file: PathBuf,
    /// The line in it, from 1, where it is one line.
    pub line: Option<u64>,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its process lives and writes.
    Living,
    /// Its last checkpoint closes it.
    Closed,
    /// Its process ended without closing it, and no other has recovered it yet.
    Crashed,
}

/// What was seen of a run.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RunReport {
    /// The node.
    pub node: String,
    /// The run.
    pub run: String,
    /// How it stands.
    pub state: State,
    /// Its series of records.
    pub series: usize,
    /// Records in them.
    pub records: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Records after the last checkpoint.
    pub unbound: u64,
    /// Bytes of unfinished last lines.
    pub torn_bytes: u64,
}

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// The runs.
    pub runs: Vec<RunReport>,
    /// The first fault of each series. Empty when all is well.
    pub faults: Vec<Fault>,
    /// What a verification cannot show here.
    pub limits: Vec<String>,
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

/// What walking a series found.
#[derive(Default)]
struct Walked {
    records: u64,
    torn: u64,
}

/// A line that follows its predecessors.
struct Step<'a> {
    before: Hash,
    hash: Hash,
    seq: u64,
    kind: Kind,
    line: &'a [u8],
    body: &'a [u8],
}

enum Stop {
    Io(io::Error),
    Fault(Fault),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn verify_run(run: &RunDir, keys: &[PublicKey], anchors: &[Anchor], report: &mut Report) -> io::Result<()> {
    // INVARIANT: the checkpoints are read before the records that they bind, so that a run that goes on being written never seems
    // to lack some.
    let lives = living(&run.path)?;
    let mut last: Option<Checkpoint> = None;
    let mut count = 0;
    let walked = walk(run, CHECKPOINTS, &mut |step| {
        if step.kind == Kind::Segment {
            return Ok(());
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
        if let Some(anchor) = anchors.iter().find(|anchor| anchor.seq == step.seq && anchor.hash != step.hash.as_str())
        {
            return Err((format!("the hash {}, which {} binds", anchor.hash, anchor.by), step.hash.to_string()));
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
    let closed = last.as_ref().is_some_and(|last| last.occasion.closes());
    let state = match (closed, lives) {
        (true, _) => State::Closed,
        (false, true) => State::Living,
        (false, false) => State::Crashed,
    };
    let dir = run.path.join(CHECKPOINTS);
    if let Some(walked) = &walked {
        let ends = last.as_ref().map_or(0, |last| last.seq);
        for anchor in anchors.iter().filter(|anchor| anchor.seq > ends) {
            let expected = format!("checkpoint {}, which {} binds", anchor.seq, anchor.by);
            report.faults.push(Fault {
                file: dir.clone(),
                line: None,
                expected,
                found: format!("an end after {ends}"),
            });
        }
        if closed && walked.torn > 0 {
            report.faults.push(torn(&dir, walked.torn));
        }
    }
    let mut summary = RunReport {
        node: run.node.clone(),
        run: run.name.clone(),
        state,
        series: 0,
        records: 0,
        checkpoints: count,
        unbound: 0,
        torn_bytes: walked.map_or(0, |walked| walked.torn),
    };
    let mut names: BTreeSet<String> =
        layout::series(&run.path)?.into_iter().filter(|name| name != CHECKPOINTS).collect();
    let ends: BTreeMap<String, u64> =
        last.iter().flat_map(|last| last.series.iter().map(|bound| (bound.name.clone(), bound.records))).collect();
    names.extend(ends.keys().cloned());
    let upto = last.as_ref().map_or(0, |last| last.seq);
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
        expected: "a whole last line, since the run was closed".into(),
        found: format!("{bytes} bytes of an unfinished one"),
    }
}

/// Notes a fault in the report; passes on what could be walked.
fn settle(walked: Result<Walked, Stop>, report: &mut Report) -> io::Result<Option<Walked>> {
    match walked {
        Ok(walked) => Ok(Some(walked)),
        Err(Stop::Io(error)) => Err(error),
        Err(Stop::Fault(fault)) => {
            report.faults.push(fault);
            Ok(None)
        }
    }
}

/// Walks a series along the checkpoints up to number `upto` that bind it.
fn verify_series(run: &RunDir, name: &str, upto: u64, report: &mut Report) -> io::Result<Option<Walked>> {
    let mut bounds = Bounds::open(run, name, upto)?;
    let mut next = bounds.next_bound()?;
    let mut doubtful = Vec::new();
    let walked = walk(run, name, &mut |step| {
        doubtful.extend(doubtful_from(step).map(|from| (from, step.seq - 1)));
        while let Some((seq, bound)) = next.as_ref().filter(|(_, bound)| bound.records <= step.seq) {
            if bound.records == step.seq && bound.head != step.hash.as_str() {
                return Err((format!("the hash {}, which checkpoint {seq} binds", bound.head), step.hash.to_string()));
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

type Judge<'a> = dyn FnMut(&Step<'_>) -> Result<(), (String, String)> + 'a;

/// Follows the chain of a series over all its segments.
fn walk(run: &RunDir, name: &str, judge: &mut Judge<'_>) -> Result<Walked, Stop> {
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

impl Report {
    /// Whether everything that can be shown is well.
    #[must_use]
    pub fn sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// Writes the report for people.
    ///
    /// # Errors
    /// When `out` takes no more.
    pub fn render(&self, out: &mut dyn Write) -> io::Result<()> {
        for run in &self.runs {
            let state = match run.state {
                State::Living => "being written",
                State::Closed => "closed",
                State::Crashed => "ended without being closed (the next start recovers it)",
            };
            write!(out, "{}/{}: {} records in {} series, ", run.node, run.run, run.records, run.series)?;
            write!(out, "{} checkpoints, {state}", run.checkpoints)?;
            if run.unbound > 0 {
                write!(out, ", {} records after the last checkpoint", run.unbound)?;
            }
            if run.torn_bytes > 0 && run.state == State::Crashed {
                write!(out, ", {} bytes of torn last records", run.torn_bytes)?;
            }
            writeln!(out)?;
        }
        for fault in &self.faults {
            write!(out, "fault: {}", fault.file.display())?;
            if let Some(line) = fault.line {
                write!(out, ":{line}")?;
            }
            writeln!(out, ": expected {}, found {}", fault.expected, fault.found)?;
        }
        for limit in &self.limits {
            writeln!(out, "not shown: {limit}")?;
        }
        match self.faults.len() {
            0 => writeln!(out, "the journal is sound"),
            1 => writeln!(out, "the journal has been altered or damaged: 1 fault"),
            faults => writeln!(out, "the journal has been altered or damaged: {faults} faults"),
        }
    }
}
