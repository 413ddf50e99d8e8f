//! What can go wrong between the gateway and an application; never shown to clients, never holds content.

use crate::endpoint::Address;
use crate::model::Reason;
use std::path::PathBuf;

/// Why an application did not answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection could be made.
    #[error("{address} cannot be connected to: {cause}")]
    Unreachable {
        /// The address that was tried last.
        address: Address,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The TLS handshake failed: certificate, name, pin, or not TLS at all.
    #[error("{address} failed the TLS handshake: {cause}")]
    Handshake {
        /// The address that was tried last.
        address: Address,
        /// What the handshake said.
        cause: std::io::Error,
    },
    /// The authorities or certificates for TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The answer was not HTTP, broke its framing or broke off.
    #[error("{address} broke the protocol: {detail}")]
    Protocol {
        /// The address that answered.
        address: Address,
        /// In what way.
        detail: String,
    },
    /// A connection, an answer or the taking of the request took too long.
    #[error("{address} took too long to {stage}")]
    Timeout {
        /// The address that was tried last.
        address: Address,
        /// What it was to do: `connect`, `answer`, `take the request`.
        stage: &'static str,
    },
    /// A fault of the gateway itself.
    #[error("fault in the forwarder: {0}")]
    Internal(&'static str),
    /// The client's body broke off or was refused while it was sent on.
    #[error("the body of the request: {detail}")]
    RequestBody {
        /// The reason of the client's side.
        reason: Reason,
        /// In what way.
        detail: String,
    },
}

impl UpstreamError {
    /// The reason that a record and an answer give.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Unreachable { .. } | Self::Handshake { .. } | Self::Tls(_) => Reason::UpstreamUnreachable,
            Self::Protocol { .. } => Reason::UpstreamProtocol,
            Self::Timeout { .. } => Reason::UpstreamTimeout,
            Self::Internal(_) => Reason::InternalFault,
            Self::RequestBody { reason, .. } => *reason,
        }
    }
}

/// Why TLS towards an application cannot be set up; found when rules are loaded.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("`{}` cannot be read: {cause}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A file holds no certificate.
    #[error("`{}` holds no certificate", file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
    /// Certificates and keys that cannot be used together.
    #[error("the TLS settings of the upstream cannot be used: {0}")]
    Settings(String),
}
