//! The watched sign-in: which requests it is, and whom the application confirms; never the name that was typed.

use super::chain::IdentityChain;
use super::cookie::SetCookie;
use super::source::legacy_session::LegacySession;
use super::source::legacy_session::confirm::{Confirm, InPage};
use super::source::legacy_session::doorway::Doorway;
use super::source::legacy_session::sign_in::SignIn;
use crate::model::{SubjectId, Timestamp};
use crate::request::{Charset, Location, ParamValues, RequestView};
use crate::wire::head::ResponseHead;
use compact_str::CompactString;
use std::borrow::Cow;

/// The largest answer or probe page that is read for a sign-in, in bytes. A larger one confirms nobody.
pub const MAX_PAGE: usize = 1 << 20;

/// A request that is watched because it may sign in or out.
#[derive(Clone, Debug)]
pub struct Watch {
    door: Door,
    typed: Option<CompactString>,
    path: CompactString,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    In(usize),
    Out,
}

/// How far an answer to a watched request could be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// All is known.
    Final(Verdict),
    /// The body is needed, up to [`MAX_PAGE`] bytes: judge again with it.
    NeedsBody,
    /// This page (path and query) must be read in the new session: then [`IdentityChain::judge_probe`].
    NeedsProbe(String),
}

/// What a watched request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The application did not accept it: nothing changes.
    Ignored,
    /// The application confirmed this name, which is this subject.
    SignedIn {
        /// The name as the application wrote it.
        name: CompactString,
        /// The subject of the rules.
        subject: SubjectId,
    },
    /// The application accepted it, but whom it signed in cannot be told: the session is nobody's from now on.
    Unconfirmed(&'static str),
    /// The session has ended.
    SignedOut,
}

impl Watch {
    /// The name that was typed, for the record of failed attempts; never an identity.
    #[must_use]
    pub fn typed(&self) -> Option<&str> {
        self.typed.as_deref()
    }

    /// Whether this is a sign-out.
    #[must_use]
    pub fn is_sign_out(&self) -> bool {
        self.door == Door::Out
    }
}

impl IdentityChain {
    /// The places that must be readable to tell whether this request signs in or out; empty for nearly all requests.
    /// The body must be read where [`RequestView::needs_body`] says so of them.
    #[must_use]
    pub fn watched_locations(&self, view: &RequestView<'_>) -> Vec<&Location> {
        let mut locations = Vec::new();
        for sign_in in self.sign_ins().filter(|sign_in| sign_in.doorway.leads(view)) {
            locations.push(&sign_in.user);
            locations.extend(sign_in.doorway.locations());
        }
        for doorway in self.sign_out_doorways().filter(|doorway| doorway.leads(view)) {
            locations.extend(doorway.locations());
        }
        locations
    }

    /// Whether this request signs in or out, so that its answer must be judged before it is released. A request to be
    /// watched must go out without `Accept-Encoding`, or its answer may be unreadable.
    #[must_use]
    pub fn watch(&self, view: &RequestView<'_>) -> Option<Watch> {
        let path = || CompactString::from(view.target().path());
        for (at, sign_in) in self.sign_ins().enumerate() {
            if !sign_in.doorway.leads(view) || !sign_in.doorway.opens(view) {
                continue;
            }
            let typed = match view.values(&sign_in.user) {
                Ok(ParamValues::Absent) => continue,
                Ok(ParamValues::One(name)) => Some(name.into()),
                // However the application reads this, what it then confirms is what counts.
                Ok(ParamValues::Many(_)) | Err(_) => None,
            };
            return Some(Watch { door: Door::In(at), typed, path: path() });
        }
        let out = self.sign_out_doorways().any(|doorway| doorway.leads(view) && doorway.opens(view));
        out.then(|| Watch { door: Door::Out, typed: None, path: path() })
    }

