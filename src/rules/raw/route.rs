//! One element of `routes:` as YAML spells it.

use super::at::RawForget;
use super::binding::RawBinding;
use super::condition::RawCondition;
use super::operation::RawOperation;
use super::param::RawParam;
use crate::diagnostics::yaml::{OneOrMany, Spanned, Table};
use crate::filter::RawAnswer;
use crate::model::quantity::Size;
use crate::request::{RawContentType, RawLocation};
use crate::rules::route::{Durability, Others};
use crate::rules::set::Mode;
use schemars::JsonSchema;
use serde::Deserialize;

/// A route: what it matches, what it asks for, what it binds.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawRoute {
    /// The name in records.
    pub id: Spanned<String>,
    /// Method and path: `GET /stock`, `GET|POST /order/{id:int}`, `ANY /x.do`, `GET /static/**`; or a list of such.
    #[serde(rename = "match")]
    pub matches: OneOrMany<Spanned<String>>,
    /// Parameters that must have certain values for the route to match: `{query: {view: list}}`.
    #[serde(default, rename = "where")]
    pub predicates: Option<RawWhere>,
    /// `true` lets everybody in, also people who are not signed in; in place of a permission.
    #[serde(default)]
    pub public: Option<Spanned<bool>>,
    /// The permission asked for: `resource:operation`.
    #[serde(default)]
    pub permission: Option<Spanned<String>>,
    /// The parameters that select the permission.
    #[serde(default)]
    pub operation: Option<Spanned<RawOperation>>,
    /// The types of parameters. A name stands for the parameter wherever the application reads it; `at` names another place.
    #[serde(default)]
    pub params: Table<RawParam>,
    /// How each dimension is bound: `{warehouse: {query: warehouse, absent: fill}, channel: ignored}`.
    #[serde(default)]
    pub scope: Table<Spanned<RawBinding>>,
    /// The places in which a request may name one thing: `{order: [{path: id}, {query: ref}]}`. Those that do must agree.
    #[serde(default)]
    pub handles: Table<OneOrMany<Spanned<RawLocation>>>,
    /// Lookups of which nothing is believed any more once the request has passed, because it may change what they find:
    /// `{order-warehouse: {form: id}}`, or `{order-warehouse: all}`. What the scope looks up is dropped without.
    #[serde(default)]
    pub forgets: Table<Spanned<RawForget>>,
    /// What else must hold.
    #[serde(default)]
    pub when: Vec<Spanned<RawCondition>>,
    /// What becomes of parameters that the rule does not name: `refuse` (default on routes with scope or operation) or `forward`.
    #[serde(default)]
    pub others: Option<Others>,
    /// How the body is treated.
    #[serde(default)]
    pub body: Option<Spanned<RawBody>>,
    /// What is done to answers: rows left out, fields masked.
    #[serde(default)]
    pub answer: Option<Spanned<RawAnswer>>,
    /// For a path that ends in `/**`: the extensions of the static files below it.
    #[serde(default)]
    pub assets: Option<Spanned<Vec<Spanned<String>>>>,
    /// Whether the connection may be upgraded.
    #[serde(default)]
    pub upgrade: Option<RawUpgrade>,
    /// The origins from which a WebSocket may be opened (default: the host of the request itself).
    #[serde(default)]
    pub origins: Option<Spanned<Vec<Spanned<String>>>>,
    /// Whether this route only observes; as the application says by default.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// `strict` waits until the record is on disk before the request is forwarded.
    #[serde(default)]
    pub audit: Durability,
}

/// The upgrades that a rule can allow.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawUpgrade {
    /// To a WebSocket (RFC 6455).
    Websocket,
}

/// Kind of place → name → value or values.
pub type RawWhere = Table<Table<OneOrMany<Spanned<String>>>>;

/// How the body is treated: `accept` judges it, `stream` passes it on untouched.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawBody {
    /// The kinds of body that are read and judged.
    #[serde(default)]
    pub accept: Option<OneOrMany<RawContentType>>,
    /// The content types that are streamed untouched, because no rule reads them.
    #[serde(default)]
    pub stream: Option<OneOrMany<Spanned<String>>>,
    /// The largest size. Default: `limits: body` of the settings where it is judged, no bound where it is streamed.
    #[serde(default)]
    pub cap: Option<Size>,
    /// What the SOAP action of an operation is, `{operation}` standing for its name: `http://tempuri.org/{operation}`.
    /// Without it the spellings pass that tool kits make of namespace and name. Only with `accept: soap`.
    #[serde(default)]
    pub action: Option<Spanned<String>>,
    /// Whether GET and HEAD may have a body; only with `accept`.
    #[serde(default)]
    pub on_get: bool,
}
