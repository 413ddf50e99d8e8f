//! API keys: where a key stands and how it is hashed; who has which key is people data.

use serde::Deserialize;

/// `api-key:`: a high-entropy key, kept only as its SHA-256 in the people data. At least one place must be given.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RawApiKey {
    /// The header that carries the key, for example `X-Api-Key`.
    pub header: Option<String>,
    /// The query parameter that carries the key.
    pub query: Option<String>,
}
