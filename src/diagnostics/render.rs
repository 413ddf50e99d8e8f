//! Diagnostics as text: with excerpts for people, one line each for logs, JSON for programs.

use super::{Diagnostic, Report, Severity};
use anstyle::{AnsiColor, Style as Ansi};
use std::fmt::Write as _;

/// How diagnostics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// With an excerpt and a caret; coloured when asked for.
    Human {
        /// Whether to colour.
        colour: bool,
    },
    /// One line each.
    Plain,
    /// A JSON array of objects.
    Json,
}

struct Palette {
    bold: Ansi,
    dim: Ansi,
    error: Ansi,
    warning: Ansi,
    note: Ansi,
    help: Ansi,
}

impl Palette {
    const fn new(colour: bool) -> Self {
        let plain = Ansi::new();
        if !colour {
            return Self { bold: plain, dim: plain, error: plain, warning: plain, note: plain, help: plain };
        }
        Self {
            bold: plain.bold(),
            dim: AnsiColor::Blue.on_default(),
            error: AnsiColor::Red.on_default().bold(),
            warning: AnsiColor::Yellow.on_default().bold(),
            note: AnsiColor::Cyan.on_default().bold(),
            help: AnsiColor::Green.on_default(),
        }
    }

    const fn of(&self, severity: Severity) -> Ansi {
        match severity {
            Severity::Error => self.error,
            Severity::Warning => self.warning,
            Severity::Note => self.note,
        }
    }
}

impl Report {
    /// Writes everything that was found, in this style.
    #[must_use]
    pub fn render(&self, style: Style) -> String {
        let mut out = String::new();
        match style {
            Style::Plain => {
                for diagnostic in self.found() {
                    let _ = writeln!(out, "{}", headline(diagnostic));
                }
            }
            Style::Json => {
                let all: Vec<_> = self.found().iter().map(json).collect();
                let _ = writeln!(out, "{:#}", serde_json::Value::Array(all));
            }
            Style::Human { colour } => {
                for diagnostic in self.found() {
                    self.human(&mut out, diagnostic, &Palette::new(colour));
                }
            }
        }
        out
    }

    fn human(&self, out: &mut String, diagnostic: &Diagnostic, palette: &Palette) {
        let (bold, dim, severity) = (palette.bold, palette.dim, palette.of(diagnostic.severity));
        let code = diagnostic.code.map_or_else(String::new, |code| format!("[{code}]"));
        let name = diagnostic.severity.as_str();
        let _ = writeln!(
            out,
            "{bold}{}{bold:#}: {severity}{name}{code}{severity:#}: {bold}{}{bold:#}",
            diagnostic.place,
            message(diagnostic)
        );
        if let Some(line) = self.line(&diagnostic.place) {
            let number = diagnostic.place.line.to_string();
            let gap = " ".repeat(number.len());
            let before: usize = line.chars().take(before(diagnostic)).map(columns).sum();
            let carets = "^".repeat(marked(line, diagnostic));
            let _ = writeln!(out, " {dim}{number} |{dim:#} {}", masked(&line.replace('\t', " ")));
            let _ = writeln!(out, " {gap} {dim}|{dim:#} {}{severity}{carets}{severity:#}", " ".repeat(before));
        }
        if let Some((place, why)) = &diagnostic.related {
            let _ = writeln!(out, "   {dim}={dim:#} {why}: {place}");
        }
        if let Some(help) = &diagnostic.help {
            let _ = writeln!(out, "   {dim}={dim:#} {}help{:#}: {help}", palette.help, palette.help);
        }
    }
}

/// Keys whose values no excerpt repeats.
const SECRET: [&str; 6] = ["password", "passwd", "sha256", "secret", "token", "key"];

