//! `*_test.yaml` into policy tests; names that nothing knows are faults here, not failures of tests.

use super::{Named, Notes, condition, fact, permission};
use crate::diagnostics::yaml::{OneOrMany, Spanned, Table};
use crate::diagnostics::{Mark, Report, suggest};
use crate::model::{Device, Outcome, Reason, SubjectId, Timestamp};
use crate::request::{Charset, Dialect};
use crate::rules::people::People;
use crate::rules::raw::{RawExpect, RawFact, RawForwarded, RawRequest, RawTable, RawTest, RawTestDevice, RawTests};
use crate::rules::set::{App, Catalog};
use crate::rules::suite::{Case, CaseRequest, Expect, Forwarded, Suite};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// 2026-01-01T00:00:00Z, where a file names no instant.
const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
/// An address out of TEST-NET-1 (RFC 5737), where a test names none.
const FROM: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

struct Surroundings<'a> {
    now: Timestamp,
    catalog: &'a Catalog,
    apps: &'a [Arc<App>],
    people: &'a People,
    facts: &'a Table<Table<RawFact>>,
    unknown: Dialect,
    /// Whether other files have faults, so that names may be missing only because of those.
    is_partial: bool,
}

impl Surroundings<'_> {
    /// How the application of this host reads requests.
    fn dialect(&self, host: &str) -> &Dialect {
        self.app(host).map_or(&self.unknown, |app| &app.dialect)
    }

    fn app(&self, host: &str) -> Option<&App> {
        let name = host.split(':').next().unwrap_or(host);
        self.apps.iter().find(|app| app.hosts.iter().any(|own| own.eq_ignore_ascii_case(name))).map(|app| &**app)
    }
}

pub(super) fn compile(
    files: &[Named<RawTests>],
    people: Vec<Arc<People>>,
    catalog: &Catalog,
    apps: &[Arc<App>],
    report: &mut Report,
) -> Vec<Suite> {
    let mut suites = Vec::with_capacity(files.len());
    let is_partial = report.has_errors();
    for (Named { file, raw }, people) in files.iter().zip(people) {
        let mut notes = Notes::new(file, report);
        let now = raw.now.as_ref().and_then(|text| notes.instant(text)).unwrap_or(NOW);
        let around = Surroundings {
            now,
            catalog,
            apps,
            people: &people,
            facts: &raw.facts,
            unknown: Dialect::default(),
            is_partial,
        };
        fact::check(&raw.facts, apps, is_partial, &mut notes);
        let mut cases = Vec::with_capacity(raw.tests.len());
        for test in &raw.tests {
            cases.extend(case(test, &around, &mut notes));
        }
        if let Some(raw) = &raw.table {
            table(raw, &around, &mut cases, &mut notes);
        }
        suites.push(Suite { file: Arc::clone(file), people, cases });
    }
    suites
}

fn case(raw: &Spanned<RawTest>, around: &Surroundings<'_>, notes: &mut Notes<'_>) -> Option<Case> {
    let expect = expect(&raw.expect, around, notes);
    let who = who(&raw.who, expect.reason, around, notes);
    let from = raw.from.as_ref().map_or(Some(FROM), |text| {
        let address = text.parse().ok();
        if address.is_none() {
            notes.error(text.mark, format!("`{}` is not an address", text.value)).help("write for example `10.1.2.3`");
        }
        address
    });
    let now = raw.now.as_ref().map_or(Some(around.now), |text| notes.instant(text));
    fact::check(&raw.facts, around.apps, around.is_partial, notes);
    let request = request(&raw.request, raw.request.mark, around, notes)?;
    Some(Case {
        name: raw.name.clone(),
        place: notes.place(raw.mark),
        now: now?,
        who,
        facts: fact::facts([&raw.facts, around.facts], around.app(&request.host)),
        request,
        from: from?,
        device: raw.device.as_ref().map(|device| self::device(device, notes)),
        expect,
    })
}

fn who(
    name: &Spanned<String>,
    reason: Option<Reason>,
    around: &Surroundings<'_>,
    notes: &mut Notes<'_>,
) -> Option<SubjectId> {
    if name.value == "anonymous" {
        return None;
    }
    if around.people.named(name).is_none() && reason != Some(Reason::UnknownSubject) {
        let known = around.people.iter().map(|subject| subject.id.as_str());
        let suggestion = suggest(name, known).map(str::to_owned);
        notes
            .error(name.mark, format!("nobody is called `{}`", name.value))
            .suggest(suggestion.as_deref())
            .help("write a name from people.yaml, or add one under `people:` of this file");
    }
    Some(SubjectId::new(name))
}

