//! Everything that was found in a set of files, sorted by place; never stops at the first.

use super::{Mark, Place};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The files cannot be used.
    Error,
    /// They can be used, but probably do not say what was meant.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The name in output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where.
    pub place: Place,
    /// How many characters there are meant; 0 where that is not known.
    pub width: u32,
    /// How bad it is.
    pub severity: Severity,
    /// The stable code, for lints.
    pub code: Option<&'static str>,
    /// What is wrong: lower case, the user's words in backticks.
    pub message: String,
    /// The word that was probably meant.
    pub suggestion: Option<String>,
    /// What to write instead.
    pub help: Option<String>,
    /// Another place that matters, and why.
    pub related: Option<(Place, String)>,
}

impl Diagnostic {
    /// Adds what to write instead.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the word that was probably meant, where there is one.
    pub fn suggest(&mut self, suggestion: Option<&str>) -> &mut Self {
        self.suggestion = suggestion.map(str::to_owned);
        self
    }

    /// Adds another place that matters.
    pub fn related(&mut self, place: Place, why: impl Into<String>) -> &mut Self {
        self.related = Some((place, why.into()));
        self
    }

    /// Makes it a lint of this code.
    pub fn code(&mut self, code: &'static str, severity: Severity) -> &mut Self {
        self.code = Some(code);
        self.severity = severity;
        self
    }
}

/// Everything that was found, and the texts it was found in.
#[derive(Clone, Debug, Default)]
pub struct Report {
    found: Vec<Diagnostic>,
    texts: BTreeMap<Arc<str>, Arc<str>>,
}

impl Report {
    /// A report about nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the text of a file for excerpts.
    pub fn add_text(&mut self, file: &Arc<str>, text: &Arc<str>) {
        self.texts.insert(Arc::clone(file), Arc::clone(text));
    }

    /// Notes an error.
    #[allow(clippy::indexing_slicing)] // at the place where one was just put
    pub fn error(&mut self, file: &Arc<str>, mark: Mark, message: impl Into<String>) -> &mut Diagnostic {
        let diagnostic = Diagnostic {
            place: mark.in_file(file),
            width: mark.width,
            severity: Severity::Error,
            code: None,
            message: message.into(),
            suggestion: None,
            help: None,
            related: None,
        };
        let at = self.found.len();
        self.found.push(diagnostic);
        &mut self.found[at]
    }

    /// Notes a lint.
    pub fn lint(
        &mut self,
        code: &'static str,
        severity: Severity,
        place: &Place,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        let mark = Mark { line: place.line, column: place.column, width: 0 };
        self.error(&place.file, mark, message).code(code, severity)
    }

    /// Takes over everything that another report holds.
    pub fn append(&mut self, other: Self) {
        self.found.extend(other.found);
        self.texts.extend(other.texts);
    }

    /// How much was found.
    #[must_use]
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Sorts by place and drops repetitions.
    pub fn sort(&mut self) {
        self.found.sort_by(|a, b| (&a.place, a.severity, &a.message).cmp(&(&b.place, b.severity, &b.message)));
        self.found.dedup();
    }

    /// What was found, as sorted last.
    #[must_use]
    pub fn found(&self) -> &[Diagnostic] {
        &self.found
    }

    /// How many of this severity there are.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.found.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// Whether the files cannot be used.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The line of a file, from 1, for an excerpt.
    #[must_use]
    pub fn line(&self, place: &Place) -> Option<&str> {
        let at = usize::try_from(place.line).ok()?.checked_sub(1)?;
        self.texts.get(&place.file)?.lines().nth(at)
    }
}

impl std::fmt::Display for Report {
    /// One line each, for logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(super::Style::Plain))
    }
}

impl std::error::Error for Report {}
