//! The body of a request: which kinds can be judged, within which limits, and how what was judged is written again.

mod read;

use super::charset::Charset;
use super::dialect::Dialect;
use super::json::Json;
use super::multipart::Multipart;
use super::param::ParamList;
use super::rpc::Call;
use super::soap::Envelope;
use super::xml::Document;
use bytes::Bytes;
use compact_str::{CompactString, format_compact};

pub(super) use read::read;

/// The field by which forms name their character set (RFC 7578 section 4.6); it must name the application's.
pub(crate) const CHARSET_FIELD: &str = "_charset_";

/// A kind of body that can be judged, as the rules spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawContentType {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`.
    Multipart,
    /// `application/json` and `application/*+json`.
    Json,
    /// `application/xml`, `text/xml` and `application/*+xml`.
    Xml,
    /// A SOAP envelope: 1.1 as `text/xml`, 1.2 as `application/soap+xml`.
    Soap,
    /// One XML-RPC call, as `text/xml`.
    XmlRpc,
    /// One JSON-RPC call (1.0 or 2.0), as JSON; batches are refused.
    JsonRpc,
}

/// The kinds of body that a route accepts where its body is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentTypes {
    /// `application/x-www-form-urlencoded`.
    pub form: bool,
    /// `multipart/form-data`.
    pub multipart: bool,
    /// `application/json` and `application/*+json`.
    pub json: bool,
    /// `application/xml`, `text/xml` and `application/*+xml`.
    pub xml: bool,
    /// A SOAP envelope.
    pub soap: bool,
    /// One XML-RPC call.
    pub xml_rpc: bool,
    /// One JSON-RPC call.
    pub json_rpc: bool,
    /// What the SOAP action of an operation is, `{operation}` standing for its name; `None` takes the usual spellings.
    pub soap_action: Option<CompactString>,
    /// Whether GET and HEAD may have a body.
    pub body_on_get: bool,
}

impl FromIterator<RawContentType> for ContentTypes {
    fn from_iter<I: IntoIterator<Item = RawContentType>>(kinds: I) -> Self {
        let mut types = Self::default();
        for kind in kinds {
            match kind {
                RawContentType::Form => types.form = true,
                RawContentType::Multipart => types.multipart = true,
                RawContentType::Json => types.json = true,
                RawContentType::Xml => types.xml = true,
                RawContentType::Soap => types.soap = true,
                RawContentType::XmlRpc => types.xml_rpc = true,
                RawContentType::JsonRpc => types.json_rpc = true,
            }
        }
        types
    }
}

/// Limits of a judged body; a body beyond them is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Size in bytes.
    pub bytes: usize,
    /// Number of fields of a form; the dialect's `max-params` applies too.
    pub parameters: usize,
    /// Number of parts of a multipart body; the dialect's `max-params` applies too.
    pub parts: usize,
    /// Number of nested objects and lists in JSON, of nested elements in XML.
    pub depth: usize,
    /// Number of elements, attributes and texts in XML.
    pub nodes: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { bytes: 1024 * 1024, parameters: 1000, parts: 1000, depth: 32, nodes: 50_000 }
    }
}

/// The body to forward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JudgedBody {
    /// Nothing in it was judged: it is absent, or streams as it comes.
    None,
    /// Written again from what was judged.
    Bytes {
        /// The content type that goes with the bytes.
        content_type: CompactString,
        /// The body.
        bytes: Bytes,
    },
}

/// A JSON body that was read.
#[derive(Clone, Debug)]
pub(crate) struct JsonBody {
    pub(crate) root: Json,
    /// Whether it is one JSON-RPC call.
    pub(crate) is_call: bool,
    essence: CompactString,
    charset: Option<CompactString>,
}

/// What an XML body is beside an XML document.
#[derive(Clone, Debug)]
pub(crate) enum XmlShape {
    /// Nothing else.
    Plain,
    /// A SOAP envelope.
    Soap(Envelope),
    /// One XML-RPC call.
    Rpc(Call),
}

/// An XML body that was read.
#[derive(Clone, Debug)]
pub(crate) struct XmlBody {
    pub(crate) document: Document,
    pub(crate) shape: XmlShape,
    essence: CompactString,
    /// The `action=` of SOAP 1.2.
    action: Option<CompactString>,
}

/// What is known of the body.
#[derive(Clone, Debug)]
pub(crate) enum BodyState {
    /// There is none.
    Absent,
    /// There is one that nobody has read.
    Unread,
    Form {
        list: Box<ParamList>,
        charset: Option<CompactString>,
    },
    Multipart(Multipart),
    Json(JsonBody),
    Xml(Box<XmlBody>),
}

impl BodyState {
    /// The body to forward, written again from what was judged.
    pub(super) fn write(&self, dialect: &Dialect) -> JudgedBody {
        let typed = |essence: &str, charset: &Option<CompactString>| match charset {
            Some(charset) => format_compact!("{essence}; charset={charset}"),
            None => essence.into(),
        };
        let mut out = Vec::new();
        let content_type = match self {
            Self::Absent | Self::Unread => return JudgedBody::None,
            Self::Form { list, charset } => {
                list.write(&mut out, dialect);
                typed("application/x-www-form-urlencoded", charset)
            }
            Self::Multipart(multipart) => {
                let (content_type, bytes) = multipart.write(dialect);
                out = bytes;
                content_type
            }
            Self::Json(body) => {
                body.root.write(&mut out);
                typed(&body.essence, &body.charset)
            }
            Self::Xml(body) => {
                body.document.write(&mut out);
                body.content_type()
            }
        };
        JudgedBody::Bytes { content_type, bytes: out.into() }
    }
}

impl XmlBody {
    /// The type that names the character set in which the document is written, so that no reader has to guess.
    fn content_type(&self) -> CompactString {
        let charset: Charset = self.document.charset;
        let action = self.action.as_ref().map_or_else(String::new, |action| format!("; action=\"{action}\""));
        format_compact!("{}; charset={}{action}", self.essence, charset.as_str())
    }
}