/// The line with the values of secret keys starred out, each character by one, so that columns stay.
///
/// SECURITY: somebody may have written a password in place of its hash, and excerpts go to terminals and logs
/// (`an_excerpt_repeats_no_password`).
fn masked(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(colon) = rest.find(':') {
        let (before, after) = rest.split_at(colon + 1);
        out.push_str(before);
        rest = after;
        let key: String =
            before.trim_end_matches([':', '"', '\'']).chars().rev().take_while(|c| c.is_ascii_alphanumeric()).collect();
        if SECRET.iter().any(|secret| secret.chars().rev().eq(key.chars())) {
            let spaces = rest.len() - rest.trim_start().len();
            let value = rest.trim_start();
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
            let end = match quote {
                Some(quote) => {
                    value.char_indices().skip(1).find(|(_, c)| *c == quote).map_or(value.len(), |(at, _)| at + 1)
                }
                None => {
                    value.find(|c: char| c.is_whitespace() || matches!(c, '}' | ']' | '{' | '[')).unwrap_or(value.len())
                }
            };
            let (hidden, behind) = value.split_at(end);
            out.extend(std::iter::repeat_n(' ', spaces));
            out.extend(hidden.chars().map(|_| '*'));
            rest = behind;
        }
    }
    out.push_str(rest);
    out
}

fn before(diagnostic: &Diagnostic) -> usize {
    usize::try_from(diagnostic.place.column.saturating_sub(1)).unwrap_or(0)
}

/// How many columns of the terminal are marked: at least one, and none beyond the end of the line.
fn marked(line: &str, diagnostic: &Diagnostic) -> usize {
    let width = usize::try_from(diagnostic.width.max(1)).unwrap_or(1);
    line.chars().skip(before(diagnostic)).take(width).map(columns).sum::<usize>().max(1)
}

/// How many columns of a terminal a character takes. East Asian characters take two (Unicode Standard Annex 11, the common ranges).
#[must_use]
pub const fn columns(c: char) -> usize {
    match c as u32 {
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1f64f | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

fn message(diagnostic: &Diagnostic) -> String {
    match &diagnostic.suggestion {
        Some(suggestion) => format!("{}; did you mean `{suggestion}`?", diagnostic.message),
        None => diagnostic.message.clone(),
    }
}

fn headline(diagnostic: &Diagnostic) -> String {
    let mut line = format!("{}: {}", diagnostic.place, diagnostic.severity.as_str());
    if let Some(code) = diagnostic.code {
        let _ = write!(line, "[{code}]");
    }
    let _ = write!(line, ": {}", message(diagnostic));
    if let Some((place, why)) = &diagnostic.related {
        let _ = write!(line, " ({why}: {place})");
    }
    if let Some(help) = &diagnostic.help {
        let _ = write!(line, " (help: {help})");
    }
    line
}

fn json(diagnostic: &Diagnostic) -> serde_json::Value {
    serde_json::json!({
        "file": &*diagnostic.place.file,
        "line": diagnostic.place.line,
        "column": diagnostic.place.column,
        "severity": diagnostic.severity.as_str(),
        "code": diagnostic.code,
        "message": diagnostic.message,
        "suggestion": diagnostic.suggestion,
        "help": diagnostic.help,
        "related": diagnostic.related.as_ref().map(|(place, why)| serde_json::json!({
            "file": &*place.file,
            "line": place.line,
            "column": place.column,
            "message": why,
        })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Mark;
    use std::sync::Arc;

    #[test]
    fn an_excerpt_repeats_no_password() {
        assert_eq!(masked("    password: hunter2"), "    password: *******");
        assert_eq!(masked("{password: \"a b, c\", rol: x}"), "{password: ********, rol: x}");
        assert_eq!(masked("- {sha256: my-key}"), "- {sha256: ******}");
        assert_eq!(masked("title: {en: a, zh: b}"), "title: {en: a, zh: b}");
    }

    #[test]
    fn carets_stand_under_the_word_also_behind_chinese_characters() {
        let (file, text) = (Arc::from("a.yaml"), Arc::from("title: {zh: 仓库, rols: [a]}\n"));
        let mut report = Report::new();
        report.add_text(&file, &text);
        report
            .error(&file, Mark { line: 1, column: 17, width: 4 }, "unknown field `rols`")
            .suggest(Some("roles"))
            .help("fields here: `roles`");
        assert_eq!(
            report.render(Style::Human { colour: false }),
            "a.yaml:1:17: error: unknown field `rols`; did you mean `roles`?\n \
             1 | title: {zh: 仓库, rols: [a]}\n   \
               |                   ^^^^\n   \
               = help: fields here: `roles`\n"
        );
        assert_eq!(
            report.render(Style::Plain),
            "a.yaml:1:17: error: unknown field `rols`; did you mean `roles`? (help: fields here: `roles`)\n"
        );
    }
}