fn device(raw: &RawTestDevice, notes: &mut Notes<'_>) -> Device {
    let kind = raw.kind.as_ref().and_then(|text| condition::device_kind(text, notes)).unwrap_or_default();
    Device { id: raw.known.then(|| "test".into()), known: raw.known, kind, ..Device::default() }
}

fn expect(raw: &Spanned<RawExpect>, around: &Surroundings<'_>, notes: &mut Notes<'_>) -> Expect {
    let outcome = raw.decision.as_ref().and_then(|text| {
        let outcome = Outcome::parse(text);
        if outcome.is_none() {
            let known = ["permit", "refuse", "observed"];
            notes
                .error(text.mark, format!("`{}` is not a decision", text.value))
                .suggest(suggest(text, known))
                .help("write `permit`, `refuse` or `observed`");
        }
        outcome
    });
    let route = raw.route.as_ref().inspect(|text| {
        let ids = || around.apps.iter().flat_map(|app| app.routes.iter()).map(|route| route.id.as_str());
        if !ids().any(|id| id == text.as_str()) && !around.is_partial {
            let suggestion = suggest(text, ids()).map(str::to_owned);
            notes.error(text.mark, format!("unknown route `{}`", text.value)).suggest(suggestion.as_deref());
        }
    });
    let role = raw.role.as_ref().and_then(|text| {
        let role = around.catalog.role_id(text);
        if role.is_none() {
            let known = around.catalog.roles.iter().map(|role| role.name.as_str());
            let suggestion = suggest(text, known).map(str::to_owned);
            notes.error(text.mark, format!("unknown role `{}`", text.value)).suggest(suggestion.as_deref());
        }
        role
    });
    if raw.decision.is_none() && raw.reason.is_none() {
        notes
            .error(raw.mark, "nothing is expected")
            .help("write at least `decision: permit` or `reason: out-of-scope`");
    }
    let answer = raw.answer.clone().unwrap_or_default();
    let rows_by = answer
        .rows_by
        .map(|names| names.iter().filter_map(|name| super::people::dimension(name, around.catalog, notes)).collect());
    let masked_unless = answer
        .masked_unless
        .map(|names| names.iter().filter_map(|name| permission(name, around.catalog, notes)).collect());
    Expect {
        rows_by,
        masked_unless,
        outcome,
        reason: raw.reason.as_ref().and_then(|text| reason(text, notes)),
        route: route.map(|text| text.as_str().into()),
        permission: raw.permission.as_ref().and_then(|text| permission(text, around.catalog, notes)),
        role,
        forwarded: raw.forwarded.as_ref().map(forwarded),
    }
}

fn reason(text: &Spanned<String>, notes: &mut Notes<'_>) -> Option<Reason> {
    let reason = Reason::parse(text);
    if reason.is_none() {
        let suggestion = suggest(text, Reason::ALL.iter().map(|reason| reason.code()));
        notes
            .error(text.mark, format!("`{}` is not the code of a reason", text.value))
            .suggest(suggestion)
            .help("the codes are those of records and refusal pages: `granted`, `not-granted`, `out-of-scope`, …");
    }
    reason
}

fn owned(table: &Table<OneOrMany<String>>) -> Vec<(String, Vec<String>)> {
    table.iter().map(|(name, values)| (name.value.clone(), values.0.clone())).collect()
}

fn forwarded(raw: &RawForwarded) -> Forwarded {
    Forwarded {
        target: raw.target.clone(),
        query: owned(&raw.query),
        form: owned(&raw.form),
        json: owned(&raw.json),
        absent: raw.absent.clone(),
    }
}

fn table(raw: &Spanned<RawTable>, around: &Surroundings<'_>, cases: &mut Vec<Case>, notes: &mut Notes<'_>) {
    let requests: Vec<(&str, Option<CaseRequest>)> =
        raw.requests.iter().map(|(name, raw)| (name.as_str(), request(raw, raw.mark, around, notes))).collect();
    for (person, row) in raw.expect.iter() {
        for (name, code) in row.iter() {
            let reason = reason(code, notes);
            let who = who(person, reason, around, notes);
            let Some((_, request)) = requests.iter().find(|(known, _)| *known == name.as_str()) else {
                notes
                    .error(name.mark, format!("no request is called `{}`", name.value))
                    .suggest(suggest(name, requests.iter().map(|(known, _)| *known)))
                    .help("name it under `requests:` of the table");
                continue;
            };
            let Some(request) = request.clone() else { continue };
            cases.push(Case {
                name: format!("{}: {}", person.value, name.value),
                place: notes.place(code.mark),
                now: around.now,
                who,
                facts: fact::facts([around.facts], around.app(&request.host)),
                request,
                from: FROM,
                device: None,
                expect: Expect { reason, ..Expect::default() },
            });
        }
    }
}

