//! HTTP Basic (RFC 7617) against the local list of people; hashing itself happens off the core.

use serde::Deserialize;

/// `basic:`: user name and password, checked against the argon2id hashes of the people data.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RawBasic {
    /// The realm shown in the challenge. Default: the name of the application.
    pub realm: Option<String>,
}
