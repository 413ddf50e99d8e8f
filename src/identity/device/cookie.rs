//! The signed cookie that tells devices apart; says nothing of people.

use crate::identity::key::{KeyError, MasterKey, keyed_hash, random};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use compact_str::CompactString;

/// The name of the cookie. The prefix binds it to this host, to TLS and to the whole host (RFC 6265bis section 4.1.3).
pub const COOKIE_NAME: &str = "__Host-scopegate-device";

/// 400 days, the longest that browsers keep a cookie, in seconds.
const KEPT: u32 = 400 * 86400;

/// Issues and verifies device cookies: 16 random bytes and the first 16 bytes of their keyed hash.
#[derive(Clone, Debug)]
pub struct DeviceCookie {
    key: hmac::Key,
}

impl DeviceCookie {
    /// Signs with a key derived from `key`.
    #[must_use]
    pub fn new(key: &MasterKey) -> Self {
        Self { key: key.derive("device") }
    }

    /// A new identifier and the Set-Cookie field that gives it.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn issue(&self) -> Result<(CompactString, String), KeyError> {
        let id = URL_SAFE_NO_PAD.encode(random::<16>()?);
        let tag = URL_SAFE_NO_PAD.encode(self.tag(id.as_bytes()));
        let field = format!("{COOKIE_NAME}={id}.{tag}; Path=/; Max-Age={KEPT}; Secure; HttpOnly; SameSite=Lax");
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
