//! One series: lines appended to a buffer, chained, written in whole buffers, spread over segments. Knows no task and no runtime.

use super::admin::{AdminAction, AdminRecord};
use super::chain::{self, Hash};
use super::layout::segment_name;
use super::line::Line;
use super::medium::Medium;
use super::record::Entry;
use super::segment::{Segment, SegmentHead};
use super::settings::{JournalError, JournalSettings, full};
use super::space::{Room, Space};
use super::track::{Published, Track};
use crate::model::{Clock, Timestamp};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What every series of a run shares.
#[derive(Clone)]
pub(super) struct Ground {
    pub node: String,
    pub run: String,
    pub dir: PathBuf,
    pub settings: Arc<JournalSettings>,
    pub medium: Arc<dyn Medium>,
    pub clock: Arc<dyn Clock>,
    pub space: Arc<Space>,
}

/// Where a series that is taken up again stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub records: u64,
    pub head: Hash,
}

pub(super) struct Series {
    ground: Ground,
    dir: PathBuf,
    /// `,"node":…,"core":…`, the same in every line.
    origin: Vec<u8>,
    line: Line,
    /// Whole lines that are not written, but for the first `sent` bytes; from the byte `unsealed` on none has a hash yet.
    pending: Vec<u8>,
    sent: usize,
    unsealed: usize,
    /// The last hash.
    head: Hash,
    appended: u64,
    written: Published,
    segment: Segment,
    /// The last write failed: the file is looked at before it is written again.
    suspect: bool,
    /// Every record up to the number was told this error.
    failure: Option<(u64, JournalError)>,
    /// When a segment was given up last because its sync had failed.
    given_up: Option<Timestamp>,
    /// Records refused because no more could be held, since when.
    unrecorded: Option<(u64, Timestamp)>,
    latest: Timestamp,
    track: Arc<Track>,
}

/// How long a segment lasts at least that was begun because the sync of the one before it had failed.
const GIVE_UP_EVERY: Duration = Duration::from_secs(1);

impl Series {
    /// Begins a series: its directory and first segment, whose head is written.
    pub(super) fn begin(ground: Ground, name: &str) -> Result<Self, JournalError> {
        let dir = ground.dir.join(name);
        super::medium::create_dir(&dir).map_err(JournalError::open(&dir))?;
        let now = ground.clock.now();
        let path = dir.join(segment_name(1, now));
        let file = ground.medium.create(&path).map_err(JournalError::open(&path))?;
        let standing = Standing { records: 0, head: Hash::origin(&ground.node, &ground.run, name) };
        let mut series = Self::assemble(ground, name, standing, 1, Segment { file, bytes: 0, begun: now });
        series.append_head(now, 1, None);
        series.flush()?;
        Ok(series)
    }

    /// Takes up a series of an ended process at its last segment, of which `bytes` bytes are bound by a hash, and the whole lines
    /// `unsealed` after them by none. These are bound with what is written next.
    pub(super) fn resume(
        ground: Ground,
        name: &str,
        standing: Standing,
        last: &super::layout::SegmentFile,
        bytes: u64,
        unsealed: Vec<u8>,
    ) -> Result<Self, JournalError> {
        let file = ground.medium.open(&last.path).map_err(JournalError::open(&last.path))?;
        let whole = bytes.saturating_add(u64::try_from(unsealed.len()).unwrap_or(u64::MAX));
        // also where it is as long already: a process that was killed leaves room behind that it kept ahead
        file.cut(whole).map_err(JournalError::open(&last.path))?;
        let segment = Segment { file, bytes, begun: last.begun };
        let mut series = Self::assemble(ground, name, standing, last.index, segment);
        series.appended += lines(&unsealed);
        series.sent = unsealed.len();
        series.pending = unsealed;
        if whole == 0 {
            series.append_head(last.begun, last.index, None);
        }
        Ok(series)
    }

    fn assemble(ground: Ground, name: &str, standing: Standing, index: u64, segment: Segment) -> Self {
        let mut line = Line::new(ground.settings.target_bytes);
        line.text(",\"node\":", &ground.node);
        line.text(",\"core\":", name);
        let origin = line.bytes().to_vec();
        let dir = ground.dir.join(name);
        let written =
            Published { records: standing.records, head: standing.head, segment: index, length: segment.bytes };
        let track = Arc::new(Track::new(name.to_owned(), dir.clone(), Arc::clone(&ground.medium), written));
        track.begin(Arc::clone(&segment.file), index, standing.records);
        Self {
            dir,
            origin,
            line,
            pending: Vec::with_capacity(ground.settings.buffer_bytes),
            sent: 0,
            unsealed: 0,
            head: standing.head,
            appended: standing.records,
            written,
            latest: segment.begun,
            segment,
            suspect: false,
            failure: None,
            given_up: None,
            unrecorded: None,
            track,
            ground,
        }
    }

