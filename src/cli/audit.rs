//! `scopegate audit`: verify, query and follow the journal, and propose rules from it; writes nothing into it.

use crate::audit::filter::{Filter, Term, Wanted};
use crate::audit::propose::Proposal;
use crate::audit::query::{Order, Query, query};
use crate::audit::tail::Tail;
use crate::audit::verify::{Anchor, Trust, verify};
use crate::audit::{PublicKey, filter, show};
use crate::model::{Clock, SystemClock, Timestamp};
use anyhow::Context as _;
use std::io::{self, IsTerminal as _, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How often `tail --follow` looks for new records.
const LOOK: Duration = Duration::from_millis(200);

/// Verify, query and follow the journal.
#[derive(Clone, Debug, clap::Args)]
pub struct AuditCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Check chains, numbers, checkpoints and signatures; say where the first fault is. Exit code 1 when there is one.
    Verify(Verify),
    /// Show the newest records, and with --follow those that come.
    Tail(TailArgs),
    /// Find records by time and any field, each decision with its outcome.
    Query(QueryArgs),
    /// Propose rules for what was observed: parameters that routes do not name, and routes that are missing.
    Propose(ProposeArgs),
}

#[derive(Clone, Debug, clap::Args)]
struct Place {
    /// Folder of the journal.
    #[arg(long, value_name = "DIR", default_value = "state/journal")]
    journal: PathBuf,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Rows for people, coloured on a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Clone, Debug, clap::Args)]
struct Verify {
    #[command(flatten)]
    place: Place,
    /// A public key (PEM) kept elsewhere; several after a change of keys. Default: `signing.pub` of the journal.
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// A file with checkpoints (lines of the `checkpoints` series) kept elsewhere.
    #[arg(long, value_name = "FILE")]
    anchor: Vec<PathBuf>,
}

#[derive(Clone, Debug, clap::Args)]
struct Terms {
    /// Condition on a field: FIELD=VALUE, !=, ~ (contains), <, <=, >, >=; `*` at an end, networks; repeatable.
    /// Fields inside others with dots: scope.warehouse=HF, device.kind=phone.
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<Term>,
    /// The person.
    #[arg(long)]
    subject: Option<String>,
    /// The application.
    #[arg(long)]
    app: Option<String>,
    /// The route.
    #[arg(long)]
    route: Option<String>,
    /// The permission.
    #[arg(long)]
    permission: Option<String>,
    /// permit, refuse, observed, or held until the answer tells.
    #[arg(long)]
    decision: Option<String>,
    /// The reason's code.
    #[arg(long)]
    reason: Option<String>,
    /// The client's address, or a network.
    #[arg(long)]
    client: Option<String>,
    /// The request's identifier.
    #[arg(long)]
    request: Option<String>,
    /// From this time on: RFC 3339, a date, or how long ago (`2h`, `30m`, `7d`).
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<Timestamp>,
    /// Before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<Timestamp>,
}

#[derive(Clone, Debug, clap::Args)]
struct TailArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    terms: Terms,
    /// How many of the newest records to show first.
    #[arg(short = 'n', long, default_value_t = 10)]
    lines: usize,
    /// Go on showing what comes, over new segments, cores and processes.
    #[arg(short, long)]
    follow: bool,
}

#[derive(Clone, Debug, clap::Args)]
struct QueryArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    terms: Terms,
    /// At most so many records; 0 for all.
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Which come first.
    #[arg(long, value_enum, default_value_t = OrderArg::Newest)]
    order: OrderArg,
    /// Which kinds of records.
    #[arg(long, value_enum, default_value_t = KindArg::All)]
    kind: KindArg,
}

#[derive(Clone, Debug, clap::Args)]
struct ProposeArgs {
    /// Folder of the journal.
    #[arg(long, value_name = "DIR", default_value = "state/journal")]
    journal: PathBuf,
    /// YAML to look through and copy, or JSON.
    #[arg(long, value_enum, default_value_t = ProposalFormat::Yaml)]
    format: ProposalFormat,
    /// Go by what was refused too, not only by what was observed: strangers who try addresses are among it.
    #[arg(long)]
    refused: bool,
    #[command(flatten)]
    terms: Terms,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ProposalFormat {
    Yaml,
    Json,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum OrderArg {
    Newest,
    Oldest,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum KindArg {
    All,
    Decision,
    Admin,
}

/// Reads an instant: RFC 3339, a date or local time in UTC, or a length of time before now.
fn parse_time(text: &str) -> Result<Timestamp, String> {
    time_at(text, SystemClock.now())
}

fn time_at(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Ok(instant.into());
    }
    let civil = text.parse::<jiff::civil::DateTime>().or_else(|_| text.parse::<jiff::civil::Date>().map(Into::into));
    if let Ok(civil) = civil
        && let Ok(zoned) = civil.to_zoned(jiff::tz::TimeZone::UTC)
    {
        return Ok(zoned.timestamp().into());
    }
    let span = text.trim_start_matches('-').parse::<jiff::Span>();
    let ago = span.and_then(|span| {
        let relative = jiff::SpanRelativeTo::days_are_24_hours();
        span.to_duration(relative).map(jiff::SignedDuration::abs)
    });
    match ago {
        Ok(ago) => {
            let micros = i64::try_from(ago.as_micros()).unwrap_or(i64::MAX);
            Ok(Timestamp::from_micros(now.as_micros().saturating_sub(micros)))
        }
        Err(_) => Err("expected RFC 3339, a date, or how long ago, for example `2h`".into()),
    }
}

impl Terms {
    fn filter(&self) -> Filter {
        let named = [
            ("subject", &self.subject),
            ("app", &self.app),
            ("route", &self.route),
            ("permission", &self.permission),
            ("decision", &self.decision),
            ("reason", &self.reason),
            ("client", &self.client),
            ("request", &self.request),
        ];
        let named = named.iter().filter_map(|(field, value)| Some(Term::is(field, value.as_deref()?)));
        Filter::new(self.conditions.iter().cloned().chain(named).collect(), self.since, self.until)
    }
}

impl AuditCommand {
    /// Runs the command. Exit code 0, or 1 where `verify` found a fault.
    ///
    /// # Errors
    /// When the journal cannot be read or `out` takes no more.
    pub fn run(self, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Verify(args) => args.run(out),
            Command::Tail(args) => args.run(out),
            Command::Query(args) => args.run(out),
            Command::Propose(args) => args.run(out),
        }
    }
}

impl Verify {
    fn run(self, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
        let keys = self.public_key.iter().map(|path| PublicKey::read(path)).collect::<Result<Vec<_>, _>>()?;
        let mut anchors = Vec::new();
        for path in &self.anchor {
            anchors.extend(Anchor::read(path).with_context(|| format!("`{}` holds no checkpoints", path.display()))?);
        }
        let report = verify(&self.place.journal, &Trust { keys, anchors })
            .with_context(|| format!("cannot verify the journal in `{}`", self.place.journal.display()))?;
        match self.place.format {
            Format::Text => report.render(out)?,
            Format::Json => writeln!(out, "{}", serde_json::to_string(&report)?)?,
        }
        Ok(ExitCode::from(u8::from(!report.sound())))
    }
}

impl Place {
    fn colour(&self) -> bool {
        io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
    }

