//! Methods and path patterns of routes as the matcher wants them; nothing here reads a request.

use crate::request::{ParamType, PathSlot};
use compact_str::CompactString;
use std::fmt;
use std::sync::Arc;

/// A set of methods: one bit each. HEAD is judged as GET.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MethodSet {
    bits: u32,
    any: bool,
}

/// The methods that a rule can list. CONNECT and TRACE are never forwarded; HEAD is GET.
pub const METHODS: [&str; 16] = [
    "GET",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "MERGE",
];

/// How many of [`METHODS`] `ANY` stands for: GET, POST, PUT, PATCH and DELETE.
const ANY: usize = 5;

impl MethodSet {
    /// What `ANY` stands for.
    pub const ANY: Self = Self { bits: (1 << ANY) - 1, any: true };

    /// Every method that a rule can list.
    pub const ALL: Self = Self { bits: (1 << METHODS.len()) - 1, any: false };

    /// The methods that both have.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { bits: self.bits & other.bits, any: false }
    }

    /// Adds a method by its name; false when a rule cannot list it.
    pub fn insert(&mut self, method: &str) -> bool {
        let known = METHODS.iter().position(|known| *known == method);
        if let Some(at) = known {
            self.bits |= 1 << at;
        }
        known.is_some()
    }

    /// Whether the set has the method of a request. HEAD is judged as GET; methods are case-sensitive (RFC 9110 section 9.1).
    #[must_use]
    pub fn contains(self, method: &str) -> bool {
        self.has(Self::bit(method))
    }

    /// The bit of the method of a request; zero for one that no rule can list.
    #[must_use]
    pub fn bit(method: &str) -> u32 {
        match method {
            "GET" | "HEAD" => 1,
            "POST" => 1 << 1,
            other => METHODS.iter().position(|known| *known == other).map_or(0, |at| 1 << at),
        }
    }

    /// Whether the set has the method of this bit.
    #[must_use]
    pub const fn has(self, bit: u32) -> bool {
        self.bits & bit != 0
    }

    /// Whether it was written as `ANY`, which yields to methods that are listed.
    #[must_use]
    pub const fn is_any(self) -> bool {
        self.any
    }

    /// Whether both have a method.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.bits & other.bits != 0
    }

    /// Whether only methods are listed that carry no body in practice (GET, DELETE, OPTIONS, PROPFIND excepted).
    #[must_use]
    pub fn is_bodiless(self) -> bool {
        !self.any && self.iter().all(|method| matches!(method, "GET" | "DELETE" | "OPTIONS"))
    }

    /// The names.
    pub fn iter(self) -> impl Iterator<Item = &'static str> {
        METHODS.into_iter().enumerate().filter(move |(at, _)| self.bits & (1 << at) != 0).map(|(_, name)| name)
    }
}

impl fmt::Display for MethodSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.any {
            return f.write_str("ANY");
        }
        for (at, name) in self.iter().enumerate() {
            write!(f, "{}{name}", if at == 0 { "" } else { "|" })?;
        }
        Ok(())
    }
}

/// One segment of a pattern.
#[derive(Clone, Debug)]
pub enum Part {
    /// This text; folded where the application ignores letter case.
    Literal(CompactString),
    /// A segment that holds a named part: `{id:int}`, `{name}`, `order-{id}.html`.
    Named(Named),
}

/// A segment with a named part.
#[derive(Clone, Debug)]
pub struct Named {
    /// What the rule calls the part.
    pub name: CompactString,
    /// The literal text before it; folded where the application ignores letter case.
    pub prefix: CompactString,
    /// The literal text behind it.
    pub suffix: CompactString,
    /// Its type; `None` takes any text that is not empty.
    pub kind: Option<Arc<ParamType>>,
    /// Type and literal text as they were written, by which equal segments are known.
    pub spelling: CompactString,
}

