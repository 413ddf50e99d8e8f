//! The identity sources, one file each; a source says who a credential is, never what they may do.

pub mod api_key;
pub mod basic;
pub mod client_certificate;
pub mod jwt;
pub mod legacy_session;
pub mod trusted_header;

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
