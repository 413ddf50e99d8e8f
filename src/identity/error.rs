//! Why nobody, or nobody who may act, can be told from a request; never holds a secret.

use super::source::SourceKind;
use crate::model::{Reason, SubjectId};
use compact_str::CompactString;

/// Why a request is refused before its rights are looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct IdentityError {
    /// The reason of the refusal.
    pub reason: Reason,
    /// The source that refused, where it was one.
    pub source_kind: Option<SourceKind>,
    /// Who was told from the request, where that is known: for the record.
    pub subject: Option<SubjectId>,
    /// For the record and the log, never for the client.
    pub detail: CompactString,
}

impl IdentityError {
    /// An error of a source.
    #[must_use]
    pub fn of(source: SourceKind, reason: Reason, detail: &str) -> Self {
        Self { reason, source_kind: Some(source), subject: None, detail: detail.into() }
    }

    /// An error of no single source.
    #[must_use]
    pub fn new(reason: Reason, detail: &str) -> Self {
        Self { reason, source_kind: None, subject: None, detail: detail.into() }
    }

    /// The same, naming the subject.
    #[must_use]
    pub fn about(mut self, subject: SubjectId) -> Self {
        self.subject = Some(subject);
        self
    }
}
