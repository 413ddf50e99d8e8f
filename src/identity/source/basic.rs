//! HTTP Basic (RFC 7617) against the local list of people; hashing itself happens off the core.

use super::{Claim, SourceKind};
use crate::identity::credential::{CredentialSource, PasswordError, PasswordVerifier};
use crate::identity::error::IdentityError;
use crate::identity::evidence::Evidence;
use crate::identity::fault::Faults;
use crate::model::Reason;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

/// `basic:`: user name and password, checked against the argon2id hashes of the people data.
///
/// ```yaml
/// basic: {realm: WMS}
/// ```
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RawBasic {
    /// The realm shown in the challenge. Default: the name of the application.
    pub realm: Option<String>,
}

/// A compiled [`RawBasic`].
#[derive(Clone, Debug)]
pub(in crate::identity) struct Basic {
    /// The challenge for `WWW-Authenticate`.
    pub(in crate::identity) challenge: String,
}

/// The longest user name and password that are looked at, in bytes.
const MAX_PASSWORD: usize = 1024;

impl RawBasic {
    pub(in crate::identity) fn compile(&self, app: &str, faults: &mut Faults) -> Basic {
        let realm = self.realm.as_deref().unwrap_or(app);
        if realm.chars().any(|c| c.is_control() || c == '"' || c == '\\' || !c.is_ascii()) {
            faults.push_at("realm", format!("`{realm}` cannot stand in a challenge: plain ASCII without quotes"));
        }
        Basic { challenge: format!("Basic realm=\"{realm}\", charset=\"UTF-8\"") }
    }
}

impl Basic {
    /// Verifies what follows `Basic ` in an `Authorization` field.
    pub(in crate::identity) async fn identify(
        &self,
        encoded: &[u8],
        evidence: &Evidence<'_>,
        people: &dyn CredentialSource,
        passwords: &PasswordVerifier,
    ) -> Result<Claim, IdentityError> {
        let error = |reason, detail: &str| IdentityError::of(SourceKind::Basic, reason, detail);
        let (user, password) =
            decode(encoded).ok_or_else(|| error(Reason::InvalidCredential, "not a user name and password"))?;
        let verified = passwords.verify(&user, &password, evidence.client, people, evidence.now).await;
        let subject = verified.map_err(|failure| {
            let reason = match failure {
                PasswordError::Wrong => Reason::InvalidCredential,
                PasswordError::TooMany => Reason::TooManyAttempts,
                PasswordError::Unavailable => Reason::IdentityUnavailable,
            };
            error(reason, &failure.to_string())
        })?;
        Ok(Claim { source: SourceKind::Basic, subject, since: Some(evidence.now) })
    }
}

/// User name and password (RFC 7617 section 2); the name must be UTF-8 without control characters.
fn decode(encoded: &[u8]) -> Option<(String, Zeroizing<Vec<u8>>)> {
    if encoded.len() > 2 * MAX_PASSWORD {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(encoded.trim_ascii()).ok()?);
    let colon = memchr::memchr(b':', &decoded)?;
    let (user, password) = decoded.split_at_checked(colon)?;
    let user = std::str::from_utf8(user).ok()?;
    let password = password.get(1..)?;
    if user.is_empty() || password.is_empty() || user.chars().any(char::is_control) || password.contains(&0) {
        return None;
    }
    Some((user.to_owned(), Zeroizing::new(password.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn malformed_credentials_are_none() {
        for wrong in ["", "bm9jb2xvbg==", "OnBhc3M=", "dXNlcjo=", "dXNlcjpwYXNz!", "/////w==", "dXMKZXI6cA=="] {
            assert_eq!(decode(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(decode(&[b'A'; 4096]), None);
    }

    proptest! {
        #[test]
        fn what_is_sent_is_what_is_read(user in "[a-z\\p{Han}.]{1,12}", password in "[!-~\\p{Han}:]{1,24}") {
            let encoded = STANDARD.encode(format!("{user}:{password}"));
            let (read, secret) = decode(encoded.as_bytes()).unwrap();
            prop_assert_eq!((read, secret.as_slice()), (user, password.as_bytes()));
        }
    }
}
