//! Why an answer is not let through; never holds any of it.

use crate::model::Reason;

/// Why an answer is not let through, or is broken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// It is not of a type that the rule filters.
    #[error("the answer is of a type that the rule does not filter")]
    Type,
    /// Its type is given more than once, or cannot be read.
    #[error("the type of the answer does not say one thing")]
    TypeUnclear,
    /// Its character set cannot be read here.
    #[error("the answer is in a character set that is not read here")]
    Charset,
    /// It came with a content coding that cannot be read here.
    #[error("the answer has a content coding that is not read here")]
    Coding,
    /// Its status is none that a filtered route expects: a part (206), or an answer to a condition that was not asked.
    #[error("the answer has a status that a filtered route does not expect")]
    Status,
    /// It cannot be parsed.
    #[error("the answer is not {kind} at byte {at}: {why}")]
    Malformed {
        /// What it was taken for.
        kind: &'static str,
        /// Where, counted from the first byte of the decoded answer.
        at: u64,
        /// What is wrong, without any of it.
        why: &'static str,
    },
    /// It does not have what the rule speaks of.
    #[error("the answer has no {0} that the rule speaks of")]
    Missing(&'static str),
    /// No row of it is left, and the rule does not tell that from what is not there.
    #[error("nothing is left of the answer that the person may see")]
    Empty,
    /// A row, or another part that must be at hand as a whole, is longer than the rule allows.
    #[error("a part of the answer is longer than {0} bytes")]
    TooLong(usize),
    /// It is nested deeper than allowed.
    #[error("the answer is nested deeper than {0} levels")]
    TooDeep(usize),
}

impl FilterError {
    /// The reason that the record and the person are given.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Type | Self::TypeUnclear | Self::Charset | Self::Coding | Self::Status => Reason::AnswerUnexpected,
            Self::Empty => Reason::NothingFound,
            Self::Malformed { .. } | Self::Missing(_) | Self::TooLong(_) | Self::TooDeep(_) => Reason::AnswerUnreadable,
        }
    }
}
