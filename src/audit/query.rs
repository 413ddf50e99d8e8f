//! Finds records over all runs and cores by time and field, each decision with its outcome; memory stays bounded however much is read.

use super::filter::{Entry, Filter, Term, Wanted};
use super::layout::{self, CHECKPOINTS, SegmentFile};
use super::read::{Front, Kind, Lines, LinesBack, request_of, segments_between};
use crate::model::{RequestId, Timestamp};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

/// Records carry the time at which their request began and are written later; neighbours may be out of order by so much.
const SLACK: Duration = Duration::from_secs(600);

/// So many decisions are joined with their outcomes at once.
const CHUNK: usize = 4096;

/// In which order records come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
}

/// A question to the journal.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Which records.
    pub filter: Filter,
    /// Which kinds.
    pub wanted: Wanted,
    /// In which order.
    pub order: Order,
    /// At most so many; `None` for all.
    pub limit: Option<usize>,
}

/// Calls `emit` for each record that `query` asks for, decisions joined with their outcomes, until it breaks.
///
/// # Errors
/// When a file cannot be read.
pub fn query(journal: &Path, query: &Query, emit: &mut dyn FnMut(Entry) -> ControlFlow<()>) -> io::Result<()> {
    let mut search = Search::open(journal, query)?;
    let mut left = query.limit.unwrap_or(usize::MAX);
    let early = !query.filter.needs_outcome();
    while left > 0 {
        let size = if early { left.min(CHUNK) } else { CHUNK };
        let mut chunk = Vec::new();
        while chunk.len() < size {
            let Some(found) = search.next_match(query)? else { break };
            chunk.push(found);
        }
        if chunk.is_empty() {
            return Ok(());
        }
        search.join(&mut chunk)?;
        for found in chunk {
            if left > 0 && (early || query.filter.matches(&found.entry)) {
                left -= 1;
                if emit(found.entry).is_break() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// The decision on a request, with its outcome where there is one: the last, where its answer was held.
///
/// # Errors
/// When a file cannot be read.
pub fn find_request(journal: &Path, request: RequestId) -> io::Result<Option<Entry>> {
    let filter = Filter::new(vec![Term::is("request", &request.to_string())], None, None);
    let question = Query { filter, wanted: Wanted::Decisions, order: Order::Newest, limit: Some(1) };
    let mut found = None;
    query(journal, &question, &mut |entry| {
        found = Some(entry);
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// Requests whose outcome is wanted, with the places of their decisions: two where the answer was held.
type Requests = FxHashMap<RequestId, SmallVec<[usize; 1]>>;

/// A record that was found, and where.
struct Found {
    entry: Entry,
    request: Option<RequestId>,
    cursor: usize,
    segment: usize,
    offset: u64,
}

/// A line that may match.
struct Candidate {
    line: Vec<u8>,
    kind: Kind,
    time: Timestamp,
    segment: usize,
    offset: u64,
}

struct Search {
    order: Order,
    cursors: Vec<Cursor>,
    /// By time: what a cursor gives next, or (not `true`) what it gives at the earliest before it was opened.
    heap: BinaryHeap<(Key, bool, Reverse<usize>)>,
    heads: Vec<Option<Candidate>>,
}

/// Sorts so that what comes first is greatest.
type Key = i64;

impl Search {
    fn open(journal: &Path, query: &Query) -> io::Result<Self> {
        let slack = u64::try_from(SLACK.as_micros()).unwrap_or(u64::MAX);
        let (mut cursors, mut heap) = (Vec::new(), BinaryHeap::new());
        for run in layout::runs(journal)? {
            for name in layout::series(&run.path)?.into_iter().filter(|name| name != CHECKPOINTS) {
                let segments = layout::segments(&run.path.join(name))?;
                let range = segments_between(&segments, query.filter.since(), query.filter.until(), slack);
                if range.is_empty() {
                    continue;
                }
                let cursor = Cursor { run: run.name.clone(), segments, left: range, reader: Reader::None };
                // Only the series whose turn has come are opened, so that a thousand runs do not take a thousand descriptors.
                heap.push((cursor.bound(query.order)?, false, Reverse(cursors.len())));
                cursors.push(cursor);
            }
        }
        let heads = cursors.iter().map(|_| None).collect();
        Ok(Self { order: query.order, cursors, heap, heads })
    }

    /// The next record that fulfils all conditions that need no outcome.
    fn next_match(&mut self, query: &Query) -> io::Result<Option<Found>> {
        while let Some((_, opened, Reverse(at))) = self.heap.pop() {
            let candidate = if opened { self.heads.get_mut(at).and_then(Option::take) } else { None };
            let Some(cursor) = self.cursors.get_mut(at) else { continue };
            if let Some(next) = cursor.next_candidate(query)? {
                self.heap.push((key(self.order, next.time), true, Reverse(at)));
                if let Some(head) = self.heads.get_mut(at) {
                    *head = Some(next);
                }
            }
            let Some(candidate) = candidate else { continue };
            let Some(entry) = Entry::read(&candidate.line, &cursor.run) else { continue };
            if query.filter.matches_decision(&entry) {
                let request = (candidate.kind == Kind::Decision).then(|| request_of(&candidate.line)).flatten();
                let (segment, offset) = (candidate.segment, candidate.offset);
                return Ok(Some(Found { entry, request, cursor: at, segment, offset }));
            }
        }
        Ok(None)
    }

    /// Adds the outcomes to the decisions of a chunk, with one reading of each series from its first decision on.
    fn join(&self, chunk: &mut [Found]) -> io::Result<()> {
        let mut wanted: FxHashMap<usize, Requests> = FxHashMap::default();
        let mut begin: FxHashMap<usize, (usize, u64)> = FxHashMap::default();
        for (at, found) in chunk.iter().enumerate() {
            if let Some(request) = found.request {
                wanted.entry(found.cursor).or_default().entry(request).or_default().push(at);
                let place = (found.segment, found.offset);
                begin.entry(found.cursor).and_modify(|first| *first = place.min(*first)).or_insert(place);
            }
        }
        for (at, mut requests) in wanted {
            let (Some(cursor), Some(&(first, offset))) = (self.cursors.get(at), begin.get(&at)) else { continue };
            cursor.outcomes(first, offset, &mut requests, &mut |at, outcome| {
                if let Some(found) = chunk.get_mut(at) {
                    found.entry.join(outcome);
                }
            })?;
        }
        Ok(())
    }
}

fn key(order: Order, time: Timestamp) -> Key {
    match order {
        Order::Newest => time.as_micros(),
        Order::Oldest => time.as_micros().saturating_neg(),
    }
}

/// A place in one series.
struct Cursor {
    run: String,
    segments: Vec<SegmentFile>,
    /// The segments that are still to be read.
    left: std::ops::Range<usize>,
    reader: Reader,
}

enum Reader {
    None,
    Forward(usize, Lines),
    Backward(usize, LinesBack),
}

impl Cursor {
    /// What its records sort behind, or with, judged from outside.
    fn bound(&self, order: Order) -> io::Result<Key> {
        let slack = i64::try_from(SLACK.as_micros()).unwrap_or(i64::MAX);
        let time = match order {
            Order::Oldest => self
                .segments
                .get(self.left.start)
                .map_or(i64::MIN, |first| first.begun.as_micros().saturating_sub(slack)),
            Order::Newest => match self.segments.get(self.left.end.saturating_sub(1)) {
                None => i64::MAX,
                Some(last) => {
                    let changed = std::fs::metadata(&last.path)?.modified()?;
                    let since = changed.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
                    let changed = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
                    changed.max(last.begun.as_micros()).saturating_add(slack)
                }
            },
        };
        Ok(key(order, Timestamp::from_micros(time)))
    }

    fn next_candidate(&mut self, query: &Query) -> io::Result<Option<Candidate>> {
        loop {
            let (segment, line, offset) = match &mut self.reader {
                Reader::None => {
                    let next = match query.order {
                        Order::Oldest => self.left.next(),
                        Order::Newest => self.left.next_back(),
                    };
                    let Some((at, segment)) = next.and_then(|at| Some((at, self.segments.get(at)?))) else {
                        return Ok(None);
                    };
                    self.reader = match query.order {
                        Order::Oldest => Reader::Forward(at, Lines::open(&segment.path, 0)?),
                        Order::Newest => Reader::Backward(at, LinesBack::open(&segment.path)?),
                    };
                    continue;
                }
                Reader::Forward(at, lines) => match lines.next_line()? {
                    Some((line, offset)) if wanted(line, query) => (*at, line.to_vec(), offset),
                    Some(_) => continue,
                    None => {
                        self.reader = Reader::None;
                        continue;
                    }
                },
                Reader::Backward(at, lines) => match lines.previous_line()? {
                    Some((line, offset)) if wanted(&line, query) => (*at, line, offset),
                    Some(_) => continue,
                    None => {
                        self.reader = Reader::None;
                        continue;
                    }
                },
            };
            let Some((kind, time)) = Front::read(&line).and_then(|front| Some((front.kind, front.timestamp()?))) else {
                continue;
            };
            let beyond = match query.order {
                Order::Newest => query.filter.since().is_some_and(|since| time.after(SLACK) < since),
                Order::Oldest => query.filter.until().is_some_and(|until| time > until.after(SLACK)),
            };
            if beyond {
                self.left = 0..0;
                self.reader = Reader::None;
                return Ok(None);
            }
            if query.filter.may_match(&line, time) {
                return Ok(Some(Candidate { line, kind, time, segment, offset }));
            }
        }
    }

    /// Finds the outcomes of `requests` from a place on, until all are found or the series ends.
    fn outcomes(
        &self,
        first: usize,
        offset: u64,
        requests: &mut Requests,
        found: &mut dyn FnMut(usize, Entry),
    ) -> io::Result<()> {
        for (at, segment) in self.segments.iter().enumerate().skip(first) {
            let mut lines = Lines::open(&segment.path, if at == first { offset } else { 0 })?;
            while let Some((line, _)) = lines.next_line()? {
                if Front::read(line).is_none_or(|front| front.kind != Kind::Outcome) {
                    continue;
                }
                let Some(places) = request_of(line).and_then(|request| requests.remove(&request)) else { continue };
                if let Some(entry) = Entry::read(line, &self.run) {
                    places.into_iter().for_each(|place| found(place, entry.clone()));
                }
                if requests.is_empty() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Whether a line is of a kind that is asked for.
fn wanted(line: &[u8], query: &Query) -> bool {
    Front::read(line).is_some_and(|front| query.wanted.holds(front.kind))
}
