//! Where in a request a value stands, as rules name it; one file a kind of place.

mod cookie;
mod form;
mod header;
mod json;
mod multipart;
mod param;
mod path;
mod query;

use super::dialect::Dialect;
use super::error::ParamError;
use compact_str::CompactString;

pub use cookie::{CookieLocation, Cookies};
pub use form::FormLocation;
pub use header::HeaderLocation;
pub use json::JsonLocation;
pub(crate) use json::{each_leaf, render};
pub use multipart::MultipartLocation;
pub use param::ParamLocation;
pub use path::{PathLocation, PathSlot};
pub use query::QueryLocation;

/// A location as the rules spell it: `{query: warehouse}`, `{json: /items/*/id}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawLocation {
    /// A named part of the route's path pattern.
    Path(String),
    /// A parameter in the query.
    Query(String),
    /// A field of the form in the body, urlencoded or multipart.
    Form(String),
    /// A text field of a multipart body.
    Multipart(String),
    /// A JSON pointer into the body (RFC 6901), where `*` stands for every element of a list.
    Json(String),
    /// A header field.
    Header(String),
    /// A cookie.
    Cookie(String),
    /// A parameter wherever the application looks for it: in the query or in the form.
    Param(String),
}

/// Why a location cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// The path pattern has no part of this name.
    #[error("the route's path has no part named `{0}`")]
    UnknownPart(String),
    /// Not a JSON pointer.
    #[error("`{0}` is not a JSON pointer: it must begin with `/`, and `~` must be written `~0`, `/` `~1`")]
    Pointer(String),
    /// Not the name of a header or cookie.
    #[error("`{0}` is not a name that a {1} can have")]
    Token(String, &'static str),
    /// Not a parameter name under the dialect.
    #[error(transparent)]
    Name(#[from] ParamError),
}

impl RawLocation {
    /// Compiles the location for a dialect; `slot` finds a named part of the route's path pattern.
    ///
    /// # Errors
    /// When a name cannot stand in its place.
    pub fn compile(
        &self,
        dialect: &Dialect,
        slot: impl Fn(&str) -> Option<PathSlot>,
    ) -> Result<Location, LocationError> {
        Ok(match self {
            Self::Path(name) => Location::Path(PathLocation::compile(name, slot)?),
            Self::Query(name) => Location::Query(QueryLocation::compile(name, dialect)?),
            Self::Form(name) => Location::Form(FormLocation::compile(name, dialect)?),
            Self::Multipart(name) => Location::Multipart(MultipartLocation::compile(name, dialect)?),
            Self::Json(pointer) => Location::Json(JsonLocation::compile(pointer)?),
            Self::Header(name) => Location::Header(HeaderLocation::compile(name)?),
            Self::Cookie(name) => Location::Cookie(CookieLocation::compile(name, dialect)?),
            Self::Param(name) => Location::Param(ParamLocation::compile(name, dialect)?),
        })
    }
}

/// A compiled location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A named part of the path.
    Path(PathLocation),
    /// A parameter in the query.
    Query(QueryLocation),
    /// A field of the form in the body.
    Form(FormLocation),
    /// A text field of a multipart body.
    Multipart(MultipartLocation),
    /// A value in a JSON body.
    Json(JsonLocation),
    /// A header field.
    Header(HeaderLocation),
    /// A cookie.
    Cookie(CookieLocation),
    /// A parameter in the query or in the form.
    Param(ParamLocation),
}

impl Location {
    /// The name as the rule spells it, for messages and records.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Path(location) => location.name(),
            Self::Query(location) => location.name(),
            Self::Form(location) => location.name(),
            Self::Multipart(location) => location.name(),
            Self::Json(location) => location.name(),
            Self::Header(location) => location.name(),
            Self::Cookie(location) => location.name(),
            Self::Param(location) => location.name(),
        }
    }

    /// The kind of place, as the rules spell it: `query`, `json`, ….
    #[must_use]
    pub const fn place(&self) -> &'static str {
        match self {
            Self::Path(_) => "path",
            Self::Query(_) => "query",
            Self::Form(_) => "form",
            Self::Multipart(_) => "multipart",
            Self::Json(_) => "json",
            Self::Header(_) => "header",
            Self::Cookie(_) => "cookie",
            Self::Param(_) => "param",
        }
    }

    /// Whether the location can stand only in the body.
    #[must_use]
    pub const fn is_in_body(&self) -> bool {
        matches!(self, Self::Form(_) | Self::Multipart(_) | Self::Json(_))
    }
}

impl std::fmt::Display for Location {
    /// `query warehouse`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.place(), self.name())
    }
}

/// Whether `text` is a token (RFC 9110 section 5.6.2).
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

pub(crate) fn unwritable(name: &str) -> ParamError {
    ParamError::Unwritable { name: CompactString::from(name) }
}
