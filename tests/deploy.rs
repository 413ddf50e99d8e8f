//! What `deploy/` ships names only metrics, labels and sockets that exist.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::field_reassign_with_default,
    reason = "what stops here fails by stopping"
)]

use scopegate::telemetry::name::{ALL, Kind, PROCESS};
use std::collections::BTreeSet;

fn deployed(file: &str) -> String {
    std::fs::read_to_string(format!("{}/deploy/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Every name that stands for a sample: histograms by their parts.
fn samples() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = PROCESS.iter().map(|&name| name.to_owned()).collect();
    for definition in ALL {
        match definition.kind {
            Kind::Histogram => {
                names.extend(["_bucket", "_sum", "_count"].map(|part| format!("{}{part}", definition.name)))
            }
            _ => {
                names.insert(definition.name.to_owned());
            }
        }
    }
    names
}

/// Words that begin as our metrics do, each with the label matchers behind it.
fn named(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (at, _) in text.match_indices("scopegate_").chain(text.match_indices("process_")) {
        if text[..at].ends_with(word) {
            continue;
        }
        let rest = &text[at..];
        let (name, rest) = rest.split_at(rest.find(|c| !word(c)).unwrap_or(rest.len()));
        let matchers = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(inside, _)| inside);
        found.push((name.to_owned(), matchers.to_owned()));
    }
    found
}

fn assert_known(file: &str, text: &str, at_least: usize) {
    let (samples, named) = (samples(), named(text));
    assert!(named.len() >= at_least, "{file}: only {} names were found", named.len());
    for (name, matchers) in named {
        assert!(samples.contains(&name), "{file} names `{name}`, which is no metric");
        let definition = ALL.iter().find(|definition| {
            name.starts_with(definition.name)
                && matches!(name.strip_prefix(definition.name), Some("" | "_bucket" | "_sum" | "_count"))
        });
        for label in
            matchers.split(',').filter_map(|matcher| matcher.split(['=', '!']).next()).filter(|label| !label.is_empty())
        {
            let own = definition.is_some_and(|definition| definition.labels.contains(&label));
            assert!(own || ["job", "instance"].contains(&label), "{file}: `{name}` has no label `{label}`");
        }
    }
}

#[test]
fn every_metric_of_the_alert_rules_exists() {
    let text = deployed("prometheus-rules.yaml");
    let rules: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let rules = rules["groups"][0]["rules"].as_sequence().unwrap().clone();
    assert!(rules.len() >= 10);
    for rule in &rules {
        let name = rule["alert"].as_str().unwrap();
        let text = |value: &serde_yaml::Value| value.as_str().unwrap_or_default().to_owned();
        assert!(["warning", "critical"].contains(&text(&rule["labels"]["severity"]).as_str()), "{name}");
        assert!(
            !text(&rule["annotations"]["summary"]).is_empty() && !text(&rule["annotations"]["description"]).is_empty(),
            "{name}"
        );
    }
    let expressions: String = rules.iter().map(|rule| format!("{}\n", rule["expr"].as_str().unwrap())).collect();
    assert_known("prometheus-rules.yaml", &expressions, 15);
}

#[test]
fn every_metric_of_the_dashboard_exists_and_every_metric_is_on_it() {
    let dashboard: serde_json::Value = serde_json::from_str(&deployed("grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions: String = targets.map(|target| format!("{}\n", target["expr"].as_str().unwrap())).collect();
    assert_known("grafana-dashboard.json", &expressions, 40);
    for definition in ALL {
        assert!(expressions.contains(definition.name), "`{}` is not on the dashboard", definition.name);
    }
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "two panels share an id");
}

#[test]
fn the_service_units_belong_together() {
    let (service, socket) = (deployed("scopegate.service"), deployed("scopegate.socket"));
    assert!(service.contains("Also=scopegate.socket") && service.contains("Type=notify"));
    assert!(socket.contains("FileDescriptorName=https"), "the gateway tells its sockets apart by this name");
}
