//! Certificates read from files, ours and those of clients, and which of ours serves which name; speaks no TLS.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest;
use compact_str::CompactString;
use rustc_hash::FxHashMap;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use smallvec::SmallVec;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::error::TlsError;
use crate::config::{CertificateFiles, UnknownName};
use crate::model::Timestamp;
use crate::wire::connection::{CertificateNames, ClientCertificate};

/// One of our certificates with its key, ready to serve.
#[derive(Debug)]
pub(super) struct Entry {
    key: Arc<CertifiedKey>,
    /// What it is good for.
    pub(super) names: Arc<CertificateNames>,
    /// End of validity.
    pub(super) not_after: Timestamp,
    /// Where it came from.
    pub(super) file: PathBuf,
}

impl Entry {
    /// Reads and checks a pair of files.
    pub(super) fn load(files: &CertificateFiles, provider: &CryptoProvider) -> Result<Self, TlsError> {
        let chain = read_chain(&files.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&read_file(&files.key)?)
            .map_err(|error| TlsError::Pem { file: files.key.clone(), error })?;
        let broken = |error| TlsError::Pair { certificate: files.certificate.clone(), key: files.key.clone(), error };
        let first = chain.first().cloned();
        let key = CertifiedKey::from_der(chain, key, provider).map_err(broken)?;
        let parsed = first.as_ref().and_then(|der| X509Certificate::from_der(der).ok());
        let Some((_, parsed)) = parsed else { return Err(TlsError::NoCertificate { file: files.certificate.clone() }) };
        Ok(Self {
            key: Arc::new(key),
            names: Arc::new(names(&parsed)),
            not_after: not_after(&parsed),
            file: files.certificate.clone(),
        })
    }
}

fn read_file(file: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(file).map_err(|error| TlsError::Read { file: file.to_owned(), error })
}

fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read_file(file)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(TlsError::NoCertificate { file: file.to_owned() }),
        Ok(chain) => Ok(chain),
        Err(error) => Err(TlsError::Pem { file: file.to_owned(), error }),
    }
}

/// The authorities in a PEM file.
pub(super) fn read_authorities(file: &Path) -> Result<rustls::RootCertStore, TlsError> {
    let mut roots = rustls::RootCertStore::empty();
    for authority in read_chain(file)? {
        roots.add(authority).map_err(|error| TlsError::Authority { file: file.to_owned(), error })?;
    }
    Ok(roots)
}

/// The revocation lists in a PEM file, or the one in a DER file.
pub(super) fn read_revoked(file: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let bytes = read_file(file)?;
    let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
    match lists {
        Ok(lists) if lists.is_empty() => Ok(vec![CertificateRevocationListDer::from(bytes)]),
        Ok(lists) => Ok(lists),
        Err(error) => Err(TlsError::Pem { file: file.to_owned(), error }),
    }
}

fn not_after(certificate: &X509Certificate<'_>) -> Timestamp {
    Timestamp::from_micros(certificate.validity().not_after.timestamp().saturating_mul(1_000_000))
}

fn alternative_names<'a>(certificate: &'a X509Certificate<'a>) -> &'a [GeneralName<'a>] {
    match certificate.subject_alternative_name() {
        Ok(Some(extension)) => &extension.value.general_names,
        _ => &[],
    }
}

fn names(certificate: &X509Certificate<'_>) -> CertificateNames {
    let mut dns = Vec::new();
    let mut addresses = Vec::new();
    for name in alternative_names(certificate) {
        match name {
            GeneralName::DNSName(name) => dns.push(CompactString::from(*name)),
            GeneralName::IPAddress(bytes) => addresses.extend(address(bytes)),
            _ => {}
        }
    }
    CertificateNames::new(dns, addresses)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Some(octets.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(Into::into)
}

/// Reads a client's certificate that has been verified. `None` when it cannot be read, which refuses the connection.
pub(super) fn client_certificate(der: &CertificateDer<'_>) -> Option<ClientCertificate> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let (mut dns_names, mut emails, mut uris) = (Vec::new(), Vec::new(), Vec::new());
    for name in alternative_names(&parsed) {
        match name {
            GeneralName::DNSName(name) => dns_names.push((*name).to_owned()),
            GeneralName::RFC822Name(name) => emails.push((*name).to_owned()),
            GeneralName::URI(name) => uris.push((*name).to_owned()),
            _ => {}
        }
    }
    let mut common = parsed.subject().iter_common_name();
    let common_name = match (common.next(), common.next()) {
        (Some(only), None) => only.as_str().ok().map(str::to_owned),
        _ => None,
    };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Some(ClientCertificate {
        subject: parsed.subject().to_string(),
        common_name,
        issuer: parsed.issuer().to_string(),
        serial: hex(parsed.raw_serial()),
        dns_names,
        emails,
        uris,
        sha256: hex(digest::digest(&digest::SHA256, der).as_ref()),
        not_after: not_after(&parsed),
        der: der.to_vec(),
    })
}

type Entries = SmallVec<[Arc<Entry>; 2]>;

/// Our certificates by the names that they are good for.
#[derive(Debug)]
pub(super) struct Store {
    entries: Vec<Arc<Entry>>,
    exact: FxHashMap<CompactString, Entries>,
    /// By what follows `*.`.
    wildcard: FxHashMap<CompactString, Entries>,
    default: Option<Arc<Entry>>,
}

impl Store {
    /// Indexes certificates; the first is the default unless a name of another is given.
    pub(super) fn new(entries: Vec<Arc<Entry>>, default: Option<&str>, unknown: UnknownName) -> Result<Self, TlsError> {
        let chosen = match default {
            Some(name) => Some(
                entries
                    .iter()
                    .find(|entry| entry.names.covers(name))
                    .ok_or_else(|| TlsError::UnknownDefault { name: name.to_owned() })?,
            ),
            None => entries.first(),
        };
        let default = chosen.filter(|_| unknown == UnknownName::Default).cloned();
        let mut store =
            Self { entries: Vec::new(), exact: FxHashMap::default(), wildcard: FxHashMap::default(), default };
        for entry in &entries {
            for name in entry.names.names() {
                let (table, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut store.wildcard, parent),
                    None => (&mut store.exact, name),
                };
                table.entry(name.into()).or_default().push(Arc::clone(entry));
            }
        }
        store.entries = entries;
        Ok(store)
    }

    /// Every certificate.
    pub(super) fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// The certificate for a client: exact name, else wildcard, else default; of several the first whose key the
    /// client can verify.
    pub(super) fn choose(&self, hello: &ClientHello<'_>) -> Option<&Arc<Entry>> {
        let Some(name) = hello.server_name() else { return self.default.as_ref() };
        let lower: CompactString;
        let name = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            lower = name.to_ascii_lowercase().into();
            lower.as_str()
        } else {
            name
        };
        let parent = || name.split_once('.').and_then(|(_, parent)| self.wildcard.get(parent));
        match self.exact.get(name).or_else(parent) {
            Some(entries) => entries
                .iter()
                .find(|entry| entry.key.key.choose_scheme(hello.signature_schemes()).is_some())
                .or_else(|| entries.first()),
            None => self.default.as_ref(),
        }
    }
}

impl ResolvesServerCert for Store {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(&hello).map(|entry| Arc::clone(&entry.key))
    }
}
