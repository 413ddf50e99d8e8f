//! Ordered lists of parameters out of queries and urlencoded forms; never decides what a repeated name means.

use super::allowance::{Allowance, Allowances};
use super::charset::Charset;
use super::dialect::Dialect;
use super::error::{ParamError, brief};
use super::escape;
use super::name::{self, Folded, Match, ParamName};
use super::noted::Noted;
use compact_str::{CompactString, format_compact};
use smallvec::SmallVec;

/// The values of a parameter that a rule names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ParamValues<'a> {
    /// It is not there.
    #[default]
    Absent,
    /// It is there once.
    One(&'a str),
    /// It is there several times, or is a list (of one, too). Refused unless the rule gives it a list type.
    Many(Vec<&'a str>),
}

impl<'a> ParamValues<'a> {
    /// Whether the parameter counts as absent: not there, or there once and empty, or an empty list.
    #[must_use]
    #[inline]
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::One(value) => value.is_empty(),
            Self::Many(values) => values.is_empty(),
        }
    }

    /// Every value in the order of the request.
    #[must_use]
    #[inline]
    pub fn as_slice(&self) -> &[&'a str] {
        match self {
            Self::Absent => &[],
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }

    pub(crate) fn collect(values: impl IntoIterator<Item = &'a str>, plural: bool) -> Self {
        let mut found = Self::Absent;
        values.into_iter().for_each(|value| found.push(value, plural));
        found
    }

    /// Takes up one more value, which makes a list where the name is `plural`.
    #[inline]
    fn push(&mut self, value: &'a str, plural: bool) {
        match self {
            Self::Absent if !plural => *self = Self::One(value),
            _ => self.list(value),
        }
    }

    /// Takes up one more value of a list.
    #[cold]
    fn list(&mut self, value: &'a str) {
        match self {
            Self::Absent => *self = Self::Many(vec![value]),
            Self::One(first) => *self = Self::Many(vec![*first, value]),
            Self::Many(values) => values.push(value),
        }
    }
}

/// One parameter as it was sent, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    name: CompactString,
    value: CompactString,
    folded: Option<Box<Folded>>,
    /// That of the folded name: most parameters are told apart by it.
    hash: u32,
    bare: bool,
}

impl Value {
    /// The decoded name as it was sent.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The decoded value; empty where there was no `=`.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What this parameter is to the name in a rule.
    #[inline]
    pub(crate) fn matches(&self, name: &ParamName) -> Match {
        if self.hash != name.hash() {
            return Match::Other;
        }
        name.matches(&self.name, self.folded.as_deref())
    }
}

/// The parameters of a query or of an urlencoded form, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParamList {
    values: SmallVec<[Value; 4]>,
    charset: Charset,
    used: Allowances,
}

impl ParamList {
    /// Reads `application/x-www-form-urlencoded` bytes (WHATWG URL section 5.1, strictly) as the dialect does.
    ///
    /// `place` is `query` or `form`, for messages; `limit` is a number of parameters.
    ///
    /// # Errors
    /// When the bytes are not text in the character set of the dialect, an escape is broken, a name is ambiguous, or
    /// there are too many parameters.
    pub fn parse(raw: &[u8], dialect: &Dialect, limit: usize, place: &'static str) -> Result<Self, ParamError> {
        let mut list = Self::new(dialect, place);
        list.read(raw, dialect, limit, place)?;
        Ok(list)
    }

    /// A list without parameters, in the character set of its place.
    pub(super) fn new(dialect: &Dialect, place: &'static str) -> Self {
        let charset = if place == "query" { dialect.query_charset } else { dialect.charset };
        Self { charset, ..Self::default() }
    }

