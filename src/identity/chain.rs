//! `identity:` of an application: all sources run, every credential is an identity of its own; never what they may do.

use super::one_or_many::OneOrMany;
use super::source::SourceKind;
use super::source::api_key::RawApiKey;
use super::source::basic::RawBasic;
use super::source::client_certificate::RawClientCertificate;
use super::source::jwt::RawJwt;
use super::source::legacy_session::RawLegacySession;
use super::source::trusted_header::RawTrustedHeader;
use super::user_map::RawUserMap;
use serde::Deserialize;

/// `identity:` of an application. Every source that is given runs on every request.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RawIdentity {
    /// The application's own sign-in, watched.
    pub legacy_session: Option<RawLegacySession>,
    /// Signed tokens; several where there are several issuers.
    pub jwt: OneOrMany<RawJwt>,
    /// Client certificates.
    pub client_certificate: Option<RawClientCertificate>,
    /// A header set by a proxy in a named network.
    pub trusted_header: Option<RawTrustedHeader>,
    /// API keys.
    pub api_key: Option<RawApiKey>,
    /// HTTP Basic against the local list.
    pub basic: Option<RawBasic>,
    /// Which source is recorded when several agree, the first of these that has one.
    pub record: Vec<SourceKind>,
    /// What becomes of an `Authorization` field that no source reads.
    pub authorization: RawAuthorization,
    /// How names become subjects, for the sources that do not say so themselves.
    pub users: RawUserMap,
}

/// What becomes of an `Authorization` field that no source reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawAuthorization {
    /// The request is refused: the application might take it for somebody.
    #[default]
    Refuse,
    /// It is taken off and the request goes on without it.
    Strip,
    /// It reaches the application, which is known not to sign anyone in by it.
    Forward,
}

/// What compiling an `identity:` section needs besides the section.
pub struct Compile<'a> {
    /// The name of the application.
    pub app: &'a str,
    /// The charset of the application's pages.
    pub charset: &'static encoding_rs::Encoding,
    /// Reads a file named in the section, relative to the folder of the rules.
    pub read: &'a dyn Fn(&str) -> std::io::Result<Vec<u8>>,
}

/// A compiled [`RawIdentity`].
#[derive(Clone, Debug)]
pub struct IdentityChain {
    app: compact_str::CompactString,
}

impl RawIdentity {
    /// Compiles the section.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn compile(&self, inputs: &Compile<'_>) -> Result<IdentityChain, Vec<super::fault::Fault>> {
        let mut faults = super::fault::Faults::default();
        faults.within("users", |faults| self.users.compile(faults));
        if faults.is_empty() { Ok(IdentityChain { app: inputs.app.into() }) } else { Err(faults.into_found()) }
    }
}

impl IdentityChain {
    /// The name of the application.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.app
    }
}
