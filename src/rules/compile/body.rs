//! How a route treats the body.

use super::Notes;
use crate::diagnostics::Mark;
use crate::diagnostics::yaml::Spanned;
use crate::request::{ContentTypes, Location, RawContentType};
use crate::rules::pattern::MethodSet;
use crate::rules::raw::{RawBody, RawRoute};
use crate::rules::route::{BodyRule, ParamRule};
use compact_str::CompactString;

pub(super) fn body(
    raw: &Spanned<RawRoute>,
    methods: MethodSet,
    rules: &[ParamRule],
    notes: &mut Notes<'_>,
) -> BodyRule {
    let mut read = ContentTypes::default();
    for rule in rules {
        imply(&rule.location, methods, &mut read);
    }
    let (body, mark) = match &raw.body {
        Some(body) => (written_body(body, rules, notes), body.mark),
        None if read != ContentTypes::default() => (BodyRule::Judged { accept: read, cap: None }, raw.id.mark),
        None if methods.is_bodiless() => (BodyRule::None, raw.id.mark),
        None => (BodyRule::Judged { accept: ContentTypes { form: true, ..read }, cap: None }, raw.id.mark),
    };
    if raw.body.is_none()
        && let Some(rule) = rules.iter().find(|rule| matches!(rule.location, Location::Rpc(_)))
    {
        notes
            .error(mark, format!("the rule reads `{}`, but does not say of which protocol", rule.location))
            .help("write `body: {accept: json-rpc}` or `body: {accept: xml-rpc}`");
    }
    if let BodyRule::Judged { accept, .. } = &body {
        check_kinds(accept, mark, notes);
        check_calls(accept, rules, mark, notes);
    }
    body
}

/// Adds the kind of body that a location stands in, where it says which.
fn imply(location: &Location, methods: MethodSet, read: &mut ContentTypes) {
    match location {
        Location::Form(_) => read.form = true,
        Location::Multipart(_) | Location::FileName(_) => read.multipart = true,
        Location::Json(_) => read.json = true,
        Location::Xml(_) => read.xml = true,
        Location::Soap(_) => read.soap = true,
        Location::Param(_) if !methods.is_bodiless() => read.form = true,
        Location::JsonIn(location) => imply(location.holder(), methods, read),
        _ => {}
    }
}

/// Two kinds of one content type would leave it to the client how its body is read.
fn check_kinds(accept: &ContentTypes, mark: Mark, notes: &mut Notes<'_>) {
    let xml = [(accept.xml, "xml"), (accept.soap, "soap"), (accept.xml_rpc, "xml-rpc")];
    let json = [(accept.json, "json"), (accept.json_rpc, "json-rpc")];
    for kinds in [xml.as_slice(), json.as_slice()] {
        let given: Vec<String> =
            kinds.iter().filter(|(given, _)| *given).map(|(_, name)| format!("`{name}`")).collect();
        if given.len() > 1 {
            notes
                .error(mark, format!("{} have one content type", given.join(" and ")))
                .help("accept one of them here, and write another route where the application takes both");
        }
    }
}

/// A call is let through only where the rule says which.
fn check_calls(accept: &ContentTypes, rules: &[ParamRule], mark: Mark, notes: &mut Notes<'_>) {
    let names = |location: &Location| {
        matches!(location, Location::Rpc(_) | Location::Soap(_)) && !location.name().starts_with('/')
    };
    let is_named = rules.iter().any(|rule| names(&rule.location));
    let (place, kind) = match accept {
        ContentTypes { soap: true, .. } => ("{soap: operation}", "soap"),
        ContentTypes { xml_rpc: true, .. } => ("{rpc: method}", "xml-rpc"),
        ContentTypes { json_rpc: true, .. } => ("{rpc: method}", "json-rpc"),
        _ => return,
    };
    if !is_named {
        notes
            .error(mark, format!("the rule accepts `{kind}`, but does not say which calls"))
            .help(format!("name it: `operation: {{by: {place}, cases: {{…}}}}`, or type it under `params`"));
    }
}

