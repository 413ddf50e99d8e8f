//! `scopegate test`: runs the policy tests beside the rules; for people, programs and CI servers.

use crate::policy::suite::{self, CaseResult, Results};
use crate::rules::load::{Loaded, Source, load, sets};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Run the policy tests (`*_test.yaml`) beside the rules. Exit code 1 when one fails, 2 when the rules do not compile.
#[derive(Clone, Debug, clap::Args)]
pub struct TestCommand {
    /// Folder of the rules; where it holds several rule sets in subfolders, the tests of each are run.
    #[arg(value_name = "RULES", default_value = "routes")]
    rules: PathBuf,
    /// Run only the tests whose name contains this.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One line a test; below a failed one what differed and why.
    Text,
    /// One JSON document.
    Json,
    /// JUnit XML, as CI servers read it.
    Junit,
}

impl TestCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn run(self, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
        let mut results = Results { suites: Vec::new() };
        for set in sets(&self.rules) {
            let Loaded { set, mut suites, .. } = match load(&Source::Folder(set)) {
                Ok(loaded) => loaded,
                Err(report) => {
                    writeln!(out, "{report}")?;
                    return Ok(ExitCode::from(2));
                }
            };
            if let Some(text) = &self.name {
                for suite in &mut suites {
                    suite.cases.retain(|case| case.name.contains(text.as_str()));
                }
                suites.retain(|suite| !suite.cases.is_empty());
            }
            results.suites.extend(suite::run(&set, &suites).suites);
        }
        if let Some(text) = self.name.as_ref().filter(|_| results.suites.is_empty()) {
            anyhow::bail!("no test has `{text}` in its name");
        }
        match self.format {
            Format::Text if results.suites.is_empty() => {
                writeln!(
                    out,
                    "no tests: write some into a `*_test.yaml` beside the rules in `{}`",
                    self.rules.display()
                )?;
            }
            Format::Text => write!(out, "{results}")?,
            Format::Json => {
                serde_json::to_writer_pretty(&mut *out, &results)?;
                writeln!(out)?;
            }
            Format::Junit => junit(&results, out)?,
        }
        Ok(ExitCode::from(u8::from(!results.passed())))
    }
}

/// JUnit XML: a `testsuite` a file, a `testcase` a test, a `failure` with what differed and how the decision came about.
fn junit(results: &Results, out: &mut dyn Write) -> std::io::Result<()> {
    let (all, failed) = (results.cases().count(), results.failed());
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"scopegate\" tests=\"{all}\" failures=\"{failed}\">")?;
    for suite in &results.suites {
        let failed = suite.cases.iter().filter(|case| !case.passed()).count();
        let (file, all) = (xml(&suite.file), suite.cases.len());
        writeln!(out, "  <testsuite name=\"{file}\" tests=\"{all}\" failures=\"{failed}\">")?;
        for case in &suite.cases {
            junit_case(&file, case, out)?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn junit_case(file: &str, case: &CaseResult, out: &mut dyn Write) -> std::io::Result<()> {
    let name = xml(&case.name);
    if case.passed() {
        return writeln!(out, "    <testcase classname=\"{file}\" name=\"{name}\"/>");
    }
    let differences: Vec<String> = case.differences.iter().map(ToString::to_string).collect();
    let why = case.explanation.as_ref().map(ToString::to_string).unwrap_or_default();
    writeln!(out, "    <testcase classname=\"{file}\" name=\"{name}\">")?;
    writeln!(
        out,
        "      <failure message=\"{}\">{}\n{}</failure>",
        xml(&differences.join("; ")),
        xml(&case.place),
        xml(&why)
    )?;
    writeln!(out, "    </testcase>")
}

/// Text as XML content and attribute values hold it; characters that XML cannot hold become `?`.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::xml;

    #[test]
    fn text_is_escaped_for_xml() {
        assert_eq!(xml("a<b> & \"c\"\u{1}"), "a&lt;b&gt; &amp; &quot;c&quot;?");
    }
}