    /// Does what [`Self::parse`] does, into this list.
    pub(super) fn read(
        &mut self,
        raw: &[u8],
        dialect: &Dialect,
        limit: usize,
        place: &'static str,
    ) -> Result<(), ParamError> {
        let limit = limit.min(dialect.max_params);
        if let Some(text) = escape::plain_form(raw) {
            let mut rest = Some(text);
            while let Some(pieces) = rest {
                let end = memchr::memchr(b'&', pieces.as_bytes()).unwrap_or(pieces.len());
                let (piece, after) = pieces.split_at_checked(end).unwrap_or((pieces, ""));
                rest = after.get(1..);
                if piece.is_empty() {
                    continue;
                }
                self.check_room(limit)?;
                let equals = memchr::memchr(b'=', piece.as_bytes());
                let (name, value) = equals.and_then(|at| piece.split_at_checked(at)).unwrap_or((piece, ""));
                self.push(name.into(), value.get(1..).unwrap_or_default().into(), dialect, equals.is_none())?;
            }
            return Ok(());
        }
        let charset = self.charset;
        let separates = |byte: &u8| *byte == b'&' || (*byte == b';' && dialect.semicolon_separates);
        for piece in raw.split(separates) {
            if piece.is_empty() {
                continue;
            }
            self.check_room(limit)?;
            let equals = memchr::memchr(b'=', piece);
            let (name, value) = match equals.and_then(|at| piece.split_at_checked(at)) {
                Some((name, value)) => (name, value.get(1..).unwrap_or_default()),
                None => (piece, [].as_slice()),
            };
            let name = decode(name, dialect, charset, place, true, &mut self.used)?;
            let value = decode(value, dialect, charset, place, false, &mut self.used)?;
            self.push(name, value, dialect, equals.is_none())?;
        }
        Ok(())
    }

    fn check_room(&self, limit: usize) -> Result<(), ParamError> {
        if self.values.len() == limit { Err(ParamError::TooMany { limit }) } else { Ok(()) }
    }

    fn push(
        &mut self,
        name: CompactString,
        value: CompactString,
        dialect: &Dialect,
        bare: bool,
    ) -> Result<(), ParamError> {
        if name.is_empty() {
            return Err(ParamError::Name { name });
        }
        let folded = name::fold(&name, dialect)?;
        let hash = folded.as_ref().map_or_else(|| name::hash(&name), |folded| folded.hash());
        self.values.push(Value { name, value, folded, hash, bare });
        Ok(())
    }

    /// The parameters in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Value> {
        self.values.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The number of parameters.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// The spellings that needed an allowance.
    pub(crate) const fn used(&self) -> Allowances {
        self.used
    }

    /// The values of `name`.
    ///
    /// # Errors
    /// When another parameter may be read under that name.
    pub fn values(&self, name: &ParamName, dialect: &Dialect) -> Result<ParamValues<'_>, ParamError> {
        self.values_noting(name, dialect, &mut Noted::default())
    }

    /// The same, noting which of the parameters `name` names. What it gives is large, and taken apart where it is asked for.
    #[inline(always)]
    pub(crate) fn values_noting(
        &self,
        name: &ParamName,
        dialect: &Dialect,
        noted: &mut Noted,
    ) -> Result<ParamValues<'_>, ParamError> {
        if dialect.keyword_query && self.is_keyword_query() && name.as_str() == "keywords" {
            return Err(misspelt(name, "?"));
        }
        let mut found = ParamValues::Absent;
        for (at, value) in self.values.iter().enumerate() {
            match value.matches(name) {
                Match::Other => {}
                Match::Same => {
                    noted.note(at);
                    found.push(&value.value, name.is_plural());
                }
                Match::Overlaps => return Err(misspelt(name, &value.name)),
            }
        }
        Ok(found)
    }

    /// Whether any parameter is, or may be read as, `name`.
    #[must_use]
    pub fn mentions(&self, name: &ParamName) -> bool {
        self.values.iter().any(|value| value.matches(name) != Match::Other)
    }

    fn is_keyword_query(&self) -> bool {
        matches!(self.values.as_slice(), [value] if value.bare)
    }

    /// Gives `name` these values: in the place of the first that was there, else at the end.
    ///
    /// # Errors
    /// When the character set of the dialect lacks a character.
    pub(crate) fn set(&mut self, name: &ParamName, values: &[&str], dialect: &Dialect) -> Result<(), ParamError> {
        let unwritable = || ParamError::Unwritable { name: name.as_str().into() };
        if values.iter().any(|value| self.charset.encode(value).is_none() || value.contains('\0')) {
            return Err(unwritable());
        }
        let at = self.values.iter().position(|value| value.matches(name) == Match::Same);
        let written = at.and_then(|at| self.values.get(at)).map_or_else(|| name.to_written(), |v| v.name.clone());
        self.remove(name);
        let mut added = Self::default();
        for value in values {
            added.push(written.clone(), CompactString::from(*value), dialect, false)?;
        }
        let at = at.unwrap_or(self.values.len()).min(self.values.len());
        self.values.insert_many(at, added.values);
        Ok(())
    }

    /// Removes every value of `name`.
    pub(crate) fn remove(&mut self, name: &ParamName) {
        self.values.retain(|value| value.matches(name) != Match::Same);
    }

    /// Appends the canonical serialisation in the character set of the place.
    pub fn write(&self, out: &mut Vec<u8>, dialect: &Dialect) {
        for (i, value) in self.values.iter().enumerate() {
            if i > 0 {
                out.push(b'&');
            }
            encode(&value.name, self.charset, dialect, out);
            if !value.bare {
                out.push(b'=');
                encode(&value.value, self.charset, dialect, out);
            }
        }
    }
}

