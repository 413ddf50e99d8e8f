//! Records as rows for people: no control characters get through to the terminal; decides nothing about what is shown.

use super::filter::Entry;
use anstyle::{AnsiColor, Style};
use std::borrow::Cow;
use std::io::{self, Write};

/// The columns of a row, each with its width in cells.
const COLUMNS: &[(&str, usize)] = &[
    ("time (UTC)", 23),
    ("decision", 8),
    ("reason", 20),
    ("subject", 14),
    ("permission", 18),
    ("status", 6),
    ("ms", 8),
    ("client", 15),
    ("request", 24),
];

/// Writes the names of the columns.
///
/// # Errors
/// When `out` takes no more.
pub fn heading(out: &mut dyn Write, colour: bool) -> io::Result<()> {
    let style = if colour { Style::new().bold() } else { Style::new() };
    write!(out, "{style}")?;
    for (name, width) in COLUMNS {
        cell(out, name, *width)?;
    }
    writeln!(out, "target{style:#}")
}

/// Writes one record as a row.
///
/// # Errors
/// When `out` takes no more.
pub fn row(out: &mut dyn Write, entry: &Entry, colour: bool) -> io::Result<()> {
    let text = |field| entry.text(field).unwrap_or_default();
    let kind = text("kind");
    let time = text("time");
    let decision = match kind.as_ref() {
        "decision" => text("decision"),
        other => Cow::Owned(other.to_owned()),
    };
    let reason = match kind.as_ref() {
        "outcome" => text("completion"),
        "admin" => text("action"),
        _ => text("reason"),
    };
    let style = match decision.as_ref() {
        _ if !colour => Style::new(),
        "permit" => AnsiColor::Green.on_default(),
        "refuse" => AnsiColor::Red.on_default(),
        "observed" => AnsiColor::Yellow.on_default(),
        "admin" => AnsiColor::Cyan.on_default(),
        _ => Style::new().dimmed(),
    };
    let millis = entry.value("total_micros").and_then(serde_json::Value::as_u64);
    let millis = match millis {
        // how long it took nobody knows whose process was ended
        Some(_) if text("completion") == "unknown" => "unknown".to_owned(),
        Some(micros) => format!("{}.{:03}", micros / 1000, micros % 1000),
        None => String::new(),
    };
    cell(out, time.get(..23).unwrap_or(&time).replace('T', " ").as_str(), 23)?;
    write!(out, "{style}")?;
    cell(out, &decision, 8)?;
    write!(out, "{style:#}")?;
    cell(out, &reason, 20)?;
    cell(out, &text("subject"), 14)?;
    cell(out, &text("permission"), 18)?;
    cell(out, &text("answer_status"), 6)?;
    cell(out, &millis, 8)?;
    cell(out, &text("client"), 15)?;
    cell(out, &text("request"), 24)?;
    let last = match kind.as_ref() {
        "admin" => {
            let revision = text("revision");
            let revision = if revision.is_empty() { revision } else { Cow::Owned(format!("revision {revision}")) };
            [text("actor"), text("object"), revision, text("detail")].join(" ")
        }
        "outcome" => text("late_reason").into_owned(),
        _ => format!("{} {}{}", text("method"), text("host"), text("target")),
    };
    writeln!(out, "{}", printable(last.trim()))
}

/// One cell, padded, followed by a blank; what is too long is shown whole and shifts the rest.
fn cell(out: &mut dyn Write, text: &str, width: usize) -> io::Result<()> {
    let text = printable(text);
    let cells: usize = text.chars().map(cells).sum();
    write!(out, "{text}{:pad$} ", "", pad = width.saturating_sub(cells))
}

/// How many cells of a terminal a character takes: two for the scripts of East Asia.
fn cells(c: char) -> usize {
    let wide = matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{20000}'..='\u{3fffd}');
    if wide { 2 } else { 1 }
}

/// SECURITY: whatever a client sent is shown without the characters that steer a terminal
/// (`what_a_client_sent_cannot_steer_the_terminal`).
fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(super::line::misleading_on_screen) {
        Cow::Owned(
            text.chars()
                .flat_map(|c| {
                    let hide = super::line::misleading_on_screen(c);
                    let escaped = hide.then(|| c.escape_default());
                    escaped.into_iter().flatten().chain((!hide).then_some(c))
                })
                .collect(),
        )
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_says_which_rules_are_in_force() {
        let line =
            br#"{"kind":"admin","time":"2026-11-21T22:11:07.000001Z","action":"reload","revision":"95de9b209f94"}"#;
        let mut out = Vec::new();
        row(&mut out, &Entry::read(line, "r").unwrap(), false).unwrap();
        assert!(String::from_utf8(out).unwrap().ends_with(" revision 95de9b209f94\n"));
    }

    #[test]
    fn what_was_cut_off_by_the_end_of_its_process_says_so_and_tells_no_time() {
        let decision =
            br#"{"kind":"decision","time":"2026-11-21T22:11:07.000001Z","decision":"held","reason":"answer-awaited"}"#;
        let outcome =
            br#"{"kind":"outcome","time":"2026-11-21T22:12:07.000001Z","completion":"unknown","total_micros":0}"#;
        let mut entry = Entry::read(decision, "r").unwrap();
        let shown = |entry: &Entry| {
            let mut out = Vec::new();
            row(&mut out, entry, false).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert!(!shown(&entry).contains("unknown"));
        entry.join(Entry::read(outcome, "r").unwrap());
        assert!(shown(&entry).contains(" unknown ") && !shown(&entry).contains("0.000"), "{}", shown(&entry));
    }

    #[test]
    fn what_a_client_sent_cannot_steer_the_terminal() {
        let line = br#"{"kind":"decision","time":"2026-11-21T22:11:07.000001Z","decision":"refuse","reason":"no-route",
            "method":"GET","target":"/a\u001b[2J\u202e\u009b\n/b","subject":"\u5218\u4f1f"}"#;
        let mut out = Vec::new();
        row(&mut out, &Entry::read(line, "r").unwrap(), false).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("GET /a\\u{1b}[2J\\u{202e}\\u{9b}\\n/b\n"), "{text}");
        assert!(text.starts_with("2026-11-21 22:11:07.000 refuse   no-route             刘伟           "), "{text}");
        assert_eq!(text.matches(char::is_control).count(), 1);
    }
}
