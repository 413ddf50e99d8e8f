//! Selectors (a part of CSS Selectors Level 4): type, id, class, attribute, descendant and child; what does not depend on siblings or states.

use std::borrow::Cow;

use compact_str::CompactString;

use super::reference::decode;
use super::token::{Attributes, Lexer};
use super::tree::Node;

/// A start tag as selectors see it.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    /// The name in lower case.
    pub name: &'a str,
    /// Where its bytes are.
    pub lexer: &'a Lexer,
    /// Its attributes.
    pub attributes: &'a Attributes,
}

impl<'a> Element<'a> {
    /// The value of an attribute, character references unread.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&'a [u8]> {
        let found =
            self.attributes.iter().find(|one| self.lexer.bytes(&one.name).eq_ignore_ascii_case(name.as_bytes()))?;
        Some(self.lexer.bytes(&found.value))
    }

    /// The value of an attribute, and whether that is surely what browsers read.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<(Cow<'a, str>, bool)> {
        let raw = self.raw(name)?;
        if let Ok(text) = std::str::from_utf8(raw)
            && !text.contains('&')
        {
            return Some((Cow::Borrowed(text), true));
        }
        let decoded = decode(raw, true);
        Some((Cow::Owned(decoded.text.into()), decoded.exact))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Match {
    Present,
    Equal,
    Prefix,
    Suffix,
    Within,
    Word,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Test {
    attribute: CompactString,
    how: Match,
    value: CompactString,
}

/// What one element must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Compound {
    name: Option<CompactString>,
    tests: Vec<Test>,
}

impl Compound {
    fn matches(&self, element: Element<'_>) -> bool {
        self.name.as_ref().is_none_or(|name| name == element.name)
            && self.tests.iter().all(|test| {
                let Some((value, exact)) = element.get(&test.attribute) else { return false };
                let wanted = test.value.as_str();
                match test.how {
                    // SECURITY: what may be selected is selected (`what_cannot_be_read_is_selected`).
                    _ if !exact => true,
                    Match::Present => true,
                    Match::Equal => value == wanted,
                    Match::Prefix => value.starts_with(wanted),
                    Match::Suffix => value.ends_with(wanted),
                    Match::Within => value.contains(wanted),
                    Match::Word => value.split_ascii_whitespace().any(|word| word == wanted),
                }
            })
    }
}

/// An ancestor, by the number of its step, and whether it must be the parent.
#[derive(Clone, Copy, Debug)]
struct Step {
    bit: u32,
    parent: bool,
}

#[derive(Clone, Debug)]
struct Complex {
    target: Compound,
    /// Innermost first.
    ancestors: Vec<Step>,
}

/// A selector of a set, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SelectorNo(usize);

/// All selectors of one rule, compiled together.
#[derive(Clone, Debug, Default)]
pub struct Selectors {
    lists: Vec<Vec<Complex>>,
    steps: Vec<Compound>,
}

/// Why a selector is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// It is empty, or a part of it is.
    #[error("a part of the selector is empty")]
    Empty,
    /// A character that cannot stand where it stands.
    #[error("`{0}` cannot stand there; names, `#id`, `.class`, `[attribute=value]`, ` ` and `>` are read")]
    Unexpected(char),
    /// A bracket or quote is not closed.
    #[error("a bracket or quote is not closed")]
    Open,
    /// There are more than 64 ancestors in the selectors of one rule.
    #[error("the selectors of one rule name more than 64 ancestors")]
    TooMany,
}

impl Selectors {
    /// Adds a list of selectors, separated by commas.
    ///
    /// # Errors
    /// See [`SelectorError`].
    pub fn add(&mut self, text: &str) -> Result<SelectorNo, SelectorError> {
        let mut list = Vec::new();
        for part in split(text)? {
            list.push(self.complex(&part)?);
        }
        self.lists.push(list);
        Ok(SelectorNo(self.lists.len() - 1))
    }

    fn complex(&mut self, parts: &[(bool, Compound)]) -> Result<Complex, SelectorError> {
        let Some(((parent, target), ancestors)) = parts.split_last() else { return Err(SelectorError::Empty) };
        let mut steps = Vec::new();
        let mut is_parent = *parent;
        for (parent, compound) in ancestors.iter().rev() {
            let known = self.steps.iter().position(|step| step == compound);
            let bit = known.unwrap_or(self.steps.len());
            if bit >= 64 {
                return Err(SelectorError::TooMany);
            }
            if known.is_none() {
                self.steps.push(compound.clone());
            }
            steps.push(Step { bit: u32::try_from(bit).map_err(|_| SelectorError::TooMany)?, parent: is_parent });
            is_parent = *parent;
        }
        Ok(Complex { target: target.clone(), ancestors: steps })
    }