fn written_body(raw: &Spanned<RawBody>, rules: &[ParamRule], notes: &mut Notes<'_>) -> BodyRule {
    let in_body = rules.iter().map(|rule| &rule.location).filter(|location| location.is_in_body());
    match (&raw.accept, &raw.stream) {
        (Some(kinds), None) => {
            let mut accept: ContentTypes = kinds.iter().copied().collect::<ContentTypes>();
            accept.body_on_get = raw.on_get;
            accept.soap_action = raw.action.as_ref().and_then(|text| action(text, kinds.iter(), notes));
            for location in in_body {
                let (fits, kind) = fits(location, &accept);
                if !fits {
                    notes
                        .error(raw.mark, format!("the rule reads `{location}`, but `accept` leaves {kind} bodies out"))
                        .help(format!("add `{kind}` to `accept`"));
                }
            }
            BodyRule::Judged { accept, cap: raw.cap.map(|cap| cap.to_usize()) }
        }
        (None, Some(types)) => {
            if raw.on_get {
                notes
                    .error(raw.mark, "`on-get` needs `accept`")
                    .help("a body that comes with GET or HEAD is judged or refused, never streamed");
            }
            for location in in_body {
                notes
                    .error(raw.mark, format!("the rule reads `{location}`, but the body is streamed unread"))
                    .help("write `accept` in place of `stream`, or bind the value elsewhere");
            }
            let types = types.iter().filter_map(|text| media_type(text, notes)).collect();
            BodyRule::Stream { types, cap: raw.cap.map(|cap| cap.bytes()) }
        }
        _ => {
            notes
                .error(raw.mark, "a body is either judged or streamed")
                .help("write `accept: [form]` for one that is read, or `stream: [application/pdf]` for one that nothing reads");
            BodyRule::None
        }
    }
}

/// Whether a location in the body stands in a kind that is accepted, and which it needs.
fn fits(location: &Location, accept: &ContentTypes) -> (bool, &'static str) {
    match location {
        Location::Form(_) => (accept.form || accept.multipart, "form"),
        Location::Multipart(_) | Location::FileName(_) => (accept.multipart, "multipart"),
        Location::Json(_) => (accept.json || accept.json_rpc, "json"),
        Location::Xml(_) => (accept.xml, "xml"),
        Location::Soap(_) => (accept.soap, "soap"),
        Location::Rpc(_) => (accept.json_rpc || accept.xml_rpc, "json-rpc"),
        Location::JsonIn(location) => fits(location.holder(), accept),
        Location::Path(_) | Location::Query(_) | Location::Header(_) | Location::Cookie(_) | Location::Param(_) => {
            (true, "form")
        }
    }
}

/// The template of SOAP actions: printable, without what would end a quoted text.
fn action<'k>(
    text: &Spanned<String>,
    mut kinds: impl Iterator<Item = &'k RawContentType>,
    notes: &mut Notes<'_>,
) -> Option<CompactString> {
    if !kinds.any(|kind| *kind == RawContentType::Soap) {
        notes.error(text.mark, "`action` needs `accept: soap`").help("other bodies have no SOAP action");
    } else if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\')) {
        notes
            .error(text.mark, format!("`{}` cannot be a SOAP action", text.value))
            .help("write for example `http://tempuri.org/{operation}`");
    } else {
        return Some(text.as_str().into());
    }
    None
}

/// `type/subtype` in lower case; `type/*` and `*/*` stand for many.
fn media_type(text: &Spanned<String>, notes: &mut Notes<'_>) -> Option<CompactString> {
    let token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-*".contains(&b));
    match text.split_once('/') {
        Some((kind, subtype)) if token(kind) && token(subtype) => Some(text.to_ascii_lowercase().into()),
        _ => {
            notes
                .error(text.mark, format!("`{}` is not a content type", text.value))
                .help("write `application/pdf`, `image/*` or `*/*`");
            None
        }
    }
}