fn request(raw: &RawRequest, mark: Mark, around: &Surroundings<'_>, notes: &mut Notes<'_>) -> Option<CaseRequest> {
    let (secure, rest) = match (raw.url.strip_prefix("https://"), raw.url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => {
            notes
                .error(mark, format!("`{}` does not begin with `https://`", raw.url))
                .help("write the whole address: `GET https://wms.example.com/stock?warehouse=HF`");
            return None;
        }
    };
    let (host, target) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at_checked(at)?,
        None => (rest, "/"),
    };
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    let given = [raw.form.is_some(), raw.multipart.is_some(), raw.json.is_some(), raw.body.is_some()];
    if given.into_iter().filter(|given| *given).count() > 1 {
        notes.error(mark, "a request has one body").help("write one of `form`, `multipart`, `json` and `body`");
    }
    let dialect = around.dialect(host);
    let target = spelled(&target, dialect);
    let (kind, body) = body(raw, dialect);
    let mut fields: Vec<(String, String)> =
        raw.headers.iter().map(|(name, value)| (name.value.clone(), value.clone())).collect();
    if !raw.cookies.is_empty() {
        let cookies: Vec<String> = raw.cookies.iter().map(|(name, value)| format!("{}={value}", name.value)).collect();
        fields.push(("Cookie".to_owned(), cookies.join("; ")));
    }
    let typed = fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    fields.extend(kind.filter(|_| !typed).map(|kind| ("Content-Type".to_owned(), kind.to_owned())));
    if !body.is_empty() {
        fields.push(("Content-Length".to_owned(), body.len().to_string()));
    }
    let method = raw.method.clone().unwrap_or_else(|| if body.is_empty() { "GET" } else { "POST" }.to_owned());
    Some(CaseRequest { method: method.into(), secure, host: host.to_owned(), target, fields, body })
}

/// What separates the parts of multipart bodies; long enough that no test holds it by chance.
const BOUNDARY: &str = "scopegate-policy-test-7f3a9c";

/// The target as a browser spells it: what stands in it unescaped beyond ASCII is written in the application's character set.
fn spelled(target: &str, dialect: &Dialect) -> String {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let mut out = String::with_capacity(target.len());
    for (part, charset) in [(path, dialect.path_charset), (query, dialect.query_charset)] {
        for c in part.chars() {
            if c.is_ascii() && c != ' ' {
                out.push(c);
            } else {
                escape(c.encode_utf8(&mut [0; 4]), charset, |_| false, &mut out);
            }
        }
    }
    out
}

/// Writes percent escapes (WHATWG URL section 1.3) of the text in a character set, but for the bytes that are plain.
fn escape(text: &str, charset: Charset, plain: impl Fn(u8) -> bool, out: &mut String) {
    for &byte in charset.encode(text).unwrap_or(text.as_bytes().into()).iter() {
        if plain(byte) { out.push(char::from(byte)) } else { out.push_str(&format!("%{byte:02X}")) }
    }
}

fn body(raw: &RawRequest, dialect: &Dialect) -> (Option<&'static str>, Vec<u8>) {
    if let Some(form) = &raw.form {
        let mut body = String::new();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"*-._".contains(&byte);
        for (name, values) in form.iter() {
            for value in values.iter() {
                body.push_str(if body.is_empty() { "" } else { "&" });
                escape(name, dialect.charset, plain, &mut body);
                body.push('=');
                escape(value, dialect.charset, plain, &mut body);
            }
        }
        (Some("application/x-www-form-urlencoded"), body.into_bytes())
    } else if let Some(fields) = &raw.multipart {
        let mut body = String::new();
        for (name, values) in fields.iter() {
            for value in values.iter() {
                let name = &name.value;
                body.push_str(&format!(
                    "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
                ));
            }
        }
        body.push_str(&format!("--{BOUNDARY}--\r\n"));
        (Some("multipart/form-data; boundary=scopegate-policy-test-7f3a9c"), body.into_bytes())
    } else if let Some(json) = &raw.json {
        let text = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
        (Some("application/json"), text.into_bytes())
    } else {
        (None, raw.body.clone().unwrap_or_default().into_bytes())
    }
}
