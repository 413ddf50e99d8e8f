//! A request that somebody asks about, written out as it would arrive: the way in for explanations and policy tests.

use super::approach;
use super::decide::{Asker, Judged, Question, decide_traced};
use super::detail::Detail;
use super::explain::{Explanation, Transcript, Verdict};
use super::forward::is_observed;
use super::judgement::Judgement;
use crate::lookup::Facts;
use crate::model::{Device, Outcome, Reason, SubjectId, Timestamp};
use crate::request::{BodyLimits, Charset, Location, RawLocation, TargetLimits};
use crate::rules::suite::{Case, CaseRequest};
use crate::rules::{App, People, RuleSet};
use crate::wire::framing::Framing;
use crate::wire::head::RequestHead;
use crate::wire::host::Authority;
use crate::wire::limit::HeadLimits;
use crate::wire::writer::append_field;
use bytes::Bytes;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// The body of an inquiry.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Content {
    /// None.
    #[default]
    Empty,
    /// Fields of a form, in their order.
    Form(Vec<(String, String)>),
    /// Text fields of a multipart body, in their order.
    Multipart(Vec<(String, String)>),
    /// JSON text.
    Json(String),
    /// These bytes; the content type is among the fields.
    Bytes(Vec<u8>),
}

/// A request that somebody asks about.
#[derive(Clone, Debug)]
pub struct Inquiry {
    /// The method.
    pub method: String,
    /// The address: `https://host/path?query`.
    pub url: String,
    /// Header fields beside `Host`, `Cookie` and those that the body brings.
    pub fields: Vec<(String, String)>,
    /// Cookies.
    pub cookies: Vec<(String, String)>,
    /// The body.
    pub content: Content,
    /// Who asks; `None` for nobody.
    pub who: Option<String>,
    /// From which address.
    pub client: IpAddr,
    /// On which device.
    pub device: Option<Device>,
    /// When.
    pub now: Timestamp,
    /// What lookups find.
    pub facts: Facts,
}

impl Inquiry {
    /// A plain request by nobody, from an address that documentation uses (RFC 5737).
    #[must_use]
    pub fn new(method: &str, url: &str, now: Timestamp) -> Self {
        Self {
            method: method.to_owned(),
            url: url.to_owned(),
            fields: Vec::new(),
            cookies: Vec::new(),
            content: Content::Empty,
            who: None,
            client: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            device: None,
            now,
            facts: Facts::default(),
        }
    }