    /// Judges the answer to a watched request; `body` is given once [`Judgement::NeedsBody`] asked for it (`None` in it:
    /// larger than [`MAX_PAGE`]).
    #[must_use]
    pub fn judge(&self, watch: &Watch, head: &ResponseHead, body: Option<Option<&[u8]>>, now: Timestamp) -> Judgement {
        let Door::In(at) = watch.door else { return Judgement::Final(Verdict::SignedOut) };
        let (Some(legacy), Some(sign_in)) = (self.legacy(), self.sign_ins().nth(at)) else {
            return Judgement::Final(Verdict::Ignored);
        };
        if !accepted_by_head(sign_in, head, &watch.path) {
            return Judgement::Final(Verdict::Ignored);
        }
        let succeeded = &sign_in.succeeded;
        let in_body = succeeded.body.is_some() || succeeded.not_body.is_some();
        let mut page = None;
        if in_body || matches!(sign_in.confirm, Confirm::Page(_)) {
            let Some(body) = body else { return Judgement::NeedsBody };
            let unread = || Judgement::Final(Verdict::Unconfirmed("the answer is too large or encoded"));
            let Some(body) = body.filter(|_| is_plain(head)) else { return unread() };
            let text = decode(body, self.charset());
            let holds = succeeded.body.as_ref().is_none_or(|regex| regex.is_match(&text))
                && !succeeded.not_body.as_ref().is_some_and(|regex| regex.is_match(&text));
            if !holds {
                return Judgement::Final(Verdict::Ignored);
            }
            page = Some((body, text));
        }
        let name = match (&sign_in.confirm, page) {
            (Confirm::Probe { target, .. }, _) => return Judgement::NeedsProbe(target.clone()),
            (Confirm::Header(name), _) => head
                .single(name)
                .ok()
                .flatten()
                .and_then(|value| std::str::from_utf8(value).ok())
                .map(CompactString::from),
            (Confirm::Cookie(name), _) => confirmed_by_cookie(head, name, now),
            (Confirm::Page(place), Some((body, text))) => place.name(body, &text),
            (Confirm::Page(_), None) => None,
        };
        Judgement::Final(confirmed(legacy, sign_in, name))
    }

    /// Judges the probe page: its status, its head and its body (`None`: larger than [`MAX_PAGE`], or not to be had).
    #[must_use]
    pub fn judge_probe(&self, watch: &Watch, head: &ResponseHead, body: Option<&[u8]>) -> Verdict {
        let Door::In(at) = watch.door else { return Verdict::SignedOut };
        let (Some(legacy), Some(sign_in)) = (self.legacy(), self.sign_ins().nth(at)) else { return Verdict::Ignored };
        let (Confirm::Probe { name, .. }, Some(body)) = (&sign_in.confirm, body) else {
            return Verdict::Unconfirmed("the probe page could not be read");
        };
        if head.status != 200 || !is_plain(head) {
            return Verdict::Unconfirmed("the probe page was not answered plainly with 200");
        }
        confirmed(legacy, sign_in, name.name(body, &decode(body, self.charset())))
    }

    /// The verdict where the probe page could not be had at all.
    #[must_use]
    pub const fn probe_failed() -> Verdict {
        Verdict::Unconfirmed("the probe page could not be had")
    }

    fn sign_ins(&self) -> impl Iterator<Item = &SignIn> {
        self.legacy().into_iter().flat_map(|legacy| &legacy.sign_ins)
    }

    fn sign_out_doorways(&self) -> impl Iterator<Item = &Doorway> {
        self.legacy().into_iter().flat_map(|legacy| &legacy.sign_outs).flat_map(|sign_out| &sign_out.doorways)
    }
}

fn accepted_by_head(sign_in: &SignIn, head: &ResponseHead, path: &str) -> bool {
    let succeeded = &sign_in.succeeded;
    if !succeeded.status.is_empty() && !succeeded.status.contains(&head.status) {
        return false;
    }
    // No rule makes a refusal or a fault of the application a sign-in.
    if succeeded.status.is_empty() && head.status >= 400 {
        return false;
    }
    if succeeded.location.is_none() && succeeded.location_regex.is_none() {
        return true;
    }
    let Some(sent) = head.single("location").ok().flatten().and_then(|value| std::str::from_utf8(value).ok()) else {
        return false;
    };
    succeeded.location_regex.as_ref().is_none_or(|regex| regex.is_match(sent))
        && succeeded.location.as_ref().is_none_or(|wanted| leads_to(&path_of(sent, path), wanted))
}

/// The path and query of a Location (RFC 9110 section 10.2.2), as seen from `base`.
fn path_of<'a>(location: &'a str, base: &str) -> Cow<'a, str> {
    let rest = match location.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?', '#']) => Some(rest),
        _ => location.strip_prefix("//"),
    };
    if let Some(rest) = rest {
        return rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/").into();
    }
    if location.starts_with('/') {
        return location.into();
    }
    let folder = base.rfind('/').and_then(|slash| base.get(..=slash)).unwrap_or("/");
    format!("{folder}{}", location.strip_prefix("./").unwrap_or(location)).into()
}

/// Whether `path` begins with `wanted`, at a boundary: `/main` leads to `/main?x` and `/main/x`, not to `/maintenance`.
fn leads_to(path: &str, wanted: &str) -> bool {
    let Some(rest) = path.strip_prefix(wanted) else { return false };
    rest.is_empty() || wanted.ends_with(['/', '?', '=', '&']) || rest.starts_with(['/', '?', '#', ';', '&'])
}

