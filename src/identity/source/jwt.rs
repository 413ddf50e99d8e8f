//! Signed tokens (RFC 7519): algorithms pinned, issuer, audience and expiry required; never fetches keys on a core.

use crate::identity::one_or_many::OneOrMany;
use crate::identity::period::Period;
use crate::identity::user_map::RawUserMap;
use serde::Deserialize;

/// `jwt:`: a token signed by an issuer whose keys are known.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawJwt {
    /// Where the public keys come from.
    pub keys: RawKeys,
    /// The algorithms that are taken, for example `RS256`. A token with any other is refused.
    pub algorithms: OneOrMany<String>,
    /// The value that `iss` must have.
    pub issuer: String,
    /// One of the values that `aud` must have or hold.
    pub audience: OneOrMany<String>,
    /// The claim that names the subject. Default `sub`.
    pub subject: Option<String>,
    /// How far clocks may differ. Default 30 seconds.
    pub leeway: Option<Period>,
    /// The cookie that carries the token, instead of `Authorization: Bearer`.
    pub cookie: Option<String>,
    /// Whether the token also reaches the application. Default no.
    #[serde(default)]
    pub forward: bool,
    /// How the names of the issuer become subjects.
    pub users: Option<RawUserMap>,
}

/// Where the keys of an issuer come from: `file`, `url` or `pem`, exactly one.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RawKeys {
    /// A JWKS file (RFC 7517), relative to the folder of the rules.
    pub file: Option<String>,
    /// A PEM file with one public key, relative to the folder of the rules.
    pub pem: Option<String>,
    /// The address of a JWKS, fetched in the background.
    pub url: Option<String>,
    /// For `url`: a PEM file with the certification authorities to trust instead of the public ones.
    pub ca: Option<String>,
    /// For `url`: how often it is fetched. Default 10 minutes.
    pub refresh: Option<Period>,
}