    /// The request of a policy test.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        let CaseRequest { method, secure, host, target, fields, body } = &case.request;
        let scheme = if *secure { "https" } else { "http" };
        Self {
            fields: fields.clone(),
            content: if body.is_empty() { Content::Empty } else { Content::Bytes(body.clone()) },
            who: case.who.as_ref().map(ToString::to_string),
            client: case.from,
            device: case.device.clone(),
            facts: case.facts.clone(),
            ..Self::new(method, &format!("{scheme}://{host}{target}"), case.now)
        }
    }

    /// The application that it would reach, if any.
    #[must_use]
    pub fn app<'r>(&self, rules: &'r RuleSet) -> Option<&'r Arc<App>> {
        let (authority, _) = self.split().ok()?;
        rules.app_for_host(&Authority::parse(authority.as_bytes()).ok()?.canonical_host())
    }

    /// The same, asked by somebody.
    #[must_use]
    pub fn by(mut self, who: &str) -> Self {
        self.who = Some(who.to_owned());
        self
    }

    /// Writes the request out as the application that serves its host would be sent it.
    ///
    /// # Errors
    /// A refusal, where no application serves the host, or the request cannot be written as HTTP/1.1.
    pub fn send(&self, rules: &RuleSet) -> Result<Arrived, Judgement> {
        let (authority, target) = self.split()?;
        let host = Authority::parse(authority.as_bytes())
            .map_err(|error| Judgement::refused(error.reason(), Detail::text(error)))?;
        let app = rules.app_for_host(&host.canonical_host()).ok_or_else(|| {
            Judgement::refused(
                Reason::UnknownHost,
                Detail::text(format_args!("no application has the host `{authority}`")),
            )
        })?;
        let (content_type, body) = self.body(app.dialect.charset)?;
        let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
        let path = escape(path, app.dialect.path_charset, is_plain_in_target)?;
        let query = escape(query, app.dialect.query_charset, is_plain_in_target)?;
        let mut head = format!("{} {path}{query} HTTP/1.1\r\n", self.method).into_bytes();
        let unwritable =
            |error: crate::wire::writer::FieldError| Judgement::refused(Reason::MalformedHead, Detail::text(error));
        let mut push = |name: &str, value: &[u8]| append_field(&mut head, name.as_bytes(), value).map_err(unwritable);
        push("Host", authority.as_bytes())?;
        for (name, value) in &self.fields {
            push(name, value.as_bytes())?;
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            push("Cookie", pairs.join("; ").as_bytes())?;
        }
        if let Some(content_type) = content_type {
            push("Content-Type", content_type.as_bytes())?;
        }
        let measured = self.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        if !body.is_empty() && !measured {
            push("Content-Length", body.len().to_string().as_bytes())?;
        }
        head.extend_from_slice(b"\r\n");
        let (head, _) = RequestHead::parse(&head, &HeadLimits::default())
            .map_err(|error| Judgement::refused(error.reason(), Detail::text(error)))?;
        Ok(Arrived { app: Arc::clone(app), head, body })
    }

    fn split(&self) -> Result<(&str, String), Judgement> {
        let rest = ["https://", "http://"].iter().find_map(|scheme| self.url.strip_prefix(scheme));
        let Some(rest) = rest else {
            let detail = format!("`{}` is not an address: write `https://host/path`", self.url);
            return Err(Judgement::refused(Reason::BadHost, Detail::text(detail)));
        };
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(at).unwrap_or((rest, ""));
        Ok((authority, if target.starts_with('/') { target.to_owned() } else { format!("/{target}") }))
    }

    fn body(&self, charset: Charset) -> Result<(Option<String>, Bytes), Judgement> {
        Ok(match &self.content {
            Content::Empty => (None, Bytes::new()),
            Content::Form(fields) => {
                let pair = |(name, value): &(String, String)| {
                    Ok([escape(name, charset, is_plain_in_form)?, escape(value, charset, is_plain_in_form)?].join("="))
                };
                let pairs = fields.iter().map(pair).collect::<Result<Vec<String>, Judgement>>()?;
                (Some("application/x-www-form-urlencoded".to_owned()), pairs.join("&").into())
            }
            Content::Multipart(fields) => {
                const BOUNDARY: &str = "scopegate-policy-test-boundary";
                let mut body = Vec::new();
                for (name, value) in fields {
                    body.extend_from_slice(
                        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"").as_bytes(),
                    );
                    body.extend_from_slice(&encode(name, charset)?);
                    body.extend_from_slice(b"\"\r\n\r\n");
                    body.extend_from_slice(&encode(value, charset)?);
                    body.extend_from_slice(b"\r\n");
                }
                body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
                (Some(format!("multipart/form-data; boundary={BOUNDARY}")), body.into())
            }
            Content::Json(text) => (Some("application/json".to_owned()), text.clone().into()),
            Content::Bytes(bytes) => (None, bytes.clone().into()),
        })
    }

    /// Who this is among `people`.
    fn asker<'a>(&self, people: &'a People, stranger: &'a Option<SubjectId>) -> Asker<'a> {
        match stranger {
            None => Asker::Anonymous,
            Some(id) => people.subject(id).map_or(Asker::Stranger(id), Asker::Known),
        }
    }

    /// Decides the request and explains every step. `people` are those of the moment.
    #[must_use]
    pub fn explain(&self, rules: &RuleSet, people: &People) -> Explanation {
        self.ask(rules, people, |answer, transcript| match answer {
            Answer::Judged(judged) => transcript.finish(judged),
            Answer::Refused(judgement, app) => transcript.finish_refused(judgement, app),
        })
    }

    /// Decides the request by the way that every request takes, and lets `look` see what came out.
    pub fn ask<R>(
        &self,
        rules: &RuleSet,
        people: &People,
        look: impl FnOnce(Answer<'_, '_>, Transcript<'_>) -> R,
    ) -> R {
        let mut transcript = Transcript::new(rules);
        let arrived = match self.send(rules) {
            Ok(arrived) => arrived,
            Err(judgement) => return look(Answer::Refused(&judgement, None), transcript),
        };
        let named = self.who.as_deref().map(SubjectId::new);
        match arrived.judge(self, rules, self.asker(people, &named), &mut transcript) {
            Ok(judged) => look(Answer::Judged(&judged), transcript),
            Err(judgement) => look(Answer::Refused(&judgement, Some(&arrived.app)), transcript),
        }
    }
}