    fn show(&self, out: &mut dyn Write, entry: &filter::Entry) -> io::Result<()> {
        match self.format {
            Format::Text => show::row(out, entry, self.colour()),
            Format::Json => writeln!(out, "{}", serde_json::Value::Object(entry.fields.clone())),
        }
    }

    fn heading(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.format == Format::Text { show::heading(out, self.colour()) } else { Ok(()) }
    }

    fn failed(&self) -> String {
        format!("cannot read the journal in `{}`", self.journal.display())
    }
}

impl TailArgs {
    fn run(self, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
        let failed = || self.place.failed();
        let (mut tail, newest) =
            Tail::open(&self.place.journal, self.terms.filter(), self.lines).with_context(failed)?;
        self.place.heading(out)?;
        for entry in newest {
            self.place.show(out, &entry)?;
        }
        if !self.follow {
            return Ok(ExitCode::SUCCESS);
        }
        loop {
            out.flush()?;
            std::thread::sleep(LOOK);
            tail.poll(&mut |entry| self.place.show(out, &entry)).with_context(failed)?;
        }
    }
}

impl QueryArgs {
    fn run(self, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
        let question = Query {
            filter: self.terms.filter(),
            wanted: match self.kind {
                KindArg::All => Wanted::All,
                KindArg::Decision => Wanted::Decisions,
                KindArg::Admin => Wanted::Administration,
            },
            order: match self.order {
                OrderArg::Newest => Order::Newest,
                OrderArg::Oldest => Order::Oldest,
            },
            limit: (self.limit > 0).then_some(self.limit),
        };
        let (mut shown, mut begun) = (Ok(()), false);
        query(&self.place.journal, &question, &mut |entry| {
            let heading = if begun { Ok(()) } else { self.place.heading(out) };
            shown = heading.and_then(|()| self.place.show(out, &entry));
            begun = true;
            if shown.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .with_context(|| self.place.failed())?;
        shown?;
        if !begun {
            self.place.heading(out)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl ProposeArgs {
    fn run(self, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
        let question = Query { filter: self.terms.filter(), wanted: Wanted::Decisions, ..Query::default() };
        let mut proposal = Proposal::default();
        query(&self.journal, &question, &mut |entry| {
            let decision = entry.text("decision").unwrap_or_default();
            if decision == "observed" || (self.refused && decision == "refuse") {
                proposal.add(&entry);
            }
            ControlFlow::Continue(())
        })
        .with_context(|| format!("cannot read the journal in `{}`", self.journal.display()))?;
        let proposal = proposal.finish();
        match self.format {
            ProposalFormat::Json => writeln!(out, "{}", serde_json::to_string_pretty(&proposal)?)?,
            ProposalFormat::Yaml if proposal.is_empty() => writeln!(out, "# nothing is missing in what was recorded")?,
            ProposalFormat::Yaml => write!(out, "{proposal}")?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        audit: AuditCommand,
    }

    #[test]
    fn times_are_read_in_every_spelling() {
        let noon = Timestamp::from_micros(1_795_348_800_000_000);
        assert_eq!(parse_time("2026-11-22T12:00:00Z"), Ok(noon));
        assert_eq!(parse_time("2026-11-22T13:00:00+01:00"), Ok(noon));
        assert_eq!(parse_time("2026-11-22T12:00"), Ok(noon));
        assert_eq!(parse_time("2026-11-22").map(|time| noon.micros_since(time)), Ok(12 * 3_600_000_000));
        assert_eq!(time_at("2h", noon).map(|time| noon.micros_since(time)), Ok(2 * 3_600_000_000));
        assert!(parse_time("yesterday-ish").is_err());
    }

    #[test]
    fn arguments_read_as_they_are_documented() {
        let line =
            ["x", "query", "--where", "scope.warehouse=HF", "--subject", "keeper.hf", "--since", "7d", "--limit", "0"];
        assert!(Line::try_parse_from(line).is_ok());
        assert!(Line::try_parse_from(["x", "query", "--where", "nonsense"]).is_err());
        assert!(Line::try_parse_from(["x", "tail", "-f", "-n", "5", "--format", "json"]).is_ok());
        assert!(Line::try_parse_from(["x", "verify", "--anchor", "a", "--public-key", "k"]).is_ok());
    }
}
