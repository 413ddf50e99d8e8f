//! How requests are read and written again: targets, parameters, bodies, headers, and properties of all of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::field_reassign_with_default,
    reason = "what stops here fails by stopping"
)]

#[path = "request/body.rs"]
mod body;
#[path = "request/call.rs"]
mod call;
#[path = "request/charset.rs"]
mod charset;
#[path = "request/corpora.rs"]
mod corpora;
#[path = "request/dialect.rs"]
mod dialect;
#[path = "request/document.rs"]
mod document;
#[path = "request/forward.rs"]
mod forward;
#[path = "request/param.rs"]
mod param;
#[path = "request/property.rs"]
mod property;
#[path = "request/sample.rs"]
mod sample;
#[path = "request/target.rs"]
mod target;
#[path = "request/xml.rs"]
mod xml;

use bytes::Bytes;
use scopegate::request::{
    Base, BodyError, BodyLimits, CanonicalTarget, ContentTypes, Dialect, JudgedBody, Location, ParamType, PathSlot,
    RawLocation, RawParamType, RequestView, TargetError, TargetLimits,
};

/// Every kind of body.
const ANY_TYPE: ContentTypes = ContentTypes {
    form: true,
    multipart: true,
    json: true,
    xml: true,
    soap: false,
    xml_rpc: false,
    json_rpc: false,
    soap_action: None,
    body_on_get: false,
};

fn php() -> Dialect {
    Dialect::of(Base::Php)
}

fn parse(raw: &str, dialect: &Dialect) -> Result<Box<CanonicalTarget>, TargetError> {
    CanonicalTarget::parse(raw.as_bytes(), dialect, &TargetLimits::default())
}

fn written(target: &CanonicalTarget, dialect: &Dialect) -> String {
    let mut out = Vec::new();
    target.write(&mut out, dialect);
    String::from_utf8(out).unwrap()
}

/// A location out of its YAML-like parts: `at("query", "id", ..)`; path parts are segment numbers.
fn at(place: &str, name: &str, dialect: &Dialect) -> Location {
    let raw = RawLocation::named(place, name.to_owned()).unwrap_or_else(|| panic!("no place {place}"));
    raw.compile(dialect, |part| part.parse().ok().map(PathSlot::whole)).unwrap()
}

fn kind(raw: RawParamType) -> ParamType {
    raw.compile().unwrap()
}

/// A POST with a body that was read, or the error of reading it.
fn post<'h>(
    target: &str,
    fields: &'h [(&'h str, &'h str)],
    body: &[u8],
    dialect: &'h Dialect,
) -> Result<RequestView<'h>, BodyError> {
    post_as(&ANY_TYPE, target, fields, body, dialect)
}

/// The same where the route accepts these kinds.
fn post_as<'h>(
    types: &ContentTypes,
    target: &str,
    fields: &'h [(&'h str, &'h str)],
    body: &[u8],
    dialect: &'h Dialect,
) -> Result<RequestView<'h>, BodyError> {
    let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
    let mut view = RequestView::new("POST", fields, true, parse(target, dialect).unwrap(), dialect);
    view.read_body(types, &BodyLimits::default(), &Bytes::copy_from_slice(body))?;
    Ok(view)
}

fn get<'h>(target: &str, fields: &'h [(&'h str, &'h str)], dialect: &'h Dialect) -> RequestView<'h> {
    let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
    RequestView::new("GET", fields, false, parse(target, dialect).unwrap(), dialect)
}

/// Every value at a location.
fn values(view: &RequestView<'_>, location: &Location) -> Vec<String> {
    view.values(location).unwrap().as_slice().iter().map(|value| (*value).to_owned()).collect()
}

/// Content type and text of the judged body.
fn forwarded(view: &RequestView<'_>) -> (String, Bytes) {
    match view.body() {
        JudgedBody::Bytes { content_type, bytes } => (content_type.to_string(), bytes),
        JudgedBody::None => panic!("the body was not judged"),
    }
}

const FORM: &[(&str, &str)] = &[("Content-Type", "application/x-www-form-urlencoded")];
const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];
const XML: &[(&str, &str)] = &[("Content-Type", "application/xml")];
const MULTIPART: &[(&str, &str)] = &[("Content-Type", "multipart/form-data; boundary=XX")];
