//! A header set by a proxy in a named network; everyone else's copy is stripped and never read.

use crate::identity::one_or_many::OneOrMany;
use crate::identity::user_map::RawUserMap;
use serde::Deserialize;

/// `trusted-header:`: a proxy in front has authenticated the person and names them in a header.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawTrustedHeader {
    /// The name of the header.
    pub name: String,
    /// The networks whose copy counts, by the address of the peer, for example `10.1.0.0/16`.
    pub from: OneOrMany<String>,
    /// How the names in the header become subjects.
    pub users: Option<RawUserMap>,
}
