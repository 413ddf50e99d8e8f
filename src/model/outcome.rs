//! What a decision comes to.

/// What a decision comes to. Its reason is a [`super::Reason`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Forwarded as judged.
    Permit,
    /// Answered by the gateway; nothing reached the application.
    Refuse,
    /// Forwarded unchanged by observe mode, although it would have been refused.
    Observed,
    /// Forwarded as judged so far; the answer, which tells the rest, is held until that is judged too. No decision ends so: another
    /// of the same request follows.
    Held,
}

impl Outcome {
    /// The name in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Refuse => "refuse",
            Self::Observed => "observed",
            Self::Held => "held",
        }
    }

    /// Reads the name that [`Outcome::as_str`] gives, of those that a decision ends with.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Permit, Self::Refuse, Self::Observed].into_iter().find(|outcome| outcome.as_str() == name)
    }
}
