//! Who is asking, by all sources of an application: every credential is an identity of its own; never what they may do.

mod authorization;
pub mod raw;
mod session;

use self::raw::RawAuthorization;
use super::cookie;
use super::credential::{CredentialSource, SubjectStatus};
use super::error::IdentityError;
use super::evidence::Evidence;
use super::jwks::RemoteKeys;
use super::presented::{CookieField, Presented};
use super::session::SessionKey;
use super::source::api_key::ApiKeys;
use super::source::basic::Basic;
use super::source::client_certificate::Certificates;
use super::source::jwt::Tokens;
use super::source::legacy_session::LegacySession;
use super::source::trusted_header::TrustedHeader;
use super::source::{Claim, SourceKind};
use super::verifiers::Verifiers;
use crate::model::{Reason, SubjectId, Timestamp};
use crate::request::{Charset, Location};
use compact_str::CompactString;
use smallvec::SmallVec;
use std::sync::Arc;

/// A compiled [`raw::RawIdentity`].
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
    api_key_query: Option<Arc<Location>>,
    basic: Option<Basic>,
    record: Vec<SourceKind>,
    authorization: RawAuthorization,
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
    pub strip: SmallVec<[CompactString; 1]>,
    /// The query parameter that must not reach the application.
    pub strip_query: Option<Arc<Location>>,
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

    /// The keys that must be fetched for this application: to be given to [`super::jwks::KeyRing::want`].
    pub fn remote_keys(&self) -> impl Iterator<Item = &Arc<RemoteKeys>> {
        self.tokens.iter().filter_map(Tokens::remote)
    }

    /// Names of parameters whose values are credentials and must not be recorded: the key in the query, and the session
    /// cookies, which servers also take from the path (`;jsessionid=`) or the query.
    pub fn secret_names(&self) -> impl Iterator<Item = &str> {
        let sessions = self.legacy().into_iter().flat_map(|legacy| &legacy.cookies);
        self.api_key_query.iter().map(|place| place.name()).chain(sessions.map(|cookie| cookie.name.as_str()))
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
        let recorded = self.record.iter().find_map(|kind| claims.iter().position(|claim| claim.source == *kind));
        identified.since = claims.iter().filter_map(|claim| claim.since).max();
        let claim = claims.swap_remove(recorded.unwrap_or(0));
        check_status(people, &claim)?;
        identified.source = Some(claim.source);
        identified.subject = Some(claim.subject);
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
}

fn check_status(people: &dyn CredentialSource, claim: &Claim) -> Result<(), IdentityError> {
    let (reason, detail) = match people.status(&claim.subject) {
        SubjectStatus::Active => return Ok(()),
        SubjectStatus::Frozen => (Reason::Frozen, "the subject is frozen"),
        SubjectStatus::Unknown => (Reason::UnknownSubject, "nobody of this name is known"),
    };
    Err(IdentityError::of(claim.source, reason, detail).about(claim.subject.clone()))
}
