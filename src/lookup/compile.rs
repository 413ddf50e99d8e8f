//! `lookups:` into compiled lookups; notes every fault and goes on.

mod attribute;

use super::definition::{Caller, Items, Learned, Lookup, Many, Request, Response, Source, Sql};
use super::extract::Pointer;
use super::fact::LookupId;
use super::raw::{RawCaller, RawLearned, RawLookup, RawMany, RawRequest};
use super::template::{Query, Template};
use crate::diagnostics::Mark;
use crate::diagnostics::yaml::Spanned;
use crate::request::ParamType;
use compact_str::CompactString;
use std::path::Path;
use std::time::Duration;

/// What is wrong with a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub mark: Mark,
    /// What.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// How long finding something may take, unless it is said.
const WITHIN: Duration = Duration::from_secs(5);
/// The most that it may be set to: a client waits for as long.
const MOST_WITHIN: Duration = Duration::from_secs(60);
/// The longest that something may be believed.
const MOST_KEEP: Duration = Duration::from_secs(24 * 3600);
/// The largest answer that is looked into, unless it is said.
const CAP: usize = 256 * 1024;
/// The most that it may be set to.
const MOST_CAP: u64 = 8 * 1024 * 1024;

struct Compile<'a> {
    name: &'a Spanned<String>,
    folder: &'a Path,
    faults: Vec<Fault>,
}

impl RawLookup {
    /// Compiles the lookup `name`, which stands at `id` among the lookups of its application; files are relative to `folder`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn compile(&self, name: &Spanned<String>, id: LookupId, folder: &Path) -> Result<Lookup, Vec<Fault>> {
        let mut compile = Compile { name, folder, faults: Vec::new() };
        let lookup = compile.lookup(self, id);
        match lookup {
            Some(lookup) if compile.faults.is_empty() => Ok(lookup),
            _ => Err(compile.faults),
        }
    }
}

