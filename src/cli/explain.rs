//! `scopegate explain`: how a request is decided, step by step; asks the rules, never an application.

use crate::audit::query::find_request;
use crate::lookup::Facts;
use crate::model::{Clock, Device, DeviceKind, Reason, RequestId, SystemClock, Timestamp};
use crate::policy::inquiry::{Content, Inquiry};
use crate::rules::App;
use crate::rules::load::{Loaded, Source, load};
use anyhow::{Context as _, bail};
use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Explain how a request is decided: every rule and assignment that hit or missed, and why. Exit code 1 when it is refused.
#[derive(Clone, Debug, clap::Args)]
pub struct ExplainCommand {
    /// Method and address, for example `GET 'https://wms.example.test/stock?warehouse=SH'`; an address alone is a GET
    /// (a POST where there is a body); or the id of a request in the journal, explained by the rules of now.
    #[arg(value_name = "REQUEST", required = true, num_args = 1..=2)]
    request: Vec<String>,
    /// Who asks; nobody unless given.
    #[arg(long = "as", value_name = "PERSON")]
    who: Option<String>,
    /// A field of a form in the body: NAME=VALUE; repeatable.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair('='))]
    form: Vec<(String, String)>,
    /// A JSON body.
    #[arg(long, value_name = "JSON", conflicts_with = "form")]
    json: Option<String>,
    /// A header field: `NAME: VALUE`; repeatable.
    #[arg(long, value_name = "NAME: VALUE", value_parser = pair(':'))]
    header: Vec<(String, String)>,
    /// A cookie: NAME=VALUE; repeatable.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair('='))]
    cookie: Vec<(String, String)>,
    /// What a lookup finds of an object: LOOKUP:KEY=VALUE, with commas between several values in the order of the rule, or `unknown`;
    /// repeatable. Of a request in the journal what was found then stands unless given.
    #[arg(long, value_name = "LOOKUP:KEY=VALUE", value_parser = fact)]
    fact: Vec<Given>,
    /// The address that it comes from.
    #[arg(long, value_name = "ADDRESS")]
    from: Option<IpAddr>,
    /// The kind of device that it comes from, as one that is known: desktop, phone, tablet, terminal, program.
    #[arg(long, value_name = "KIND", value_parser = device_kind)]
    device: Option<DeviceKind>,
    /// When it comes: 2026-11-21T08:00:00+08:00; now unless given.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Folder of the rules.
    #[arg(long, value_name = "DIR", default_value = "routes")]
    rules: PathBuf,
    /// Folder of the journal, for the id of a request.
    #[arg(long, value_name = "DIR", default_value = "state/journal")]
    journal: PathBuf,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Lines for people.
    Text,
    /// One JSON document.
    Json,
}

fn pair(by: char) -> impl Fn(&str) -> Result<(String, String), String> + Clone {
    move |text| match text.split_once(by) {
        Some((name, value)) if !name.is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err(format!("`{text}` is not of the form NAME{by}VALUE")),
    }
}

/// What a lookup is said to find.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    lookup: String,
    key: String,
    values: String,
}

fn fact(text: &str) -> Result<Given, String> {
    let parts = text.split_once('=').and_then(|(object, values)| Some((object.split_once(':')?, values)));
    match parts {
        Some(((lookup, key), values)) if !lookup.is_empty() && !key.is_empty() && !values.is_empty() => {
            Ok(Given { lookup: lookup.to_owned(), key: key.to_owned(), values: values.to_owned() })
        }
        _ => Err(format!("`{text}` is not of the form LOOKUP:KEY=VALUE")),
    }
}

fn device_kind(name: &str) -> Result<DeviceKind, String> {
    use DeviceKind::{Desktop, Phone, Program, Tablet, Terminal, Unknown};
    let kinds = [Desktop, Phone, Tablet, Terminal, Program, Unknown];
    kinds.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| format!("`{name}` is not a kind of device"))
}

fn instant(text: &str) -> anyhow::Result<Timestamp> {
    Ok(text
        .parse::<jiff::Timestamp>()
        .with_context(|| format!("`{text}` is not a time such as 2026-11-21T08:00:00Z"))?
        .into())
}

