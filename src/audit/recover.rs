//! Closes what a process left behind that ended without closing it: drops a torn last record, marks open decisions, signs the end.

use super::admin::{AdminAction, AdminRecord};
use super::chain::{Hash, split};
use super::checkpoint::{Bound, Occasion};
use super::follow::{Chain, Misfit};
use super::keeper;
use super::layout::{self, CHECKPOINTS, LOCK, RESERVE, RunDir, SegmentFile};
use super::ledger::Control;
use super::read::{Front, Kind, Lines, last_line, request_of};
use super::record::{Completion, OutcomeRecord};
use super::series::{Ground, Series, Standing};
use super::settings::JournalError;
use super::signer::Signer;
use crate::model::RequestId;
use rustc_hash::FxHashSet;
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _};
use std::ops::Range;
use std::path::Path;

/// So many requests without an outcome are held in memory at once; where there are more, the series is read several times.
const OPEN_REQUESTS: usize = 1 << 20;

/// No write that broke off was longer; recovery holds what it left in memory.
const UNBOUND_BYTES: u64 = 64 << 20;

/// What recovery found in one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The run.
    pub run: String,
    /// Bytes of torn last records that were dropped.
    pub torn_bytes: u64,
    /// Decisions whose outcome is unknown.
    pub unknown: u64,
    /// Series that are damaged otherwise, and where; they were left as they are.
    pub damaged: Vec<String>,
}

pub(super) fn recover(
    journal: &Path,
    own: &Ground,
    signer: &Signer,
    control: &Control,
) -> Result<Vec<Recovery>, JournalError> {
    let mut recovered = Vec::new();
    for run in layout::runs(journal).map_err(JournalError::open(journal))? {
        if run.node != own.node || run.name == own.run {
            continue;
        }
        // SECURITY: a run whose lock is held belongs to a living process, which goes on writing during a hand-over
        // (`recovery_leaves_a_living_process_alone`).
        let Some(_lock) = take(&run.path).map_err(JournalError::open(&run.path))? else { continue };
        if closed(&run.path).map_err(JournalError::open(&run.path))? {
            continue;
        }
        let recovery = close(&run, own, signer)?;
        let detail = format!(
            "{} bytes of torn records dropped, {} outcomes unknown{}",
            recovery.torn_bytes,
            recovery.unknown,
            recovery.damaged.iter().map(|place| format!("; damaged: {place}")).collect::<String>()
        );
        tracing::warn!(run = run.name, "recovered the journal of a process that had not closed it: {detail}");
        control.append(&AdminRecord {
            object: Some(&run.name),
            detail: &detail,
            ..AdminRecord::new(own.clock.now(), AdminAction::Recovered)
        })?;
        recovered.push(recovery);
    }
    Ok(recovered)
}