impl Named {
    /// Whether it takes any segment at all.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.kind.is_none() && self.prefix.is_empty() && self.suffix.is_empty()
    }

    /// Whether it takes this segment: `key` is folded as the application folds paths, `text` is as it was sent.
    #[must_use]
    pub fn accepts(&self, key: &str, text: &str) -> bool {
        let room = self.prefix.len() + self.suffix.len() < text.len();
        let around = room && key.starts_with(self.prefix.as_str()) && key.ends_with(self.suffix.as_str());
        let end = text.len().saturating_sub(self.suffix.len());
        around
            && text
                .get(self.prefix.len()..end)
                .is_some_and(|part| self.kind.as_ref().is_none_or(|kind| kind.accept(part).is_ok()))
    }

    /// Whether no segment fits both.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        let prefixes = self.prefix.starts_with(other.prefix.as_str()) || other.prefix.starts_with(self.prefix.as_str());
        let suffixes = self.suffix.ends_with(other.suffix.as_str()) || other.suffix.ends_with(self.suffix.as_str());
        if !prefixes || !suffixes {
            return true;
        }
        let same_text = self.prefix == other.prefix && self.suffix == other.suffix;
        same_text && self.kind.as_deref().zip(other.kind.as_deref()).is_some_and(|(a, b)| types_are_disjoint(a, b))
    }
}

/// Whether no text fits both types, where that is plain to see.
fn types_are_disjoint(a: &ParamType, b: &ParamType) -> bool {
    match (a, b) {
        (ParamType::Enum(values), other) | (other, ParamType::Enum(values)) => {
            values.iter().all(|value| other.accept(value).is_err())
        }
        (ParamType::Date, ParamType::Int | ParamType::Decimal)
        | (ParamType::Int | ParamType::Decimal, ParamType::Date) => true,
        _ => false,
    }
}

/// The path of a route.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// The segments.
    pub parts: Vec<Part>,
    /// For a pattern that ends in `**`: the extensions of static files below it.
    pub assets: Option<Extensions>,
    /// As it was written.
    pub text: CompactString,
}

impl Pattern {
    /// The segments with named parts, each with its place.
    pub fn named(&self) -> impl Iterator<Item = (&Named, usize)> {
        self.parts.iter().enumerate().filter_map(|(at, part)| match part {
            Part::Literal(_) => None,
            Part::Named(named) => Some((named, at)),
        })
    }

    /// Where in a target the part of this name stands.
    #[must_use]
    pub fn slot(&self, name: &str) -> Option<PathSlot> {
        let (named, segment) = self.named().find(|(named, _)| named.name == name)?;
        Some(PathSlot { segment, prefix: named.prefix.len(), suffix: named.suffix.len() })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The extensions of static files, in lower case and without the dot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions(pub Vec<CompactString>);

impl Extensions {
    /// Whether these segments, which follow the folder, name a static file.
    ///
    /// SECURITY: `page.php/x.css` runs `page.php` on servers that take the rest as PATH_INFO, so no segment before the
    /// last may look like a file of its own (`a_script_with_path_info_is_no_static_file`).
    #[must_use]
    pub fn accept<'a>(&self, mut segments: impl DoubleEndedIterator<Item = &'a str>) -> bool {
        let Some((stem, extension)) = segments.next_back().and_then(|last| last.rsplit_once('.')) else { return false };
        let listed = self.0.iter().any(|known| known.eq_ignore_ascii_case(extension));
        listed && !stem.is_empty() && segments.all(|folder| !folder.is_empty() && !looks_like_file(folder))
    }
}

/// Whether a segment ends in what may be the extension of a script; `jquery-1.12` does not.
fn looks_like_file(segment: &str) -> bool {
    segment.split('.').skip(1).any(|extension| !extension.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_is_judged_as_get_and_any_leaves_options_out() {
        let mut get = MethodSet::default();
        assert!(get.insert("GET"));
        assert!(get.contains("HEAD") && !get.contains("get") && !get.contains("POST"));
        assert!(MethodSet::ANY.contains("DELETE") && !MethodSet::ANY.contains("OPTIONS"));
        assert!(!get.insert("TRACE") && !get.insert("HEAD"));
        assert_eq!(MethodSet::ANY.to_string(), "ANY");
    }

    #[test]
    fn a_script_with_path_info_is_no_static_file() {
        let assets = Extensions(vec!["css".into(), "js".into()]);
        let accepts = |path: &str| assets.accept(path.split('/'));
        assert!(accepts("site.css") && accepts("lib/jquery-ui-1.12/x.JS"));
        for path in ["page.php/x.css", "a/page.jsp/b/x.css", "x.php", "x", "", ".css", "a//x.css", "page.php5/x.css"] {
            assert!(!accepts(path), "{path}");
        }
    }
}
