//! Golden diagnostics: each folder of `tests/rules` is a set of rule files and what is said about it, word for word.
//!
//! `SCOPEGATE_BLESS=1 cargo test --test rules` writes what is said now; read the difference before you commit it.
//! A folder without `roles.yaml` or `people.yaml` takes those of `tests/rules/_base`.
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

use scopegate::diagnostics::{Report, Style};
use scopegate::rules::load::{File, load_files};
use std::fs;
use std::path::{Path, PathBuf};

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules");
    let mut folders: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.is_dir() && !folder.ends_with("_base"));
    folders.sort();
    folders
}

fn files(folder: &Path) -> Vec<File> {
    let mut files = Vec::new();
    for folder in [folder, &folder.with_file_name("_base")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.ends_with(".yaml") && !files.iter().any(|file: &File| file.name == name) {
                files.push(File { name, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

fn said(folder: &Path) -> String {
    let report = match load_files(&files(folder), Path::new("rules"), Report::new()) {
        Ok(loaded) => loaded.lints,
        Err(report) => report,
    };
    let text = report.render(Style::Human { colour: false });
    if text.is_empty() { "nothing is wrong\n".to_owned() } else { text }
}

#[test]
fn each_fault_is_told_in_the_same_words_as_before() {
    let bless = std::env::var_os("SCOPEGATE_BLESS").is_some();
    let mut wrong = Vec::new();
    for folder in folders() {
        let (said, golden) = (said(&folder), folder.join("expected.txt"));
        if bless {
            fs::write(&golden, &said).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != said {
            wrong.push(format!("{}\n{said}", folder.display()));
        }
    }
    assert!(wrong.is_empty(), "said something else in {} folders:\n\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn each_kind_of_fault_has_a_folder() {
    assert!(folders().len() >= 40, "{} folders", folders().len());
}

#[test]
fn each_place_points_at_the_text_that_is_meant() {
    for folder in folders() {
        let files = files(&folder);
        let report = match load_files(&files, Path::new("rules"), Report::new()) {
            Ok(loaded) => loaded.lints,
            Err(report) => report,
        };
        for found in report.found() {
            let place = &found.place;
            let Some(file) = files.iter().find(|file| file.name == *place.file) else { continue };
            let line = file.text.lines().nth(place.line as usize - 1);
            let line = line.unwrap_or_else(|| panic!("{}: {place} lies behind the end", folder.display()));
            assert!(
                (place.column as usize) <= line.chars().count() + 1,
                "{}: {place} lies behind the end of its line",
                folder.display()
            );
        }
    }
}

#[test]
fn the_revision_follows_the_contents_and_not_the_folder() {
    let file = |name: &str, text: &str| File { name: name.to_owned(), text: text.to_owned() };
    let app = "app: a\nhosts: a.test\nupstream: {url: \"http://127.0.0.1:1\"}\nroutes:\n  - {id: r, match: GET /, public: true}\n";
    let revision = |files: &[File]| load_files(files, Path::new(""), Report::new()).unwrap().set.revision.to_string();
    let first = revision(&[file("x/a.yaml", app)]);
    assert_eq!(first.len(), 12);
    assert_eq!(first, revision(&[file("y/a.yaml", app)]));
    assert_ne!(first, revision(&[file("x/a.yaml", &app.replace("id: r", "id: s"))]));
    assert_ne!(first, revision(&[file("x/b.yaml", app)]));
}
