//! Reads a body as the one kind that its content type says; a body of another kind, character set or coding is refused.

use super::{BodyLimits, BodyState, CHARSET_FIELD, ContentTypes, JsonBody, XmlBody, XmlShape};
use crate::request::charset::Charset;
use crate::request::error::BodyError;
use crate::request::header::folds_to;
use crate::request::json::Json;
use crate::request::media::MediaType;
use crate::request::multipart::Multipart;
use crate::request::param::ParamList;
use crate::request::rpc::{self, Call};
use crate::request::soap::{self, Envelope};
use crate::request::view::{Edit, RequestView};
use crate::request::xml::{self, Document};
use bytes::Bytes;

/// Reads `body`, which is there and is allowed; gives it with the header fields that must be written anew for it.
///
/// # Errors
/// When the content type is not one of `types`, the body is encoded or in another character set, is beyond a limit, or
/// has more than one reading.
pub(in crate::request) fn read(
    view: &RequestView<'_>,
    types: &ContentTypes,
    limits: &BodyLimits,
    body: &Bytes,
) -> Result<(BodyState, Vec<Edit>), BodyError> {
    if body.len() > limits.bytes {
        return Err(BodyError::TooLarge { limit: limits.bytes });
    }
    let encoded = |value: &[u8]| !value.trim_ascii().eq_ignore_ascii_case(b"identity");
    if view.fields().any(|(name, value)| folds_to(name, "content-encoding") && encoded(value)) {
        return Err(BodyError::ContentEncoding);
    }
    let media = view.media_type()?.ok_or(BodyError::ContentType("is missing"))?;
    if media.is_xml() && (types.xml || types.soap || types.xml_rpc) {
        return read_xml(view, types, limits, body, media);
    }
    // JSON is UTF-8 whatever the application's forms are (RFC 8259 section 8.1)
    let charset = if media.is_json() { Charset::Utf8 } else { view.dialect().charset };
    if media.charset.as_ref().is_some_and(|label| !charset.is_named_by(label)) {
        return Err(BodyError::Charset(charset));
    }
    // SECURITY: an application that does not read the form knows nothing of what was judged in it
    // (`a_form_with_a_method_that_the_application_reads_none_with_is_refused`)
    if media.is_form() && !view.dialect().form_methods.iter().any(|method| method == view.method()) {
        return Err(BodyError::FormMethod { method: view.method().into() });
    }
    let state = if media.essence == "application/x-www-form-urlencoded" && types.form {
        read_form(view, limits, body, media)?
    } else if media.essence == "multipart/form-data" && types.multipart {
        let boundary = media.boundary.ok_or(BodyError::ContentType("has no boundary"))?;
        BodyState::Multipart(Multipart::parse(body, &boundary, view.dialect(), limits.parts)?)
    } else if media.is_json() && (types.json || types.json_rpc) {
        if !media.is_one_of(&view.dialect().json_types) {
            return Err(BodyError::ContentType("is not one that the application reads as JSON (`json-types`)"));
        }
        let root = Json::parse(body, limits.depth)?;
        if types.json_rpc {
            rpc::check_json(&root)?;
        }
        BodyState::Json(JsonBody { root, is_call: types.json_rpc, essence: media.essence, charset: media.charset })
    } else {
        return Err(BodyError::ContentType("is not one that the route lists"));
    };
    Ok((state, Vec::new()))
}

fn read_form(
    view: &RequestView<'_>,
    limits: &BodyLimits,
    body: &[u8],
    media: MediaType,
) -> Result<BodyState, BodyError> {
    let dialect = view.dialect();
    let list = Box::new(ParamList::parse(body, dialect, limits.parameters, "form")?);
    let is_ours = |label: &str| dialect.charset.is_named_by(label);
    if list.iter().any(|value| value.name() == CHARSET_FIELD && !is_ours(value.value())) {
        return Err(BodyError::Charset(dialect.charset));
    }
    Ok(BodyState::Form { list, charset: media.charset })
}

fn read_xml(
    view: &RequestView<'_>,
    types: &ContentTypes,
    limits: &BodyLimits,
    body: &[u8],
    media: MediaType,
) -> Result<(BodyState, Vec<Edit>), BodyError> {
    let within = xml::Limits { depth: limits.depth, nodes: limits.nodes };
    let mut document = Document::parse(body, media.charset.as_deref(), view.dialect().charset, within)?;
    let mut edits = Vec::new();
    let mut action = None;
    let shape = if types.soap {
        let asked = soap::Asked { essence: &media.essence, action: media.action.as_deref(), fields: view };
        let (envelope, said) = Envelope::read(&document, &asked, types.soap_action.as_deref())?;
        match said {
            soap::Said::Header(value) => edits.push(("SOAPAction".into(), Some(value))),
            soap::Said::Parameter(value) => action = Some(value),
            soap::Said::Nothing => {}
        }
        XmlShape::Soap(envelope)
    } else if types.xml_rpc {
        let call = Call::read(&document)?;
        document.tidy();
        XmlShape::Rpc(call)
    } else {
        soap::check_plain(&document)?;
        XmlShape::Plain
    };
    Ok((BodyState::Xml(Box::new(XmlBody { document, shape, essence: media.essence, action })), edits))
}
