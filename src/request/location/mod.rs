//! Where in a request a value stands, as rules name it; one file a kind of place.

mod cookie;
mod file_name;
mod form;
mod header;
mod json;
mod json_in;
mod multipart;
mod param;
mod path;
mod pointer;
mod query;
mod rpc;
mod soap;
mod xml;
mod xml_path;

use super::dialect::Dialect;
use super::error::ParamError;
use compact_str::CompactString;

pub use cookie::{CookieLocation, Cookies};
pub use file_name::FileNameLocation;
pub use form::FormLocation;
pub use header::HeaderLocation;
pub use json::JsonLocation;
pub use json_in::{JsonInLocation, RawJsonIn};
pub use multipart::MultipartLocation;
pub use param::ParamLocation;
pub use path::{PathLocation, PathSlot};
pub(crate) use pointer::{Held, each_leaf, render};
pub use query::QueryLocation;
pub use rpc::RpcLocation;
pub use soap::SoapLocation;
pub use xml::XmlLocation;
pub(crate) use xml_path::XmlPath;
pub(crate) use xml_path::held::{Held as XmlHeld, each_value, render as render_path};

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
    /// The names of the files in a field of a multipart body.
    FileName(String),
    /// A JSON pointer into the body (RFC 6901), where `*` stands for every element of a list.
    Json(String),
    /// A JSON pointer into a JSON text that is the value of a parameter.
    JsonIn(RawJsonIn),
    /// A path into an XML body: `/order/line/@id`, `/o:order/o:warehouse`, `/order/*:warehouse`; `*` stands for every child element.
    Xml(String),
    /// `operation`, or a path below the operation of a SOAP call.
    Soap(String),
    /// `method`, or a pointer into the arguments of a JSON-RPC or XML-RPC call.
    Rpc(String),
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
    /// Not a path into XML.
    #[error("`{0}` is not a path into XML: it must begin with `/`, its steps are names, `*`, or at the end `@name`")]
    XmlPath(String),
    /// A prefix that no namespace is declared for.
    #[error("the prefix `{0}` stands for no namespace")]
    Prefix(String),
    /// Neither the word nor a pointer into the arguments of a call.
    #[error("`{0}` is no part of a call: write `{{{1}: {2}}}`, or the way to an argument, which begins with `/`")]
    Call(String, &'static str, &'static str),
    /// `json-in` with no parameter or with several.
    #[error("`json-in` needs exactly one of `query`, `form`, `multipart` and `param`")]
    Holder,
    /// Not the name of a header or cookie.
    #[error("`{0}` is not a name that a {1} can have")]
    Token(String, &'static str),
    /// Not a parameter name under the dialect.
    #[error(transparent)]
    Name(#[from] ParamError),
}

impl RawLocation {
    /// The places that are given by a name alone, as the rules spell them.
    pub const NAMED: [&'static str; 12] =
        ["path", "query", "form", "multipart", "file-name", "json", "xml", "soap", "rpc", "header", "cookie", "param"];

    /// The place of this kind and name; `None` where there is no such kind.
    #[must_use]
    pub fn named(kind: &str, name: String) -> Option<Self> {
        Some(match kind {
            "path" => Self::Path(name),
            "query" => Self::Query(name),
            "form" => Self::Form(name),
            "multipart" => Self::Multipart(name),
            "file-name" => Self::FileName(name),
            "json" => Self::Json(name),
            "xml" => Self::Xml(name),
            "soap" => Self::Soap(name),
            "rpc" => Self::Rpc(name),
            "header" => Self::Header(name),
            "cookie" => Self::Cookie(name),
            "param" => Self::Param(name),
            _ => return None,
        })
    }

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
            Self::FileName(name) => Location::FileName(FileNameLocation::compile(name, dialect)?),
            Self::Json(pointer) => Location::Json(JsonLocation::compile(pointer)?),
            Self::JsonIn(raw) => Location::JsonIn(JsonInLocation::compile(raw, dialect)?),
            Self::Xml(path) => Location::Xml(XmlLocation::compile(path, dialect)?),
            Self::Soap(part) => Location::Soap(SoapLocation::compile(part, dialect)?),
            Self::Rpc(part) => Location::Rpc(RpcLocation::compile(part)?),
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
    /// The names of the files in a field of a multipart body.
    FileName(FileNameLocation),
    /// A value in a JSON body.
    Json(JsonLocation),
    /// A value in a JSON text inside of a parameter.
    JsonIn(JsonInLocation),
    /// A value in an XML body.
    Xml(XmlLocation),
    /// A part of a SOAP call.
    Soap(SoapLocation),
    /// A part of a JSON-RPC or XML-RPC call.
    Rpc(RpcLocation),
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
            Self::FileName(location) => location.name(),
            Self::Json(location) => location.name(),
            Self::JsonIn(location) => location.name(),
            Self::Xml(location) => location.name(),
            Self::Soap(location) => location.name(),
            Self::Rpc(location) => location.name(),
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
            Self::FileName(_) => "file-name",
            Self::Json(_) => "json",
            Self::JsonIn(_) => "json-in",
            Self::Xml(_) => "xml",
            Self::Soap(_) => "soap",
            Self::Rpc(_) => "rpc",
            Self::Header(_) => "header",
            Self::Cookie(_) => "cookie",
            Self::Param(_) => "param",
        }
    }

    /// Whether it stands for every element of a list, so that an empty list is all that can be there without a value.
    #[must_use]
    pub fn is_every(&self) -> bool {
        match self {
            Self::Json(location) => location.0.is_every(),
            Self::JsonIn(location) => location.pointer.is_every(),
            Self::Rpc(RpcLocation::Argument(argument)) => argument.0.is_every(),
            _ => false,
        }
    }

    /// Whether the location can stand only in the body.
    #[must_use]
    pub fn is_in_body(&self) -> bool {
        match self {
            Self::Form(_) | Self::Multipart(_) | Self::FileName(_) | Self::Json(_) => true,
            Self::Xml(_) | Self::Soap(_) | Self::Rpc(_) => true,
            Self::JsonIn(location) => location.holder.is_in_body(),
            Self::Path(_) | Self::Query(_) | Self::Header(_) | Self::Cookie(_) | Self::Param(_) => false,
        }
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
