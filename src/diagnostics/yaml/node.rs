//! The tree of a YAML document; every value and key knows its place.

use crate::diagnostics::{Mark, Place, Report};
use compact_str::CompactString;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// A YAML file that was read.
#[derive(Clone, Debug)]
pub struct Document {
    /// What the file is called in messages.
    pub file: Arc<str>,
    /// The tree.
    pub root: Node,
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it stands.
    pub mark: Mark,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar { text: CompactString, plain: bool },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) text: CompactString,
    pub(super) mark: Mark,
}

/// What a plain scalar is in the core schema of YAML 1.2.2, section 10.3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Plain {
    Nothing,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text,
}

impl Plain {
    pub(super) fn of(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Nothing,
            "true" | "True" | "TRUE" => return Self::Bool(true),
            "false" | "False" | "FALSE" => return Self::Bool(false),
            _ => {}
        }
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return Self::Text;
        }
        if let Ok(number) = text.parse::<u64>() {
            return Self::Unsigned(number);
        }
        if let Ok(number) = text.parse::<i64>() {
            return Self::Signed(number);
        }
        let float = digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+'));
        match text.parse::<f64>() {
            Ok(number) if float => Self::Float(number),
            _ => Self::Text,
        }
    }
}

impl Node {
    /// The entries of a mapping: key, place of the key, value. Nothing for other values.
    pub fn entries(&self) -> impl Iterator<Item = (&str, Mark, &Node)> {
        let entries = if let Kind::Map(entries) = &self.kind { entries.as_slice() } else { &[] };
        entries.iter().map(|(key, value)| (key.text.as_str(), key.mark, value))
    }

    /// The elements of a list; nothing for other values.
    #[must_use]
    pub fn items(&self) -> &[Node] {
        if let Kind::List(items) = &self.kind { items } else { &[] }
    }

    /// Whether it is a list.
    #[must_use]
    pub const fn is_list(&self) -> bool {
        matches!(self.kind, Kind::List(_))
    }

    /// Whether it is a mapping.
    #[must_use]
    pub const fn is_map(&self) -> bool {
        matches!(self.kind, Kind::Map(_))
    }

    /// Whether nothing is written: the value is missing or `null`.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if Plain::of(text) == Plain::Nothing)
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Kind::Scalar { text, .. } = &self.kind { Some(text) } else { None }
    }

    /// The value under a key of a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().find(|(own, ..)| *own == key).map(|(_, _, value)| value)
    }

    /// Takes the value under a key out of a mapping, so that it can be decoded by itself.
    pub fn take(&mut self, key: &str) -> Option<Node> {
        let Kind::Map(entries) = &mut self.kind else { return None };
        let at = entries.iter().position(|(own, _)| own.text == key)?;
        Some(entries.remove(at).1)
    }

    /// The place that keys and list positions lead to from here, as far as they lead: at a missing key that of the mapping.
    pub fn mark_at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Mark {
        let mut node = self;
        for step in path {
            let next = match &node.kind {
                Kind::Map(entries) => entries.iter().find(|(key, _)| key.text == step).map(|(_, value)| value),
                Kind::List(items) => step.parse::<usize>().ok().and_then(|at| items.get(at)),
                Kind::Scalar { .. } => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node.mark
    }

    pub(super) fn child_mut(&mut self, at: usize) -> Option<&mut Node> {
        match &mut self.kind {
            Kind::Scalar { .. } => None,
            Kind::List(items) => items.get_mut(at),
            Kind::Map(entries) => entries.get_mut(at).map(|(_, value)| value),
        }
    }

    pub(super) fn remove_child(&mut self, at: usize) -> Option<CompactString> {
        match &mut self.kind {
            Kind::List(items) if at < items.len() => {
                items.remove(at);
                None
            }
            Kind::Map(entries) if at < entries.len() => Some(entries.remove(at).0.text),
            _ => None,
        }
    }
}

impl Document {
    /// The place that keys and list positions lead to from the root, as far as they lead.
    #[must_use]
    pub fn place<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Place {
        self.root.mark_at(path).in_file(&self.file)
    }

    /// Decodes the whole document; notes everything that is wrong, and gives nothing if anything is.
    pub fn decode<T: DeserializeOwned>(&self, report: &mut Report) -> Option<T> {
        self.root.decode(&self.file, report)
    }
}
