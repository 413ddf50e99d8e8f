//! How a route treats the body.

use super::Notes;
use crate::diagnostics::yaml::Spanned;
use crate::request::{ContentTypes, Location};
use crate::rules::pattern::MethodSet;
use crate::rules::raw::{RawBody, RawRoute};
use crate::rules::route::{BodyRule, ParamRule};
use compact_str::CompactString;

pub(super) fn body(raw: &RawRoute, methods: MethodSet, rules: &[ParamRule], notes: &mut Notes<'_>) -> BodyRule {
    let mut read = ContentTypes::default();
    for rule in rules {
        match &rule.location {
            Location::Form(_) => read.form = true,
            Location::Multipart(_) => read.multipart = true,
            Location::Json(_) => read.json = true,
            Location::Param(_) if !methods.is_bodiless() => read.form = true,
            _ => {}
        }
    }
    let reads = read.form || read.multipart || read.json;
    match &raw.body {
        None if reads => BodyRule::Judged { accept: read, cap: None },
        None if methods.is_bodiless() => BodyRule::None,
        None => BodyRule::Judged { accept: ContentTypes { form: true, ..read }, cap: None },
        Some(body) => written_body(body, rules, notes),
    }
}

fn written_body(raw: &Spanned<RawBody>, rules: &[ParamRule], notes: &mut Notes<'_>) -> BodyRule {
    let in_body = rules.iter().map(|rule| &rule.location).filter(|location| location.is_in_body());
    match (&raw.accept, &raw.stream) {
        (Some(kinds), None) => {
            let accept = ContentTypes { body_on_get: raw.on_get, ..kinds.iter().copied().collect() };
            for location in in_body {
                let (fits, kind) = match location {
                    Location::Form(_) => (accept.form || accept.multipart, "form"),
                    Location::Multipart(_) => (accept.multipart, "multipart"),
                    _ => (accept.json, "json"),
                };
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
