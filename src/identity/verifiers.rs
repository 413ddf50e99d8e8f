//! What credentials are verified with: what all cores share, and what one core remembers; decides nothing.

use std::rc::Rc;
use std::sync::Arc;

use smallvec::SmallVec;

use super::credential::PasswordVerifier;
use super::jwks::KeyRing;
use super::presented::Presented;
use super::recent::Recent;
use super::session::{SessionKey, SessionTable};
use super::source::jwt::Verified;

/// What all cores share to verify credentials, and what one core remembers. One for each core.
#[derive(Debug)]
pub struct Verifiers {
    pub(super) sessions: Arc<SessionTable>,
    pub(super) passwords: Arc<PasswordVerifier>,
    pub(super) keys: Arc<KeyRing>,
    recent_sessions: Recent<SessionKey>,
    pub(super) recent_cookies: Recent<Presented>,
    pub(super) recent_tokens: Recent<Rc<Verified>>,
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
