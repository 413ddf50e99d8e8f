//! From raw rule files to compiled tables; notes every fault and goes on.

mod answer;
mod app;
mod before;
mod body;
mod catalog;
mod condition;
mod entry;
mod fact;
mod location;
mod lookup;
mod operation;
mod path;
mod people;
mod route;
mod scope;
mod suite;

pub use before::Before;

use super::load::File;
use super::people::People;
use super::raw::{RawApp, RawPeople, RawRoles, RawTests};
use super::role::PermissionId;
use super::set::{Catalog, RuleSet};
use super::suite::Suite;
use crate::diagnostics::yaml::{Document, Node, Spanned, Table};
use crate::diagnostics::{Diagnostic, Mark, Place, Report};
use crate::model::{Revision, Timestamp};
use crate::request::SecretNames;
use app::AppFile;
use before::{Digest, Same, Texts, Used, Values};
use entry::KnownEntries;
use rustc_hash::FxHashMap;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::sync::Arc;

/// What lints want to know beside the compiled tables.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Where each permission of the catalog is written, by its number.
    pub permissions: Vec<Option<Place>>,
    /// Where each role is written.
    pub roles: Vec<Place>,
    /// Where each application is written.
    pub apps: Vec<AppPlaces>,
}

impl Facts {
    /// Where the permission is written.
    pub fn permission(&self, id: PermissionId) -> Option<&Place> {
        self.permissions.get(id.0 as usize).and_then(Option::as_ref)
    }
}

/// Where an application is written, whether it has an `identity:`, and where each of its lookups is written.
pub(super) type AppPlaces = (Place, bool, Vec<Place>);

/// Everything compiled.
pub(super) struct Compiled {
    pub set: RuleSet,
    pub people: Arc<People>,
    pub suites: Vec<Suite>,
    /// The other files that were read on the way.
    pub others: Vec<(String, Vec<u8>)>,
    /// What lints want to know.
    pub facts: Facts,
    /// What the next load may take over.
    pub kept: before::Kept,
}

/// A raw file and its name.
struct Named<T> {
    file: Arc<str>,
    raw: T,
}

/// The files by kind, as far as they could be read, but for the roles.
#[derive(Default)]
struct Raw {
    people: Vec<Named<RawPeople>>,
    /// The digests of the entries of each of these files, as far as they may be taken over.
    entries: Vec<Vec<Digest>>,
    apps: Vec<AppFile>,
    tests: Vec<Named<RawTests>>,
}

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileKind {
    Roles,
    People,
    Tests,
    App,
}

impl FileKind {
    fn of(file: &str) -> Self {
        let base = file.rsplit('/').next().unwrap_or(file);
        match base.strip_suffix(".yaml").or_else(|| base.strip_suffix(".yml")).unwrap_or(base) {
            stem if stem.ends_with("_test") || stem.ends_with("-test") => Self::Tests,
            "roles" => Self::Roles,
            "people" => Self::People,
            _ => Self::App,
        }
    }
}

/// Notes faults in one file.
pub(super) struct Notes<'a> {
    file: &'a Arc<str>,
    report: &'a mut Report,
    /// What was asked for by name until now, and found.
    used: Used,
    /// The groups that the entry has whose members it has.
    groups: Values,
}

impl<'a> Notes<'a> {
    pub(super) fn new(file: &'a Arc<str>, report: &'a mut Report) -> Self {
        Self { file, report, used: Used::default(), groups: Values::default() }
    }

    pub(super) fn error(&mut self, mark: Mark, message: impl Into<String>) -> &mut Diagnostic {
        self.report.error(self.file, mark, message)
    }

    pub(super) fn place(&self, mark: Mark) -> Place {
        mark.in_file(self.file)
    }

    /// Reads an instant.
    pub(super) fn instant(&mut self, text: &Spanned<String>) -> Option<Timestamp> {
        match text.parse::<jiff::Timestamp>() {
            Ok(instant) => Some(instant.into()),
            Err(_) => {
                self.error(text.mark, format!("`{}` is not an instant", text.value))
                    .help("write date, time and offset: `2026-01-01T08:00:00+08:00`, or `2026-01-01T00:00:00Z`");
                None
            }
        }
    }
}

