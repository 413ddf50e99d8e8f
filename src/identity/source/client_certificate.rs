//! Client certificates: which name of a verified certificate is the subject; never verifies the chain (TLS has done so).

use crate::identity::user_map::RawUserMap;
use serde::Deserialize;

/// `client-certificate:`: the subject of the verified client certificate.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawClientCertificate {
    /// The name that counts. Default `common-name`.
    #[serde(default)]
    pub name: CertificateName,
    /// A regular expression that the whole name must match; its first group, where it has one, is the subject.
    pub pattern: Option<String>,
    /// The certificate only secures the way here (an edge proxy has it) and is no subject.
    #[serde(default)]
    pub transport: bool,
    /// How the names of certificates become subjects.
    pub users: Option<RawUserMap>,
}

/// A name in a certificate (RFC 5280).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateName {
    /// The common name of the subject; exactly one.
    #[default]
    CommonName,
    /// The whole distinguished name, as RFC 4514 writes it.
    Subject,
    /// The e-mail address among the alternative names; exactly one.
    SanEmail,
    /// The DNS name among the alternative names; exactly one.
    SanDns,
    /// The URI among the alternative names; exactly one.
    SanUri,
}
