//! What is wrong with an `upstream:` block, gathered while it is compiled.

use std::time::Duration;

use crate::model::quantity::Span;

/// What is wrong with an `upstream:` block, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SpecError {
    /// The field within the block, for example `tls.pin`; the lists' elements are counted from zero: `urls.1`.
    pub field: String,
    /// What is wrong with it, in lower case, the user's words in backticks.
    pub message: String,
}

/// Gathers errors while a block is compiled.
#[derive(Default)]
pub(super) struct Findings(Vec<SpecError>);

impl Findings {
    pub(super) fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(SpecError { field: field.into(), message: message.into() });
    }

    /// All of them; empty where the block is right.
    pub(super) fn into_found(self) -> Vec<SpecError> {
        self.0
    }

    /// A duration that is not zero, if one is given.
    pub(super) fn given(&mut self, field: &str, span: Option<Span>) -> Option<Duration> {
        span.map(|span| self.span(field, Some(span), 0))
    }

    /// A duration that is not zero; `otherwise` seconds where none is given.
    pub(super) fn span(&mut self, field: &str, span: Option<Span>, otherwise: u64) -> Duration {
        let duration = span.map_or(Duration::from_secs(otherwise), Span::duration);
        if duration.is_zero() {
            self.add(field, format!("`{field}` must be longer than nothing"));
        }
        duration
    }
}
