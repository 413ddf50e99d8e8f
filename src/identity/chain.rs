//! `identity:` of an application: all sources run, every credential is an identity of its own; never what they may do.

use super::cookie::{self, Found};
use super::credential::{CredentialSource, PasswordVerifier, SubjectStatus};
use super::error::IdentityError;
use super::evidence::Evidence;
use super::fault::{Fault, Faults};
use super::jwks::{KeyRing, RemoteKeys};
use super::presented::{CookieField, Presented, PresentedCookie};
use super::recent::Recent;
use super::session::{SessionKey, SessionTable};
use super::source::api_key::{ApiKeys, RawApiKey};
use super::source::basic::{Basic, RawBasic};
use super::source::client_certificate::{Certificates, RawClientCertificate};
use super::source::jwt::{RawJwt, Tokens, Verified};
use super::source::legacy_session::{LegacySession, RawLegacySession};
use super::source::trusted_header::{RawTrustedHeader, TrustedHeader};
use super::source::{Claim, SourceKind};
use super::user_map::RawUserMap;
use crate::diagnostics::yaml::OneOrMany;
use crate::model::{Reason, SubjectId, Timestamp};
use crate::request::{Charset, Dialect, Location, RawLocation};
use compact_str::CompactString;
use serde::Deserialize;
use smallvec::SmallVec;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// A compiled [`RawIdentity`].
#[derive(Clone, Debug)]
pub struct IdentityChain {
    /// Tells it from every other chain of this process, those of earlier rules included.
    serial: u64,
    app: CompactString,
    charset: Charset,
    legacy: Option<Arc<LegacySession>>,
    tokens: Vec<Tokens>,
    certificates: Option<Certificates>,
    header: Option<TrustedHeader>,
    api_keys: Option<ApiKeys>,
    api_key_query: Option<Location>,
    basic: Option<Basic>,
    record: Vec<SourceKind>,
    authorization: RawAuthorization,
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
        let api_key_query = query.and_then(|name| RawLocation::Query(name).compile(inputs.dialect, |_| None).ok());
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

/// What all cores share to verify credentials, and what one core remembers. One for each core.
#[derive(Debug)]
pub struct Verifiers {
    sessions: Arc<SessionTable>,
    passwords: Arc<PasswordVerifier>,
    keys: Arc<KeyRing>,
    recent_sessions: Recent<SessionKey>,
    pub(super) recent_cookies: Recent<Presented>,
    recent_tokens: Recent<Rc<Verified>>,
}

impl Verifiers {
    /// For one core.
    #[must_use]
    pub fn new(sessions: Arc<SessionTable>, passwords: Arc<PasswordVerifier>, keys: Arc<KeyRing>) -> Self {
        Self {
            sessions,
            passwords,
            keys,
            recent_sessions: Recent::new(4096),
            recent_cookies: Recent::new(1024),
            recent_tokens: Recent::new(1024),
        }
    }

    /// The sessions of all cores.
    #[must_use]
    pub fn sessions(&self) -> &Arc<SessionTable> {
        &self.sessions
    }

    /// The key of a session; the hash of a cookie seen lately is remembered.
    pub(super) fn key(&self, app: &str, cookie: &str, token: &[u8]) -> SessionKey {
        if token.len() > 512 {
            return self.sessions.key(app, cookie, token);
        }
        let mut name = SmallVec::<[u8; 160]>::new();
        for part in [app.as_bytes(), &[0], cookie.as_bytes(), &[0], token] {
            name.extend_from_slice(part);
        }
        self.recent_sessions.get_or(&name, || self.sessions.key(app, cookie, token))
    }
}

/// Who is asking, and what must be taken off the request before it is forwarded.
#[derive(Clone, Debug)]
pub struct Identified {
    /// The subject; `None` where no credential was presented, or where it does not count (public routes).
    pub subject: Option<SubjectId>,
    /// The source that is recorded.
    pub source: Option<SourceKind>,
    /// When the subject last proved who they are, where that is known.
    pub since: Option<Timestamp>,
    /// The bound session, as records show it.
    pub session: Option<SessionKey>,
    /// The fields that must not reach the application, in any spelling that folds to these names.
    pub strip: SmallVec<[CompactString; 4]>,
    /// The query parameter that must not reach the application.
    pub strip_query: Option<Location>,
    /// The Cookie field that reaches the application.
    pub cookie: CookieField,
}

impl IdentityChain {
    /// The name of the application.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.app
    }

