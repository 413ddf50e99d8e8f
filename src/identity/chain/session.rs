//! What the application's session cookies say of who is asking: whose session it is, and whether another could be read.

use super::IdentityChain;
use crate::identity::error::IdentityError;
use crate::identity::evidence::Evidence;
use crate::identity::presented::{Presented, PresentedCookie};
use crate::identity::session::Session;
use crate::identity::source::{Claim, SourceKind};
use crate::identity::verifiers::Verifiers;
use crate::model::Reason;

impl IdentityChain {
    /// SECURITY: a session that the application might read from elsewhere than the cookie that was looked up refuses
    /// (test `a_session_by_query_or_in_two_cookies_is_refused`).
    pub(super) fn check_sessions(&self, evidence: &Evidence<'_>, presented: &Presented) -> Result<(), IdentityError> {
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

    pub(super) async fn bound_session(
        &self,
        cookie: &PresentedCookie,
        evidence: &Evidence<'_>,
        verifiers: &Verifiers,
    ) -> Result<Option<Claim>, IdentityError> {
        let (sessions, now) = (&verifiers.sessions, evidence.now);
        if let Some(claim) = sessions.read(&cookie.key, now, |session| self.claim(session, evidence)) {
            return claim.map(Some);
        }
        // boxed: only where a process beside this one may know more, and every request's future would have room for it
        match Box::pin(sessions.lookup_through(&cookie.key, now)).await {
            Ok(session) => session.map(|session| self.claim(&session, evidence)).transpose(),
            Err(error) => {
                Err(IdentityError::of(SourceKind::LegacySession, Reason::IdentityUnavailable, &error.to_string()))
            }
        }
    }

    /// What a session claims, on the device that it belongs to.
    fn claim(&self, session: &Session, evidence: &Evidence<'_>) -> Result<Claim, IdentityError> {
        let source = SourceKind::LegacySession;
        let binding = session.binding();
        let same_device = self.legacy().is_some_and(|legacy| legacy.same_device);
        if same_device && (binding.device.is_none() || binding.device != evidence.device.id) {
            let error = IdentityError::of(source, Reason::DeviceMismatch, "the session belongs to another device");
            return Err(error.about(binding.subject.clone()));
        }
        Ok(Claim { source, subject: binding.subject.clone(), since: Some(binding.created) })
    }
}
