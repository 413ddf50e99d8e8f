//! `roles.yaml`: dimensions, permissions and roles.

use crate::diagnostics::yaml::{OneOrMany, Spanned, Table};
use crate::model::Effect;
use crate::rules::title::Title;
use schemars::JsonSchema;
use serde::Deserialize;

/// The file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawRoles {
    /// The dimensions of scope: `warehouse`, `channel`, ….
    #[serde(default)]
    pub dimensions: Table<RawDimension>,
    /// The permissions: `order:view`, ….
    #[serde(default)]
    pub permissions: Table<RawPermission>,
    /// The roles: named sets of permissions.
    #[serde(default)]
    pub roles: Table<RawRole>,
}

/// A dimension of scope.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawDimension {
    /// What managers read.
    #[serde(default)]
    pub title: Title,
    /// The values. Where none are listed, assignments may mention any.
    #[serde(default)]
    pub values: Vec<Spanned<String>>,
    /// Groups of values, which `{below: …}` stands for: `{EAST: [HF, SH]}`.
    #[serde(default)]
    pub tree: Table<OneOrMany<Spanned<String>>>,
}

/// A permission.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawPermission {
    /// `none` when operations under it only read; `change` unless given.
    #[serde(default)]
    pub effect: Effect,
    /// What managers read.
    #[serde(default)]
    pub title: Title,
}

/// A role.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawRole {
    /// What managers read.
    #[serde(default)]
    pub title: Title,
    /// What it grants.
    pub permissions: Vec<Spanned<String>>,
    /// Whom a refused person asks for it: `the shift lead`, or `{en: the shift lead, zh: 当班班长}`.
    #[serde(default)]
    pub contact: Option<Title>,
}
