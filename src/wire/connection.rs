//! What is known about a client's connection once its handshake is done; judges nothing and reads no request.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use compact_str::CompactString;

use crate::model::Timestamp;

/// A client's connection, shared by all requests that come over it. Nothing in it comes from a request.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// Number of the connection, unique in this process.
    pub id: u64,
    /// The other end of the TCP connection; IPv4-mapped addresses are IPv4 here.
    pub peer: SocketAddr,
    /// Our end of the TCP connection.
    pub local: SocketAddr,
    /// The addresses in the PROXY protocol header of a trusted load balancer.
    pub proxied: Option<Proxied>,
    /// The handshake; `None` on a connection without TLS.
    pub tls: Option<TlsInfo>,
    /// When the connection was accepted.
    pub accepted: Timestamp,
}

impl ConnectionInfo {
    /// Where the connection comes from, as far as the transport tells: the source that a trusted load balancer
    /// declared by PROXY protocol, else the peer. Forwarding headers are not looked at here.
    #[must_use]
    pub fn source(&self) -> IpAddr {
        self.proxied.map_or(self.peer, |proxied| proxied.source).ip()
    }
}

/// The addresses that a PROXY protocol header declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxied {
    /// The client, as the load balancer saw it.
    pub source: SocketAddr,
    /// The address that the client connected to.
    pub destination: SocketAddr,
}

/// What the handshake settled.
#[derive(Clone, Debug)]
pub struct TlsInfo {
    /// The name that the client asked for (SNI, RFC 6066 section 3), lower case.
    pub server_name: Option<CompactString>,
    /// The version, `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite by its IANA name.
    pub cipher: &'static str,
    /// The application protocol.
    pub protocol: Protocol,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// The names of the certificate that we showed.
    pub certificate: Arc<CertificateNames>,
    /// The certificate that the client showed; it has been verified against the configured authorities.
    pub client_certificate: Option<Arc<ClientCertificate>>,
    /// Fingerprint of the client's hello.
    pub fingerprint: Option<CompactString>,
}

/// The application protocol agreed on by ALPN (RFC 7301).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, also where the client offered no protocol.
    #[default]
    Http1,
    /// HTTP/2.
    Http2,
}

/// A verified client certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate itself, DER.
    pub der: Vec<u8>,
    /// Subject as RFC 4514 writes it, for example `CN=alice, O=Example`.
    pub subject: String,
    /// The last common name of the subject.
    pub common_name: Option<String>,
    /// Issuer, written as the subject is.
    pub issuer: String,
    /// Serial number, lower-case hexadecimal without separators.
    pub serial: String,
    /// DNS names among the subject's alternative names.
    pub dns_names: Vec<String>,
    /// Mail addresses among the subject's alternative names.
    pub emails: Vec<String>,
    /// URIs among the subject's alternative names.
    pub uris: Vec<String>,
    /// SHA-256 of the DER, lower-case hexadecimal.
    pub sha256: String,
    /// End of validity.
    pub not_after: Timestamp,
}

/// The names that a certificate of ours is good for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateNames {
    names: Vec<CompactString>,
    addresses: Vec<IpAddr>,
}

impl CertificateNames {
    /// From DNS names (a leading `*.` stands for one label) and addresses.
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = CompactString>, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let names = names.into_iter().map(|mut name| {
            name.make_ascii_lowercase();
            name
        });
        Self { names: names.collect(), addresses: addresses.into_iter().collect() }
    }

    /// The DNS names, lower case.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(CompactString::as_str)
    }

    /// Whether a host, lower case and without port or trailing dot, is among the names (RFC 9525 section 6.3: a
    /// wildcard is the whole left-most label and stands for exactly one). An address may stand in brackets.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        // every address begins with a hexadecimal digit or a colon and, unlike most names, ends with one
        let ends_as_address = bare.bytes().last().is_some_and(|byte| byte.is_ascii_hexdigit() || byte == b':');
        if ends_as_address && let Ok(address) = bare.parse::<IpAddr>() {
            return self.addresses.contains(&address);
        }
        let parent = host.split_once('.').map(|(_, parent)| parent);
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(suffix) => parent == Some(suffix),
            None => name == host,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_exactly_one_label() {
        let names = CertificateNames::new(["*.example.test".into(), "Example.test".into()], []);
        assert!(names.covers("wms.example.test"));
        assert!(names.covers("example.test"));
        assert!(!names.covers("a.wms.example.test"));
        assert!(!names.covers("example.com"));
    }

    #[test]
    fn an_address_is_covered_only_by_an_address() {
        let names = CertificateNames::new(["127.0.0.2".into()], ["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()]);
        assert!(names.covers("127.0.0.1"));
        assert!(names.covers("[::1]"));
        assert!(!names.covers("127.0.0.2"));
    }
}
