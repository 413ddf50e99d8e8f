//! `match: GET|POST /order/{id:int}` into methods and a path pattern.

use super::Notes;
use crate::diagnostics::suggest;
use crate::diagnostics::yaml::Spanned;
use crate::request::{Dialect, RawParamType};
use crate::rules::pattern::{Extensions, METHODS, MethodSet, Named, Part, Pattern};
use compact_str::{CompactString, format_compact};
use std::sync::Arc;

pub(super) fn methods_and_path<'a>(text: &'a Spanned<String>, notes: &mut Notes<'_>) -> Option<(MethodSet, &'a str)> {
    let Some((methods, path)) = text.split_once(' ') else {
        let help = if text.starts_with('/') {
            format!("write the methods before the path: `GET {0}`, `GET|POST {0}` or `ANY {0}`", text.value)
        } else {
            "write methods and a path: `GET /stock`, `GET|POST /order/{id:int}`, `ANY /login.do`".to_owned()
        };
        notes.error(text.mark, format!("`{}` is not methods and a path", text.value)).help(help);
        return None;
    };
    let path = path.trim();
    if methods == "ANY" {
        return Some((MethodSet::ANY, path));
    }
    let mut set = MethodSet::default();
    let mut sound = true;
    for method in methods.split('|') {
        if set.insert(method) {
            continue;
        }
        sound = false;
        let known = METHODS.iter().copied().chain(["ANY"]);
        let help = match method {
            "HEAD" => "HEAD is judged as GET; write `GET`".to_owned(),
            "CONNECT" | "TRACE" => "it is never forwarded".to_owned(),
            _ => "several methods are written `GET|POST`; `ANY` stands for GET, POST, PUT, PATCH and DELETE".to_owned(),
        };
        notes
            .error(text.mark, format!("`{method}` is not a method that a rule can list"))
            .suggest(suggest(method, known))
            .help(help);
    }
    sound.then_some((set, path))
}

pub(super) fn pattern(
    mark: crate::diagnostics::Mark,
    path: &str,
    assets: Option<Extensions>,
    dialect: &Dialect,
    notes: &mut Notes<'_>,
) -> Option<Pattern> {
    let mut fault = |message: String, help: &str| {
        notes.error(mark, message).help(help);
    };
    let Some(rest) = path.strip_prefix('/') else {
        fault(format!("the path `{path}` does not begin with `/`"), "write the path as it follows the host");
        return None;
    };
    if let Some(at) = path.find(['?', '#', '%', ';', '\\']) {
        let sign = path.get(at..).and_then(|rest| rest.chars().next()).unwrap_or('?');
        let help = match sign {
            '?' => "the path stops before `?`; parameters go into `where:`",
            '%' => "write the decoded text: `/仓库`, not `/%E4%BB%93`",
            ';' => "path parameters are named in the dialect: `path-parameters: [jsessionid]`",
            _ => "leave it out",
        };
        fault(format!("a path has no `{sign}`"), help);
        return None;
    }
    let (rest, below) = match rest.strip_suffix("**") {
        Some("") => ("", true),
        Some(folder) if folder.ends_with('/') => (folder.strip_suffix('/').unwrap_or(folder), true),
        _ => (rest, false),
    };
    match (below, &assets) {
        (true, None) => {
            fault(
                "`**` without `assets`".to_owned(),
                "name the extensions of the static files: `assets: [css, js, png]`",
            );
            return None;
        }
        (false, Some(_)) => {
            fault("`assets` without a path that ends in `/**`".to_owned(), "write for example `GET /static/**`");
            return None;
        }
        (true, Some(_)) if rest.is_empty() => {
            fault("`/**` names no folder".to_owned(), "name the folder of the static files: `GET /static/**`");
            return None;
        }
        _ => {}
    }
    let segments: Vec<&str> = rest.split('/').collect();
    let mut parts = Vec::with_capacity(segments.len());
    for (at, segment) in segments.iter().enumerate() {
        let last = at + 1 == segments.len() && !below;
        if segment.is_empty() && !last {
            notes.error(mark, "a path has no `//`").help("write one slash");
            return None;
        }
        parts.push(part(mark, segment, dialect, notes)?);
    }
    let mut names: Vec<&str> = Vec::new();
    for part in &parts {
        if let Part::Named(named) = part {
            if names.contains(&named.name.as_str()) {
                notes.error(mark, format!("two parts of the path are named `{}`", named.name));
            }
            names.push(&named.name);
        }
    }
    Some(Pattern { parts, assets, text: path.into() })
}

fn fold(text: &str, dialect: &Dialect) -> CompactString {
    if dialect.fold_path { text.to_lowercase().into() } else { text.into() }
}

fn part(mark: crate::diagnostics::Mark, segment: &str, dialect: &Dialect, notes: &mut Notes<'_>) -> Option<Part> {
    if segment == "." || segment == ".." {
        notes.error(mark, format!("a path has no `{segment}`")).help("write the path as it is after going there");
        return None;
    }
    if segment.contains('*') {
        notes
            .error(mark, format!("`{segment}` is not a part of a path"))
            .help("write `{name}` for one segment, or `/**` with `assets` at the end for static files");
        return None;
    }
    let Some((prefix, rest)) = segment.split_once('{') else {
        if segment.contains('}') {
            notes.error(mark, "a `}` without its `{`");
            return None;
        }
        return Some(Part::Literal(fold(segment, dialect)));
    };
    let Some((inside, suffix)) = rest.rsplit_once('}') else {
        notes.error(mark, "a `{` without its `}`").help("write `{name}` or `{name:int}`");
        return None;
    };
    if suffix.contains('{') || prefix.contains('}') {
        notes.error(mark, format!("`{segment}` has more than one named part")).help("a segment has at most one");
        return None;
    }
    let (name, kind) = match inside.split_once(':') {
        Some((name, kind)) => (name, Some(kind)),
        None => (inside, None),
    };
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(plain) {
        notes.error(mark, format!("`{name}` cannot name a part of a path")).help("write `{name}` or `{name:int}`");
        return None;
    }
    let compiled = match kind {
        None => None,
        Some(kind) => Some(Arc::new(part_type(mark, kind, notes)?)),
    };
    let (prefix, suffix) = (fold(prefix, dialect), fold(suffix, dialect));
    let spelling = format_compact!("{prefix}{{{}}}{suffix}", kind.unwrap_or_default());
    Some(Part::Named(Named { name: name.into(), prefix, suffix, kind: compiled, spelling }))
}

/// `int`, `decimal`, `date`, `text`, or a regular expression for the whole part.
fn part_type(mark: crate::diagnostics::Mark, kind: &str, notes: &mut Notes<'_>) -> Option<crate::request::ParamType> {
    let raw = match kind {
        "int" => RawParamType::Int,
        "decimal" => RawParamType::Decimal,
        "date" => RawParamType::Date,
        "text" => RawParamType::Text,
        word if word.chars().all(|c| c.is_ascii_alphabetic()) => {
            notes
                .error(mark, format!("`{word}` is not a type of a part of a path"))
                .suggest(suggest(word, ["int", "decimal", "date", "text"]))
                .help("write `int`, `decimal`, `date`, `text`, or a regular expression such as `[A-Z]{2}[0-9]+`");
            return None;
        }
        pattern => RawParamType::Code(pattern.to_owned()),
    };
    match raw.compile() {
        Ok(kind) => Some(kind),
        Err(error) => {
            notes.error(mark, super::location::one_line(&error.to_string()));
            None
        }
    }
}