    pub(super) fn track(&self) -> &Arc<Track> {
        &self.track
    }

    pub(super) fn run(&self) -> &str {
        &self.ground.run
    }

    /// The time by which segments are begun.
    pub(super) fn now(&self) -> Timestamp {
        self.ground.clock.now()
    }

    /// Bytes that wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.pending.len() - self.sent
    }

    /// Appends a record to the buffer; gives its number.
    pub(super) fn append(&mut self, entry: &impl Entry, strict: bool) -> Result<u64, JournalError> {
        if strict && self.ground.space.room() != Room::Ample {
            return Err(JournalError::Full);
        }
        if self.pending.len() >= self.ground.settings.held_bytes {
            // Whoever comes while nothing more can be held tries the disk, so that refusing ends when the disk takes bytes again.
            if let Err(error) = self.flush() {
                let since = self.unrecorded.map_or(entry.time(), |(_, since)| since);
                self.unrecorded = Some((self.unrecorded.map_or(1, |(count, _)| count + 1), since));
                self.track.counters.unrecorded.add(1);
                return Err(error);
            }
        }
        if self.track.is_damaged() {
            // A failure is counted and shown by the track; the record goes where the series is then.
            let _ = self.flush();
        }
        if self.pending.is_empty() && self.full(entry.time()) {
            self.rotate();
        }
        Ok(self.push(entry, strict))
    }

    fn push<E: Entry>(&mut self, entry: &E, strict: bool) -> u64 {
        let number = self.appended + 1;
        let line = &mut self.line;
        line.restart(self.head.as_bytes());
        line.plain("{\"kind\":\"", E::KIND);
        line.number("\",\"seq\":", number);
        line.raw(b",\"time\":");
        line.time(entry.time());
        line.raw(&self.origin);
        if strict {
            line.raw(b",\"strict\":true");
        }
        entry.members(line);
        self.pending.extend_from_slice(line.bytes().get(self.head.as_bytes().len()..).unwrap_or_default());
        chain::close(&mut self.pending);
        self.appended = number;
        self.latest = entry.time();
        let counters = &self.track.counters;
        let counter = match E::KIND {
            "decision" => &counters.decisions,
            "outcome" => &counters.outcomes,
            _ => &counters.others,
        };
        counter.add(1);
        self.count_queue();
        number
    }

    fn append_head(&mut self, time: Timestamp, index: u64, doubtful_from: Option<u64>) {
        let run = std::mem::take(&mut self.ground.run);
        self.push(&SegmentHead { time, run: &run, index, doubtful_from }, false);
        self.ground.run = run;
        // what is signed next is bound to the hash before it
        self.seal();
    }

    /// Binds the lines that have no hash yet by one.
    fn seal(&mut self) {
        if self.pending.len() > self.unsealed {
            self.head = chain::seal(self.head, &mut self.pending, self.unsealed);
            self.unsealed = self.pending.len();
        }
    }

    fn count_queue(&self) {
        self.track.counters.queue_bytes.set(u64::try_from(self.waiting()).unwrap_or(u64::MAX));
    }

    /// Whether the last write failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failure.is_some()
    }

    /// Makes sure that the write of record `number` has returned, with one write for all that wait.
    pub(super) fn settle(&mut self, number: u64) -> Result<(), JournalError> {
        if self.written.records >= number {
            return Ok(());
        }
        // One failing write tells all whose records it held; only newer records try again.
        if let Some((through, error)) = &self.failure
            && *through >= number
        {
            return Err(error.clone());
        }
        self.flush()
    }

    /// Writes all that waits, and gives up a segment whose sync has failed.
    pub(super) fn flush(&mut self) -> Result<(), JournalError> {
        if self.track.is_damaged() {
            self.give_up()?;
        }
        if self.waiting() == 0 {
            return Ok(());
        }
        self.write_pending()?;
        if let Some((count, since)) = self.unrecorded.take() {
            let (count, since) = (count.to_string(), since.to_string());
            let fields = [("records", count.as_str()), ("since", since.as_str())];
            let detail = "records were refused and could not be held because the disk took no bytes";
            let record =
                AdminRecord { detail, fields: &fields, ..AdminRecord::new(self.latest, AdminAction::Unrecorded) };
            self.push(&record, false);
            self.write_pending()?;
        }
        Ok(())
    }

    /// Whether the present segment is full or old. Judged before a record is appended, so that no segment is begun for nothing.
    fn full(&self, now: Timestamp) -> bool {
        let settings = &self.ground.settings;
        self.segment.bytes >= settings.segment_bytes
            || u128::from(now.micros_since(self.segment.begun)) >= settings.segment_age.as_micros()
    }

    /// Begins a new segment in place of one whose sync has failed. What waits still goes into the old one, since it follows there.
    fn give_up(&mut self) -> Result<(), JournalError> {
        let now = self.ground.clock.now();
        if self.given_up.is_some_and(|last| now < last.after(GIVE_UP_EVERY)) {
            // A disk that takes nothing costs one segment a second; strict records are refused meanwhile.
            return Ok(());
        }
        self.given_up = Some(now);
        if self.waiting() > 0 {
            self.write_pending()?;
        }
        self.rotate();
        Ok(())
    }

    fn rotate(&mut self) {
        debug_assert!(self.pending.is_empty(), "a segment ends with a hash");
        let now = self.ground.clock.now();
        let doubtful_from = self.track.damage().map(|damage| damage.from);
        let index = self.written.segment + 1;
        match self.ground.medium.create(&self.dir.join(segment_name(index, now))) {
            Ok(file) => {
                self.track.begin(Arc::clone(&file), index, self.written.records);
                self.segment = Segment { file, bytes: 0, begun: now };
                self.written.segment = index;
                self.append_head(now, index, doubtful_from);
            }
            Err(error) => {
                // The present segment goes on; with the next record it is tried again.
                tracing::error!(%error, series = self.track.name, "no new segment of the journal can be begun");
                self.track.counters.segment_errors.add(1);
            }
        }
    }

    fn write_pending(&mut self) -> Result<(), JournalError> {
        self.seal();
        if self.suspect {
            self.repair()?;
        }
        while let Some(rest) = self.pending.get(self.sent..)
            && !rest.is_empty()
        {
            self.track.counters.writes.add(1);
            match self.segment.file.write(rest) {
                Ok(0) => return Err(self.failed(io::ErrorKind::WriteZero.into())),
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if full(&error) && self.ground.space.spend() => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        self.took();
        if self.failure.take().is_some() {
            self.ground.space.writable();
            tracing::info!(series = self.track.name, "the journal is written again");
        }
        Ok(())
    }

    /// All of the buffer is in the file.
    fn took(&mut self) {
        let bytes = u64::try_from(self.pending.len()).unwrap_or(u64::MAX);
        self.pending.clear();
        (self.sent, self.unsealed) = (0, 0);
        self.segment.bytes = self.segment.bytes.saturating_add(bytes);
        let Published { segment, .. } = self.written;
        self.written = Published { records: self.appended, head: self.head, segment, length: self.segment.bytes };
        self.track.publish(self.written, self.latest.as_micros());
        self.track.counters.bytes.add(bytes);
        self.count_queue();
    }

    /// A write failed: nothing that the buffer holds counts as written until all of it is.
    fn failed(&mut self, error: io::Error) -> JournalError {
        self.suspect = true;
        self.track.counters.write_errors.add(1);
        if self.failure.is_none() {
            tracing::error!(%error, series = self.track.name, "the journal cannot be written");
        }
        let error = JournalError::write(error);
        self.failure = Some((self.appended, error.clone()));
        error
    }

    /// Makes the file hold exactly what it is known to have taken before it is written again.
    ///
    /// INVARIANT: the chain is never torn by a failed write: the buffer goes on at the byte where the file ends.
    fn repair(&mut self) -> Result<(), JournalError> {
        let known = self.segment.bytes;
        let expected = known.saturating_add(u64::try_from(self.sent).unwrap_or(u64::MAX));
        let repaired = match self.segment.file.length() {
            Ok(length) if length == expected => Ok(()),
            // it failed and took some bytes all the same
            Ok(length) if length > expected => self.segment.file.cut(expected),
            Ok(length) if length >= known => self.segment.file.cut(known).map(|()| self.sent = 0),
            Ok(_) => Err(io::Error::other("the segment was cut by somebody else")),
            Err(error) => Err(error),
        };
        match repaired {
            Ok(()) => {
                self.suspect = false;
                Ok(())
            }
            Err(error) => Err(self.failed(error)),
        }
    }
}

/// How many lines end in `text`.
fn lines(text: &[u8]) -> u64 {
    u64::try_from(memchr::memchr_iter(b'\n', text).count()).unwrap_or(u64::MAX)
}

impl Drop for Series {
    fn drop(&mut self) {
        if let Err(error) = self.flush() {
            tracing::error!(%error, series = self.track.name, bytes = self.waiting(), "records of the journal were lost at the end");
        }
        if !self.suspect {
            self.track.end(self.segment.bytes.saturating_add(u64::try_from(self.sent).unwrap_or(u64::MAX)));
        }
    }
}
