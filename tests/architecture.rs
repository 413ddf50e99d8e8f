//! The order of modules in `src/lib.rs` is the dependency order: this test reads the sources and enforces it.
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

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all() -> (PathBuf, Vec<PathBuf>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    (root, found)
}

/// The modules in the order of `lib.rs`.
fn order(root: &Path) -> Vec<String> {
    let lib = fs::read_to_string(root.join("lib.rs")).unwrap();
    lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_owned)).collect()
}

/// The modules of this crate that a source names by `crate::`.
fn named(source: &str) -> Vec<&str> {
    source
        .split("crate::")
        .skip(1)
        .map(|rest| &rest[..rest.find(|c: char| !(c.is_ascii_lowercase() || c == '_')).unwrap_or(rest.len())])
        .collect()
}

#[test]
fn a_module_imports_only_modules_above_it() {
    let (root, found) = all();
    let order = order(&root);
    let place = |module: &str| order.iter().position(|name| name == module);
    let mut faults = Vec::new();
    for path in &found {
        let module = path.strip_prefix(&root).unwrap().iter().next().unwrap().to_str().unwrap();
        let Some(own) = place(module.trim_end_matches(".rs")) else { continue };
        for name in named(&fs::read_to_string(path).unwrap()) {
            if place(name).is_some_and(|used| used > own) {
                faults.push(format!("{} imports {name}, which stands below it", path.display()));
            }
        }
    }
    assert!(order.len() > 10, "lib.rs was not understood");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_file_opens_with_a_line_that_says_what_it_owns() {
    for path in all().1 {
        let source = fs::read_to_string(&path).unwrap();
        assert!(source.starts_with("//! "), "{} does not open with `//! `", path.display());
    }
}

#[test]
fn every_module_of_the_source_tree_stands_in_the_map() {
    let (root, _) = all();
    let order = order(&root);
    for entry in fs::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if !["lib", "main", "docs"].contains(&name.as_str()) {
            assert!(order.contains(&name), "`{name}` is missing in lib.rs");
        }
    }
}
