//! What can go wrong below HTTP; holds paths and what the system said, never key material.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why certificates could not be put to use.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error("cannot read `{}`: {error}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A file is not PEM, or holds nothing of the right kind.
    #[error("`{}` is not a usable PEM file: {error}", file.display())]
    Pem {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        error: rustls_pki_types::pem::Error,
    },
    /// A file holds no certificate.
    #[error("`{}` holds no certificate that can be read", file.display())]
    NoCertificate {
        /// The file.
        file: PathBuf,
    },
    /// A key does not belong to its certificate, or is of a kind that is not supported.
    #[error("`{}` and `{}` do not go together: {error}", certificate.display(), key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
    /// An authority for client certificates cannot be used.
    #[error("`{}` is not a usable authority: {error}", file.display())]
    Authority {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
    /// The rules for client certificates cannot be built.
    #[error("client certificates cannot be checked with `{}`: {error}", file.display())]
    Verifier {
        /// The file of the authorities.
        file: PathBuf,
        /// What is wrong.
        error: rustls::server::VerifierBuilderError,
    },
    /// No certificate has the name that `tls.default` asks for.
    #[error("no certificate is good for `{name}`, which `tls.default` names")]
    UnknownDefault {
        /// The name.
        name: String,
    },
    /// The library refused the settings.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

/// Why the gateway could not begin to listen, or not hand over.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// An address could not be listened on.
    #[error("cannot listen on `{address}`: {error}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// A socket that was inherited cannot be used.
    #[error("cannot use an inherited socket: {0}")]
    Inherit(std::io::Error),
    /// The hand-over with the other process failed.
    #[error("cannot {what} at `{}`: {error}", socket.display())]
    HandOver {
        /// What was tried.
        what: &'static str,
        /// The hand-over socket.
        socket: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A thread or runtime could not be started.
    #[error("cannot start a worker: {0}")]
    Worker(std::io::Error),
}
