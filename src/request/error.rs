//! Why a request cannot be read as one thing; names, characters and settings, never values.

use super::allowance::Allowance;
use super::charset::Charset;
use crate::model::Reason;
use compact_str::CompactString;

/// Why a target cannot be read as one thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is longer than the limit.
    #[error("the target is longer than {limit} bytes (`target-bytes`)")]
    TooLong {
        /// In bytes.
        limit: usize,
    },
    /// It has more path segments than the limit.
    #[error("the path has more than {limit} segments (`segments`)")]
    TooManySegments {
        /// The limit.
        limit: usize,
    },
    /// It is not an absolute path, nor an absolute `http` or `https` URL.
    #[error("the target is not a path: {0}")]
    Form(&'static str),
    /// The authority of an absolute target is not a plain host and port.
    #[error("the authority of the target is not a host and a port")]
    Authority,
    /// A spelling that servers read differently, and that a setting would accept.
    #[error("`{shown}` in the {part} is read differently by servers; `allow: [{setting}]` would accept it")]
    Ambiguous {
        /// The character or sequence, printable.
        shown: CompactString,
        /// `path` or `query`.
        part: &'static str,
        /// The setting that would accept it.
        setting: Allowance,
    },
    /// A spelling that no setting accepts.
    #[error("`{shown}` in the {part} is never accepted: {why}")]
    Forbidden {
        /// The character or sequence, printable.
        shown: CompactString,
        /// `path` or `query`.
        part: &'static str,
        /// Why.
        why: &'static str,
    },
    /// Bytes that are no text in the application's character set.
    #[error("the path holds bytes that are not {}; `path-charset` names another character set", .0.as_str())]
    Encoding(Charset),
    /// A path parameter that is not declared.
    #[error("the path parameter `;{name}` is not declared; `path-parameters: [{name}]` would accept it")]
    PathParameter {
        /// Its name in lower case.
        name: CompactString,
    },
    /// A script is followed by more path.
    #[error("`{script}` is followed by `/`; `path-info: [{script}]` would accept it")]
    PathInfo {
        /// The script's segment.
        script: CompactString,
    },
    /// The query cannot be read as parameters.
    #[error(transparent)]
    Query(#[from] ParamError),
}

impl TargetError {
    /// The reason of the refusal.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::TooLong { .. } => Reason::TargetTooLong,
            Self::Authority => Reason::BadHost,
            Self::Query(error) if error.reason() == Reason::TooManyParameters => Reason::TooManyParameters,
            _ => Reason::AmbiguousTarget,
        }
    }
}

/// Why a parameter cannot be read as one value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// The name is empty or has brackets that readers take differently.
    #[error("the parameter name `{name}` is read differently by servers")]
    Name {
        /// The name.
        name: CompactString,
    },
    /// Another spelling of a named parameter.
    #[error("`{sent}` may be read as `{name}`")]
    Spelling {
        /// The name that the rule gives.
        name: CompactString,
        /// The name that was sent.
        sent: CompactString,
    },
    /// The parameter is given more than once where one value is meant.
    #[error("`{name}` is given more than once")]
    Several {
        /// The name.
        name: CompactString,
    },
    /// The parameter also stands in a place that the application reads under the same name.
    #[error("`{name}` is also given in the {place}, which the application reads too")]
    Elsewhere {
        /// The name.
        name: CompactString,
        /// The other place.
        place: &'static str,
    },
    /// The body could hold the parameter but was not read.
    #[error("`{name}` may also stand in the body, which this route does not read")]
    Unread {
        /// The name.
        name: CompactString,
    },
    /// The value is an object, an array of arrays or an element with child elements, or stands under something that is none.
    #[error("`{name}` is not a plain value")]
    NotScalar {
        /// The pointer.
        name: CompactString,
    },
    /// Elements of a list lack the value.
    #[error("`{name}` is missing in an element of the list")]
    Partial {
        /// The pointer.
        name: CompactString,
    },
    /// A header that is read stands more than once, or under a name that servers fold into it.
    #[error("the header `{name}` is given more than once")]
    RepeatedHeader {
        /// The name in the rule.
        name: CompactString,
    },
    /// The cookie header is not a plain list of pairs.
    #[error("the cookie header is read differently by servers: {0}")]
    Cookie(&'static str),
    /// Bytes that are no text in the application's character set.
    #[error("a parameter in the {place} holds bytes that are not {}; `charset` names another character set", .charset.as_str())]
    Encoding {
        /// Where.
        place: &'static str,
        /// The character set that was tried.
        charset: Charset,
    },
    /// A percent sign without two hex digits.
    #[error(
        "`%` without two hex digits in the {place} is read differently by servers; `allow: [bare-percent]` would accept it"
    )]
    Percent {
        /// Where.
        place: &'static str,
    },
    /// A character that a parameter may not hold, and the setting that would accept it.
    #[error("`{shown}` in the {place} is read differently by servers{}", setting_hint(*.setting))]
    Character {
        /// The character, printable.
        shown: CompactString,
        /// Where.
        place: &'static str,
        /// The setting that would accept it.
        setting: Option<Allowance>,
    },
    /// There are more parameters than the limit.
    #[error("there are more than {limit} parameters (`max-params`)")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// `a[b][c]` nests deeper than the limit.
    #[error("a parameter name nests deeper than {limit} (`max-depth`)")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A parameter that holds JSON text does not.
    #[error("`{name}` does not hold JSON that can be judged: {error}")]
    Embedded {
        /// The name of the parameter.
        name: CompactString,
        /// What is wrong with the text.
        error: Box<BodyError>,
    },
    /// Several values were to be written where one is meant, or into a place that cannot hold them.
    #[error("`{name}` cannot be given these values")]
    Unwritable {
        /// The name.
        name: CompactString,
    },
}

