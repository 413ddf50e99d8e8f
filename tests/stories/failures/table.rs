//! The tables in `src/docs/failures.md` and `src/docs/limits.md` agree with the tests and the code: what they name exists.

use std::collections::HashSet;
use std::path::Path;

fn tests(folder: &Path, names: &mut HashSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            let mut lines = source.lines().map(str::trim).peekable();
            while let Some(line) = lines.next() {
                // `#[test]`, `#[tokio::test]` and the like; other attributes may stand between.
                if !(line.starts_with("#[") && line.contains("test")) {
                    continue;
                }
                while lines.peek().is_some_and(|line| line.starts_with("#[")) {
                    lines.next();
                }
                let name =
                    lines.peek().and_then(|line| line.split("fn ").nth(1)).and_then(|rest| rest.split('(').next());
                names.extend(name.map(str::to_owned));
            }
        }
    }
}

#[test]
fn every_test_that_the_table_of_failures_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = HashSet::new();
    tests(&root.join("tests"), &mut known);
    tests(&root.join("src"), &mut known);
    let table = std::fs::read_to_string(root.join("src/docs/failures.md")).unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| class")).collect();
    assert!(rows.len() > 30, "the table was not understood");
    let mut missing = Vec::new();
    for row in rows {
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let named: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty() || last.contains("no such feature"), "a row without a test: {row}");
        missing.extend(named.into_iter().filter(|name| !known.contains(*name)));
    }
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

/// Words between backticks.
fn ticked(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The default of a setting of `gateway.yaml`, as it is written there.
fn default_of(setting: &str) -> Option<String> {
    let settings = serde_json::to_value(scopegate::config::RawSettings::default()).unwrap();
    let value = setting.split('.').try_fold(&settings, |value, name| value.get(name))?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// Whether an application's file has a block `upstream` with this in it.
fn is_of_upstream(setting: &str) -> bool {
    let schema = scopegate::cli::schema::schema(scopegate::cli::schema::Kind::App).to_value();
    let name = setting.strip_prefix("upstream.").unwrap_or_default();
    schema["$defs"]["RawUpstream"]["properties"].get(name).is_some()
}

#[test]
fn every_limit_names_its_setting_reason_counter_and_tests_as_they_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = HashSet::new();
    tests(&root.join("tests"), &mut known);
    tests(&root.join("src"), &mut known);
    let metrics = scopegate::telemetry::Metrics::new(1);
    let _core = metrics.core();
    let series = String::from_utf8(metrics.render()).unwrap();
    let table = std::fs::read_to_string(root.join("src/docs/limits.md")).unwrap();
    let mut wrong = Vec::new();
    let mut settings = HashSet::new();
    for row in table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| limit ")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [limit, setting, default, reason, counter, named] = cells[..] else { panic!("six cells: {row}") };
        let mut say = |what: &str| wrong.push(format!("{limit}: {what}"));
        for (at, setting) in ticked(setting).enumerate() {
            settings.insert(setting.to_owned());
            match default_of(setting) {
                Some(real) if at > 0 || real == default => {}
                Some(real) => say(&format!("`{setting}` is {real} by default")),
                None if is_of_upstream(setting) => {}
                None => say(&format!("no setting `{setting}`")),
            }
        }
        let reason = ticked(reason).next().map(scopegate::model::Reason::parse);
        match reason {
            Some(None) => say("no such reason"),
            Some(Some(reason)) if counter.contains("refusals") && !counter.contains(reason.class().as_str()) => {
                say("the reason is counted in another class");
            }
            _ => {}
        }
        if let Some(counter) = ticked(counter).next()
            && !series.lines().any(|line| line.strip_prefix(counter).is_some_and(|rest| rest.starts_with(' ')))
        {
            say(&format!("no series `{counter}`"));
        }
        if ticked(named).next().is_none() {
            say("no test");
        }
        ticked(named).filter(|name| !known.contains(*name)).for_each(|name| say(&format!("no test `{name}`")));
    }
    // what is bounded by settings and missing here
    let raw = serde_json::to_value(scopegate::config::RawSettings::default()).unwrap();
    let not_limits = ["http2.send-buffer", "http2.ping-interval"];
    for block in ["limits", "http2"] {
        for name in raw[block].as_object().unwrap().keys() {
            let setting = format!("{block}.{name}");
            if !settings.contains(&setting) && !not_limits.contains(&setting.as_str()) {
                wrong.push(format!("`{setting}` stands in no row"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
