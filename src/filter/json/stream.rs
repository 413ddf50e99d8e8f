//! A JSON document on its way: what no rule names passes token by token, a row is held until it is judged, a masked value is let go of.

use super::pointer::{States, Step};
use super::row::{MOST_MASKED, Row, Values, named, write_shown};
use super::scan::{Listen, Part, Scanner};
use super::{Meaning, RawTotal, Shared, text};
use crate::filter::chain::Transform;
use crate::filter::error::FilterError;
use crate::filter::judge::Terms;
use crate::filter::mask::{Form, Shown};
use std::sync::Arc;

/// One answer.
pub struct JsonStage {
    scanner: Scanner,
    filter: Stream,
    mark: usize,
}

impl JsonStage {
    pub(in crate::filter) fn new(json: &Shared, terms: Terms) -> Self {
        Self { scanner: Scanner::new(terms.bounds), filter: Stream::new(json, terms), mark: 0 }
    }
}

const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

impl Transform for JsonStage {
    fn push(&mut self, mut chunk: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError> {
        // a byte order mark is no part of the text (RFC 8259 section 8.1), and goes
        while self.mark < MARK.len()
            && let Some((first, rest)) = chunk.split_first()
            && MARK.get(self.mark) == Some(first)
        {
            self.mark += 1;
            chunk = rest;
        }
        if !chunk.is_empty() {
            self.mark = MARK.len();
        }
        self.scanner.push(chunk, &mut self.filter, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), FilterError> {
        self.scanner.finish(&mut self.filter, out)?;
        self.filter.finish()
    }
}

/// The most totals that are written again at the end of an object.
const MOST_TOTALS: usize = 64;

/// An object or list that passes.
struct Frame {
    object: bool,
    states: States,
    /// The area whose rows its members are.
    rows: Option<usize>,
    /// Nothing was written into it yet.
    fresh: bool,
    /// The next element of a list.
    next: usize,
    /// Totals to be written at its end: area, name with its quotes, whether it is a text.
    totals: Vec<(usize, Vec<u8>, bool)>,
    /// How many rows of each area were kept, and how many lists of it had ended, when it began.
    before: Vec<(u64, u64)>,
}

/// What is done with the value that is being read.
enum Mode {
    Pass,
    /// It is held until it is whole, then judged as a row, or masked.
    Hold(Held),
    /// It goes; the total that stood there is noted once it is known whether it was a text.
    Drop(Option<(usize, RawTotal)>),
}

enum Held {
    Row(usize),
    Masked(Form),
}

struct Stream {
    json: Shared,
    terms: Terms,
    frames: Vec<Frame>,
    /// The name of the member whose value comes next, with its quotes.
    name: Vec<u8>,
    /// What of the patterns is left at the value that comes next.
    states: States,
    mode: Mode,
    /// How deep within the value that is held or dropped.
    depth: usize,
    held: Vec<u8>,
    /// Of each area: rows kept, lists ended, whether what must be found was.
    counts: Vec<(u64, u64, bool)>,
}

/// The kind of a value, told by its first byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Object,
    List,
    Text,
    Atom,
}

impl Stream {
    fn new(json: &Shared, terms: Terms) -> Self {
        let states = json.patterns.begin();
        let mut stream = Self {
            json: Arc::clone(json),
            terms,
            frames: Vec::new(),
            name: Vec::new(),
            states,
            mode: Mode::Pass,
            depth: 0,
            held: Vec::new(),
            counts: json.areas.iter().map(|area| (0, 0, area.must.is_none())).collect(),
        };
        stream.find();
        stream
    }

    fn finish(&self) -> Result<(), FilterError> {
        if self.counts.iter().all(|(_, _, found)| *found) {
            return Ok(());
        }
        Err(FilterError::Missing("list of rows"))
    }

    /// Notes the areas that were found as far as they must be.
    fn find(&mut self) {
        for (area, count) in self.json.areas.iter().zip(&mut self.counts) {
            if let Some((number, literal)) = area.must {
                count.2 |= self.states.iter().any(|&(own, passed)| own == number && passed >= literal);
            }
        }
    }