    /// The challenges for `WWW-Authenticate` of a 401 (RFC 9110 section 11.6.1); empty where people sign in by form.
    pub fn challenges(&self) -> impl Iterator<Item = &str> {
        let bearer = self.tokens.iter().any(|tokens| tokens.cookie.is_none()).then_some("Bearer");
        self.basic.iter().map(|basic| basic.challenge.as_str()).chain(bearer)
    }

    /// The keys that must be fetched for this application: to be given to [`KeyRing::want`].
    pub fn remote_keys(&self) -> impl Iterator<Item = &Arc<RemoteKeys>> {
        self.tokens.iter().filter_map(Tokens::remote)
    }

    /// Names of parameters whose values are credentials and must not be recorded: the key in the query, and the session
    /// cookies, which servers also take from the path (`;jsessionid=`) or the query.
    pub fn secret_names(&self) -> impl Iterator<Item = &str> {
        let sessions = self.legacy().into_iter().flat_map(|legacy| &legacy.cookies);
        self.api_key_query.iter().map(Location::name).chain(sessions.map(|cookie| cookie.name.as_str()))
    }

    /// The page where people sign in to the application: a path on its host.
    #[must_use]
    pub fn sign_in_page(&self) -> Option<&str> {
        self.legacy()?.sign_ins.iter().find_map(|sign_in| sign_in.page.as_deref())
    }

    pub(super) const fn serial(&self) -> u64 {
        self.serial
    }

    /// Whether the cookie of this name carries a token that is not forwarded.
    pub(super) fn takes_token(&self, cookie: &[u8]) -> bool {
        let mut taken = self.tokens.iter().filter(|tokens| !tokens.forward);
        taken.any(|tokens| tokens.cookie.as_ref().is_some_and(|own| own.as_bytes() == cookie))
    }

    /// Whether a Set-Cookie field sets a session cookie of the application, hidden or not.
    #[must_use]
    pub fn is_session_cookie(&self, field: &[u8]) -> bool {
        let Some(set) = cookie::SetCookie::parse(field) else { return false };
        let mut own = self.legacy().into_iter().flat_map(|legacy| &legacy.cookies);
        own.any(|cookie| cookie.name.as_bytes() == set.name || cookie.sealed.as_bytes() == set.name)
    }

    pub(super) fn legacy(&self) -> Option<&LegacySession> {
        self.legacy.as_deref()
    }

    pub(super) const fn charset(&self) -> Charset {
        self.charset
    }

    /// A request to a public route: nobody, whatever it brings. What belongs to the gateway is taken off nevertheless.
    #[must_use]
    pub fn anonymous(&self, evidence: &Evidence<'_>, presented: &Presented) -> Identified {
        let mut identified = self.nobody();
        if evidence.head.contains("authorization") && self.authorization != RawAuthorization::Forward {
            identified.strip.push("authorization".into());
        }
        identified.cookie = self.cookie_field(evidence, presented, |_| true);
        identified
    }

