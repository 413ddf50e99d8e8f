//! Names of parameters, compared as the dialect compares them; never values.

use super::dialect::{Dialect, Naming};
use super::error::{ParamError, brief};
use compact_str::{CompactString, ToCompactString};
use rustc_hash::FxHasher;
use smallvec::SmallVec;
use std::hash::Hasher as _;

/// The subscripts of `a[b][c]`: `b`, `c`.
type Subscripts = SmallVec<[CompactString; 2]>;

/// A name folded as the dialect folds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folded {
    base: CompactString,
    subscripts: Subscripts,
}

impl Folded {
    /// The [`hash()`] of the name without its subscripts.
    pub(crate) fn hash(&self) -> u32 {
        hash(&self.base)
    }
}

/// A fast hash of a folded name without its subscripts, by which most names are told apart. It can be foreseen: whoever makes
/// names collide only makes them be compared.
pub(crate) fn hash(base: &str) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(base.as_bytes());
    let hash = hasher.finish();
    // the upper half is mixed into the lower one, which is what fits
    u32::try_from((hash ^ (hash >> 32)) & u64::from(u32::MAX)).unwrap_or_default()
}

/// Folds `name`; `None` where the folded name is the name as it is.
///
/// # Errors
/// When the dialect would read the name in a way that depends on its version or settings.
pub(crate) fn fold(name: &str, dialect: &Dialect) -> Result<Option<Box<Folded>>, ParamError> {
    let malformed = || ParamError::Name { name: brief(name) };
    // SECURITY: CGI.pm drops every other parameter where `.defaults` stands (`names_that_drop_other_parameters_are_refused`)
    if dialect.refused_names.iter().any(|refused| refused == name) {
        return Err(malformed());
    }
    let folded = match dialect.naming {
        Naming::Exact => return Ok(None),
        Naming::Caseless => {
            if name.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
                return Ok(None);
            }
            Folded { base: fold_case(name).ok_or_else(malformed)?, subscripts: Subscripts::new() }
        }
        Naming::Php => {
            if !name.bytes().any(|b| matches!(b, b'[' | b']' | b' ' | b'.')) {
                return Ok(None);
            }
            let (base, subscripts) = split_subscripts(name).ok_or_else(malformed)?;
            if base.starts_with(' ') {
                return Err(malformed());
            }
            Folded { base: underscores(base), subscripts }
        }
        Naming::Brackets => {
            if !name.bytes().any(|b| matches!(b, b'[' | b']')) {
                return Ok(None);
            }
            let (base, subscripts) = split_subscripts(name).ok_or_else(malformed)?;
            Folded { base: base.into(), subscripts }
        }
        Naming::Any => {
            if name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-')) {
                return Ok(None);
            }
            let trimmed = name.trim_matches(' ');
            // SECURITY: to PHP a bracket that is not closed is an underscore, to others a part of the name
            // (`a_bracket_that_is_not_closed_is_refused_where_nothing_is_known`)
            let (base, subscripts) = split_subscripts(trimmed).ok_or_else(malformed)?;
            let base = fold_case(base).ok_or_else(malformed)?;
            Folded { base: underscores(&base), subscripts }
        }
    };
    if folded.subscripts.len() > dialect.max_depth {
        return Err(ParamError::TooDeep { limit: dialect.max_depth });
    }
    Ok(Some(Box::new(folded)))
}

fn underscores(base: &str) -> CompactString {
    base.chars().map(|c| if matches!(c, ' ' | '.') { '_' } else { c }).collect()
}

/// `base[a][b]` in its parts; `None` where brackets do not pair up, stand first, or are followed by something.
fn split_subscripts(name: &str) -> Option<(&str, Subscripts)> {
    let Some(open) = name.find(['[', ']']) else { return Some((name, Subscripts::new())) };
    let (base, mut rest) = name.split_at(open);
    if base.is_empty() {
        return None;
    }
    let mut subscripts = Subscripts::new();
    while !rest.is_empty() {
        let (subscript, after) = rest.strip_prefix('[')?.split_once(']')?;
        if subscript.contains('[') || subscript.chars().any(char::is_whitespace) {
            return None;
        }
        subscripts.push(subscript.into());
        rest = after;
    }
    Some((base, subscripts))
}

