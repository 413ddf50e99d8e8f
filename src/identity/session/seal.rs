//! Sealed cookies: what the client holds in place of the application's own cookie; never stored anywhere.

use crate::identity::key::{KeyError, MasterKey, random};
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const SALT: usize = 16;
const NONCE: usize = 12;

/// Seals and opens the cookies of applications (AES-256-GCM under a key derived from the state directory's).
pub struct Sealer(RandomizedNonceKey);

/// An application's cookie value with the salt that tells one sealing from another. Two sealings of the same value
/// are two sessions, so that a sealed cookie from before a sign-in is worth nothing after it.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    bytes: Vec<u8>,
}

impl Opened {
    /// A value to be sealed anew.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn fresh(value: &[u8]) -> Result<Self, KeyError> {
        Ok(Self { bytes: [&random::<SALT>()?[..], value].concat() })
    }

    /// Another value under the same salt.
    #[must_use]
    pub fn with_value(&self, value: &[u8]) -> Self {
        Self { bytes: [self.bytes.get(..SALT).unwrap_or_default(), value].concat() }
    }

    /// What the application set.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        self.bytes.get(SALT..).unwrap_or_default()
    }

    /// Salt and value, which name the session.
    #[must_use]
    pub fn token(&self) -> &[u8] {
        &self.bytes
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opened")
    }
}

impl Sealer {
    /// A sealer under a key derived from `key`.
    ///
    /// # Errors
    /// When the cipher cannot be set up.
    pub fn new(key: &MasterKey) -> Result<Self, KeyError> {
        let bytes = key.derive_bytes("seal");
        RandomizedNonceKey::new(&AES_256_GCM, bytes.as_slice()).map(Self).map_err(|_| KeyError::Random)
    }

    /// The sealed form, as a cookie value. It opens only for the same application and cookie.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn seal(&self, app: &str, cookie: &str, opened: &Opened) -> Result<String, KeyError> {
        let mut bytes = opened.bytes.clone();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(purpose(app, cookie)), &mut bytes);
        let nonce = nonce.map_err(|_| KeyError::Random)?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &bytes].concat()))
    }

    /// Opens a cookie value; `None` when it was not sealed here for this application and cookie.
    #[must_use]
    pub fn open(&self, app: &str, cookie: &str, sealed: &[u8]) -> Option<Opened> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, rest) = bytes.split_at_checked(NONCE)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut rest = rest.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(purpose(app, cookie)), &mut rest).ok()?;
        (opened.len() > SALT).then(|| Opened { bytes: opened.to_vec() })
    }
}

fn purpose(app: &str, cookie: &str) -> Vec<u8> {
    [app.as_bytes(), &[0], cookie.as_bytes()].concat()
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_cookie_opens_only_where_it_belongs() {
        let sealer = Sealer::new(&MasterKey::from_bytes(&[5; 32])).unwrap();
        let opened = Opened::fresh(b"abc123").unwrap();
        let sealed = sealer.seal("wms", "JSESSIONID", &opened).unwrap();
        assert!(!sealed.contains("abc123"));
        assert_eq!(sealer.open("wms", "JSESSIONID", sealed.as_bytes()).unwrap().value(), b"abc123");
        assert!(sealer.open("erp", "JSESSIONID", sealed.as_bytes()).is_none());
        assert!(sealer.open("wms", "OTHER", sealed.as_bytes()).is_none());
        assert!(sealer.open("wms", "JSESSIONID", b"abc123").is_none());
        let mut forged = sealed.into_bytes();
        forged[20] ^= 1;
        assert!(sealer.open("wms", "JSESSIONID", &forged).is_none());
        assert_ne!(Opened::fresh(b"abc123").unwrap().token(), opened.token(), "every sealing is another session");
    }
}
