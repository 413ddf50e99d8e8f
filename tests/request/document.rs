//! The page of facts against the tables: every fact of every dialect stands there with its value, a source and a proof that exists.

use scopegate::request::{Base, Dialect};
use std::path::Path;

const PAGE: &str = include_str!("../../src/docs/dialects.md");

const DIALECTS: [(&str, Base); 8] = [
    ("strict", Base::Strict),
    ("php", Base::Php),
    ("servlet", Base::Servlet),
    ("aspnet", Base::Aspnet),
    ("django", Base::Django),
    ("werkzeug", Base::Werkzeug),
    ("node-qs", Base::NodeQs),
    ("cgi-pm", Base::CgiPm),
];

/// The cells of every row below the heading of a dialect.
fn rows(dialect: &str) -> Vec<Vec<String>> {
    let (_, section) =
        PAGE.split_once(&format!("\n## `{dialect}`")).unwrap_or_else(|| panic!("no heading `{dialect}`"));
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with("| `"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The names of all tests.
fn tests() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(path).unwrap();
                let names = text.lines().filter_map(|line| line.trim().strip_prefix("fn ")?.split('(').next());
                found.extend(names.map(ToOwned::to_owned));
            }
        }
    }
    found
}

#[test]
fn the_page_of_facts_says_what_the_tables_say() {
    for (name, base) in DIALECTS {
        let told: Vec<(String, String)> =
            rows(name).into_iter().map(|cells| (cells[0].clone(), cells[1].clone())).collect();
        let facts: Vec<(String, String)> = Dialect::of(base)
            .facts()
            .into_iter()
            .map(|(fact, value)| (format!("`{fact}`"), format!("`{value}`")))
            .collect();
        assert_eq!(told, facts, "{name}");
    }
}

#[test]
fn every_fact_has_a_source_and_a_proof_that_exists() {
    let tests = tests();
    for (name, _) in DIALECTS {
        for cells in rows(name) {
            let [fact, _, source, proof] = &cells[..] else { panic!("{name}: {cells:?}") };
            assert!(source.len() > 5, "{name}: {fact} has no source");
            let proof = proof.trim_matches('`');
            assert!(tests.iter().any(|test| test == proof), "{name}: {fact} is said to be proved by {proof}");
        }
    }
}
