//! What the `Authorization` field and token cookies say of who is asking (RFC 9110 section 11.6.2); sessions and headers are read elsewhere.

use smallvec::SmallVec;

use super::raw::RawAuthorization;
use super::{Identified, IdentityChain};
use crate::identity::cookie::{self, Found};
use crate::identity::credential::CredentialSource;
use crate::identity::error::IdentityError;
use crate::identity::evidence::Evidence;
use crate::identity::source::jwt::Tokens;
use crate::identity::source::{Claim, SourceKind};
use crate::identity::verifiers::Verifiers;
use crate::model::Reason;

impl IdentityChain {
    pub(super) async fn authorization(
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
            // boxed, since every request's future would have room for it
            claims.push(Box::pin(basic.identify(rest, evidence, people, &verifiers.passwords)).await?);
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

    pub(super) fn tokens_in_cookies(
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
