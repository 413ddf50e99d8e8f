//! TLS towards an application: by what it is known, and what the gateway shows.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use compact_str::CompactString;

use super::error::Findings;
use super::raw::RawTls;

/// What must be shown by the application instead of, or beside, a chain to an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pin {
    /// SHA-256 of the certificate's SubjectPublicKeyInfo (RFC 7469 section 2.4).
    PublicKey([u8; 32]),
    /// SHA-256 of the whole certificate.
    Certificate([u8; 32]),
}

impl Pin {
    fn parse(text: &str) -> Option<Self> {
        if let Some(base64) = text.strip_prefix("sha256/") {
            let bytes = base64::engine::general_purpose::STANDARD.decode(base64).ok()?;
            return Some(Self::PublicKey(bytes.try_into().ok()?));
        }
        let hex: Vec<u8> = text.strip_prefix("cert-sha256:")?.bytes().filter(|&b| b != b':').collect();
        let digits = hex.iter().map(|&b| char::from(b).to_digit(16)).collect::<Option<Vec<_>>>()?;
        let bytes: Vec<u8> = digits
            .chunks_exact(2)
            .filter_map(|pair| u8::try_from(pair.iter().fold(0, |value, digit| value * 16 + digit)).ok())
            .collect();
        (digits.len() == 64).then_some(Self::Certificate(bytes.try_into().ok()?))
    }
}

/// TLS towards the application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TlsSpec {
    /// The authorities' file; without it (and without a pin) the public ones.
    pub ca: Option<PathBuf>,
    /// The name that is verified and sent as SNI; without it the host of the address.
    pub name: Option<CompactString>,
    /// One of these must match, if there are any.
    pub pins: Vec<Pin>,
    /// Certificate chain and key that the gateway shows.
    pub client: Option<(PathBuf, PathBuf)>,
}

impl TlsSpec {
    /// Relative file names are taken from `folder`.
    pub(super) fn compile(raw: RawTls, folder: &Path, findings: &mut Findings) -> TlsSpec {
        if let Some(name) = raw.name.as_deref().filter(|name| rustls_pki_types::ServerName::try_from(*name).is_err()) {
            findings.add("tls.name", format!("`{name}` is not a name that a certificate can carry"));
        }
        let mut pins = Vec::new();
        for text in raw.pin.unwrap_or_default().0 {
            match Pin::parse(&text) {
                Some(pin) => pins.push(pin),
                None => findings.add(
                    "tls.pin",
                    format!("`{text}` is not a pin: write `sha256/<base64>` or `cert-sha256:<64 hex digits>`"),
                ),
            }
        }
        let client = match (raw.client_cert, raw.client_key) {
            (Some(cert), Some(key)) => Some((folder.join(cert), folder.join(key))),
            (None, None) => None,
            (Some(_), None) => {
                findings.add("tls.client-cert", "`client-cert` needs `client-key` beside it");
                None
            }
            (None, Some(_)) => {
                findings.add("tls.client-key", "`client-key` needs `client-cert` beside it");
                None
            }
        };
        TlsSpec { ca: raw.ca.map(|ca| folder.join(ca)), name: raw.name.map(Into::into), pins, client }
    }
}
