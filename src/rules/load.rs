//! From a folder of rule files, or from embedded ones, to everything compiled; all faults at once.

use super::compile::{self, Before, Compiled};
use super::lint;
use super::people::People;
use super::set::RuleSet;
use super::suite::Suite;
use crate::diagnostics::yaml::Document;
use crate::diagnostics::{Mark, Report};
use crate::model::Revision;
use aws_lc_rs::digest::{Context, SHA256};
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where rule files come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A folder, read with its subfolders; names that begin with a dot are left out.
    Folder(PathBuf),
    /// Files inside of the program: name and text.
    Embedded(Vec<(&'static str, &'static str)>),
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The name in messages: the path as it was given, joined with the name below it.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Everything that a set of files says.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What decisions are read from.
    pub set: Arc<RuleSet>,
    /// Everybody.
    pub people: Arc<People>,
    /// The policy tests.
    pub suites: Vec<Suite>,
    /// What does not stop the files from being used: warnings and notes.
    pub lints: Report,
}

/// Reads, compiles and lints a set of rule files.
///
/// # Errors
/// Everything that is wrong, sorted by place, together with the lints.
pub fn load(source: &Source) -> Result<Loaded, Report> {
    load_again(source, 0, &mut Before::default())
}

/// The same for files of which most were loaded before: what did not change since is taken over. People who are read get this
/// sequence number; those who did not change keep theirs.
///
/// # Errors
/// Everything that is wrong, sorted by place, together with the lints; `before` stays what it was then.
pub fn load_again(source: &Source, sequence: u64, before: &mut Before) -> Result<Loaded, Report> {
    let mut report = Report::new();
    let Some(files) = source.read(&mut report) else { return Err(report) };
    load_files_again(&files, source.folder(), sequence, before, report)
}

/// Reads the files of a source by a second YAML reader too.
///
/// # Errors
/// Every place that the two readers understand differently, so that no tool shows other rules than those in force.
pub fn read_again(source: &Source) -> Result<(), Report> {
    let mut report = Report::new();
    for file in source.read(&mut report).unwrap_or_default() {
        if let Some(document) = Document::parse(&file.name, &file.text, &mut report) {
            document.read_again(&file.text, &mut report);
        }
    }
    report.sort();
    if report.has_errors() { Err(report) } else { Ok(()) }
}

impl Source {
    /// The folder that names of other files are relative to; empty for embedded files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder,
            Self::Embedded(_) => Path::new(""),
        }
    }

    fn read(&self, report: &mut Report) -> Option<Vec<File>> {
        match self {
            Self::Embedded(files) => Some(
                files.iter().map(|(name, text)| File { name: (*name).to_owned(), text: (*text).to_owned() }).collect(),
            ),
            Self::Folder(folder) => {
                let (mut files, mut faults) = (Vec::new(), Vec::new());
                let sets = sets(folder);
                if let [one, others @ ..] = sets.as_slice()
                    && !others.is_empty()
                {
                    let count = sets.len();
                    let fault = format!(
                        "there are {count} rule sets below this folder: name one of them, such as `{}`",
                        one.display()
                    );
                    report.error(&Arc::from(folder.to_string_lossy().as_ref()), Mark::default(), fault);
                    return None;
                }
                for _ in 0..TRIES {
                    let mut places = Vec::new();
                    (files, faults) = (Vec::new(), Vec::new());
                    read_folder(folder, 0, &mut files, &mut faults, &mut places);
                    // a folder or a link that was pointed elsewhere in between would give some files of the one rule set and some of the other
                    if places.iter().all(|(path, real)| std::fs::canonicalize(path).ok() == *real) {
                        break;
                    }
                }
                if files.is_empty() && faults.is_empty() {
                    faults.push((folder.clone(), "there is no `.yaml` file in this folder".to_owned()));
                }
                for (path, fault) in &faults {
                    report.error(&Arc::from(path.to_string_lossy().as_ref()), Mark::default(), fault.clone());
                }
                report.sort();
                faults.is_empty().then_some(files)
            }
        }
    }
}

