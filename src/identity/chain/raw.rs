//! `identity:` of an application as YAML spells it, and its compile step.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;

use super::IdentityChain;
use crate::diagnostics::yaml::OneOrMany;
use crate::identity::fault::{Fault, Faults};
use crate::identity::source::SourceKind;
use crate::identity::source::api_key::RawApiKey;
use crate::identity::source::basic::RawBasic;
use crate::identity::source::client_certificate::RawClientCertificate;
use crate::identity::source::jwt::RawJwt;
use crate::identity::source::legacy_session::RawLegacySession;
use crate::identity::source::trusted_header::RawTrustedHeader;
use crate::identity::user_map::RawUserMap;
use crate::request::{Dialect, RawLocation};

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
    /// How the application reads requests, and the charset of its pages.
    pub dialect: &'a Dialect,
    /// Reads a file named in the section, relative to the folder of the rules.
    pub read: &'a dyn Fn(&str) -> std::io::Result<Vec<u8>>,
}

impl RawIdentity {
    /// Compiles the section.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn compile(&self, inputs: &Compile<'_>) -> Result<IdentityChain, Vec<Fault>> {
        let mut faults = Faults::default();
        let faulty = &mut faults;
        let users = faulty.within("users", |faults| self.users.compile(faults));
        let legacy = self.legacy_session.as_ref().map(|raw| {
            faulty.within("legacy-session", |faults| raw.compile(inputs.app, inputs.dialect, &users, faults))
        });
        let tokens = faulty.within("jwt", |faults| {
            let each = self.jwt.iter().enumerate();
            each.filter_map(|(at, raw)| faults.within(at, |faults| raw.compile(&users, inputs.read, faults))).collect()
        });
        let certificates = self
            .client_certificate
            .as_ref()
            .map(|raw| faulty.within("client-certificate", |faults| raw.compile(&users, faults)));
        let header = self
            .trusted_header
            .as_ref()
            .map(|raw| faulty.within("trusted-header", |faults| raw.compile(&users, faults)));
        let api_keys =
            self.api_key.as_ref().map(|raw| faulty.within("api-key", |faults| raw.compile(inputs.dialect, faults)));
        let query = self.api_key.as_ref().and_then(|raw| raw.query.clone());
        let api_key_query =
            query.and_then(|name| RawLocation::Query(name).compile(inputs.dialect, |_| None).ok()).map(Arc::new);
        let basic = self.basic.as_ref().map(|raw| faulty.within("basic", |faults| raw.compile(inputs.app, faults)));
        let mut record = self.record.clone();
        record.extend(SourceKind::ALL.into_iter().filter(|kind| !self.record.contains(kind)));
        self.check_cookies(faulty);
        if !faults.is_empty() {
            return Err(faults.into_found());
        }
        static COMPILED: AtomicU64 = AtomicU64::new(0);
        Ok(IdentityChain {
            serial: COMPILED.fetch_add(1, Ordering::Relaxed),
            app: inputs.app.into(),
            charset: inputs.dialect.charset,
            legacy: legacy.map(Arc::new),
            tokens,
            certificates,
            header,
            api_keys,
            api_key_query,
            basic,
            record,
            authorization: self.authorization,
        })
    }

    fn check_cookies(&self, faults: &mut Faults) {
        let sessions: Vec<&String> =
            self.legacy_session.iter().flat_map(|legacy| legacy.session.cookie.iter()).collect();
        for (at, cookie) in self.jwt.iter().enumerate().filter_map(|(at, jwt)| Some((at, jwt.cookie.as_ref()?))) {
            if sessions.contains(&cookie) {
                faults.within("jwt", |faults| {
                    faults.within(at, |faults| {
                        faults.push_at("cookie", format!("`{cookie}` carries the session already"));
                    });
                });
            }
        }
    }
}