    /// The steps that an element is, as bits for [`Node::steps`].
    #[must_use]
    pub fn steps(&self, element: Element<'_>) -> u64 {
        let of = |(at, step): (usize, &Compound)| u64::from(step.matches(element)) << at;
        self.steps.iter().enumerate().map(of).fold(0, |all, one| all | one)
    }

    /// Whether an element would be selected somewhere.
    #[must_use]
    pub fn may_match(&self, element: Element<'_>) -> bool {
        self.lists.iter().flatten().any(|one| one.target.matches(element))
    }

    /// Whether an element that stands in `open` is selected.
    #[must_use]
    pub fn matches(&self, no: SelectorNo, element: Element<'_>, open: &[Node]) -> bool {
        let list = self.lists.get(no.0).map_or(&[][..], Vec::as_slice);
        list.iter().any(|one| one.target.matches(element) && stands_in(&one.ancestors, open))
    }
}

fn stands_in(steps: &[Step], open: &[Node]) -> bool {
    let Some((step, outer)) = steps.split_first() else { return true };
    let mut rest = open;
    while let Some((node, above)) = rest.split_last() {
        if node.steps >> step.bit & 1 == 1 && stands_in(outer, above) {
            return true;
        }
        if step.parent {
            return false;
        }
        rest = above;
    }
    false
}

/// Complex selectors as compounds, outermost first, each with whether it is the child of the one before.
fn split(text: &str) -> Result<Vec<Vec<(bool, Compound)>>, SelectorError> {
    let mut lists = vec![Vec::new()];
    let mut rest = text.trim();
    let mut child = false;
    loop {
        let (compound, after) = compound(rest)?;
        if let Some(list) = lists.last_mut() {
            list.push((child, compound));
        }
        let next = after.trim_start();
        if next.is_empty() {
            return Ok(lists);
        }
        child = false;
        rest = if let Some(after) = next.strip_prefix(',') {
            lists.push(Vec::new());
            after.trim_start()
        } else if let Some(after) = next.strip_prefix('>') {
            child = true;
            after.trim_start()
        } else if next.len() < after.len() {
            next
        } else {
            return Err(next.chars().next().map_or(SelectorError::Empty, SelectorError::Unexpected));
        };
    }
}

fn word(text: &str) -> Result<(CompactString, &str), SelectorError> {
    let end = text
        .find(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'))
        .unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    if word.is_empty() {
        return Err(text.chars().next().map_or(SelectorError::Empty, SelectorError::Unexpected));
    }
    Ok((word.into(), rest))
}

fn compound(text: &str) -> Result<(Compound, &str), SelectorError> {
    let mut compound = Compound::default();
    let mut rest = if let Some(rest) = text.strip_prefix('*') {
        rest
    } else if text.starts_with(['#', '.', '[']) {
        text
    } else {
        let (name, rest) = word(text)?;
        compound.name = Some(name.to_ascii_lowercase());
        rest
    };
    loop {
        let (test, after) = match rest.chars().next() {
            Some('#') => {
                let (value, after) = word(rest.get(1..).unwrap_or_default())?;
                (Test { attribute: "id".into(), how: Match::Equal, value }, after)
            }
            Some('.') => {
                let (value, after) = word(rest.get(1..).unwrap_or_default())?;
                (Test { attribute: "class".into(), how: Match::Word, value }, after)
            }
            Some('[') => attribute(rest.get(1..).unwrap_or_default())?,
            _ => return Ok((compound, rest)),
        };
        compound.tests.push(test);
        rest = after;
    }
}

fn attribute(text: &str) -> Result<(Test, &str), SelectorError> {
    let (name, rest) = word(text.trim_start())?;
    let attribute = name.to_ascii_lowercase();
    let rest = rest.trim_start();
    if let Some(after) = rest.strip_prefix(']') {
        return Ok((Test { attribute, how: Match::Present, value: CompactString::default() }, after));
    }
    let kinds =
        [("=", Match::Equal), ("^=", Match::Prefix), ("$=", Match::Suffix), ("*=", Match::Within), ("~=", Match::Word)];
    let found =
        kinds.into_iter().find_map(|(sign, how)| rest.strip_prefix(sign).map(|after| (how, after.trim_start())));
    let Some((how, rest)) = found else {
        return Err(rest.chars().next().map_or(SelectorError::Open, SelectorError::Unexpected));
    };
    let (value, rest) = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest.get(1..).unwrap_or_default().split_once(quote).ok_or(SelectorError::Open)?,
        _ => {
            let end = rest.find(']').ok_or(SelectorError::Open)?;
            let (value, rest) = rest.split_at_checked(end).ok_or(SelectorError::Open)?;
            (value.trim_end(), rest)
        }
    };
    let after = rest.trim_start().strip_prefix(']').ok_or(SelectorError::Open)?;
    if value.is_empty() && how != Match::Equal {
        return Err(SelectorError::Empty);
    }
    Ok((Test { attribute, how, value: value.into() }, after))
}