impl Compile<'_> {
    fn fault(&mut self, mark: Mark, message: impl Into<String>, help: impl Into<String>) {
        self.faults.push(Fault { mark, message: message.into(), help: help.into() });
    }

    fn lookup(&mut self, raw: &RawLookup, id: LookupId) -> Option<Lookup> {
        let key = self.key(raw);
        let source = self.source(raw);
        let learned: Vec<Learned> = raw.learned.iter().filter_map(|learned| self.learned(learned)).collect();
        let is_sql = raw.sql.is_some();
        let values = self.values(raw, is_sql);
        self.kinds(raw, &values, is_sql);
        let keep = self.span(raw.keep.as_ref(), "keep", Duration::ZERO, Duration::ZERO, MOST_KEEP);
        let within = self.span(raw.within.as_ref(), "within", WITHIN, Duration::from_millis(1), MOST_WITHIN);
        let cap = match &raw.cap {
            Some(cap) if cap.bytes() == 0 || cap.bytes() > MOST_CAP => {
                self.fault(cap.mark, format!("`cap` is {}", cap.value), "write a size up to `8MiB`");
                CAP
            }
            Some(cap) => cap.to_usize(),
            None => CAP,
        };
        if let (Some(keep), Some(response)) = (&raw.keep, &raw.response) {
            let _ = response;
            self.fault(
                keep.mark,
                "`keep` with `response`",
                "each answer tells by itself; take `keep` away, or find it by `request` or `sql`",
            );
        }
        if let Some(learned) = raw.learned.first().filter(|_| keep.is_zero()) {
            self.fault(learned.mark, "what is learned is not kept", "say for how long it is believed: `keep: 30s`");
        }
        let source = source?;
        let personal = !learned.is_empty()
            || matches!(&source, Source::Response(_))
            || matches!(&source, Source::Request(request) if request.caller == Caller::Caller);
        let name = self.name.as_str().into();
        Some(Lookup {
            name,
            id,
            key: key?,
            source,
            learned,
            values,
            keep,
            within,
            shared: raw.shared.unwrap_or(!personal),
            cap,
        })
    }

    fn key(&mut self, raw: &RawLookup) -> Option<ParamType> {
        let Some(key) = &raw.key else {
            self.fault(
                self.name.mark,
                format!("the lookup `{}` has no `key`", self.name.value),
                "write the type of the name of an object: `key: int`",
            );
            return None;
        };
        match key.value.clone().compile() {
            Ok(kind @ (ParamType::Int | ParamType::Code(_) | ParamType::Enum(_) | ParamType::Date)) => Some(kind),
            Ok(kind) => {
                let message = format!("{} may be spelled in several ways, or is none", kind.describe());
                self.fault(key.mark, message, "each object must have one name: write `int`, or `code: \"[A-Z]{2}[0-9]+\"`; lists are looked up one by one");
                None
            }
            Err(error) => {
                self.fault(key.mark, error.to_string().lines().next().unwrap_or_default(), "write for example `int`");
                None
            }
        }
    }

    fn source(&mut self, raw: &RawLookup) -> Option<Source> {
        match (&raw.request, &raw.response, &raw.sql) {
            (Some(request), None, None) => self.request(request).map(|request| Source::Request(Box::new(request))),
            (None, Some(response), None) => {
                Some(Source::Response(Response { content_type: self.content_type(response.content_type.as_ref()) }))
            }
            (None, None, Some(sql)) => match Query::compile(&sql.query) {
                Ok(_) if !reads(&sql.query) => {
                    self.fault(
                        sql.query.mark,
                        "the query does not begin with `select` or `with`",
                        "a lookup only reads: write for example `select warehouse from orders where id = {key}`",
                    );
                    None
                }
                Ok(query) => Some(Source::Sql(Sql { url: sql.url.compile(self.folder), query })),
                Err(error) => {
                    self.fault(
                        sql.query.mark,
                        error.to_string(),
                        "write for example `select warehouse from orders where id = {key}`",
                    );
                    None
                }
            },
            (None, None, None) if !raw.learned.is_empty() => Some(Source::Learned),
            (None, None, None) => {
                self.fault(
                    self.name.mark,
                    format!("the lookup `{}` does not say how it finds anything", self.name.value),
                    "write one of `request`, `response` and `sql`, or `learned`",
                );
                None
            }
            _ => {
                self.fault(
                    self.name.mark,
                    format!("the lookup `{}` finds in more than one way", self.name.value),
                    "write one of `request`, `response` and `sql`; `learned` may stand beside it",
                );
                None
            }
        }
    }

    fn request(&mut self, raw: &Spanned<RawRequest>) -> Option<Request> {
        let one = self.template(&raw.get, "key");
        let many = raw.many.as_ref().map(|many| self.many(many));
        let caller = match &raw.caller {
            RawCaller::Caller => Caller::Caller,
            RawCaller::Account(account) => {
                let token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
                if account.header.is_empty() || !account.header.bytes().all(token) {
                    self.fault(
                        account.header.mark,
                        format!("`{}` cannot name a header", account.header.value),
                        "write for example `Authorization`",
                    );
                }
                Caller::Account { header: account.header.as_str().into(), secret: account.secret.compile(self.folder) }
            }
        };
        let parallel = self.count(raw.parallel.as_ref(), "parallel", 4, 32);
        let content_type = self.content_type(raw.content_type.as_ref());
        Some(Request { one: one?, many: many.flatten(), caller, parallel, content_type })
    }

    fn template(&mut self, text: &Spanned<String>, gap: &'static str) -> Option<Template> {
        match Template::compile(text, gap) {
            Ok(template) => Some(template),
            Err(error) => {
                self.fault(
                    text.mark,
                    error.to_string(),
                    format!("write path and query with `{{{gap}}}` where the object is named"),
                );
                None
            }
        }
    }

    fn many(&mut self, raw: &Spanned<RawMany>) -> Option<Many> {
        let template = self.template(&raw.get, "keys");
        let items = self.items(raw.items.as_ref(), &raw.key);
        let most = self.count(raw.most.as_ref(), "most", 50, 1000);
        let separator = raw.separator.unwrap_or(',');
        if !separator.is_ascii_graphic() || "#&=?/\\%".contains(separator) {
            self.fault(
                raw.mark,
                format!("`{separator}` cannot stand between keys"),
                "write for example `separator: \",\"`",
            );
        }
        Some(Many { template: template?, separator, most, items: items? })
    }

    fn learned(&mut self, raw: &Spanned<RawLearned>) -> Option<Learned> {
        let items = self.items(raw.items.as_ref(), &raw.key)?;
        Some(Learned { route: raw.from.as_str().into(), items })
    }

    fn items(&mut self, list: Option<&Spanned<String>>, key: &Spanned<String>) -> Option<Items> {
        let list = list.map_or_else(|| Some(Pointer::default()), |text| self.pointer(text));
        let key = self.pointer(key);
        Some(Items { list: list?, key: key? })
    }

    fn pointer(&mut self, text: &Spanned<String>) -> Option<Pointer> {
        let pointer = Pointer::parse(text).filter(|_| !text.is_empty());
        if pointer.is_none() {
            self.fault(
                text.mark,
                format!("`{}` is not a JSON pointer", text.value),
                "begin it with `/`, and write `~` as `~0` and `/` as `~1`",
            );
        }
        pointer
    }

    fn content_type(&mut self, text: Option<&Spanned<String>>) -> Option<CompactString> {
        let text = text?;
        let token = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
        };
        if !text.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype)) {
            self.fault(
                text.mark,
                format!("`{}` is not a content type", text.value),
                "write for example `text/html`, without parameters",
            );
        }
        Some(text.to_ascii_lowercase().into())
    }

    fn span(
        &mut self,
        raw: Option<&Spanned<crate::model::quantity::Span>>,
        what: &str,
        default: Duration,
        least: Duration,
        most: Duration,
    ) -> Duration {
        let Some(raw) = raw else { return default };
        let span = raw.duration();
        if span < least || span > most {
            let help = format!("write a time up to `{}`", crate::model::quantity::Span(most));
            self.fault(raw.mark, format!("`{what}` is {}", raw.value), help);
        }
        span
    }

    fn count(&mut self, raw: Option<&Spanned<usize>>, what: &str, default: usize, most: usize) -> usize {
        match raw {
            Some(raw) if raw.value == 0 || raw.value > most => {
                self.fault(raw.mark, format!("`{what}` is {}", raw.value), format!("write a number from 1 to {most}"));
                default
            }
            Some(raw) => raw.value,
            None => default,
        }
    }
}

/// Whether a query is one that reads, by its first word. What it would write all the same the database refuses.
fn reads(query: &str) -> bool {
    let first = query.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    ["select", "with"].iter().any(|word| first.eq_ignore_ascii_case(word))
}