    /// A value begins: decides what is done with it. True where it passes.
    fn begin(&mut self, kind: Kind, raw: &[u8]) -> Result<bool, FilterError> {
        if let Some(frame) = self.frames.last_mut()
            && !frame.object
        {
            let at = frame.next;
            frame.next += 1;
            self.states = if frame.states.is_empty() {
                States::new()
            } else {
                self.json.patterns.advance(&frame.states, Step::Element(at))
            };
        }
        if let Some(area) = self.frames.last().and_then(|frame| frame.rows) {
            self.mode = Mode::Hold(Held::Row(area));
            return Ok(false);
        }
        if self.states.is_empty() {
            return Ok(true);
        }
        self.find();
        let json = Arc::clone(&self.json);
        for number in json.patterns.ended(&self.states) {
            match json.meaning(number) {
                Some(Meaning::Mask(mask)) => {
                    let Some(mask) = json.masks.get(*mask) else { continue };
                    if mask.unless.is_some_and(|grant| self.terms.judge.shows(grant, &[])) {
                        continue;
                    }
                    self.terms.tally.mask();
                    // what the form does not look at need not be held
                    self.mode = if mask.form == Form::Remove {
                        Mode::Drop(None)
                    } else {
                        Mode::Hold(Held::Masked(mask.form.clone()))
                    };
                    return Ok(false);
                }
                Some(Meaning::Total(area, form)) if !json.keeps_all(*area, &self.terms) => {
                    self.mode = Mode::Drop(Some((*area, *form)));
                    return Ok(false);
                }
                _ => {}
            }
        }
        if json.area(&self.states).is_some() && !(matches!(kind, Kind::Object | Kind::List) || raw == b"null") {
            return Err(FilterError::Missing("list of rows in the place"));
        }
        Ok(true)
    }

    /// Writes what stands before a value: a comma, and its name in an object.
    fn before(frames: &mut [Frame], name: &[u8], out: &mut Vec<u8>) {
        let Some(frame) = frames.last_mut() else { return };
        if !std::mem::take(&mut frame.fresh) {
            out.push(b',');
        }
        if frame.object {
            out.extend_from_slice(name);
            out.push(b':');
        }
    }

    fn hold(&mut self, raw: &[u8]) -> Result<(), FilterError> {
        match &self.mode {
            Mode::Pass | Mode::Drop(_) => return Ok(()),
            // a masked object or list, or a long text, shows nothing of itself
            Mode::Hold(Held::Masked(_)) if self.depth > 0 || self.held.len() + raw.len() > MOST_MASKED => {
                self.held.clear();
                self.held.resize(MOST_MASKED + 1, b'{');
                return Ok(());
            }
            Mode::Hold(_) => {}
        }
        if self.held.len().saturating_add(raw.len()) > self.terms.bounds.row {
            return Err(FilterError::TooLong(self.terms.bounds.row));
        }
        self.held.extend_from_slice(raw);
        Ok(())
    }

    /// The value that was held or dropped is whole. `text` says whether it was a text.
    fn settle(&mut self, text: bool, out: &mut Vec<u8>) -> Result<(), FilterError> {
        let held = std::mem::take(&mut self.held);
        let object = self.frames.last().is_some_and(|frame| frame.object);
        let top = self.frames.is_empty();
        match std::mem::replace(&mut self.mode, Mode::Pass) {
            Mode::Pass => {}
            Mode::Hold(Held::Row(area)) => {
                let Self { json, terms, frames, name, states, counts, .. } = self;
                let before = |out: &mut Vec<u8>| Self::before(frames, name, out);
                let kept = Row::settle(json, terms, area, &held, states, &Values::new(), before, out)?;
                if let Some(count) = counts.get_mut(area) {
                    count.0 += u64::from(kept);
                }
            }
            Mode::Hold(Held::Masked(form)) => {
                let value = match held.first() {
                    Some(b'"') => text::decode(&held),
                    Some(b'-' | b'0'..=b'9') => std::str::from_utf8(&held).ok().map(Into::into),
                    _ => None,
                };
                let shown = form.show(value.as_deref());
                drop(value);
                write_shown(&shown, object, |out| Self::before(&mut self.frames, &self.name, out), out);
            }
            Mode::Drop(None) => {
                write_shown(
                    &Shown::Removed,
                    object && !top,
                    |out| Self::before(&mut self.frames, &self.name, out),
                    out,
                );
            }
            Mode::Drop(Some((area, form))) => match (self.frames.last_mut(), form) {
                // of totals that stand again and again one is as good as many
                (Some(frame), RawTotal::Count) if frame.object && frame.totals.len() >= MOST_TOTALS => {}
                (Some(frame), RawTotal::Count) if frame.object => {
                    frame.totals.push((area, std::mem::take(&mut self.name), text));
                }
                _ => {
                    let before = |out: &mut Vec<u8>| Self::before(&mut self.frames, &self.name, out);
                    write_shown(&Shown::Removed, object && !top, before, out);
                }
            },
        }
        self.held = held;
        self.held.clear();
        Ok(())
    }