/// Compiles all files; `None` where so much is wrong that nothing comes of it. Look at the report also otherwise. People who are
/// read get this sequence number; those who did not change keep theirs. What `before` holds of files that did not change is taken over.
pub(super) fn compile(
    files: &[File],
    folder: &Path,
    sequence: u64,
    before: &Before,
    report: &mut Report,
) -> Option<Compiled> {
    let texts = Texts::of(files);
    let mut facts = Facts::default();
    let mut catalog = match before.catalog(&texts, &mut facts) {
        Some(catalog) => catalog,
        None => catalog::compile(&read_roles(files, report), before.last(), report, &mut facts),
    };
    let same = before.same(&catalog);
    let of_roles = catalog.dimensions.clone();
    // people and tests may mention values of open dimensions, so they come before the catalog is final
    let known = same.as_ref().and_then(|same| known_people(files, &texts, same, sequence, &mut catalog));
    let raw = read(files, &texts, folder, same.as_ref(), known.is_some(), report);
    let (people, entries) = known.unwrap_or_else(|| read_people(&raw, sequence, &mut catalog, report));
    let of_people = catalog.dimensions.clone();
    let overrides = people::compile_overrides(&raw.tests, &people, &mut catalog, report);
    let mut others = Vec::new();
    let (apps, known) = app::compile(raw.apps, &catalog, folder, report, &mut others, &mut facts);
    let suites = suite::compile(&raw.tests, overrides, &catalog, &apps, report);
    if apps.is_empty() && !report.has_errors() {
        let file = Arc::from(folder.to_string_lossy().as_ref());
        report
            .error(&file, Mark::default(), "no file describes an application")
            .help("write a file that begins with `app: name`");
    }
    if report.has_errors() {
        return None;
    }
    let mut hosts = FxHashMap::default();
    for (at, app) in (0_u32..).zip(&apps) {
        hosts.extend(app.hosts.iter().map(|host| (host.clone(), at)));
    }
    let secrets = SecretNames::union(apps.iter().map(|app| &app.secrets));
    let set = RuleSet { revision: Revision::new(""), catalog, apps, secrets, hosts };
    let kept = before::Kept::new(&texts, known, (&people, entries), [of_roles, of_people], &facts);
    Some(Compiled { set, people, suites, others, facts, kept })
}

/// The people of whom all or most is known, and the catalog with the values that they add; `None` where everything about them is to be read.
fn known_people(
    files: &[File],
    texts: &Texts,
    same: &Same<'_>,
    sequence: u64,
    catalog: &mut Catalog,
) -> Option<(Arc<People>, Arc<KnownEntries>)> {
    let known = same.people()?;
    if same.are_same_people(texts) {
        catalog.dimensions = known.dimensions.to_vec();
        return Some((Arc::clone(known.people), Arc::clone(known.entries)));
    }
    let (people, entries) = entry::compile(files, &known, sequence, catalog)?;
    Some((Arc::new(people), Arc::new(entries)))
}

fn read_people(
    raw: &Raw,
    sequence: u64,
    catalog: &mut Catalog,
    report: &mut Report,
) -> (Arc<People>, Arc<KnownEntries>) {
    let (people, of_groups) = people::compile(&raw.people, sequence, catalog, report);
    let mut entries = KnownEntries::of(of_groups);
    for (file, digests) in raw.people.iter().zip(&raw.entries) {
        entries.add(digests.clone(), file.raw.people.len());
    }
    (Arc::new(people), Arc::new(entries))
}

fn read_roles(files: &[File], report: &mut Report) -> Vec<Named<RawRoles>> {
    let files = files.iter().filter(|file| FileKind::of(&file.name) == FileKind::Roles);
    let mut read = |file: &File| {
        let mut document = Document::parse(&file.name, &file.text, report)?;
        let raw = decode_roles(&mut document, report)?;
        Some(Named { file: document.file, raw })
    };
    files.filter_map(&mut read).collect()
}

/// Reads the other files, but for those that are taken over.
fn read(
    files: &[File],
    texts: &Texts,
    folder: &Path,
    same: Option<&Same<'_>>,
    has_people: bool,
    report: &mut Report,
) -> Raw {
    let mut raw = Raw::default();
    for (file, digest) in files.iter().zip(texts.digests()) {
        let kind = FileKind::of(&file.name);
        if kind == FileKind::Roles || (kind == FileKind::People && has_people) {
            continue;
        }
        if let Some(known) = same.and_then(|same| same.app(&file.name, digest)).filter(|known| known.holds(folder)) {
            raw.apps.push(AppFile::Known(known.clone()));
            continue;
        }
        read_one(file, kind, &mut raw, report);
    }
    raw
}

