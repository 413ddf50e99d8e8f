//! The identity sources, one file each; a source says who a credential is, never what they may do.

pub mod api_key;
pub mod basic;
pub mod client_certificate;
pub mod jwt;
pub mod legacy_session;
pub mod trusted_header;

use super::fault::Faults;
use crate::model::{SubjectId, Timestamp};
use serde::Deserialize;

/// The kinds of identity sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// The application's own sign-in, watched.
    LegacySession,
    /// A signed token.
    Jwt,
    /// A client certificate.
    ClientCertificate,
    /// A header set by a named network.
    TrustedHeader,
    /// An API key.
    ApiKey,
    /// HTTP Basic against the local list.
    Basic,
}

impl SourceKind {
    /// Every kind, in the order in which sources are recorded unless the application says otherwise.
    pub const ALL: [Self; 6] =
        [Self::LegacySession, Self::Jwt, Self::ClientCertificate, Self::TrustedHeader, Self::ApiKey, Self::Basic];

    /// The name in rules, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LegacySession => "legacy-session",
            Self::Jwt => "jwt",
            Self::ClientCertificate => "client-certificate",
            Self::TrustedHeader => "trusted-header",
            Self::ApiKey => "api-key",
            Self::Basic => "basic",
        }
    }
}

/// A subject whom a credential of the request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) source: SourceKind,
    pub(super) subject: SubjectId,
    /// When the subject last proved who they are, where the source knows.
    pub(super) since: Option<Timestamp>,
}

/// Checks the name of a field or cookie at `key`.
pub(super) fn check_token(faults: &mut Faults, key: &str, name: &str) {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        faults.push_at(key, format!("`{name}` cannot be the name of a header or cookie"));
    }
    if name.to_ascii_lowercase().starts_with("__host-scopegate") {
        faults.push_at(key, format!("`{name}`: names that begin with `__Host-scopegate` are the gateway's own"));
    }
}

/// Checks the name of a header that carries an identity or a key at `key`.
pub(super) fn check_header(faults: &mut Faults, key: &str, name: &str) {
    check_token(faults, key, name);
    const TAKEN: [&str; 9] = [
        "authorization",
        "cookie",
        "host",
        "connection",
        "content-length",
        "content-type",
        "transfer-encoding",
        "forwarded",
        "x-forwarded-for",
    ];
    if TAKEN.iter().any(|taken| name.eq_ignore_ascii_case(taken)) {
        faults.push_at(key, format!("`{name}` has a meaning of its own and cannot carry this"));
    }
}