impl ExplainCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When an argument cannot be read, the request is not in the journal, or `out` cannot be written to.
    pub fn run(self, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
        let Loaded { set, people, .. } = match load(&Source::Folder(self.rules.clone())) {
            Ok(loaded) => loaded,
            Err(report) => {
                writeln!(out, "{report}")?;
                return Ok(ExitCode::from(2));
            }
        };
        let mut found = Vec::new();
        let mut inquiry = match self.request.as_slice() {
            [id] if RequestId::parse(id).is_some() => self.recorded(id, &mut found, out)?,
            [url] if self.form.is_empty() && self.json.is_none() => self.asked("GET", url)?,
            [url] => self.asked("POST", url)?,
            [method, url] => self.asked(method, url)?,
            _ => bail!("write a method and an address, or the id of a request"),
        };
        inquiry.facts = facts(inquiry.app(&set).map(AsRef::as_ref), &self.fact, &found)?;
        let explanation = inquiry.explain(&set, &people);
        match self.format {
            Format::Text => {
                write!(out, "{explanation}")?;
                if explanation.reason == Reason::LookupFailed.code() && self.fact.is_empty() {
                    let app = inquiry.app(&set);
                    let names = app.into_iter().flat_map(|app| &app.lookups).map(|lookup| lookup.name.as_str());
                    for name in names.filter(|name| explanation.detail.starts_with(*name)) {
                        let key = explanation.detail.split('`').nth(1).unwrap_or("KEY");
                        writeln!(out, "\nnothing is asked here; say what would be found: --fact {name}:{key}=VALUE")?;
                    }
                }
            }
            Format::Json => {
                serde_json::to_writer_pretty(&mut *out, &explanation)?;
                writeln!(out)?;
            }
        }
        Ok(ExitCode::from(u8::from(explanation.decision == "refuse")))
    }

    fn asked(&self, method: &str, url: &str) -> anyhow::Result<Inquiry> {
        let now = self.at.as_deref().map_or_else(|| Ok(SystemClock.now()), instant)?;
        let mut inquiry = Inquiry::new(method, url, now);
        inquiry.who.clone_from(&self.who);
        inquiry.fields.clone_from(&self.header);
        inquiry.cookies.clone_from(&self.cookie);
        inquiry.content = match &self.json {
            Some(text) => Content::Json(text.clone()),
            None if self.form.is_empty() => Content::Empty,
            None => Content::Form(self.form.clone()),
        };
        if let Some(from) = self.from {
            inquiry.client = from;
        }
        inquiry.device = self.device.map(|kind| Device { kind, known: true, ..Device::default() });
        Ok(inquiry)
    }

    /// The request of this id as far as the journal tells it: bodies and secret values are not in it.
    /// What lookups found is put behind `found`.
    fn recorded(&self, id: &str, found: &mut Vec<Given>, out: &mut dyn Write) -> anyhow::Result<Inquiry> {
        let request = RequestId::parse(id).context("not the id of a request")?;
        let entry = find_request(&self.journal, request)
            .with_context(|| format!("the journal in {} cannot be read", self.journal.display()))?
            .with_context(|| format!("the journal in {} has no request {id}", self.journal.display()))?;
        let text = |name: &str| entry.fields.get(name).and_then(serde_json::Value::as_str);
        let (method, host) = (text("method").unwrap_or("GET"), text("host").unwrap_or_default());
        let mut inquiry = self.asked(method, &format!("https://{host}{}", text("target").unwrap_or("/")))?;
        if self.at.is_none()
            && let Some(time) = text("time")
        {
            inquiry.now = instant(time)?;
        }
        if self.who.is_none() {
            inquiry.who = text("subject").map(str::to_owned);
        }
        if self.from.is_none()
            && let Some(client) = text("client").and_then(|client| client.parse().ok())
        {
            inquiry.client = client;
        }
        found.extend(entry.fields.get("lookups").map(told).unwrap_or_default());
        if self.format == Format::Text {
            let was = [text("decision"), text("reason"), text("detail")].map(|part| part.unwrap_or("-"));
            writeln!(
                out,
                "recorded as {} ({}) by rules {}: {}",
                was[0],
                was[1],
                text("revision").unwrap_or("-"),
                was[2]
            )?;
            writeln!(
                out,
                "explained by the rules and people of now; the journal holds no bodies and no secret values\n"
            )?;
        }
        Ok(inquiry)
    }
}

/// What lookups found, as a record tells it: `{order: ["5: HF (request)"]}`. What was not found out is left out.
fn told(lookups: &serde_json::Value) -> Vec<Given> {
    let each = lookups.as_object().into_iter().flatten();
    let objects = each.flat_map(|(name, objects)| objects.as_array().into_iter().flatten().map(move |one| (name, one)));
    let given = |(name, object): (&String, &serde_json::Value)| {
        let (key, rest) = object.as_str()?.split_once(": ")?;
        let (values, _) = rest.rsplit_once(" (")?;
        Some(Given { lookup: name.clone(), key: key.to_owned(), values: values.replace(", ", ",") })
    };
    objects.filter_map(given).collect()
}

/// The facts that are given, before those that are on record.
///
/// # Errors
/// When one is given that the application's lookups could not find.
fn facts(app: Option<&App>, given: &[Given], recorded: &[Given]) -> anyhow::Result<Facts> {
    let known = |one: &Given| app.and_then(|app| app.lookups.iter().find(|lookup| lookup.name == one.lookup.as_str()));
    let values = |one: &Given| -> Vec<String> { one.values.split(',').map(|value| value.trim().to_owned()).collect() };
    let mut facts = Facts::default();
    for one in given {
        let Some(lookup) = known(one) else {
            let app = app.map_or("no application", |app| app.name.as_str());
            bail!("`{}` is no lookup of {app}", one.lookup);
        };
        let values = values(one);
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let Some(fact) = lookup.given(&one.key, &values) else {
            let names: Vec<&str> = lookup.values.iter().map(|value| value.name.as_deref().unwrap_or("VALUE")).collect();
            bail!(
                "`{}` finds {} of an object: write --fact {}:{}={}",
                lookup.name,
                names.len(),
                lookup.name,
                one.key,
                names.join(",")
            );
        };
        facts.push(fact);
    }
    for one in recorded {
        let values = values(one);
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        if let Some(fact) = known(one).and_then(|lookup| lookup.given(&one.key, &values)) {
            facts.push(fact);
        }
    }
    Ok(facts)
}