/// At most 64 characters of a name that a client sent.
pub(crate) fn brief(name: &str) -> CompactString {
    name.chars().take(64).collect()
}

fn setting_hint(setting: Option<Allowance>) -> String {
    setting.map_or_else(String::new, |setting| format!("; `allow: [{setting}]` would accept it"))
}

impl ParamError {
    /// The reason of the refusal.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::RepeatedHeader { .. } => Reason::RepeatedHeader,
            Self::TooMany { .. } => Reason::TooManyParameters,
            Self::NotScalar { .. } | Self::Partial { .. } => Reason::ParameterType,
            _ => Reason::AmbiguousParameter,
        }
    }
}

/// Why a body that is judged cannot be read as one thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// A body where the method has none.
    #[error("a body with {method} is not expected; `body-on-get: true` would accept it")]
    Unexpected {
        /// `GET` or `HEAD`.
        method: CompactString,
    },
    /// The content type is missing, repeated, malformed or not listed.
    #[error("the content type {0}")]
    ContentType(&'static str),
    /// A form with a method with which the application does not read it.
    #[error("the application reads no form with {method}; `form-methods` would say that it does")]
    FormMethod {
        /// The method.
        method: CompactString,
    },
    /// The `charset=` parameter is not the application's.
    #[error("the content type declares another character set than {}", .0.as_str())]
    Charset(Charset),
    /// The body is compressed.
    #[error("a judged body must not have a content encoding")]
    ContentEncoding,
    /// It is larger than the limit.
    #[error("the body is larger than {limit} bytes (`judged-body-bytes`)")]
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// It is nested deeper than the limit.
    #[error("the body nests deeper than {limit} (`body-depth`)")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// It does not parse.
    #[error("the {kind} body is malformed at byte {at}: {why}")]
    Malformed {
        /// `JSON`, `XML`, `multipart` or `form`.
        kind: &'static str,
        /// Offset in bytes.
        at: usize,
        /// What is wrong.
        why: &'static str,
    },
    /// It parses, but is not the call or envelope that the route expects.
    #[error("the body is no {kind} that can be judged: {why}")]
    Shape {
        /// `SOAP`, `XML-RPC` or `JSON-RPC`.
        kind: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// A parameter in it is malformed.
    #[error(transparent)]
    Param(#[from] ParamError),
}

impl BodyError {
    /// The reason of the refusal.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Unexpected { .. } | Self::Malformed { .. } | Self::Shape { .. } => Reason::MalformedBody,
            Self::ContentType(_) | Self::Charset(_) | Self::FormMethod { .. } => Reason::ContentTypeRefused,
            Self::ContentEncoding => Reason::ContentEncodingRefused,
            Self::TooLarge { .. } => Reason::BodyTooLarge,
            Self::TooDeep { .. } => Reason::BodyTooDeep,
            Self::Param(error) => error.reason(),
        }
    }
}

/// A header or parameter by which frameworks take another method than the one of the request line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` in the {place} changes the method; `override-headers: []` and `override-params: []` say that the application ignores it"
)]
pub struct MethodOverride {
    /// Its name as sent.
    pub name: CompactString,
    /// `header`, `query`, `form`, `multipart` or `json`.
    pub place: &'static str,
}

impl MethodOverride {
    /// The reason of the refusal.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        Reason::MethodRefused
    }
}
