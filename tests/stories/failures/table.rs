//! The table in `src/docs/failures.md` and the tests agree: every test that it names exists.

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
