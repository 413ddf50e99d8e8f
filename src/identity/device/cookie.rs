//! The signed cookie that tells devices apart; says nothing of people.

use crate::identity::key::{KeyError, MasterKey, keyed_hash, random};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use compact_str::CompactString;
use std::time::Duration;

/// How the cookie is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieSettings {
    /// Its name. `__Host-` binds it to TLS and to the whole of one host (RFC 6265bis section 4.1.3); names that begin with
    /// `__Host-scopegate` never reach applications.
    pub name: CompactString,
    /// How long a browser keeps it.
    pub lifetime: Duration,
    /// Its `SameSite` attribute: `Lax`, `Strict` or `None`.
    pub same_site: &'static str,
}

impl Default for CookieSettings {
    fn default() -> Self {
        Self {
            name: CompactString::const_new("__Host-scopegate-device"),
            lifetime: Duration::from_secs(400 * 86400),
            same_site: "Lax",
        }
    }
}

/// Issues and verifies device cookies: 16 random bytes and the first 16 bytes of their keyed hash.
#[derive(Clone, Debug)]
pub struct DeviceCookie {
    key: hmac::Key,
    settings: CookieSettings,
}

impl DeviceCookie {
    /// Signs with a key derived from `key`.
    #[must_use]
    pub fn new(key: &MasterKey, settings: CookieSettings) -> Self {
        Self { key: key.derive("device"), settings }
    }

    /// The name of the cookie.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// A new identifier and the Set-Cookie field that gives it.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn issue(&self) -> Result<(CompactString, String), KeyError> {
        let id = URL_SAFE_NO_PAD.encode(random::<16>()?);
        let tag = URL_SAFE_NO_PAD.encode(self.tag(id.as_bytes()));
        let CookieSettings { name, lifetime, same_site } = &self.settings;
        let kept = lifetime.as_secs();
        let field = format!("{name}={id}.{tag}; Path=/; Max-Age={kept}; Secure; HttpOnly; SameSite={same_site}");
        Ok((id.into(), field))
    }

    /// The identifier in a cookie's value, if this gateway issued it.
    #[must_use]
    pub fn verify(&self, value: &[u8]) -> Option<CompactString> {
        let (id, tag) = std::str::from_utf8(value).ok()?.split_once('.')?;
        if id.len() != 22 || tag.len() != 22 {
            return None;
        }
        let sent = URL_SAFE_NO_PAD.decode(tag).ok()?;
        // SECURITY: compared in constant time, else a tag can be found byte by byte
        // (test `a_forged_device_cookie_counts_as_none`).
        let same: bool = subtle::ConstantTimeEq::ct_eq(sent.as_slice(), self.tag(id.as_bytes()).as_slice()).into();
        same.then(|| id.into())
    }

    fn tag(&self, id: &[u8]) -> [u8; 16] {
        let hash = keyed_hash(&self.key, &[id]);
        std::array::from_fn(|at| hash.get(at).copied().unwrap_or_default())
    }
}
