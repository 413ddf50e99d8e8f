//! An application file: `app:`, its hosts, where it is, how people are told apart, and its routes.

use super::route::RawRoute;
use crate::diagnostics::yaml::{OneOrMany, Spanned, Table};
use crate::endpoint::RawUpstream;
use crate::identity::chain::raw::RawIdentity;
use crate::lookup::RawLookup;
use crate::request::{Charset, RawDialect};
use crate::rules::set::Mode;
use schemars::JsonSchema;
use serde::Deserialize;

/// A file that describes one application.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawApp {
    /// The name of the application in records: lower-case letters, digits, `-`.
    pub app: Spanned<String>,
    /// What people read.
    #[serde(default)]
    pub title: crate::rules::title::Title,
    /// The hosts it is served under; `*.example.com` stands for one label.
    pub hosts: OneOrMany<Spanned<String>>,
    /// Where the application is and how it is spoken to.
    pub upstream: Spanned<RawUpstream>,
    /// How the application reads requests (default `strict`).
    #[serde(default)]
    pub dialect: RawDialect,
    /// The character set of its forms and paths (default `utf-8`).
    #[serde(default)]
    pub charset: Option<Charset>,
    /// Whether refusals are enforced (default) or only recorded.
    #[serde(default)]
    pub mode: Mode,
    /// How the gateway is told who is asking.
    #[serde(default)]
    pub identity: Spanned<RawIdentity>,
    /// The headers by which the application is told who is asking.
    #[serde(default)]
    pub headers: RawHeaders,
    /// Further names of parameters whose values are kept out of records.
    #[serde(default)]
    pub secrets: Vec<Spanned<String>>,
    /// How attributes of its objects are found that requests only name.
    #[serde(default)]
    pub lookups: Table<RawLookup>,
    /// The routes.
    #[serde(default)]
    pub routes: Vec<Spanned<RawRoute>>,
}

/// The headers by which the application is told who is asking. The client's own of the same name are always taken off.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawHeaders {
    /// The header for the subject, for example `X-Remote-User`; none by default.
    #[serde(default)]
    pub user: Option<Spanned<String>>,
    /// The header for the role that decided; none by default.
    #[serde(default)]
    pub roles: Option<Spanned<String>>,
    /// The header for the id of the request (default `X-Request-Id`).
    #[serde(default)]
    pub request_id: Option<Spanned<String>>,
}
