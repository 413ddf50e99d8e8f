//! Shows the newest lines of the journal and those that come, over new segments, cores and processes; changes nothing.

use super::filter::{Entry, Filter};
use super::layout::{self, CHECKPOINTS};
use super::read::{Front, Kind, Lines, LinesBack};
use crate::model::Timestamp;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// So many lines of a series are taken before they are given out in the order of their times.
const BATCH: usize = 1000;

/// Follows a journal. Decisions, outcomes and administration come as they are written, not joined.
pub struct Tail {
    journal: PathBuf,
    filter: Filter,
    /// By the directory of the series.
    places: BTreeMap<PathBuf, Place>,
}

/// How far a series has been read.
struct Place {
    run: String,
    /// The segment that is read, and where it goes on.
    segment: u64,
    offset: u64,
}

impl Tail {
    /// Begins at the end of the journal; gives the newest `count` lines that match, oldest first.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn open(journal: &Path, filter: Filter, count: usize) -> io::Result<(Self, Vec<Entry>)> {
        let mut tail = Self { journal: journal.to_owned(), filter, places: BTreeMap::new() };
        let mut newest = Vec::new();
        for (run, dir) in tail.series()?.into_iter().rev() {
            let place = tail.end(&run, &dir, count, &mut newest)?;
            tail.places.insert(dir, place);
            newest.sort_by_key(|(time, _)| *time);
            newest.drain(..newest.len().saturating_sub(count));
        }
        Ok((tail, newest.into_iter().map(|(_, entry)| entry).collect()))
    }

    /// Gives what was written since, in the order of time as far as it was written meanwhile.
    ///
    /// # Errors
    /// When a file cannot be read, or `emit` fails.
    pub fn poll(&mut self, emit: &mut dyn FnMut(Entry) -> io::Result<()>) -> io::Result<()> {
        loop {
            let mut batch = Vec::new();
            for (run, dir) in self.series()? {
                let place = self.places.entry(dir.clone()).or_insert(Place { run, segment: 0, offset: 0 });
                place.read(&dir, &self.filter, &mut batch)?;
            }
            if batch.is_empty() {
                return Ok(());
            }
            batch.sort_by_key(|(time, _)| *time);
            batch.into_iter().try_for_each(|(_, entry)| emit(entry))?;
        }
    }

    /// All series with their runs, by node and start.
    fn series(&self) -> io::Result<Vec<(String, PathBuf)>> {
        let mut all = Vec::new();
        for run in layout::runs(&self.journal)? {
            for name in layout::series(&run.path)?.into_iter().filter(|name| name != CHECKPOINTS) {
                all.push((run.name.clone(), run.path.join(name)));
            }
        }
        Ok(all)
    }

    /// Finds the end of a series and its newest lines.
    fn end(&self, run: &str, dir: &Path, count: usize, newest: &mut Vec<(Timestamp, Entry)>) -> io::Result<Place> {
        let mut end = None;
        let mut found = 0;
        for segment in layout::segments(dir)?.iter().rev() {
            let mut lines = LinesBack::open(&segment.path)?;
            let mut first = true;
            while let Some((line, offset)) = lines.previous_line()? {
                if std::mem::take(&mut first) && end.is_none() {
                    let after = offset + u64::try_from(line.len() + 1).unwrap_or(0);
                    end = Some(Place { run: run.to_owned(), segment: segment.index, offset: after });
                }
                // What is older than the newest lines of the other series cannot come among them.
                let full =
                    newest.len() >= count && newest.first().is_some_and(|(oldest, _)| time_of(&line) < Some(*oldest));
                if found >= count || full {
                    break;
                }
                if let Some(entry) = shown(&line, run, &self.filter) {
                    newest.push(entry);
                    found += 1;
                }
            }
            if end.is_some() && (found >= count || count == 0 || self.past(segment.begun, newest, count)) {
                break;
            }
        }
        Ok(end.unwrap_or(Place { run: run.to_owned(), segment: 0, offset: 0 }))
    }

    fn past(&self, begun: Timestamp, newest: &[(Timestamp, Entry)], count: usize) -> bool {
        self.filter.since().is_some_and(|since| begun < since)
            || (newest.len() >= count && newest.first().is_some_and(|(oldest, _)| begun < *oldest))
    }
}

impl Place {
    fn read(&mut self, dir: &Path, filter: &Filter, batch: &mut Vec<(Timestamp, Entry)>) -> io::Result<()> {
        let mut taken = 0;
        for segment in layout::segments(dir)? {
            if segment.index < self.segment {
                continue;
            }
            if segment.index > self.segment {
                (self.segment, self.offset) = (segment.index, 0);
            }
            if std::fs::metadata(&segment.path)?.len() <= self.offset {
                continue;
            }
            let mut lines = Lines::open(&segment.path, self.offset)?;
            while taken < BATCH
                && let Some((line, _)) = lines.next_line()?
            {
                if let Some(entry) = shown(line, &self.run, filter) {
                    batch.push(entry);
                    taken += 1;
                }
            }
            self.offset = lines.offset();
            if taken >= BATCH {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn time_of(line: &[u8]) -> Option<Timestamp> {
    Front::read(line)?.timestamp()
}

fn shown(line: &[u8], run: &str, filter: &Filter) -> Option<(Timestamp, Entry)> {
    let front = Front::read(line)?;
    let time = front.timestamp()?;
    if matches!(front.kind, Kind::Segment | Kind::Checkpoint) || !filter.may_match(line, time) {
        return None;
    }
    let entry = Entry::read(line, run)?;
    filter.matches(&entry).then_some((time, entry))
}
