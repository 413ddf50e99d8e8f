//! Fetches one small document over HTTP/1.1 and TLS, in the background only; follows no redirect.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// The largest document that is read, in bytes.
const MAX_DOCUMENT: usize = 1 << 20;
/// How long a fetch may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a document is.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    url: String,
    host: String,
    port: u16,
    target: String,
    tls: bool,
    authorities: Option<Vec<u8>>,
}

/// A document could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("{0}")]
    Body(String),
    #[error("answered {0}")]
    Status(u16),
    #[error("took longer than {} seconds", PATIENCE.as_secs())]
    Patience,
    #[error("{0}")]
    Address(String),
}

impl Address {
    /// Reads `https://host[:port]/path`; plain `http` only where the host is this machine.
    pub(super) fn parse(url: &str, authorities: Option<Vec<u8>>) -> Result<Self, String> {
        let wrong = || format!("`{url}` is not an address like `https://sso.example.com/keys`");
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(wrong()),
        };
        let slash = rest.find('/').unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(slash).ok_or_else(wrong)?;
        let plain = |text: &str| text.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'#' && byte != b'@');
        if !plain(authority) || !plain(target) {
            return Err(wrong());
        }
        let bare = authority.rfind(']').map_or(0, |bracket| bracket + 1);
        let (host, port) = match authority.get(bare..).and_then(|tail| tail.rfind(':')).map(|colon| bare + colon) {
            None => (authority, if tls { 443 } else { 80 }),
            Some(colon) => {
                let (host, port) = authority.split_at_checked(colon).ok_or_else(wrong)?;
                (host, port.trim_start_matches(':').parse().map_err(|_| wrong())?)
            }
        };
        if host.is_empty() {
            return Err(wrong());
        }
        if !tls && !matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
            return Err(format!(
                "`{url}` is fetched in the clear: whoever is between could sign as anybody; use `https`"
            ));
        }
        if let Some(pem) = &authorities {
            roots(Some(pem)).map_err(|message| format!("`ca`: {message}"))?;
        }
        let target = if target.is_empty() { "/".to_owned() } else { target.to_owned() };
        Ok(Self { url: url.to_owned(), host: host.to_owned(), port, target, tls, authorities })
    }

    /// The address as it was given.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

/// Fetches the document: status 200, no more than 1 MiB, within ten seconds.
pub(super) async fn fetch(address: &Address) -> Result<Bytes, FetchError> {
    tokio::time::timeout(PATIENCE, attempt(address)).await.unwrap_or(Err(FetchError::Patience))
}

async fn attempt(address: &Address) -> Result<Bytes, FetchError> {
    let host = address.host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, address.port)).await?;
    if !address.tls {
        return exchange(address, stream).await;
    }
    let named = |error: &dyn std::fmt::Display| FetchError::Address(error.to_string());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| named(&error))?
        .with_root_certificates(roots(address.authorities.as_deref()).map_err(FetchError::Address)?)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| named(&error))?;
    exchange(address, tokio_rustls::TlsConnector::from(Arc::new(client)).connect(name, stream).await?).await
}

async fn exchange<S>(address: &Address, stream: S) -> Result<Bytes, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = http::Request::get(&address.target)
        .header("host", format!("{}:{}", address.host, address.port))
        .header("accept", "application/json")
        .header("connection", "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| FetchError::Address(error.to_string()))?;
    let answer = sender.send_request(request).await?;
    if answer.status() != 200 {
        return Err(FetchError::Status(answer.status().as_u16()));
    }
    let body = Limited::new(answer.into_body(), MAX_DOCUMENT).collect().await;
    let bytes = body.map_err(|error| FetchError::Body(error.to_string()))?.to_bytes();
    drop(sender);
    connection.abort();
    Ok(bytes)
}

fn roots(pem: Option<&[u8]>) -> Result<rustls::RootCertStore, String> {
    let mut store = rustls::RootCertStore::empty();
    match pem {
        None => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| format!("is not PEM: {error:?}"))?;
                store.add(certificate).map_err(|error| error.to_string())?;
            }
            if store.is_empty() {
                return Err("holds no certificate".into());
            }
        }
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_strictly() {
        let address = Address::parse("https://sso.example.test:8443/keys?v=1", None).unwrap();
        assert_eq!((address.host.as_str(), address.port), ("sso.example.test", 8443));
        assert_eq!(address.target, "/keys?v=1");
        let bare = Address::parse("http://[::1]", None).unwrap();
        assert_eq!((bare.host.as_str(), bare.port, bare.target.as_str()), ("[::1]", 80, "/"));
        for wrong in
            ["http://sso.example.test/keys", "ftp://x/", "sso.example.test", "https://", "https://a:b/", "https://u@h/"]
        {
            assert!(Address::parse(wrong, None).is_err(), "{wrong}");
        }
        assert!(Address::parse("https://h/", Some(b"no certificate".to_vec())).is_err());
    }
}