    /// Writes the totals of an object that ends, as far as their rows are all known.
    fn total(&mut self, frame: &mut Frame, out: &mut Vec<u8>) {
        for (area, name, text) in std::mem::take(&mut frame.totals) {
            let Some(&(kept, lists, _)) = self.counts.get(area) else { continue };
            let (kept_before, lists_before) = frame.before.get(area).copied().unwrap_or_default();
            let count = match (lists > lists_before, lists > 0) {
                (true, _) => kept - kept_before,
                (false, true) => kept,
                (false, false) => continue,
            };
            if !std::mem::take(&mut frame.fresh) {
                out.push(b',');
            }
            out.extend_from_slice(&name);
            out.extend_from_slice(if text { b":\"" } else { b":" });
            out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
            out.extend_from_slice(if text { b"\"" } else { b"" });
        }
    }
}

impl Listen for Stream {
    fn open(&mut self, object: bool, out: &mut Vec<u8>) -> Result<(), FilterError> {
        let sign: &[u8] = if object { b"{" } else { b"[" };
        if matches!(self.mode, Mode::Pass) && self.begin(if object { Kind::Object } else { Kind::List }, sign)? {
            Self::before(&mut self.frames, &self.name, out);
            out.extend_from_slice(sign);
            let rows = self.json.area(&self.states);
            let before = self.counts.iter().map(|(kept, lists, _)| (*kept, *lists)).collect();
            let states = std::mem::take(&mut self.states);
            self.frames.push(Frame { object, states, rows, fresh: true, next: 0, totals: Vec::new(), before });
            return Ok(());
        }
        self.depth += 1;
        self.hold(sign)
    }

    fn close(&mut self, object: bool, out: &mut Vec<u8>) -> Result<(), FilterError> {
        let sign: &[u8] = if object { b"}" } else { b"]" };
        if matches!(self.mode, Mode::Pass) {
            if let Some(mut frame) = self.frames.pop() {
                self.total(&mut frame, out);
                if let Some(count) = frame.rows.and_then(|area| self.counts.get_mut(area)) {
                    count.1 += 1;
                }
            }
            out.extend_from_slice(sign);
            return Ok(());
        }
        self.hold(sign)?;
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 0 { self.settle(false, out) } else { Ok(()) }
    }

    fn name(&mut self, raw: &[u8], _: &mut Vec<u8>) -> Result<(), FilterError> {
        if !matches!(self.mode, Mode::Pass) {
            return self.hold(raw);
        }
        self.name.clear();
        self.name.extend_from_slice(raw);
        self.states = match self.frames.last() {
            Some(frame) if !frame.states.is_empty() => {
                self.json.patterns.advance(&frame.states, Step::Member(&named(raw)?))
            }
            _ => States::new(),
        };
        Ok(())
    }

    fn text(&mut self, raw: &[u8], part: Part, out: &mut Vec<u8>) -> Result<(), FilterError> {
        if matches!(self.mode, Mode::Pass) && (!part.first || self.begin(Kind::Text, raw)?) {
            if part.first {
                Self::before(&mut self.frames, &self.name, out);
            }
            out.extend_from_slice(raw);
            return Ok(());
        }
        self.hold(raw)?;
        if part.last && self.depth == 0 { self.settle(true, out) } else { Ok(()) }
    }

    fn atom(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError> {
        if matches!(self.mode, Mode::Pass) && self.begin(Kind::Atom, raw)? {
            Self::before(&mut self.frames, &self.name, out);
            out.extend_from_slice(raw);
            return Ok(());
        }
        self.hold(raw)?;
        if self.depth == 0 { self.settle(false, out) } else { Ok(()) }
    }

    fn punctuation(&mut self, byte: u8) {
        if matches!(self.mode, Mode::Hold(Held::Row(_))) {
            // bounded: at most one for each token, which is
            self.held.push(byte);
        }
    }
}
