//! An element of `lookups:` as YAML spells it.

use super::secret::RawSecret;
use crate::diagnostics::yaml::{OneOrMany, Spanned, Table};
use crate::model::quantity::{Size, Span};
use crate::request::RawParamType;
use schemars::JsonSchema;
use serde::Deserialize;

/// How attributes of an object are found that the request only names. One of `request`, `response` and `sql` says how, or
/// `learned` alone; `value` or `values` what is taken.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawLookup {
    /// The type of the name by which requests call the object; one in which each object has one spelling: `int`, `code`, `enum`.
    #[serde(default)]
    pub key: Option<Spanned<RawParamType>>,
    /// The application is asked by a request of the gateway's own.
    #[serde(default)]
    pub request: Option<Spanned<RawRequest>>,
    /// The application's answer is held until what stands in it is judged. Only where the operation changes nothing.
    #[serde(default)]
    pub response: Option<Spanned<RawResponse>>,
    /// The application's database is asked.
    #[serde(default)]
    pub sql: Option<Spanned<RawSql>>,
    /// Lists that pass through and tell of many objects at once.
    #[serde(default)]
    pub learned: OneOrMany<Spanned<RawLearned>>,
    /// Where the one attribute stands; it binds whatever dimension the route says.
    #[serde(default)]
    pub value: Option<Spanned<RawExtract>>,
    /// Where several attributes stand, by the dimensions that they bind.
    #[serde(default)]
    pub values: Table<Spanned<RawExtract>>,
    /// How long what was found is believed, which is how stale it may be about changes that bypass the gateway (default: not at
    /// all; every request asks anew).
    #[serde(default)]
    pub keep: Option<Spanned<Span>>,
    /// How long finding it may take (default `5s`).
    #[serde(default)]
    pub within: Option<Spanned<Span>>,
    /// Whether what was found in one person's session holds for everybody. By default it does not; what a service account or the
    /// database tells does.
    #[serde(default)]
    pub shared: Option<bool>,
    /// The largest answer that is looked into (default `256KiB`).
    #[serde(default)]
    pub cap: Option<Spanned<Size>>,
}

/// A request of the gateway's own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawRequest {
    /// Path and query, with `{key}` where the object is named: `/api/order/{key}`.
    pub get: Spanned<String>,
    /// In whose name: `caller` (default) uses the session of whoever asks, `account` a service account.
    #[serde(default, rename = "as")]
    pub caller: RawCaller,
    /// How several objects are asked about with one request, where the application can.
    #[serde(default)]
    pub many: Option<Spanned<RawMany>>,
    /// How many requests one request of a client may have under way (default 4).
    #[serde(default)]
    pub parallel: Option<Spanned<usize>>,
    /// The content type of the answer, where it is another than what is looked for suggests.
    #[serde(default)]
    pub content_type: Option<Spanned<String>>,
}

/// In whose name the application is asked.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawCaller {
    /// In the session of whoever asks.
    #[default]
    Caller,
    /// As a service account.
    Account(RawAccount),
}

/// A service account of the application. Its credential never stands in a rule file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawAccount {
    /// The header that carries the credential: `Authorization`, `Cookie`, `X-Api-Key`.
    pub header: Spanned<String>,
    /// Where its value is.
    pub secret: RawSecret,
}

/// Several objects with one request.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawMany {
    /// Path and query, with `{keys}` where the objects are named: `/api/orders?ids={keys}`.
    pub get: Spanned<String>,
    /// What stands between two keys (default `,`).
    #[serde(default)]
    pub separator: Option<char>,
    /// How many objects one request may name (default 50).
    #[serde(default)]
    pub most: Option<Spanned<usize>>,
    /// A JSON pointer to the list in the answer; the whole answer where it is left out.
    #[serde(default)]
    pub items: Option<Spanned<String>>,
    /// A JSON pointer inside of each element to the key; values are looked for in the element as in an answer about one object.
    pub key: Spanned<String>,
}

/// The answer itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawResponse {
    /// The content type of the answer, where it is another than what is looked for suggests.
    #[serde(default)]
    pub content_type: Option<Spanned<String>>,
}

/// A query on the application's database. It is run in a transaction that cannot write.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawSql {
    /// Where the address of the database is: `postgres://…`, `mysql://…`, `sqlite:…`. It is a secret: it holds a password.
    pub url: RawSecret,
    /// The query, with `{key}` where the object is named. It is bound, never put into the text.
    pub query: Spanned<String>,
}

/// A list that passes through.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawLearned {
    /// The route whose answers hold the list.
    pub from: Spanned<String>,
    /// A JSON pointer to the list in the answer; the whole answer where it is left out.
    #[serde(default)]
    pub items: Option<Spanned<String>>,
    /// A JSON pointer inside of each element to the key; values are looked for in the element as in an answer about one object.
    pub key: Spanned<String>,
}

/// Where an attribute stands. One of `json`, `css`, `regex` and `column`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawExtract {
    /// A JSON pointer (RFC 6901).
    #[serde(default)]
    pub json: Option<Spanned<String>>,
    /// A CSS selector of the HTML element.
    #[serde(default)]
    pub css: Option<Spanned<String>>,
    /// With `css`: the attribute that holds it; its text unless given.
    #[serde(default)]
    pub attribute: Option<Spanned<String>>,
    /// A regular expression over the whole text; its one group is the value.
    #[serde(default)]
    pub regex: Option<Spanned<String>>,
    /// The column of a query.
    #[serde(default)]
    pub column: Option<Spanned<String>>,
    /// From what the application calls the value to what the rules call it; any other is refused then.
    #[serde(default)]
    pub map: Table<String>,
}
