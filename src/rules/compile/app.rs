//! Application files into applications with their route tables.

use super::lookup::Known;
use super::{Facts, Named, Notes, Used, route};
use crate::diagnostics::yaml::{Document, Spanned};
use crate::diagnostics::{Mark, Place, Report};
use crate::endpoint::UpstreamSpec;
use crate::identity::chain::raw::Compile;
use crate::request::{Location, SecretNames, SecretPath};
use crate::rules::pattern::Part;
use crate::rules::raw::{RawApp, RawHeaders};
use crate::rules::route::Route;
use crate::rules::set::{App, Catalog, IdentityHeaders, Mode};
use crate::rules::table::{Overlap, RouteTable};
use compact_str::CompactString;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

/// An application file, as it was read just now or as it was compiled before.
pub(super) enum AppFile {
    /// Read.
    Read(Box<(Named<RawApp>, Document)>),
    /// Compiled out of the same text, with the same catalog and the same other files.
    Known(KnownApp),
}

/// A compiled application, with what its file says beyond it.
#[derive(Clone, Debug)]
pub(super) struct KnownApp {
    pub file: Arc<str>,
    name: Spanned<String>,
    hosts: Vec<(CompactString, Mark)>,
    has_identity: bool,
    lookups: Vec<Place>,
    /// The permissions and dimensions that it asks for by name.
    used: Used,
    /// The other files that were read for it.
    others: Vec<(String, Vec<u8>)>,
    app: Arc<App>,
}

impl KnownApp {
    /// Whether it asks for something that has another number now, or another effect.
    pub(super) fn asks_for(&self, moved: &Used) -> bool {
        self.used.permissions.intersects(&moved.permissions) || !self.used.dimensions.is_disjoint(&moved.dimensions)
    }

    /// Whether the other files are still what they were.
    pub(super) fn holds(&self, folder: &Path) -> bool {
        self.others.iter().all(|(name, bytes)| std::fs::read(folder.join(name)).is_ok_and(|now| now == *bytes))
    }
}

/// Compiles the application files; gives the applications sorted by name, and each as it may be known to the next load.
pub(super) fn compile(
    files: Vec<AppFile>,
    catalog: &Catalog,
    folder: &Path,
    report: &mut Report,
    others: &mut Vec<(String, Vec<u8>)>,
    facts: &mut Facts,
) -> (Vec<Arc<App>>, Vec<KnownApp>) {
    let mut apps: Vec<KnownApp> = Vec::with_capacity(files.len());
    let mut hosts: FxHashMap<CompactString, Place> = FxHashMap::default();
    for file in files {
        let app = match file {
            AppFile::Known(known) => {
                let mut notes = Notes::new(&known.file, report);
                given_twice(&known.name, &apps, &mut notes);
                claim(&known.hosts, &mut hosts, &mut notes);
                Some(known)
            }
            AppFile::Read(read) => {
                let (Named { file, raw }, document) = *read;
                let mut notes = Notes::new(&file, report);
                super::catalog::check_name("an application", &raw.app, &mut notes);
                given_twice(&raw.app, &apps, &mut notes);
                let names = host_names(&raw, &mut notes);
                claim(&names, &mut hosts, &mut notes);
                one(&raw, &document, names, catalog, folder, &mut notes)
            }
        };
        apps.extend(app);
    }
    apps.sort_by(|a, b| a.app.name.cmp(&b.app.name));
    for known in &apps {
        others.extend(known.others.iter().cloned());
        facts.apps.push((known.name.mark.in_file(&known.file), known.has_identity, known.lookups.clone()));
    }
    (apps.iter().map(|known| Arc::clone(&known.app)).collect(), apps)
}

fn given_twice(name: &Spanned<String>, apps: &[KnownApp], notes: &mut Notes<'_>) {
    if let Some(first) = apps.iter().find(|known| known.app.name == name.as_str()) {
        notes
            .error(name.mark, format!("the application `{}` is given twice", name.value))
            .related(first.name.mark.in_file(&first.file), "first given here");
    }
}

/// Takes hosts for one application; notes those that are taken.
fn claim(names: &[(CompactString, Mark)], taken: &mut FxHashMap<CompactString, Place>, notes: &mut Notes<'_>) {
    for (name, mark) in names {
        let place = notes.place(*mark);
        if let Some(first) = taken.insert(name.clone(), place) {
            notes.error(*mark, format!("the host `{name}` is given twice")).related(first, "first given here");
        }
    }
}

fn host_names(raw: &RawApp, notes: &mut Notes<'_>) -> Vec<(CompactString, Mark)> {
    if raw.hosts.is_empty() {
        notes.error(raw.app.mark, "the application has no host").help("write `hosts: [wms.example.com]`");
    }
    let mut names = Vec::with_capacity(raw.hosts.len());
    for host in raw.hosts.iter() {
        let name: CompactString = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase().into();
        if !is_host(&name) {
            notes
                .error(host.mark, format!("`{}` is not a host", host.value))
                .help("write a name without scheme, port or path: `wms.example.com`, or `*.example.com` for one label");
            continue;
        }
        names.push((name, host.mark));
    }
    names
}