/// The rule sets below a folder: the folder itself; or, where it has no rule file of its own, each of its subfolders that has a
/// `roles.yaml`, where there are several.
#[must_use]
pub fn sets(folder: &Path) -> Vec<PathBuf> {
    let entries = || std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_rule = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let own = entries()
        .any(|path| path.is_file() && is_rule(&path) && path.file_name().is_some_and(|name| name != "gateway.yaml"));
    let mut sets: Vec<PathBuf> = entries().filter(|path| path.join("roles.yaml").is_file()).collect();
    sets.sort();
    if own || sets.len() < 2 { vec![folder.to_owned()] } else { sets }
}

/// How deep subfolders are read; a link that leads back would have no end.
const DEPTH: usize = 4;

/// How often a folder is read that changes while it is read; whatever changes it brings another reload.
const TRIES: usize = 5;

/// A path, and where it led to when it was read.
type Resolved = (PathBuf, Option<PathBuf>);

fn read_folder(
    folder: &Path,
    depth: usize,
    files: &mut Vec<File>,
    faults: &mut Vec<(PathBuf, String)>,
    places: &mut Vec<Resolved>,
) {
    places.push((folder.to_owned(), std::fs::canonicalize(folder).ok()));
    let entries = std::fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            faults.push((folder.to_owned(), format!("this folder cannot be read: {error}")));
            return;
        }
    };
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        // `..data` of a Kubernetes volume and the leavings of editors begin with a dot
        if name.starts_with('.') || name == "gateway.yaml" {
            continue;
        }
        if path.is_dir() {
            if depth < DEPTH {
                read_folder(&path, depth + 1, files, faults, places);
            }
        } else if name.ends_with(".yaml") || name.ends_with(".yml") {
            places.push((path.clone(), std::fs::canonicalize(&path).ok()));
            match std::fs::read_to_string(&path) {
                Ok(text) => files.push(File { name: path.to_string_lossy().into_owned(), text }),
                Err(error) => faults.push((path, format!("this file cannot be read: {error}"))),
            }
        }
    }
}

/// The same for files that are at hand; `folder` is what names of other files are relative to.
///
/// # Errors
/// Everything that is wrong, sorted by place, together with the lints.
pub fn load_files(files: &[File], folder: &Path, report: Report) -> Result<Loaded, Report> {
    load_files_again(files, folder, 0, &mut Before::default(), report)
}

/// Does what [`load_again`] does, for files that are at hand.
///
/// # Errors
/// Everything that is wrong, sorted by place, together with the lints; `before` stays what it was then.
pub fn load_files_again(
    files: &[File],
    folder: &Path,
    sequence: u64,
    before: &mut Before,
    mut report: Report,
) -> Result<Loaded, Report> {
    let compiled = compile::compile(files, folder, sequence, before, &mut report);
    let Some(compiled) = compiled.filter(|_| !report.has_errors()) else {
        report.sort();
        return Err(report);
    };
    let Compiled { mut set, people, suites, others, facts, kept } = compiled;
    set.revision = revision(files, &others);
    lint::lint(&set, &people, &facts, &mut report);
    report.sort();
    let set = Arc::new(set);
    before.keep(kept, &set);
    Ok(Loaded { set, people, suites, lints: report })
}

/// SHA-256 over names, lengths and contents of all files, in the order of their names: the first 12 hex digits.
fn revision(files: &[File], others: &[(String, Vec<u8>)]) -> Revision {
    let texts = files.iter().map(|file| (file.name.as_str(), file.text.as_bytes()));
    let mut all: Vec<(&str, &[u8])> =
        texts.chain(others.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))).collect();
    all.sort_unstable();
    all.dedup();
    let mut hash = Context::new(&SHA256);
    for (name, bytes) in all {
        // the folder's own path is no part of what the rules say
        let name = name.rsplit('/').next().unwrap_or(name);
        hash.update(&(name.len() as u64).to_be_bytes());
        hash.update(name.as_bytes());
        hash.update(&(bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    }
    let mut hex = String::new();
    for byte in hash.finish().as_ref().iter().take(6) {
        let _ = write!(hex, "{byte:02x}");
    }
    Revision::new(&hex)
}