fn is_plain(head: &ResponseHead) -> bool {
    head.values("content-encoding").all(|value| value.eq_ignore_ascii_case(b"identity"))
}

fn decode(body: &[u8], charset: Charset) -> Cow<'_, str> {
    match encoding_rs::Encoding::for_label(charset.as_str().as_bytes()) {
        Some(encoding) => encoding.decode_without_bom_handling(body).0,
        None => String::from_utf8_lossy(body),
    }
}

fn confirmed_by_cookie(head: &ResponseHead, name: &str, now: Timestamp) -> Option<CompactString> {
    let set = head.values("set-cookie").filter_map(SetCookie::parse).filter(|set| set.name == name.as_bytes());
    // Of several, browsers keep the last.
    let found = set.last().filter(|set| !set.deletes(now))?;
    let value = percent_encoding::percent_decode(found.value).decode_utf8().ok()?;
    Some(value.trim_matches('"').into())
}

fn confirmed(legacy: &LegacySession, sign_in: &SignIn, name: Option<CompactString>) -> Verdict {
    let Some(found) = name else { return Verdict::Unconfirmed("the application named nobody") };
    let name = match &sign_in.pattern {
        None => found,
        Some(pattern) => match pattern.captures(&found).and_then(|found| found.get(1).or_else(|| found.get(0))) {
            Some(part) => part.as_str().into(),
            None => return Verdict::Unconfirmed("what the application named does not match the pattern"),
        },
    };
    match legacy.users.subject(&name) {
        Some(subject) => Verdict::SignedIn { name, subject },
        None => Verdict::Unconfirmed("what the application named is no name"),
    }
}

impl InPage {
    fn name(&self, body: &[u8], text: &str) -> Option<CompactString> {
        match self {
            Self::Json(pointer) => {
                let value: serde_json::Value = serde_json::from_slice(body).ok()?;
                match value.pointer(pointer)? {
                    serde_json::Value::String(name) => Some(name.as_str().into()),
                    serde_json::Value::Number(number) => Some(number.to_string().into()),
                    _ => None,
                }
            }
            Self::Text(regex) => {
                let mut all = regex.captures_iter(text).filter_map(|found| found.get(1)).map(|found| found.as_str());
                let first = all.next()?;
                // SECURITY: a page that names two people confirms neither: one of them may come out of somebody's data
                // (test `a_page_that_names_two_people_confirms_nobody`).
                all.all(|other| other == first).then(|| unescape(first).trim().into())
            }
        }
    }
}

/// Resolves the character references that pages write names with (HTML section 13.5, the common ones).
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return text.into();
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let reference = after.split_once(';').filter(|(name, _)| name.len() <= 8);
        let resolved = reference.and_then(|(name, tail)| Some((character(name)?, tail)));
        match resolved {
            Some((character, tail)) => {
                out.push(character);
                rest = tail;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out.into()
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_leads_to_a_path_wherever_it_is_seen_from() {
        for (location, base, path) in [
            ("/main.do?x=1", "/login.do", "/main.do?x=1"),
            ("http://wms.example.test:8080/main.do", "/login.do", "/main.do"),
            ("//wms.example.test/main.do", "/login.do", "/main.do"),
            ("main.do", "/app/login.do", "/app/main.do"),
            ("./main.do", "/login.do", "/main.do"),
            ("https://wms.example.test", "/x", "/"),
            ("/go?to=http://a/b", "/x", "/go?to=http://a/b"),
        ] {
            assert_eq!(path_of(location, base), path, "{location}");
        }
        assert!(leads_to("/main.do", "/main.do") && leads_to("/main.do?x", "/main.do"));
        assert!(leads_to("/main.do;jsessionid=1", "/main.do") && leads_to("/index?m=1&b", "/index?m=1"));
        assert!(!leads_to("/main.domain", "/main.do") && !leads_to("/login.do", "/main.do"));
    }

    #[test]
    fn a_page_that_names_two_people_confirms_nobody() {
        let place = InPage::Text(regex::Regex::new("user=([a-z.&#0-9;]+)").unwrap());
        assert_eq!(place.name(b"", "user=clerk user=clerk").as_deref(), Some("clerk"));
        assert_eq!(place.name(b"", "user=clerk user=engineer"), None);
        assert_eq!(place.name(b"", "nobody"), None);
        assert_eq!(place.name(b"", "user=o&#39;neil&amp;x").as_deref(), Some("o'neil&x"));
        let json = InPage::Json("/user/name".into());
        assert_eq!(json.name(br#"{"user":{"name":"clerk"}}"#, "").as_deref(), Some("clerk"));
        assert_eq!(json.name(br#"{"user":{"name":["clerk"]}}"#, ""), None);
    }
}
