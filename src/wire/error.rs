//! What can be wrong with bytes from a client or an application, each mapped to one reason; never holds request content.

use crate::model::Reason;

/// Why a request, an answer or a body was not taken, or why it broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The head is not HTTP as RFC 9112 has it.
    #[error("malformed head: {0}")]
    Head(&'static str),
    /// The framing of the message is not plain (RFC 9112 section 6).
    #[error("malformed framing: {0}")]
    Framing(&'static str),
    /// No Host, several, or one that is not a host (RFC 9112 section 3.2).
    #[error("bad host: {0}")]
    Host(&'static str),
    /// The authority of the target and the Host field differ.
    #[error("the authority of the target and the Host field differ")]
    HostMismatch,
    /// A method that is not served.
    #[error("method not served: {0}")]
    Method(&'static str),
    /// A version that is not served.
    #[error("version of HTTP not served")]
    Version,
    /// An upgrade that is not well formed, or to something other than websocket.
    #[error("upgrade refused: {0}")]
    Upgrade(&'static str),
    /// An expectation other than `100-continue`.
    #[error("unknown expectation")]
    Expectation,
    /// The head is larger than allowed.
    #[error("head too large: {0}")]
    HeadTooLarge(&'static str),
    /// The target is longer than allowed.
    #[error("target too long")]
    TargetTooLong,
    /// The head did not come in time.
    #[error("the head did not arrive in time")]
    HeadTimeout,
    /// The body did not come in time.
    #[error("the body did not arrive in time")]
    BodyTimeout,
    /// The other side closed before the body was complete.
    #[error("the body broke off")]
    BodyIncomplete,
    /// The body is larger than the reader allows.
    #[error("the body is larger than allowed")]
    BodyTooLarge,
    /// The application's answer broke off before its end.
    #[error("the answer of the application broke off")]
    UpstreamCut,
    /// The application's answer breaks its own framing.
    #[error("the answer of the application breaks its framing: {0}")]
    UpstreamFraming(&'static str),
    /// The application sent nothing for too long.
    #[error("the application sent nothing for too long")]
    UpstreamTimeout,
    /// The gateway itself ended the body: a filter met what it cannot judge, or the right to it was withdrawn.
    #[error("ended by the gateway: {0}")]
    Withheld(Reason),
}

impl WireError {
    /// The reason that a record and an answer give.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Head(_) => Reason::MalformedHead,
            Self::Framing(_) => Reason::MalformedFraming,
            Self::Host(_) => Reason::BadHost,
            Self::HostMismatch => Reason::HostMismatch,
            Self::Method(_) => Reason::MethodRefused,
            Self::Version => Reason::VersionRefused,
            Self::Upgrade(_) => Reason::UpgradeRefused,
            Self::Expectation => Reason::ExpectationRefused,
            Self::HeadTooLarge(_) => Reason::HeadTooLarge,
            Self::TargetTooLong => Reason::TargetTooLong,
            Self::HeadTimeout | Self::BodyTimeout => Reason::ClientTimeout,
            Self::BodyIncomplete => Reason::BodyIncomplete,
            Self::BodyTooLarge => Reason::BodyTooLarge,
            Self::UpstreamCut | Self::UpstreamFraming(_) => Reason::UpstreamProtocol,
            Self::UpstreamTimeout => Reason::UpstreamTimeout,
            Self::Withheld(reason) => reason,
        }
    }
}
