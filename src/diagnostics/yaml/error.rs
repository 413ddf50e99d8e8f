//! What serde found wrong with a value, with its place, in words for people who write rules.

use crate::diagnostics::{Mark, Report, suggest};
use serde::de::{self, Expected, Unexpected};
use std::fmt;
use std::sync::Arc;

/// An error of decoding: what, where, and which entries led there (innermost first).
#[derive(Clone, Debug)]
pub struct DecodeError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    what: What,
    mark: Option<Mark>,
    path: Vec<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Message(String),
    UnknownField(String, &'static [&'static str]),
    UnknownVariant(String, &'static [&'static str]),
    Missing(&'static str),
    Repeated(&'static str),
    /// The value is left empty.
    Nothing(String),
}

impl DecodeError {
    pub(super) fn new(what: What) -> Self {
        Self(Box::new(Inner { what, mark: None, path: Vec::new() }))
    }

    /// The same at this place, unless a place nearer to the fault is known.
    pub(super) fn at(mut self, mark: Mark) -> Self {
        self.0.mark.get_or_insert(mark);
        self
    }

    /// The same, reached through the child of this position.
    pub(super) fn through(mut self, child: usize) -> Self {
        self.0.path.push(child);
        self
    }

    pub(super) fn what(&self) -> &What {
        &self.0.what
    }

    pub(super) fn mark(&self) -> Mark {
        self.0.mark.unwrap_or_default()
    }

    /// Positions of children, outermost first.
    pub(super) fn path(&self) -> impl DoubleEndedIterator<Item = usize> {
        self.0.path.iter().rev().copied()
    }

    pub(super) fn report(&self, file: &Arc<str>, report: &mut Report) {
        let list = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        match &self.0.what {
            What::Message(text) => {
                report.error(file, self.mark(), text.clone());
            }
            What::UnknownField(name, known) => {
                let diagnostic = report.error(file, self.mark(), format!("unknown field `{name}`"));
                diagnostic.suggest(suggest(name, known.iter().copied()));
                if !known.is_empty() {
                    diagnostic.help(format!("fields here: {}", list(known)));
                }
            }
            What::UnknownVariant(name, known) => {
                let diagnostic = report.error(file, self.mark(), format!("`{name}` is not known here"));
                diagnostic.suggest(suggest(name, known.iter().copied())).help(match known {
                    [one] => format!("write `{one}`"),
                    _ => format!("write one of {}", list(known)),
                });
            }
            What::Missing(name) => {
                report.error(file, self.mark(), format!("`{name}` is missing"));
            }
            What::Repeated(name) => {
                report.error(file, self.mark(), format!("`{name}` is given twice"));
            }
            What::Nothing(expected) => {
                report
                    .error(file, self.mark(), format!("no value is given, expected {expected}"))
                    .help("write one after the colon, or take the line away");
            }
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.what {
            What::Message(text) => f.write_str(text),
            What::UnknownField(name, _) => write!(f, "unknown field `{name}`"),
            What::UnknownVariant(name, _) => write!(f, "`{name}` is not known here"),
            What::Missing(name) => write!(f, "`{name}` is missing"),
            What::Repeated(name) => write!(f, "`{name}` is given twice"),
            What::Nothing(expected) => write!(f, "no value is given, expected {expected}"),
        }
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        Self::new(What::Message(if text.starts_with("data did not match any variant") {
            "this has none of the forms that are known here".to_owned()
        } else if text == "invalid socket address syntax" {
            "expected an address and a port, such as `0.0.0.0:8443` or `[::1]:8443`".to_owned()
        } else {
            text
        }))
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expectation(&expected.to_string());
        Self::new(match unexpected {
            Unexpected::Unit | Unexpected::Option => What::Nothing(expected),
            other => What::Message(format!("expected {expected}, found {}", found(other))),
        })
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {}, found {length} elements", expectation(&expected.to_string())))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(What::UnknownVariant(variant.to_owned(), expected))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(What::UnknownField(field.to_owned(), expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(What::Missing(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(What::Repeated(field))
    }
}

fn found(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number `{value}`"),
        Unexpected::Signed(value) => format!("the number `{value}`"),
        Unexpected::Float(value) => format!("the number `{value}`"),
        Unexpected::Str(text) => format!("the text `{text}`"),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map | Unexpected::StructVariant => "a mapping".to_owned(),
        other => other.to_string(),
    }
}

/// serde's names of Rust types as people who write YAML would say them.
fn expectation(expected: &str) -> String {
    match expected {
        "a sequence" => "a list",
        "a map" => "a mapping",
        "a string" | "a character" | "a borrowed string" => "a text",
        "a boolean" => "`true` or `false`",
        "u8" => "a whole number up to 255",
        "u16" => "a whole number up to 65535",
        "u32" | "u64" | "usize" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        text if text.starts_with("struct ") || text.starts_with("a struct") => "a mapping",
        text if text.starts_with("enum ") || text.starts_with("variant ") => "one of the words known here",
        text => text,
    }
    .to_owned()
}
