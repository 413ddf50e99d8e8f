//! YAML as the gateway's files use it: one tree in which every value knows its place, decoded through serde.
//!
//! One parser has the word about both meaning and place, so that the two cannot disagree. The subset is strict: one
//! document, no anchors, aliases, tags or merge keys, no key twice. Plain scalars follow the YAML 1.2 core schema, but a
//! field that wants a text takes a plain scalar as it is written: a warehouse `01` stays `01`, and `NO` stays `NO`.

mod decode;
mod entries;
mod error;
mod node;
mod parse;
mod second;
mod shape;
mod spanned;

pub use entries::EntryTexts;
pub use node::{Document, Node};
pub use shape::{OneOrMany, TEXT_OR_MAP, Table};
pub use spanned::Spanned;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::{Report, Style};
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    #[allow(dead_code)]
    struct Rule {
        id: Spanned<String>,
        #[serde(default)]
        codes: Vec<String>,
        at: Option<Place>,
        port: Option<u16>,
        #[serde(default)]
        nested: BTreeMap<Spanned<String>, Rule>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case")]
    enum Place {
        Anywhere,
        Query(String),
        Json(String),
    }

    fn decode(text: &str) -> (Option<Rule>, String) {
        let mut report = Report::new();
        let rule = Document::parse("r.yaml", text, &mut report).and_then(|document| document.decode(&mut report));
        report.sort();
        (rule, report.render(Style::Plain))
    }

    #[test]
    fn texts_are_taken_as_they_are_written() {
        let (rule, report) = decode("id: 01\ncodes: [NO, 1e3, 007, \"x\", on, 2026-01-01]\nat: {query: 5}\nport: 80\n");
        let rule = rule.expect(&report);
        assert_eq!((rule.id.as_str(), rule.id.mark.line, rule.id.mark.column), ("01", 1, 5));
        assert_eq!(rule.codes, ["NO", "1e3", "007", "x", "on", "2026-01-01"]);
        assert_eq!((rule.at, rule.port), (Some(Place::Query("5".into())), Some(80)));
    }

    #[test]
    fn every_fault_is_told_at_its_place() {
        let (rule, report) = decode(
            "id: a\nprot: 80\nport: eighty\ncodes: x\nat: {qury: y}\nnested:\n  b: {id: [1], port: 70000}\n  c: {codes: []}\n",
        );
        assert!(rule.is_none());
        assert_eq!(
            report,
            "r.yaml:2:1: error: unknown field `prot`; did you mean `port`? (help: fields here: `id`, `codes`, `at`, `port`, `nested`)\n\
             r.yaml:3:7: error: expected a whole number up to 65535, found the text `eighty`\n\
             r.yaml:4:8: error: expected a list, found the text `x`\n\
             r.yaml:5:6: error: `qury` is not known here; did you mean `query`? (help: write one of `anywhere`, `query`, `json`)\n\
             r.yaml:7:11: error: expected a text, found a list\n\
             r.yaml:7:22: error: expected a whole number up to 65535, found the number `70000`\n\
             r.yaml:8:6: error: `id` is missing\n"
        );
    }

    #[test]
    fn an_empty_value_is_not_an_empty_list() {
        let (_, report) = decode("id: a\ncodes:\nport:\nat: null\n");
        assert_eq!(
            report,
            "r.yaml:2:6: error: no value is given, expected a list (help: write one after the colon, or take the line away)\n\
             r.yaml:3:5: error: no value is given, expected a whole number up to 65535 (help: write one after the colon, or take the line away)\n"
        );
    }

    #[test]
    fn what_two_readers_may_read_differently_is_refused() {
        for (text, wrong) in [
            ("id: &a x\ncodes: [*a]\n", "r.yaml:1:5: error: an anchor (`&name`) stands here"),
            ("id: !!str x\n", "r.yaml:1:5: error: a tag (`!name`) stands here"),
            ("id: x\n<<: {port: 1}\n", "r.yaml:2:1: error: a merge key (`<<`) stands here"),
            ("id: x\nid: y\n", "r.yaml:2:1: error: `id` is given twice (first given here: r.yaml:1:1)"),
            ("id: x\n---\nid: y\n", "r.yaml:2:1: error: a second document begins here"),
            ("{a: 1}: x\n", "r.yaml:1:1: error: a list or mapping stands where a key is expected"),
            ("id: [a\n", "error: this is not YAML: "),
            ("id: \"a\n", "error: this is not YAML: "),
        ] {
            let (rule, report) = decode(text);
            assert!(rule.is_none() && report.contains(wrong), "{text:?} gives {report}");
        }
        let deep = format!("id: {}", "[".repeat(100));
        let report = decode(&deep).1;
        assert!(report.contains("nested deeper than 64 levels"), "{report}");
    }

    #[test]
    fn a_path_leads_to_a_place() {
        let mut report = Report::new();
        let document = Document::parse("r.yaml", "a:\n  - b: 1\n  - b: 2\n", &mut report).unwrap();
        assert_eq!(document.place(["a", "1", "b"]).to_string(), "r.yaml:3:8");
        assert_eq!(document.place(["a", "1", "c"]).to_string(), "r.yaml:3:5");
    }
}