/// A parameter that may be read as `name` but is spelled otherwise.
#[cold]
fn misspelt(name: &ParamName, sent: &str) -> ParamError {
    ParamError::Spelling { name: name.as_str().into(), sent: brief(sent) }
}

fn encode(text: &str, charset: Charset, dialect: &Dialect, out: &mut Vec<u8>) {
    if text.bytes().all(escape::is_plain_in_form) {
        return out.extend_from_slice(text.as_bytes());
    }
    // INVARIANT: every text in a list came out of `Charset::decode` or was checked by `set`, so it can be written.
    let bytes = charset.encode(text).unwrap_or_default();
    for &byte in bytes.as_ref() {
        match byte {
            b' ' if dialect.plus_is_space => out.push(b'+'),
            _ if escape::is_plain_in_form(byte) => out.push(byte),
            _ => escape::push_escape(out, byte),
        }
    }
}

fn decode(
    raw: &[u8],
    dialect: &Dialect,
    charset: Charset,
    place: &'static str,
    is_name: bool,
    used: &mut Allowances,
) -> Result<CompactString, ParamError> {
    if raw.iter().all(|&byte| escape::is_plain_in_form(byte))
        && let Ok(text) = std::str::from_utf8(raw)
    {
        return Ok(CompactString::from(text));
    }
    let mut bytes = SmallVec::<[u8; 128]>::with_capacity(raw.len());
    let mut rest = raw;
    while let [byte, after @ ..] = rest {
        rest = after;
        let decoded = match byte {
            b'+' if dialect.plus_is_space => b' ',
            b'%' => match escape::hex_pair(after) {
                Some(decoded) => {
                    rest = after.get(2..).unwrap_or_default();
                    decoded
                }
                None if dialect.allow.contains(Allowance::BarePercent) => {
                    *used = used.with(Allowance::BarePercent);
                    b'%'
                }
                None => return Err(ParamError::Percent { place }),
            },
            0x80.. if !dialect.allow.contains(Allowance::EightBit) => {
                return Err(character(*byte, place, Some(Allowance::EightBit)));
            }
            0x80.. => {
                *used = used.with(Allowance::EightBit);
                *byte
            }
            0..=0x20 | 0x7f => return Err(character(*byte, place, None)),
            _ => *byte,
        };
        bytes.push(decoded);
    }
    check_controls(&bytes, dialect, place, is_name, used)?;
    charset.decode(&bytes).ok_or(ParamError::Encoding { place, charset })
}

/// Refuses NUL always; other control characters in names always, in values unless allowed (tab, CR and LF are text).
pub(crate) fn check_controls(
    bytes: &[u8],
    dialect: &Dialect,
    place: &'static str,
    is_name: bool,
    used: &mut Allowances,
) -> Result<(), ParamError> {
    for &byte in bytes.iter().filter(|byte| matches!(byte, 0..=0x1f | 0x7f)) {
        match byte {
            b'\t' | b'\r' | b'\n' if !is_name => {}
            0 => return Err(character(byte, place, None)),
            _ if is_name => return Err(character(byte, place, None)),
            _ if dialect.allow.contains(Allowance::Control) => *used = used.with(Allowance::Control),
            _ => return Err(character(byte, place, Some(Allowance::Control))),
        }
    }
    Ok(())
}

fn character(byte: u8, place: &'static str, setting: Option<Allowance>) -> ParamError {
    ParamError::Character { shown: format_compact!("%{byte:02x}"), place, setting }
}
