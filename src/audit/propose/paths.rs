//! Targets of requests that no route matched, gathered into paths with their variable parts recognised.

use super::RouteProposal;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Segments that differ under one path before they are taken for the values of one part.
const MOST_LITERALS: usize = 12;

/// Query parameters of one path that are told apart.
const MOST_NAMES: usize = 64;

/// Extensions of static files.
const STATIC: [&str; 22] = [
    "avif", "bmp", "css", "eot", "gif", "ico", "jpeg", "jpg", "js", "map", "mjs", "mp3", "mp4", "otf", "png", "svg",
    "ttf", "txt", "wav", "webp", "woff", "woff2",
];

/// A tree of segments.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    below: BTreeMap<Segment, Paths>,
    here: BTreeMap<String, Use>,
    /// Requests for static files below, by extension.
    assets: BTreeMap<String, u64>,
}

/// How a path was used with one method.
#[derive(Clone, Debug, Default)]
struct Use {
    requests: u64,
    query: BTreeSet<String>,
}

/// A segment, as a rule would write it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    /// The type of a part, empty for any text; and what stands before and behind it.
    Part {
        kind: &'static str,
        before: String,
        behind: String,
    },
}

impl Segment {
    /// What a decoded segment is: a name, or a value of some kind.
    fn of(text: &str) -> Self {
        let (stem, extension) = match text.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() && extension.chars().all(|c| c.is_ascii_alphabetic()) => {
                (stem, text.get(stem.len()..).unwrap_or_default())
            }
            _ => (text, ""),
        };
        let part = |kind, before: &str| Self::Part { kind, before: before.to_owned(), behind: extension.to_owned() };
        let digits = stem.len() - stem.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let before = stem.get(..stem.len() - digits).unwrap_or_default();
        match stem {
            _ if is_uuid(stem) => part("[0-9A-Fa-f-]{36}", ""),
            _ if is_int(stem) => part("int", ""),
            _ if is_date(stem) => part("date", ""),
            _ if stem.len() >= 16 && stem.chars().all(|c| c.is_ascii_hexdigit()) => part("[0-9A-Fa-f]+", ""),
            // `order-10001.html`, `C-01`: a name, a mark, a number
            _ if digits > 0 && before.ends_with(['-', '_']) && is_name(before) => part("[0-9]+", before),
            _ if !stem.is_empty()
                && text.chars().all(|c| !matches!(c, '{' | '}' | '*' | '%' | '?' | '#' | ';' | '\\' | ' ')) =>
            {
                Self::Literal(text.to_owned())
            }
            "" if text.is_empty() => Self::Literal(String::new()),
            _ => Self::Part { kind: "", before: String::new(), behind: String::new() },
        }
    }
}

fn is_int(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_name(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '-' | '_'))
}

impl Paths {
    /// Adds a request by its method and raw target.
    pub(super) fn add(&mut self, method: &str, target: &[u8]) {
        let end = target.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(target.len());
        let (path, query) = target.split_at_checked(end).unwrap_or((target, &[]));
        let Some(path) = path.strip_prefix(b"/") else { return };
        let method = if method == "HEAD" { "GET" } else { method };
        let segments: Vec<Cow<'_, str>> = path.split(|&byte| byte == b'/').map(decoded).collect();
        if segments.iter().any(|segment| segment.contains('/') || matches!(segment.as_ref(), "." | "..")) {
            return;
        }
        let extension =
            segments.last().and_then(|last| last.rsplit_once('.')).map(|(_, extension)| extension.to_lowercase());
        if let (Some(extension), Some(folder), true) =
            (extension, segments.first(), segments.len() > 1 && method == "GET")
            && STATIC.contains(&extension.as_str())
            && let Segment::Literal(folder) = Segment::of(folder)
        {
            let folder = self.below.entry(Segment::Literal(folder)).or_default();
            *folder.assets.entry(extension).or_default() += 1;
            return;
        }
        let mut at = self;
        for segment in &segments {
            at = at.below.entry(Segment::of(segment)).or_default();
        }
        let used = at.here.entry(method.to_owned()).or_default();
        used.requests += 1;
        for name in names(query) {
            if used.query.len() < MOST_NAMES {
                used.query.insert(name);
            }
        }
    }

    /// The routes that would match.
    pub(super) fn routes(mut self) -> Vec<RouteProposal> {
        self.gather();
        let mut routes = Vec::new();
        self.collect(&mut Vec::new(), &mut routes);
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        for route in &mut routes {
            let count = taken.entry(route.id.clone()).and_modify(|count| *count += 1).or_insert(1);
            if *count > 1 {
                route.id = format!("{}.{count}", route.id);
            }
        }
        routes
    }

    /// Takes many names at one place for the values of one part.
    fn gather(&mut self) {
        let literals = self.below.keys().filter(|segment| matches!(segment, Segment::Literal(_))).count();
        if literals > MOST_LITERALS {
            let any = Segment::Part { kind: "", before: String::new(), behind: String::new() };
            let mut united = self.below.remove(&any).unwrap_or_default();
            let below = std::mem::take(&mut self.below);
            for (segment, paths) in below {
                match segment {
                    Segment::Literal(text) if !text.is_empty() && paths.assets.is_empty() => united.merge(paths),
                    other => drop(self.below.insert(other, paths)),
                }
            }
            self.below.insert(any, united);
        }
        let parts: Vec<Segment> =
            self.below.keys().filter(|one| matches!(one, Segment::Part { .. })).cloned().collect();
        if parts.len() > 1 {
            // Of two typed parts at one place a text may fit both, and then neither would be more specific.
            let mut united = Self::default();
            parts.iter().filter_map(|part| self.below.remove(part)).for_each(|paths| united.merge(paths));
            self.below.insert(Segment::Part { kind: "", before: String::new(), behind: String::new() }, united);
        }
        self.below.values_mut().for_each(Self::gather);
    }