/// Lower case, or `None` where a character outside of ASCII folds into ASCII, since servers differ on those.
pub(crate) fn fold_case(text: &str) -> Option<CompactString> {
    if text.is_ascii() {
        return Some(text.to_ascii_lowercase().into());
    }
    let crosses = |c: char| !c.is_ascii() && c.to_lowercase().chain(c.to_uppercase()).any(|folded| folded.is_ascii());
    (!text.chars().any(crosses)).then(|| text.to_lowercase().into())
}

/// What a name in a request is to a name in a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// Another parameter.
    Other,
    /// This parameter.
    Same,
    /// A name that the application may read as this parameter.
    Overlaps,
}

/// The name of a parameter as a rule gives it, folded once.
///
/// Under a dialect with brackets, `rows[*][id]` names `rows[0][id]`, `rows[1][id]`, ….
#[derive(Clone, Debug, Eq)]
pub struct ParamName {
    text: CompactString,
    /// `None` where the name is the same folded, so that of names that are the same folded too only an equal one is meant.
    folded: Option<Box<Folded>>,
    /// That of the base: names whose bases differ are never the same.
    hash: u32,
    naming: Naming,
}

impl PartialEq for ParamName {
    /// The text and the naming are what all the rest was made of.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.naming == other.naming && self.text == other.text
    }
}

impl ParamName {
    /// Folds the name that a rule gives.
    ///
    /// # Errors
    /// When the name is empty or the dialect cannot read it in one way.
    pub fn compile(text: &str, dialect: &Dialect) -> Result<Self, ParamError> {
        if text.is_empty() {
            return Err(ParamError::Name { name: CompactString::default() });
        }
        let folded = fold(text, dialect)?;
        let hash = folded.as_ref().map_or_else(|| hash(text), |folded| folded.hash());
        Ok(Self { text: text.into(), folded, hash, naming: dialect.naming })
    }

    fn subscripts(&self) -> &[CompactString] {
        self.folded.as_ref().map_or(&[], |folded| &folded.subscripts)
    }

    /// The name as the rule spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The [`hash()`] of the folded name without its subscripts.
    pub(crate) const fn hash(&self) -> u32 {
        self.hash
    }

    /// Whether the name stands for several elements (`ids[]`, `rows[*][id]`).
    #[must_use]
    #[inline]
    pub fn is_plural(&self) -> bool {
        self.subscripts().iter().any(|s| s.is_empty() || s == "*")
    }

    /// What `name`, folded as `folded`, is to this name.
    #[inline]
    pub(crate) fn matches(&self, name: &str, folded: Option<&Folded>) -> Match {
        if self.folded.is_none() && folded.is_none() {
            return if name.as_bytes() == self.text.as_bytes() { Match::Same } else { Match::Other };
        }
        self.matches_folded(name, folded)
    }

    fn matches_folded(&self, name: &str, folded: Option<&Folded>) -> Match {
        fn parts<'n>(name: &'n str, folded: Option<&'n Folded>) -> (&'n str, &'n [CompactString]) {
            folded.map_or((name, &[]), |folded| (&folded.base, &folded.subscripts))
        }
        let (our_base, ours) = parts(&self.text, self.folded.as_deref());
        let (base, subscripts) = parts(name, folded);
        if base != our_base {
            return Match::Other;
        }
        if self.naming == Naming::Any && name == self.text {
            return Match::Same;
        }
        let wildcard = ours.iter().any(|s| s == "*");
        let covered = subscripts.len() == ours.len()
            && ours.iter().zip(subscripts).all(|(ours, theirs)| ours == "*" || ours == theirs);
        if covered && (self.naming != Naming::Any || wildcard) {
            return Match::Same;
        }
        let disjoint = ours.iter().zip(subscripts).any(|(ours, theirs)| are_disjoint(ours, theirs));
        if disjoint { Match::Other } else { Match::Overlaps }
    }

    /// The name to write for a parameter that the client did not send.
    pub(crate) fn to_written(&self) -> CompactString {
        if self.subscripts().iter().any(|s| s == "*") {
            self.text.replace("[*]", "[]").to_compact_string()
        } else {
            self.text.clone()
        }
    }
}

/// Whether two subscripts can never be the same element: `[]` counts up, so it may be any.
fn are_disjoint(ours: &str, theirs: &str) -> bool {
    if ours.is_empty() || theirs.is_empty() || ours == "*" {
        return false;
    }
    let number = |s: &str| s.trim_start_matches(['0', '+', '-']).parse::<u64>().ok().or((s == "0").then_some(0));
    match (number(ours), number(theirs)) {
        (Some(a), Some(b)) => a != b,
        _ => !ours.eq_ignore_ascii_case(theirs),
    }
}
