//! One client's TLS handshake: what it settled, or why it failed. The deadline is the caller's.

use std::io;
use std::sync::Arc;

use rustls::server::Acceptor;
use rustls::{HandshakeKind, ProtocolVersion, ServerConnection};
use rustls_pki_types::UnixTime;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::client_certificate;
use super::socket::Socket;
use super::tls::Snapshot;
use crate::wire::connection::{ClientCertificate, Protocol, TlsInfo};

/// Why there is no connection after all; a label of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HandshakeFailure {
    /// It took too long.
    Timeout,
    /// The client went away.
    Closed,
    /// What came is not TLS.
    NotTls,
    /// A PROXY protocol header came from an address that is not a trusted load balancer.
    ProxyHeader,
    /// The client speaks no version of TLS that is served.
    Version,
    /// No certificate has the name that the client asked for.
    UnknownName,
    /// The client showed no certificate, or one that does not verify.
    ClientCertificate,
    /// The client offers none of the application protocols.
    Protocol,
    /// Anything else that ends a handshake.
    Other,
}

impl HandshakeFailure {
    /// Every kind of failure.
    pub const ALL: [Self; 9] = [
        Self::Timeout,
        Self::Closed,
        Self::NotTls,
        Self::ProxyHeader,
        Self::Version,
        Self::UnknownName,
        Self::ClientCertificate,
        Self::Protocol,
        Self::Other,
    ];

    /// The label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::NotTls => "not-tls",
            Self::ProxyHeader => "proxy-header",
            Self::Version => "version",
            Self::UnknownName => "unknown-name",
            Self::ClientCertificate => "client-certificate",
            Self::Protocol => "protocol",
            Self::Other => "other",
        }
    }
}

/// Shakes hands with a client.
pub(super) async fn shake(
    snapshot: &Snapshot,
    mut socket: Socket,
) -> Result<(TlsStream<Socket>, TlsInfo), HandshakeFailure> {
    socket.watch_hello();
    let mut acceptor = LazyConfigAcceptor::new(Acceptor::default(), socket);
    let start = match (&mut acceptor).await {
        Ok(start) => start,
        Err(error) => {
            let proxied = acceptor.take_io().is_some_and(|socket| socket.began_with_proxy_header());
            return Err(if proxied { HandshakeFailure::ProxyHeader } else { classify(&error) });
        }
    };
    let config = Arc::clone(snapshot.config(start.client_hello().cipher_suites()));
    let Some(entry) = snapshot.store.choose(&start.client_hello()) else {
        // The handshake goes on only to tell the client why with an alert.
        drop(start.into_stream(config).await);
        return Err(HandshakeFailure::UnknownName);
    };
    let certificate = Arc::clone(&entry.names);
    let mut stream = start.into_stream(config).await.map_err(|error| classify(&error))?;
    let fingerprint = stream.get_mut().0.take_fingerprint();
    let connection = stream.get_ref().1;
    let resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
    let info = TlsInfo {
        server_name: connection.server_name().map(|name| name.to_ascii_lowercase().into()),
        version: match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => return Err(HandshakeFailure::Version),
        },
        cipher: connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).unwrap_or("unknown"),
        protocol: match connection.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        },
        resumed,
        certificate,
        client_certificate: peer(snapshot, connection, resumed)?,
        fingerprint,
    };
    Ok((stream, info))
}

/// The client's certificate.
fn peer(
    snapshot: &Snapshot,
    connection: &ServerConnection,
    resumed: bool,
) -> Result<Option<Arc<ClientCertificate>>, HandshakeFailure> {
    let Some(verifier) = &snapshot.verifier else { return Ok(None) };
    let refused = HandshakeFailure::ClientCertificate;
    let Some((first, rest)) = connection.peer_certificates().and_then(<[_]>::split_first) else {
        return if verifier.client_auth_mandatory() { Err(refused) } else { Ok(None) };
    };
    // SECURITY: a resumed session brings the certificate of its first handshake, which rustls does not verify again:
    // authorities, revocations and the time may have changed since. Test:
    // `a_resumed_session_is_judged_by_the_authorities_of_now`.
    if resumed {
        verifier.verify_client_cert(first, rest, UnixTime::now()).map_err(|_| refused)?;
    }
    client_certificate(first).map(|certificate| Some(Arc::new(certificate))).ok_or(refused)
}

fn classify(error: &io::Error) -> HandshakeFailure {
    use rustls::{AlertDescription, Error, PeerIncompatible};
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        None => HandshakeFailure::Closed,
        Some(Error::InvalidMessage(_)) => HandshakeFailure::NotTls,
        Some(Error::PeerIncompatible(
            PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::SupportedVersionsExtensionRequired,
        )) => HandshakeFailure::Version,
        Some(Error::NoCertificatesPresented | Error::InvalidCertificate(_) | Error::InvalidCertRevocationList(_)) => {
            HandshakeFailure::ClientCertificate
        }
        Some(Error::NoApplicationProtocol) => HandshakeFailure::Protocol,
        Some(Error::AlertReceived(AlertDescription::CloseNotify)) => HandshakeFailure::Closed,
        Some(_) => HandshakeFailure::Other,
    }
}