    fn merge(&mut self, other: Self) {
        for (segment, paths) in other.below {
            self.below.entry(segment).or_default().merge(paths);
        }
        for (method, used) in other.here {
            let own = self.here.entry(method).or_default();
            own.requests += used.requests;
            own.query.extend(used.query);
        }
        for (extension, requests) in other.assets {
            *self.assets.entry(extension).or_default() += requests;
        }
    }

    fn collect(&self, before: &mut Vec<Segment>, routes: &mut Vec<RouteProposal>) {
        if !self.assets.is_empty() {
            let (path, id) = written(before);
            routes.push(RouteProposal {
                id: format!("{id}.files"),
                methods: vec!["GET".to_owned()],
                path: format!("{path}/**"),
                assets: self.assets.keys().cloned().collect(),
                query: Vec::new(),
                requests: self.assets.values().sum(),
            });
        }
        if !self.here.is_empty() {
            let (path, id) = written(before);
            let query: BTreeSet<String> = self.here.values().flat_map(|used| used.query.iter().cloned()).collect();
            routes.push(RouteProposal {
                id,
                methods: self.here.keys().cloned().collect(),
                path,
                assets: Vec::new(),
                query: query.into_iter().collect(),
                requests: self.here.values().map(|used| used.requests).sum(),
            });
        }
        for (segment, paths) in &self.below {
            before.push(segment.clone());
            paths.collect(before, routes);
            before.pop();
        }
    }
}

/// A path as rules write it, and a name for its route.
fn written(segments: &[Segment]) -> (String, String) {
    let (mut path, mut id, mut parts) = (String::new(), Vec::new(), 0);
    for segment in segments {
        path.push('/');
        match segment {
            Segment::Literal(text) => {
                path.push_str(text);
                let stem = text.split('.').next().unwrap_or_default();
                let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
                id.push(stem.chars().map(|c| if plain(c) { c } else { '-' }).collect::<String>());
            }
            Segment::Part { kind, before, behind } => {
                parts += 1;
                let name = if parts == 1 { "id".to_owned() } else { format!("id{parts}") };
                let kind = if kind.is_empty() { String::new() } else { format!(":{kind}") };
                path.push_str(&format!("{before}{{{name}{kind}}}{behind}"));
                id.push("one".to_owned());
            }
        }
    }
    id.retain(|part| !part.is_empty());
    (path, if id.is_empty() { "root".to_owned() } else { id.join(".") })
}

fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    percent_encoding::percent_decode(bytes).decode_utf8_lossy()
}

/// The names in a query.
fn names(query: &[u8]) -> impl Iterator<Item = String> {
    let pairs = query.get(1..).unwrap_or_default().split(|&byte| byte == b'&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let name = pair.split(|&byte| byte == b'=').next().unwrap_or_default();
        let name: Vec<u8> = name.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
        decoded(&name).chars().take(64).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(targets: &[&str]) -> Vec<String> {
        let mut paths = Paths::default();
        for target in targets {
            let (method, target) = target.split_once(' ').unwrap();
            paths.add(method, target.as_bytes());
        }
        let told = |route: RouteProposal| {
            format!("{}: {} {} {:?}", route.id, route.methods.join("|"), route.path, route.query)
        };
        paths.routes().into_iter().map(told).collect()
    }

    #[test]
    fn numbers_and_codes_in_paths_become_parts() {
        assert_eq!(
            routes(&[
                "GET /order/10001",
                "HEAD /order/10002?view=full",
                "POST /order/7",
                "GET /order/10001/line/3",
                "GET /stock/C-01.html",
                "GET /stock/C-22.html",
                "GET /report/2026-10-01",
                "GET /",
                "GET /item/6f1c1d3e-0a52-4e0b-9d2e-0f5a4c6b7a89",
                "GET /%E4%BB%93%E5%BA%93/list.do?a=1&b=2&a=3",
            ]),
            [
                "root: GET / []",
                "item.one: GET /item/{id:[0-9A-Fa-f-]{36}} []",
                "order.one: GET|POST /order/{id:int} [\"view\"]",
                "order.one.line.one: GET /order/{id:int}/line/{id2:int} []",
                "report.one: GET /report/{id:date} []",
                "stock.one: GET /stock/C-{id:[0-9]+}.html []",
                "仓库.list: GET /仓库/list.do [\"a\", \"b\"]",
            ]
        );
    }

    #[test]
    fn many_names_at_one_place_are_one_part_and_static_files_one_route() {
        let names: Vec<String> = (b'a'..=b'p').map(|c| format!("GET /user/{}/edit", char::from(c))).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(routes(&names), ["user.one.edit: GET /user/{id}/edit []"]);
        let files = ["GET /static/a.css", "GET /static/lib/b.js?v=3", "GET /static/img/c.PNG", "GET /a.css"];
        assert_eq!(routes(&files), ["a: GET /a.css []", "static.files: GET /static/** []"]);
    }

    #[test]
    fn values_of_several_kinds_at_one_place_are_one_part_of_any_text() {
        assert_eq!(routes(&["GET /a/1", "GET /a/C-2", "POST /a/2026-10-01"]), ["a.one: GET|POST /a/{id} []"]);
    }

    #[test]
    fn a_path_that_rules_cannot_write_is_left_out_or_becomes_a_part() {
        assert_eq!(routes(&["GET /a%2fb", "GET /a/../b", "GET nothing"]), Vec::<String>::new());
        assert_eq!(routes(&["GET /a/%7Bx%7D"]), ["a.one: GET /a/{id} []"]);
    }
}
