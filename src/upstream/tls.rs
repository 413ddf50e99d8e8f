//! TLS towards applications: public or own authorities, pins, verified names, HTTP/1.1 only; never accepts a certificate unseen.

use super::error::TlsError;
use crate::endpoint::{Address, Pin, TlsSpec};
use aws_lc_rs::digest::{SHA256, digest};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// The TLS side of an upstream, ready for handshakes.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) connector: tokio_rustls::TlsConnector,
    name: Option<ServerName<'static>>,
}

impl Tls {
    /// Reads the files and sets up what every handshake shares.
    pub(super) fn build(spec: &TlsSpec) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let settings = |cause: &dyn std::fmt::Display| TlsError::Settings(cause.to_string());
        let chain = match (&spec.ca, spec.pins.is_empty()) {
            (None, false) => None,
            (ca, _) => {
                let roots = ca.as_deref().map_or_else(|| Ok(public_roots()), own_roots)?;
                let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
                Some(verifier.build().map_err(|cause| settings(&cause))?)
            }
        };
        let verifier = Verifier {
            chain,
            pins: spec.pins.clone(),
            check_name: spec.name.is_some(),
            provider: Arc::clone(&provider),
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|cause| settings(&cause))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &spec.client {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|cause| TlsError::File { file: key.clone(), cause: cause.to_string() })?;
                builder.with_client_auth_cert(certificates(certificate)?, key).map_err(|cause| settings(&cause))?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = spec.name.as_deref().map(|name| ServerName::try_from(name.to_owned()));
        let name = name.transpose().map_err(|cause| settings(&cause))?;
        Ok(Self { connector: tokio_rustls::TlsConnector::from(Arc::new(config)), name })
    }

    /// The name that the certificate of this address must carry.
    pub(super) fn name_for(&self, address: &Address) -> Result<ServerName<'static>, TlsError> {
        match &self.name {
            Some(name) => Ok(name.clone()),
            None => ServerName::try_from(address.host.to_string()).map_err(|_| {
                TlsError::Settings(format!("`{}` is not a name that a certificate can carry", address.host))
            }),
        }
    }
}

fn public_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

fn own_roots(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|cause| TlsError::File { file: file.to_owned(), cause: cause.to_string() })?;
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong =
        |cause: rustls::pki_types::pem::Error| TlsError::File { file: file.to_owned(), cause: cause.to_string() };
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(file).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    if certificates.is_empty() { Err(TlsError::Empty { file: file.to_owned() }) } else { Ok(certificates) }
}

/// Judges the certificate that an application shows.
///
/// SECURITY: without authorities there is a pin (`a_certificate_that_no_authority_vouches_for_is_refused`,
/// `another_key_than_the_pinned_one_is_refused`, `a_certificate_for_another_name_is_refused`).
#[derive(Debug)]
struct Verifier {
    /// `None` only where there are pins, which then say exactly which key or certificate is meant.
    chain: Option<Arc<WebPkiServerVerifier>>,
    pins: Vec<Pin>,
    /// Whether the name was written out, so that it is checked without authorities too.
    check_name: bool,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn pinned(&self, certificate: &CertificateDer<'_>) -> Result<bool, rustls::Error> {
        let whole = digest(&SHA256, certificate);
        let key = digest(&SHA256, &ParsedCertificate::try_from(certificate)?.subject_public_key_info());
        let same = |left: &[u8], right: &[u8]| bool::from(left.ct_eq(right));
        Ok(self.pins.iter().any(|pin| match pin {
            Pin::Certificate(hash) => same(hash, whole.as_ref()),
            Pin::PublicKey(hash) => same(hash, key.as_ref()),
        }))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.chain {
            Some(chain) => {
                chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
            }
            None if self.check_name => {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            }
            None => {}
        }
        let trusted = if self.pins.is_empty() { self.chain.is_some() } else { self.pinned(end_entity)? };
        if trusted {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