    /// Who is asking. Every credential that the request brings is an identity of its own: an invalid one refuses, and
    /// so do two that name different subjects. `subject` is `None` where there is no credential.
    ///
    /// # Errors
    /// When a credential is invalid, cannot be checked or conflicts with another, or the subject may not act.
    pub async fn identify(
        &self,
        evidence: &Evidence<'_>,
        presented: &Presented,
        people: &dyn CredentialSource,
        verifiers: &Verifiers,
    ) -> Result<Identified, IdentityError> {
        let mut claims = SmallVec::<[Claim; 2]>::new();
        let mut identified = self.nobody();
        let mut bound = SmallVec::<[usize; 1]>::new();
        self.check_sessions(evidence, presented)?;
        for cookie in presented.cookies() {
            if let Some(claim) = self.bound_session(cookie, evidence, verifiers).await? {
                identified.session.get_or_insert(cookie.key);
                bound.push(cookie.index);
                claims.push(claim);
            }
        }
        self.authorization(evidence, people, verifiers, &mut claims, &mut identified).await?;
        self.tokens_in_cookies(evidence, verifiers, &mut claims)?;
        if let Some(certificates) = &self.certificates {
            claims.extend(certificates.identify(evidence)?);
        }
        if let Some(header) = &self.header {
            claims.extend(header.identify(evidence)?);
        }
        if let Some(api_keys) = &self.api_keys {
            api_keys.identify(evidence, people, &mut claims)?;
        }
        let Some(first) = claims.first() else {
            identified.cookie = self.cookie_field(evidence, presented, |_| true);
            return Ok(identified);
        };
        if let Some(other) = claims.iter().find(|claim| claim.subject != first.subject) {
            let detail = format!(
                "{} names {}, {} names {}",
                first.source.as_str(),
                first.subject,
                other.source.as_str(),
                other.subject
            );
            return Err(IdentityError::new(Reason::ConflictingIdentities, &detail));
        }
        let recorded = self.record.iter().find_map(|kind| claims.iter().find(|claim| claim.source == *kind));
        let claim = recorded.unwrap_or(first);
        check_status(people, claim)?;
        identified.since = claims.iter().filter_map(|claim| claim.since).max();
        identified.subject = Some(claim.subject.clone());
        identified.source = Some(claim.source);
        // SECURITY: whose session an unbound cookie is cannot be told, so it does not go along with somebody's identity
        // (test `an_unbound_session_does_not_go_along_with_another_identity`).
        identified.cookie = self.bound_cookies(evidence, presented, &bound);
        Ok(identified)
    }

    fn nobody(&self) -> Identified {
        let header = self.header.iter().map(|header| header.name.clone());
        let key = self.api_keys.iter().filter_map(|keys| keys.header.clone());
        Identified {
            subject: None,
            source: None,
            since: None,
            session: None,
            strip: header.chain(key).collect(),
            strip_query: self.api_key_query.clone(),
            cookie: CookieField::Unchanged,
        }
    }

    /// SECURITY: a session that the application might read from elsewhere than the cookie that was looked up refuses
    /// (test `a_session_by_query_or_in_two_cookies_is_refused`).
    fn check_sessions(&self, evidence: &Evidence<'_>, presented: &Presented) -> Result<(), IdentityError> {
        let Some(legacy) = self.legacy() else { return Ok(()) };
        let refuse =
            |detail: &str| Err(IdentityError::of(SourceKind::LegacySession, Reason::InvalidCredential, detail));
        if presented.is_ambiguous() {
            return refuse("which session cookie the application would read cannot be told");
        }
        let Some(target) = evidence.target else { return Ok(()) };
        for (index, cookie) in legacy.cookies.iter().enumerate() {
            if cookie.parameter.as_ref().is_some_and(|name| target.query().mentions(name)) {
                return refuse("a session stands in the query");
            }
            let own = presented.get(index).map(|cookie| cookie.value.as_slice());
            let mut parameters = target.path_parameters().iter();
            let other =
                |name: &str, value: &str| name.eq_ignore_ascii_case(&cookie.name) && own != Some(value.as_bytes());
            if parameters.any(|parameter| other(parameter.name(), parameter.value())) {
                return refuse("a session stands in the path");
            }
        }
        Ok(())
    }

    async fn bound_session(
        &self,
        cookie: &PresentedCookie,
        evidence: &Evidence<'_>,
        verifiers: &Verifiers,
    ) -> Result<Option<Claim>, IdentityError> {
        let source = SourceKind::LegacySession;
        let session = match verifiers.sessions.lookup(&cookie.key, evidence.now) {
            Some(session) => session,
            None => match verifiers.sessions.lookup_through(&cookie.key, evidence.now).await {
                Ok(Some(session)) => session,
                Ok(None) => return Ok(None),
                Err(error) => {
                    return Err(IdentityError::of(source, Reason::IdentityUnavailable, &error.to_string()));
                }
            },
        };
        let binding = session.binding();
        let same_device = self.legacy().is_some_and(|legacy| legacy.same_device);
        if same_device && (binding.device.is_none() || binding.device != evidence.device.id) {
            let error = IdentityError::of(source, Reason::DeviceMismatch, "the session belongs to another device");
            return Err(error.about(binding.subject.clone()));
        }
        Ok(Some(Claim { source, subject: binding.subject.clone(), since: Some(binding.created) }))
    }

