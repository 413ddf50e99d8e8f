//! `scopegate check`: what is wrong with rule files, and what is probably not meant; runs nothing.

use crate::diagnostics::{Report, Severity, Style};
use crate::rules::{Loaded, Source, load, read_again, sets};
use anyhow::Result;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Check rule files: faults, overlaps, unreachable routes, rules without a scope
#[derive(Args, Clone, Debug)]
pub struct CheckCommand {
    /// The folder of the rule files; where it holds several rule sets in subfolders, each is checked
    #[arg(long, value_name = "DIR", default_value = "routes")]
    pub routes: PathBuf,
    /// How the result is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Fail on warnings too
    #[arg(long)]
    pub strict: bool,
}

/// How diagnostics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// With excerpts, for people
    Human,
    /// One line each
    Plain,
    /// For programs
    Json,
}

impl CheckCommand {
    /// Writes what was found to `out`; fails when the rules cannot be used. The human form is always coloured: `out` takes
    /// colours off where it is no terminal (`anstream`).
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn run(self, out: &mut dyn Write) -> Result<ExitCode> {
        let sets = sets(&self.routes);
        let mut whole = Report::new();
        let (mut summaries, mut fails) = (Vec::new(), false);
        for set in &sets {
            let source = Source::Folder(set.clone());
            let (report, loaded) = match load(&source).and_then(|loaded| read_again(&source).map(|()| loaded)) {
                Ok(loaded) => (loaded.lints.clone(), Some(loaded)),
                Err(report) => (report, None),
            };
            let name = if sets.len() > 1 { format!("{}: ", set.display()) } else { String::new() };
            summaries.push(name + &summary(&report, loaded.as_ref()));
            fails |= loaded.is_none() || (self.strict && report.count(Severity::Warning) > 0);
            whole.append(report);
        }
        let style = match self.format {
            Format::Human => Style::Human { colour: true },
            Format::Plain => Style::Plain,
            Format::Json => Style::Json,
        };
        out.write_all(whole.render(style).as_bytes())?;
        if self.format == Format::Human {
            summaries.iter().try_for_each(|summary| writeln!(out, "{summary}"))?;
        }
        Ok(if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn summary(report: &Report, loaded: Option<&Loaded>) -> String {
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let counts = format!(
        "{}, {}, {}",
        plural(report.count(Severity::Error), "error"),
        plural(report.count(Severity::Warning), "warning"),
        plural(report.count(Severity::Note), "note"),
    );
    let Some(loaded) = loaded else { return format!("the rules cannot be used: {counts}") };
    let routes = loaded.set.apps.iter().map(|app| app.routes.len()).sum();
    let cases = loaded.suites.iter().map(|suite| suite.cases.len()).sum();
    format!(
        "revision {}: {}, {}, {}, {}, {}; {counts}",
        loaded.set.revision,
        plural(loaded.set.apps.len(), "application"),
        plural(routes, "route"),
        plural(loaded.set.catalog.roles.len(), "role"),
        format_args!("{} {}", loaded.people.len(), if loaded.people.len() == 1 { "person" } else { "people" }),
        plural(cases, "test"),
    )
}