fn read_one(file: &File, kind: FileKind, raw: &mut Raw, report: &mut Report) -> Option<()> {
    let text = &file.text;
    let mut document = Document::parse(&file.name, text, report)?;
    let file = Arc::clone(&document.file);
    match kind {
        FileKind::Roles => {}
        FileKind::Tests => raw.tests.push(Named { file, raw: decode_tests(&mut document, report)? }),
        FileKind::People => {
            let digests = entry::digests(text, &document);
            raw.people.push(Named { file, raw: decode_people(&mut document, report)? });
            raw.entries.push(digests);
        }
        FileKind::App if document.root.get("app").is_some() => {
            let app = decode_app(&mut document, report)?;
            raw.apps.push(AppFile::Read(Box::new((Named { file, raw: app }, document))));
        }
        FileKind::App => {
            let mark = Mark { line: 1, column: 1, width: 0 };
            report.error(&file, mark, "this file has no `app:`").help(
                "begin it with `app: name`; or call it `roles.yaml`, `people.yaml` or `…_test.yaml` if it is one of those",
            );
        }
    }
    Some(())
}

/// Each route by itself, so that a fault in one costs neither the others nor a second reading of the whole file.
fn decode_app(document: &mut Document, report: &mut Report) -> Option<RawApp> {
    let [routes, lookups] = ["routes", "lookups"].map(|key| document.root.take(key));
    let app: Option<RawApp> = document.decode(report);
    let mut list = Vec::new();
    if let Some(routes) = &routes {
        if !routes.is_list() {
            report.error(&document.file, routes.mark, "expected a list of routes").help("begin each with `- id: …`");
        }
        list.extend(decode_each(routes.items().iter(), &document.file, report));
    }
    let lookups = decode_table(lookups.as_ref(), &document.file, report);
    let mut app = app?;
    app.routes = list;
    app.lookups = lookups;
    Some(app)
}

fn decode_people(document: &mut Document, report: &mut Report) -> Option<RawPeople> {
    let people = document.root.take("people");
    let mut raw: RawPeople = document.decode(report)?;
    raw.people = decode_table(people.as_ref(), &document.file, report);
    Some(raw)
}

fn decode_roles(document: &mut Document, report: &mut Report) -> Option<RawRoles> {
    let [dimensions, permissions, roles] = ["dimensions", "permissions", "roles"].map(|key| document.root.take(key));
    let mut raw: RawRoles = document.decode(report)?;
    raw.dimensions = decode_table(dimensions.as_ref(), &document.file, report);
    raw.permissions = decode_table(permissions.as_ref(), &document.file, report);
    raw.roles = decode_table(roles.as_ref(), &document.file, report);
    Some(raw)
}

fn decode_tests(document: &mut Document, report: &mut Report) -> Option<RawTests> {
    let tests = document.root.take("tests");
    let mut raw: RawTests = document.decode(report)?;
    if let Some(tests) = &tests {
        if !tests.is_list() {
            report.error(&document.file, tests.mark, "expected a list of tests").help("begin each with `- name: …`");
        }
        raw.tests = decode_each(tests.items().iter(), &document.file, report);
    }
    Some(raw)
}

/// Each entry by itself. A faulty one stands there empty, so that nobody is told that its name is unknown.
fn decode_table<T: DeserializeOwned + Default>(node: Option<&Node>, file: &Arc<str>, report: &mut Report) -> Table<T> {
    let Some(node) = node else { return Table::default() };
    if !node.is_map() {
        report.error(file, node.mark, "expected a mapping from names").help("write `name: {…}` for each, without `-`");
    }
    let mut decode = |(name, mark, value): (&str, Mark, &Node)| {
        (Spanned { value: name.to_owned(), mark }, value.decode(file, report).unwrap_or_default())
    };
    Table(node.entries().map(&mut decode).collect())
}

fn decode_each<'a, T: DeserializeOwned>(
    nodes: impl Iterator<Item = &'a Node>,
    file: &Arc<str>,
    report: &mut Report,
) -> Vec<T> {
    nodes.filter_map(|node| node.decode(file, report)).collect()
}

/// The permission of this name; notes it where there is none.
pub(super) fn permission(name: &Spanned<String>, catalog: &Catalog, notes: &mut Notes<'_>) -> Option<PermissionId> {
    let found = catalog.permission_id(name);
    found.map(|id| notes.used.permissions.insert(id));
    if found.is_none() {
        let known = catalog.permissions().map(|(_, permission)| permission.name.as_str());
        let suggestion = crate::diagnostics::suggest(name, known).map(str::to_owned);
        notes
            .error(name.mark, format!("unknown permission `{}`", name.value))
            .suggest(suggestion.as_deref())
            .help("every permission stands under `permissions:` in roles.yaml");
    }
    found
}