/// Takes the lock of a run whose process has ended. A run without the file is just being made, or holds nothing.
fn take(run: &Path) -> io::Result<Option<File>> {
    let file = match OpenOptions::new().write(true).open(run.join(LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // Somebody who only asks whether the process lives holds the lock for an instant.
    for attempt in 0..4 {
        if attempt > 0 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Whether the process that writes a run lives.
///
/// # Errors
/// When the lock file cannot be looked at.
pub fn living(run: &Path) -> io::Result<bool> {
    let file = match File::open(run.join(LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Whether the last checkpoint closes the run.
fn closed(run: &Path) -> io::Result<bool> {
    let dir = run.join(CHECKPOINTS);
    if !dir.exists() {
        return Ok(false);
    }
    let Some(last) = layout::segments(&dir)?.pop() else { return Ok(false) };
    let line = last_line(&last.path)?;
    Ok(line.as_deref().and_then(super::checkpoint::read).is_some_and(|checkpoint| checkpoint.occasion.closes()))
}

/// How a series ends.
struct End {
    standing: Standing,
    /// Bytes of the last segment that a hash binds.
    bound: u64,
    /// Bytes of whole lines in it. Those after the last hash were being written when the process ended.
    whole: u64,
    torn: u64,
}

fn close(run: &RunDir, own: &Ground, signer: &Signer) -> Result<Recovery, JournalError> {
    let ground = Ground { node: run.node.clone(), run: run.name.clone(), dir: run.path.clone(), ..own.clone() };
    let mut recovery = Recovery { run: run.name.clone(), torn_bytes: 0, unknown: 0, damaged: Vec::new() };
    let mut bound = Vec::new();
    for name in layout::series(&run.path).map_err(JournalError::open(&run.path))? {
        if name != CHECKPOINTS
            && let Some(end) = close_series(&ground, &name, &mut recovery)?
        {
            bound.push(end);
        }
    }
    let mut checkpoints = match resume(&ground, CHECKPOINTS, &mut recovery)? {
        Some((series, _)) => series,
        // The process ended before its first checkpoint, or its checkpoints are damaged: nothing can be signed here. The record
        // of the recovery in the run of this process tells it.
        None => return Ok(recovery),
    };
    keeper::make(&mut checkpoints, own.clock.now(), Occasion::Recovered, &bound, &[], signer)?;
    match std::fs::remove_file(run.path.join(RESERVE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(JournalError::open(run.path.join(RESERVE))(error)),
        _ => Ok(recovery),
    }
}

/// Takes up a series at its end; `None` where it holds nothing or is damaged.
fn resume(ground: &Ground, name: &str, recovery: &mut Recovery) -> Result<Option<(Series, u64)>, JournalError> {
    let dir = ground.dir.join(name);
    let segments = layout::segments(&dir).map_err(JournalError::open(&dir))?;
    let Some(last) = segments.last() else { return Ok(None) };
    let end = match find_end(ground, name, &segments).map_err(JournalError::open(&dir))? {
        Ok(end) => end,
        Err(place) => {
            recovery.damaged.push(place);
            return Ok(None);
        }
    };
    recovery.torn_bytes += end.torn;
    let unsealed = part(&last.path, end.bound..end.whole).map_err(JournalError::open(&last.path))?;
    let series = Series::resume(ground.clone(), name, end.standing, last, end.bound, unsealed)?;
    Ok(Some((series, end.torn)))
}

fn close_series(ground: &Ground, name: &str, recovery: &mut Recovery) -> Result<Option<Bound>, JournalError> {
    let Some((mut series, torn)) = resume(ground, name, recovery)? else { return Ok(None) };
    let dir = ground.dir.join(name);
    let segments = layout::segments(&dir).map_err(JournalError::open(&dir))?;
    let now = ground.clock.now();
    let torn = torn.to_string();
    let record = AdminRecord {
        detail: "the process ended without closing the journal",
        fields: &[("torn_bytes", &torn)],
        ..AdminRecord::new(now, AdminAction::Recovered)
    };
    series.append(&record, false)?;
    let mut failed = Ok(());
    each_open(&segments, &mut |request| {
        let record = OutcomeRecord::new(now, request, Completion::Unknown);
        recovery.unknown += 1;
        if failed.is_ok() {
            failed = series.append(&record, false).map(|_| ());
        }
    })
    .map_err(JournalError::open(&dir))?;
    failed?;
    series.flush()?;
    let at = series.track().sync()?;
    Ok(Some(Bound { name: name.to_owned(), records: at.records, segment: at.segment, head: at.head.to_string() }))
}

/// Some bytes of a file.
fn part(path: &Path, range: Range<u64>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = File::open(path)?;
    file.seek(io::SeekFrom::Start(range.start))?;
    file.take(range.end.saturating_sub(range.start)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Follows the chain of a series to its end. The inner error is the place where it breaks before its last line.
fn find_end(ground: &Ground, name: &str, segments: &[SegmentFile]) -> io::Result<Result<End, String>> {
    let origin = Hash::origin(&ground.node, &ground.run, name);
    let mut end = End { standing: Standing { records: 0, head: origin }, bound: 0, whole: 0, torn: 0 };
    let mut chain = Chain::from(origin);
    let last = segments.len().saturating_sub(1);
    for (at, segment) in segments.iter().enumerate() {
        (end.bound, end.whole) = (0, 0);
        let length = std::fs::metadata(&segment.path)?.len();
        let damaged = |byte: u64| Ok(Err(format!("{} at byte {byte}", segment.path.display())));
        let mut lines = Lines::open(&segment.path, 0)?;
        while let Some((line, begin)) = lines.next_line()? {
            let after = begin + u64::try_from(line.len() + 1).unwrap_or(u64::MAX);
            let step = match chain.follow(line) {
                Ok(step) if is_whole(line) => step,
                // a last line; but one with a hash ended a write that did not break off, so that where it had others they may be amiss
                _ if at == last && after == length && (end.bound == begin || split(line).is_none()) => break,
                Err(Misfit::Hash { .. }) => return damaged(end.bound),
                _ => return damaged(begin),
            };
            if let Some(head) = step.hash {
                end.standing = Standing { records: step.seq, head };
                end.bound = after;
            }
            end.whole = after;
        }
        end.torn = length - end.whole;
        if (at < last && end.torn > 0) || end.whole - end.bound > UNBOUND_BYTES {
            return damaged(end.bound);
        }
    }
    Ok(Ok(end))
}

/// Whether a line looks like one that was written to its end. A power loss may leave zeros where a page was not written.
fn is_whole(line: &[u8]) -> bool {
    line.ends_with(b"}") && memchr::memchr(0, line).is_none()
}

/// Calls `open` for every decision without an outcome.
fn each_open(segments: &[SegmentFile], open: &mut dyn FnMut(RequestId)) -> io::Result<()> {
    let mut parts = vec![(0, 1)];
    while let Some((part, of)) = parts.pop() {
        match open_part(segments, part, of)? {
            Some(requests) => {
                let mut requests: Vec<_> = requests.into_iter().collect();
                requests.sort_unstable();
                requests.into_iter().for_each(&mut *open);
            }
            None => parts.extend([(part + of, of * 2), (part, of * 2)]),
        }
    }
    Ok(())
}

/// The open decisions of one part of all requests; `None` when there are too many at once.
fn open_part(segments: &[SegmentFile], part: usize, parts: usize) -> io::Result<Option<FxHashSet<RequestId>>> {
    let mut requests = FxHashSet::default();
    for segment in segments {
        let mut lines = Lines::open(&segment.path, 0)?;
        while let Some((line, _)) = lines.next_line()? {
            let Some(front) = Front::read(line) else { continue };
            let Some(request) = request_of(line).filter(|_| matches!(front.kind, Kind::Decision | Kind::Outcome))
            else {
                continue;
            };
            let digits = request.to_hex();
            let low = digits.iter().rev().take(4).fold(0, |sum, digit| sum * 16 + usize::from(digit % 16));
            if low % parts != part {
                continue;
            }
            if front.kind == Kind::Outcome {
                requests.remove(&request);
            } else {
                requests.insert(request);
                if requests.len() > OPEN_REQUESTS && parts < 1 << 12 {
                    return Ok(None);
                }
            }
        }
    }
    Ok(Some(requests))
}
