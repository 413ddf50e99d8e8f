//! API keys: where a key stands and how it is hashed; who has which key is people data.

use super::{Claim, SourceKind, check_header};
use crate::identity::credential::CredentialSource;
use crate::identity::error::IdentityError;
use crate::identity::evidence::Evidence;
use crate::identity::fault::Faults;
use crate::model::Reason;
use crate::request::{Dialect, ParamName, ParamValues};
use compact_str::CompactString;
use serde::Deserialize;

/// `api-key:`: a high-entropy key, kept only as its SHA-256 in the people data. At least one place must be given.
///
/// ```yaml
/// api-key: {header: X-Api-Key}
/// ```
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RawApiKey {
    /// The header that carries the key, for example `X-Api-Key`.
    pub header: Option<String>,
    /// The query parameter that carries the key.
    pub query: Option<String>,
}

/// A compiled [`RawApiKey`].
#[derive(Clone, Debug)]
pub(in crate::identity) struct ApiKeys {
    pub(in crate::identity) header: Option<CompactString>,
    pub(in crate::identity) query: Option<ParamName>,
}

impl RawApiKey {
    pub(in crate::identity) fn compile(&self, dialect: &Dialect, faults: &mut Faults) -> ApiKeys {
        if self.header.is_none() && self.query.is_none() {
            faults.push("give `header`, `query` or both: where does the key stand?");
        }
        if let Some(header) = &self.header {
            check_header(faults, "header", header);
        }
        let query = self.query.as_ref().and_then(|name| match ParamName::compile(name, dialect) {
            Ok(name) => Some(name),
            Err(error) => {
                faults.push_at("query", error.to_string());
                None
            }
        });
        ApiKeys { header: self.header.as_deref().map(Into::into), query }
    }
}

impl ApiKeys {
    /// Each key in the request is an identity of its own.
    pub(in crate::identity) fn identify(
        &self,
        evidence: &Evidence<'_>,
        people: &dyn CredentialSource,
        claims: &mut impl Extend<Claim>,
    ) -> Result<(), IdentityError> {
        if let Some(header) = &self.header
            && let Some(key) = evidence.single(header, SourceKind::ApiKey)?
        {
            claims.extend([holder(key, people)?]);
        }
        if let (Some(name), Some(target)) = (&self.query, evidence.target) {
            let ambiguous =
                |detail: &str| Err(IdentityError::of(SourceKind::ApiKey, Reason::AmbiguousParameter, detail));
            match target.query().values(name, evidence.dialect) {
                Ok(ParamValues::Absent) => {}
                Ok(ParamValues::One(key)) => claims.extend([holder(key.as_bytes(), people)?]),
                Ok(ParamValues::Many(_)) => return ambiguous("several keys in the query"),
                Err(error) => return ambiguous(&error.to_string()),
            }
        }
        Ok(())
    }
}

/// SECURITY: keys have high entropy and are looked up by their SHA-256, so the time that takes tells nothing of a key
/// (test `a_key_is_known_by_its_hash_alone`).
fn holder(key: &[u8], people: &dyn CredentialSource) -> Result<Claim, IdentityError> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key);
    let hash: Option<&[u8; 32]> = digest.as_ref().try_into().ok();
    let subject = hash.and_then(|hash| people.by_api_key_hash(hash));
    let subject = subject
        .ok_or_else(|| IdentityError::of(SourceKind::ApiKey, Reason::InvalidCredential, "nobody has this key"))?;
    Ok(Claim { source: SourceKind::ApiKey, subject, since: None })
}
