//! Everything below HTTP: sockets, TLS, admission, draining, hand-over. Reads no request and decides nothing about one.

pub mod accept;
pub mod admin;
mod certificate;
pub mod drain;
mod error;
mod fingerprint;
pub mod hand_over;
mod handshake;
pub mod limit;
pub mod listen;
pub mod proxy_protocol;
pub mod redirect;
pub mod serve;
mod socket;
pub mod tls;
pub mod worker;

pub use error::{ServerError, TlsError};
pub use handshake::HandshakeFailure;
pub use socket::Socket;
