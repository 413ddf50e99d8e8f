//! A row that is at hand as a whole: what it says of its dimensions is read, and it is written with its masked fields changed.
//! What is given was scanned already: one JSON value without blanks.

use super::pointer::{Pattern, Patterns, States, Step};
use super::text;
use super::{Json, Meaning};
use crate::filter::error::FilterError;
use crate::filter::judge::{DimensionNo, GrantNo, Terms};
use crate::filter::mask::Shown;
use crate::filter::plan::{Keep, Kept};
use smallvec::SmallVec;
use std::borrow::Cow;

/// The members of an object, or the elements of a list: name with its quotes, and value.
struct Members<'a> {
    raw: &'a [u8],
    object: bool,
}

impl<'a> Members<'a> {
    /// Of an object or list; `None` for any other value.
    fn of(raw: &'a [u8]) -> Option<Self> {
        match raw.first() {
            Some(b'{') => Some(Self { raw: raw.get(1..)?, object: true }),
            Some(b'[') => Some(Self { raw: raw.get(1..)?, object: false }),
            _ => None,
        }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (Option<&'a [u8]>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = self.raw;
        if matches!(rest.first(), Some(b',')) {
            rest = rest.get(1..)?;
        }
        if matches!(rest.first(), None | Some(b'}' | b']')) {
            return None;
        }
        let mut name = None;
        if self.object {
            let (raw, after) = rest.split_at_checked(length(rest))?;
            name = Some(raw);
            rest = after.get(1..)?;
        }
        let (value, after) = rest.split_at_checked(length(rest))?;
        self.raw = after;
        Some((name, value))
    }
}

/// How long the value is that `raw` begins with.
fn length(raw: &[u8]) -> usize {
    let (mut at, mut depth) = (0_usize, 0_usize);
    while let Some(byte) = raw.get(at) {
        match byte {
            b'"' => {
                at += string_length(raw.get(at..).unwrap_or_default());
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return if depth == 1 { at + 1 } else { at },
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

fn string_length(raw: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', raw.get(at..).unwrap_or_default()) {
        at += found;
        match raw.get(at) {
            Some(b'"') => return at + 1,
            _ => at += 2,
        }
    }
    raw.len()
}

/// The step to a member; an error where readers differ about its name.
pub(super) fn named(raw: &[u8]) -> Result<Cow<'_, str>, FilterError> {
    let wrong = FilterError::Malformed { kind: "JSON", at: 0, why: "a name is read differently by different readers" };
    let name = text::decode(raw).ok_or(wrong)?;
    if name.contains('\0') { Err(wrong) } else { Ok(name) }
}

/// The text of a value that is a text or a number.
fn scalar(raw: &[u8]) -> Option<Cow<'_, str>> {
    match raw.first()? {
        b'"' => text::decode(raw),
        b'-' | b'0'..=b'9' => std::str::from_utf8(raw).ok().map(Cow::Borrowed),
        _ => None,
    }
}

/// The longest text that a mask shows a part of, in bytes as it is written.
pub(super) const MOST_MASKED: usize = 4096;

/// The values of a row's dimensions.
pub(super) type Values<'a> = SmallVec<[(DimensionNo, Cow<'a, str>); 4]>;

/// What the row says of its dimensions; `None` where one of them is missing, of another type, or read differently by different readers.
fn values<'a>(row: &'a [u8], keeps: &'a [Keep<Pattern>]) -> Option<Values<'a>> {
    let mut values = Values::new();
    for keep in keeps {
        for Kept { place: pattern, reading } in &keep.places {
            let mut found = SmallVec::<[&[u8]; 4]>::new();
            let mut patterns = Patterns::default();
            patterns.push(pattern.clone());
            collect(row, &patterns, &patterns.begin(), &mut found);
            if found.is_empty() || (found.len() > 1 && !pattern.is_many()) {
                return None;
            }
            for raw in found {
                let value = scalar(raw).and_then(|text| reading.value(text)).filter(|value| !value.is_empty())?;
                values.push((keep.dimension, value));
            }
        }
    }
    Some(values)
}

/// Every value that the pattern means, those of names that stand twice included.
fn collect<'a>(raw: &'a [u8], patterns: &Patterns, states: &States, found: &mut SmallVec<[&'a [u8]; 4]>) {
    if patterns.ended(states).next().is_some() {
        found.push(raw);
    }
    for (at, (name, value)) in Members::of(raw).into_iter().flatten().enumerate() {
        let next = match name {
            // a name that readers differ about is none that a rule names, and the writing of the row refuses it
            Some(name) => match text::decode(name) {
                Some(name) => patterns.advance(states, Step::Member(&name)),
                None => continue,
            },
            None => patterns.advance(states, Step::Element(at)),
        };
        if !next.is_empty() {
            collect(value, patterns, &next, found);
        }
    }
}

