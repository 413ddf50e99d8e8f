//! A second, independent reading of a YAML file (by `serde_yaml`), to find what editors and tools would take for something else.

use serde_yaml::Value;

use super::node::{Document, Kind, Node, Plain};
use crate::diagnostics::Report;

impl Document {
    /// Reports every place of `text`, the text of this document, that another reader understands differently: it says what
    /// this one reads, and wants quotes.
    pub fn read_again(&self, text: &str, report: &mut Report) {
        let value: Value = match serde_yaml::from_str(text) {
            Ok(value) => value,
            Err(error) => {
                report.error(
                    &self.file,
                    self.root.mark,
                    format!("another YAML reader does not take this file: {error}"),
                );
                return;
            }
        };
        self.compare(&self.root, &value, report);
    }

    fn compare(&self, node: &Node, value: &Value, report: &mut Report) {
        match (&node.kind, value) {
            (Kind::List(items), Value::Sequence(values)) if items.len() == values.len() => {
                items.iter().zip(values).for_each(|(item, value)| self.compare(item, value, report));
            }
            (Kind::Map(entries), Value::Mapping(values)) if entries.len() == values.len() => {
                for ((key, item), (name, value)) in entries.iter().zip(values) {
                    if !agrees(&key.text, true, name) {
                        report.error(&self.file, key.mark, differs(&key.text));
                    }
                    self.compare(item, value, report);
                }
            }
            (Kind::Scalar { text, plain }, value) if agrees(text, *plain, value) => {}
            (Kind::Scalar { text, .. }, _) => {
                report.error(&self.file, node.mark, differs(text)).help("put it in quotes");
            }
            (Kind::List(_) | Kind::Map(_), _) => {
                report.error(&self.file, node.mark, "another YAML reader finds another structure here");
            }
        }
    }
}

fn differs(text: &str) -> String {
    format!("`{text}` is something else to another YAML reader")
}

/// Whether both readings of a scalar are the same. A plain scalar that looks like a number may be meant as a text.
fn agrees(text: &str, plain: bool, value: &Value) -> bool {
    let kind = if plain { Plain::of(text) } else { Plain::Text };
    match (kind, value) {
        (_, Value::String(other)) => other == text,
        (Plain::Nothing, Value::Null) => true,
        (Plain::Bool(one), Value::Bool(other)) => one == *other,
        (Plain::Unsigned(one), Value::Number(other)) => other.as_u64() == Some(one),
        (Plain::Signed(one), Value::Number(other)) => other.as_i64() == Some(one),
        (Plain::Float(one), Value::Number(other)) => other.as_f64() == Some(one),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let mut report = Report::new();
        let document = Document::parse("rules.yaml", text, &mut report).unwrap();
        document.read_again(text, &mut report);
        report.found().iter().map(|diagnostic| diagnostic.message.clone()).collect()
    }

    #[test]
    fn both_readers_agree_on_what_rule_files_are_made_of() {
        let text = "app: wms\nhosts: [a.test, \"b.test\"]\nroutes:\n  - {id: x, match: GET /x, cap: 64, public: true}\n\
                    people:\n  keeper.hf: {from: 2026-06-01T00:00:00Z, note: |\n      two\n      lines\n}\n";
        assert_eq!(found(&text[..text.find("people").unwrap()]), Vec::<String>::new());
        assert_eq!(
            found("a: {b: [1, -2, 1.5, true, 'NO', NO, ~, 2026-06-01]}\nc: >\n  folded\n  text\n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn the_rules_of_this_repository_are_read_alike() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("routes");
        for folder in ["demo", "oscar"] {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                assert_eq!(found(&std::fs::read_to_string(&path).unwrap()), Vec::<String>::new(), "{}", path.display());
            }
        }
    }

    #[test]
    fn a_scalar_that_another_reader_takes_for_a_number_is_told() {
        assert!(!agrees("0x1F", true, &Value::String("31".into())));
        assert!(!agrees("12", true, &serde_yaml::from_str("13").unwrap()));
        assert!(agrees("12", false, &Value::String("12".into())));
    }
}