fn is_host(name: &str) -> bool {
    if name.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    let (labels, star) = name.strip_prefix("*.").map_or((name, false), |rest| (rest, true));
    let label = |label: &str| {
        let plain = label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        !label.is_empty() && label.len() <= 63 && plain && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && labels.split('.').all(label) && (!star || labels.contains('.'))
}

fn one(
    raw: &RawApp,
    document: &Document,
    hosts: Vec<(CompactString, Mark)>,
    catalog: &Catalog,
    folder: &Path,
    notes: &mut Notes<'_>,
) -> Option<KnownApp> {
    let dialect = raw.dialect.clone().with_charset(raw.charset).compile();
    let below = |key: &str, path: &mut dyn Iterator<Item = &str>| -> Mark {
        document.root.get(key).map_or(raw.app.mark, |node| node.mark_at(path))
    };
    let upstream = UpstreamSpec::compile(raw.upstream.value.clone(), &raw.app, folder);
    let upstream = upstream.map_err(|faults| {
        for fault in faults {
            notes.error(below("upstream", &mut fault.field.split('.')), fault.message);
        }
    });
    let read_files = RefCell::new(Vec::new());
    let read = |name: &str| {
        let bytes = std::fs::read(folder.join(name))?;
        read_files.borrow_mut().push((name.to_owned(), bytes.clone()));
        Ok(bytes)
    };
    let identity = raw.identity.value.compile(&Compile { app: &raw.app, dialect: &dialect, read: &read });
    let identity = identity.map_err(|faults| {
        for fault in faults {
            notes.error(below("identity", &mut fault.path.iter().map(String::as_str)), fault.message);
        }
    });
    let known = super::lookup::compile(&raw.lookups, folder, notes);
    let routes = routes(raw, catalog, &dialect, &known, notes);
    super::lookup::check_learned(raw, notes);
    let headers = headers(&raw.headers, notes);
    let (identity, routes) = (identity.ok()?, routes?);
    // one list for the whole application: a refused request may be of any route, or of none
    let written = raw.secrets.iter().map(|name| name.as_str());
    let marked = routes.iter().flat_map(|route| &route.params).filter(|param| param.secret);
    let paths = secret_paths(&routes, &SecretNames::new(written.clone()));
    let secrets =
        SecretNames::new(written.chain(identity.secret_names()).chain(marked.map(|param| param.location.name())))
            .with_paths(paths)
            .knowing(routes.iter().flat_map(|route| &route.params).map(|param| param.location.name()));
    let enforces_some = routes.iter().any(|route| route.mode == Some(Mode::Enforce));
    let app = App {
        name: raw.app.as_str().into(),
        title: raw.title.clone(),
        hosts: hosts.iter().map(|(name, _)| name.clone()).collect(),
        upstream: Arc::new(upstream.ok()?),
        identity,
        enforces_some,
        routes,
        lookups: known.lookups,
        mode: raw.mode,
        secrets,
        headers,
        dialect,
    };
    Some(KnownApp {
        file: Arc::clone(notes.file),
        name: raw.app.clone(),
        hosts,
        has_identity: document.root.get("identity").is_some(),
        lookups: known.places,
        used: std::mem::take(&mut notes.used),
        others: read_files.into_inner(),
        app: Arc::new(app),
    })
}

/// The paths whose named parts are secret: marked so by their own rule, or secret by their name wherever they stand.
fn secret_paths(routes: &RouteTable, named: &SecretNames) -> Vec<SecretPath> {
    let of = |route: &Arc<Route>| {
        let marked = |name: &str| {
            let mut path = route.params.iter().filter(|param| matches!(param.location, Location::Path(_)));
            path.any(|param| param.secret && param.location.name() == name)
        };
        let named = route.pattern.named().filter(|(part, _)| named.is_secret(&part.name) || marked(&part.name));
        let secret: Vec<usize> = named.map(|(_, at)| at).collect();
        let parts = route.pattern.parts.iter().map(|part| match part {
            Part::Literal(text) => Some(text.as_str()),
            Part::Named(_) => None,
        });
        SecretPath::new(&route.pattern.text, parts, &secret)
    };
    routes.iter().filter_map(of).collect()
}

fn routes(
    raw: &RawApp,
    catalog: &Catalog,
    dialect: &crate::request::Dialect,
    lookups: &Known,
    notes: &mut Notes<'_>,
) -> Option<RouteTable> {
    let mut ids: FxHashMap<&str, Mark> = FxHashMap::default();
    let mut routes = Vec::with_capacity(raw.routes.len());
    for element in &raw.routes {
        if let Some(first) = ids.insert(&element.id, element.id.mark) {
            let first = notes.place(first);
            notes
                .error(element.id.mark, format!("the route `{}` is given twice", element.id.value))
                .related(first, "first given here")
                .help("give each a name of its own; one route may list several paths under `match`");
        }
        routes.extend(route::compile(element, catalog, dialect, lookups, notes).into_iter().map(Arc::new));
    }
    let (table, overlaps) = RouteTable::build(routes);
    for overlap in &overlaps {
        told(overlap, notes);
    }
    overlaps.is_empty().then_some(table)
}

fn told(overlap: &Overlap, notes: &mut Notes<'_>) {
    let Overlap { first, second, why } = overlap;
    let (Some(one), Some(other)) = (&first.place, &second.place) else { return };
    let mark = Mark { line: other.line, column: other.column, width: 0 };
    notes
        .error(
            mark,
            format!("`{}` ({} {}) overlaps with `{}`: {why}", second.id, second.methods, second.pattern, first.id),
        )
        .related(one.clone(), format!("`{}` ({} {})", first.id, first.methods, first.pattern))
        .help("make one of them more specific: list its methods, or give it all the `where` of the other and more");
}

fn headers(raw: &RawHeaders, notes: &mut Notes<'_>) -> IdentityHeaders {
    let mut name = |text: &Option<Spanned<String>>| {
        let text = text.as_ref()?;
        let token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if text.is_empty() || !text.bytes().all(token) {
            notes
                .error(text.mark, format!("`{}` cannot name a header", text.value))
                .help("write for example `X-Remote-User`");
        }
        Some(CompactString::from(text.as_str()))
    };
    let default = IdentityHeaders::default();
    IdentityHeaders {
        user: name(&raw.user),
        roles: name(&raw.roles),
        request_id: name(&raw.request_id).or(default.request_id),
    }
}