    async fn authorization(
        &self,
        evidence: &Evidence<'_>,
        people: &dyn CredentialSource,
        verifiers: &Verifiers,
        claims: &mut SmallVec<[Claim; 2]>,
        identified: &mut Identified,
    ) -> Result<(), IdentityError> {
        let field = evidence.head.single("authorization").map_err(|_| {
            IdentityError::new(Reason::RepeatedHeader, "the field `authorization` stands several times")
        })?;
        let Some(value) = field else { return Ok(()) };
        let (scheme, rest) = split_scheme(value);
        let bearer: SmallVec<[&Tokens; 2]> = self.tokens.iter().filter(|tokens| tokens.cookie.is_none()).collect();
        if let (true, Some(basic)) = (scheme.eq_ignore_ascii_case(b"basic"), &self.basic) {
            claims.push(basic.identify(rest, evidence, people, &verifiers.passwords).await?);
            identified.strip.push("authorization".into());
            return Ok(());
        }
        if scheme.eq_ignore_ascii_case(b"bearer") && !bearer.is_empty() {
            let mut result = Err(IdentityError::of(SourceKind::Jwt, Reason::InvalidCredential, "no issuer"));
            for tokens in bearer {
                result = tokens.identify(rest, &verifiers.keys, &verifiers.recent_tokens, evidence.now);
                if result.is_ok() {
                    if !tokens.forward {
                        identified.strip.push("authorization".into());
                    }
                    break;
                }
            }
            claims.push(result?);
            return Ok(());
        }
        match self.authorization {
            RawAuthorization::Refuse => {
                let detail = "the field `authorization` has a scheme that no source reads";
                Err(IdentityError::new(Reason::InvalidCredential, detail))
            }
            RawAuthorization::Strip => {
                identified.strip.push("authorization".into());
                Ok(())
            }
            RawAuthorization::Forward => Ok(()),
        }
    }

    fn tokens_in_cookies(
        &self,
        evidence: &Evidence<'_>,
        verifiers: &Verifiers,
        claims: &mut SmallVec<[Claim; 2]>,
    ) -> Result<(), IdentityError> {
        for tokens in &self.tokens {
            let Some(name) = &tokens.cookie else { continue };
            match cookie::find(evidence.cookies(), name) {
                Found::Absent => {}
                Found::One(token) => {
                    claims.push(tokens.identify(token, &verifiers.keys, &verifiers.recent_tokens, evidence.now)?);
                }
                Found::Ambiguous => {
                    let detail = "which token cookie the application would read cannot be told";
                    return Err(IdentityError::of(SourceKind::Jwt, Reason::InvalidCredential, detail));
                }
            }
        }
        Ok(())
    }
}

/// The scheme of an Authorization field and what follows it (RFC 9110 section 11.4).
fn split_scheme(value: &[u8]) -> (&[u8], &[u8]) {
    let space = memchr::memchr(b' ', value).unwrap_or(value.len());
    let (scheme, rest) = value.split_at_checked(space).unwrap_or((value, &[]));
    (scheme, rest.trim_ascii())
}

fn check_status(people: &dyn CredentialSource, claim: &Claim) -> Result<(), IdentityError> {
    let (reason, detail) = match people.status(&claim.subject) {
        SubjectStatus::Active => return Ok(()),
        SubjectStatus::Frozen => (Reason::Frozen, "the subject is frozen"),
        SubjectStatus::Unknown => (Reason::UnknownSubject, "nobody of this name is known"),
    };
    Err(IdentityError::of(claim.source, reason, detail).about(claim.subject.clone()))
}