/// The dimensions and values that a judge is asked about.
pub(super) fn asked<'v>(values: &'v Values<'_>) -> SmallVec<[(DimensionNo, &'v str); 4]> {
    values.iter().map(|(dimension, value)| (*dimension, value.as_ref())).collect()
}

/// A row that is kept, being written.
pub(super) struct Row<'a, 'v> {
    json: &'a Json,
    terms: &'a Terms,
    values: &'a Values<'v>,
}

impl Row<'_, '_> {
    /// Judges the row `raw` of `area` and appends it where it is kept; says whether it was. `above` is what the rows say in which
    /// it stands; `before` is appended first.
    #[expect(clippy::too_many_arguments, reason = "what a row is judged by, handed over once")]
    pub(super) fn settle(
        json: &Json,
        terms: &Terms,
        area: usize,
        raw: &[u8],
        states: &States,
        above: &Values<'_>,
        before: impl FnOnce(&mut Vec<u8>),
        out: &mut Vec<u8>,
    ) -> Result<bool, FilterError> {
        let keeps = json.areas.get(area).map(|area| area.keep.as_slice()).unwrap_or_default();
        let Some(mut values) = values(raw, keeps) else {
            terms.tally.hide();
            return Ok(false);
        };
        let own: SmallVec<[DimensionNo; 4]> = values.iter().map(|(dimension, _)| *dimension).collect();
        let inherited = above.iter().filter(|(dimension, _)| !own.contains(dimension));
        values.extend(inherited.map(|(dimension, value)| (*dimension, Cow::Borrowed(value.as_ref()))));
        if !terms.judge.keeps(&asked(&values)) {
            terms.tally.hide();
            return Ok(false);
        }
        terms.tally.keep();
        let row = Row { json, terms, values: &values };
        match row.masked(raw, states) {
            None => {
                before(out);
                row.write(raw, states, out)?;
            }
            Some(shown) => write_shown(&shown, false, before, out),
        }
        Ok(true)
    }

    fn shows(&self, grant: Option<GrantNo>) -> bool {
        grant.is_some_and(|grant| self.terms.judge.shows(grant, &asked(self.values)))
    }

    /// What is shown instead of the value at `states`; `None` where it is shown as it is.
    fn masked(&self, raw: &[u8], states: &States) -> Option<Shown> {
        for number in self.json.patterns.ended(states) {
            match self.json.meaning(number) {
                Some(Meaning::Mask(mask)) => {
                    let mask = self.json.masks.get(*mask)?;
                    if !self.shows(mask.unless) {
                        self.terms.tally.mask();
                        return Some(mask.form.show(scalar(raw).filter(|_| raw.len() <= MOST_MASKED).as_deref()));
                    }
                }
                // totals within a row are of rows within it, and which of them were kept is not counted one by one
                Some(Meaning::Total(area, _)) if !self.json.keeps_all(*area, self.terms) => {
                    return Some(Shown::Removed);
                }
                _ => {}
            }
        }
        None
    }

    fn write(&self, raw: &[u8], states: &States, out: &mut Vec<u8>) -> Result<(), FilterError> {
        let Some(members) = Members::of(raw).filter(|_| !states.is_empty()) else {
            out.extend_from_slice(raw);
            return Ok(());
        };
        let area = self.json.area(states);
        let object = members.object;
        out.push(if object { b'{' } else { b'[' });
        let mut fresh = true;
        for (at, (name, value)) in members.enumerate() {
            let next = match name {
                Some(raw) => self.json.patterns.advance(states, Step::Member(&named(raw)?)),
                None => self.json.patterns.advance(states, Step::Element(at)),
            };
            let mut begin = |out: &mut Vec<u8>| {
                if !std::mem::take(&mut fresh) {
                    out.push(b',');
                }
                if let Some(name) = name {
                    out.extend_from_slice(name);
                    out.push(b':');
                }
            };
            if let Some(area) = area {
                Row::settle(self.json, self.terms, area, value, &next, self.values, begin, out)?;
                continue;
            }
            match self.masked(value, &next) {
                None => {
                    begin(out);
                    self.json.check_rows(value, &next)?;
                    self.write(value, &next, out)?;
                }
                Some(shown) => write_shown(&shown, object, &mut begin, out),
            }
        }
        out.push(if object { b'}' } else { b']' });
        Ok(())
    }
}

/// Writes what is shown of a masked value; a removed one stays in its place in a list, as `null`.
pub(super) fn write_shown(shown: &Shown, object: bool, begin: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
    match shown {
        Shown::Removed if object => {}
        Shown::Removed => {
            begin(out);
            out.extend_from_slice(b"null");
        }
        Shown::Text(text) => {
            begin(out);
            text::write(text, out);
        }
    }
}