/// What came of an inquiry.
#[derive(Debug)]
pub enum Answer<'a, 'h> {
    /// A route was found, and it was decided.
    Judged(&'a Judged<'h, 'h>),
    /// It was refused before, by the application where that is known.
    Refused(&'a Judgement, Option<&'a App>),
}

impl Answer<'_, '_> {
    /// The judgement.
    #[must_use]
    pub fn judgement(&self) -> &Judgement {
        match self {
            Self::Judged(judged) => judged.judgement(),
            Self::Refused(judgement, _) => judgement,
        }
    }

    /// What the client would meet: as judged, or observed where observe mode sends it on all the same.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let observed = match self {
            Self::Judged(judged) => is_observed(judged.judgement(), judged.app, Some(judged.route)),
            Self::Refused(judgement, app) => app.is_some_and(|app| is_observed(judgement, app, None)),
        };
        if observed { Outcome::Observed } else { self.judgement().outcome() }
    }
}

/// A request as it arrives.
#[derive(Debug)]
pub struct Arrived {
    app: Arc<App>,
    head: RequestHead,
    body: Bytes,
}

impl Arrived {
    fn judge<'h>(
        &'h self,
        inquiry: &'h Inquiry,
        rules: &'h RuleSet,
        asker: Asker<'h>,
        transcript: &mut Transcript<'_>,
    ) -> Result<Judged<'h, 'h>, Judgement> {
        let framing = match self.body.len() {
            0 => Framing::Empty,
            length => Framing::Length(u64::try_from(length).unwrap_or(u64::MAX)),
        };
        let mut view = approach::read_target(&self.app, &self.head, framing, &TargetLimits::default())?;
        transcript.note("target", Verdict::Hit, format_args!("{} {}", view.method(), view.target().path()));
        let found = approach::find_route(&self.app, &view);
        if found.is_err() {
            transcript.candidates(&self.app, &view);
        }
        let route = approach::settle(&self.app, found?, &mut view, &BodyLimits::default(), &self.body)?;
        transcript.candidates(&self.app, &view);
        let Inquiry { now, client, device, facts, .. } = inquiry;
        let device = device.as_ref();
        let question = Question { rules, app: &self.app, route, asker, now: *now, client: *client, device, facts };
        Ok(decide_traced(&question, view, transcript))
    }
}

/// The values that stand at a place of a request that was judged.
///
/// # Errors
/// A sentence, where the place cannot be compiled or read.
pub fn values_at(judged: &Judged<'_, '_>, place: &RawLocation) -> Result<Vec<String>, String> {
    let location: Location = place.compile(judged.view.dialect(), |_| None).map_err(|error| error.to_string())?;
    let values = judged.view.values(&location).map_err(|error| error.to_string())?;
    Ok(values.as_slice().iter().map(|&value| value.to_owned()).collect())
}

fn encode(text: &str, charset: Charset) -> Result<Vec<u8>, Judgement> {
    charset.encode(text).map(|bytes| bytes.into_owned()).ok_or_else(|| {
        let detail = format!("`{text}` cannot be written in {}", charset.as_str());
        Judgement::refused(Reason::MalformedHead, Detail::text(detail))
    })
}

/// Percent escapes for what cannot stand as it is. A percent sign stands as it is in targets, where it is an escape already.
fn escape(text: &str, charset: Charset, is_plain: fn(u8) -> bool) -> Result<String, Judgement> {
    let mut out = String::with_capacity(text.len());
    for byte in encode(text, charset)? {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(percent_encoding::percent_encode_byte(byte));
        }
    }
    Ok(out)
}

fn is_plain_in_target(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e)
}

fn is_plain_in_form(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'*')
}
