//! The one parser of request targets: raw bytes in, one reading out; whatever has two readings is refused.

use super::allowance::{Allowance, Allowances};
use super::dialect::Dialect;
use super::error::TargetError;
use super::escape;
use super::name::fold_case;
use super::param::ParamList;
use super::segment::{self, PathParameter, Segment, forbidden};
use compact_str::CompactString;
use smallvec::SmallVec;

/// Limits of a target; a target beyond them is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetLimits {
    /// Length of the raw target in bytes.
    pub target_bytes: usize,
    /// Number of path segments.
    pub segments: usize,
    /// Number of parameters in the query; the dialect's `max-params` applies too.
    pub parameters: usize,
}

impl Default for TargetLimits {
    fn default() -> Self {
        Self { target_bytes: 8192, segments: 64, parameters: 1000 }
    }
}

/// A request target with exactly one reading. Its path is matched and forwarded in one and the same serialisation.
///
/// ```
/// use scopegate::request::{CanonicalTarget, Dialect, TargetLimits};
/// let dialect = Dialect::default();
/// let target = CanonicalTarget::parse(b"/st%6fck?warehouse=HF", &dialect, &TargetLimits::default()).unwrap();
/// assert_eq!(target.path(), "/stock");
/// assert!(CanonicalTarget::parse(b"/a/..%2fadmin", &dialect, &TargetLimits::default()).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalTarget {
    authority: Option<CompactString>,
    path: CompactString,
    segments: SmallVec<[Segment; 6]>,
    parameters: SmallVec<[PathParameter; 1]>,
    query: ParamList,
    used: Allowances,
}

impl CanonicalTarget {
    /// Reads a raw target in origin form or absolute form (RFC 9112 section 3.2). Boxed, since it is large and goes from hand to hand.
    ///
    /// # Errors
    /// When it has more than one reading under the dialect, naming the character and the setting that would accept it,
    /// or when it is beyond a limit.
    pub fn parse(raw: &[u8], dialect: &Dialect, limits: &TargetLimits) -> Result<Box<Self>, TargetError> {
        if raw.len() > limits.target_bytes {
            return Err(TargetError::TooLong { limit: limits.target_bytes });
        }
        if memchr::memchr(b'#', raw).is_some() {
            return Err(forbidden(b"#", "path", "a fragment is never sent to a server"));
        }
        let (authority, rest) = split_authority(raw)?;
        let (path, query) = match memchr::memchr(b'?', rest).and_then(|at| rest.split_at_checked(at)) {
            Some((path, query)) => (path, query.get(1..).unwrap_or_default()),
            None => (rest, [].as_slice()),
        };
        // room first, so that it is made there
        let room = Box::new_uninit();
        let mut target = Box::write(
            room,
            Self {
                authority,
                path: CompactString::default(),
                segments: SmallVec::new(),
                parameters: SmallVec::new(),
                query: ParamList::new(dialect, "query"),
                used: Allowances::NONE,
            },
        );
        target.query.read(query, dialect, limits.parameters, "query")?;
        target.used = target.query.used();
        target.read_path(path, dialect, limits)?;
        Ok(target)
    }

    fn read_path(&mut self, raw: &[u8], dialect: &Dialect, limits: &TargetLimits) -> Result<(), TargetError> {
        let Some((b'/', rest)) = raw.split_first() else {
            return Err(TargetError::Form("it does not begin with `/`"));
        };
        // most paths hold nothing that could be spelled in another way: such a one is its own serialisation
        if let Some(path) = is_canonical(raw) {
            self.path = CompactString::from(path);
            let mut rest = path.get(1..);
            while let Some(segments) = rest {
                let end = memchr::memchr(b'/', segments.as_bytes()).unwrap_or(segments.len());
                let (segment, after) = segments.split_at_checked(end).unwrap_or((segments, ""));
                self.check_room(limits)?;
                self.push_segment(segment.into(), segment, dialect)?;
                rest = after.get(1..);
            }
            return self.check_scripts(dialect);
        }
        self.path.reserve(raw.len());
        let mut pieces = rest.split(|&byte| byte == b'/').peekable();
        while let Some(piece) = pieces.next() {
            let last = pieces.peek().is_none();
            if piece.is_empty() && (!last || (rest.ends_with(b"/") && self.segments.is_empty())) {
                segment::need(&mut self.used, Allowance::DoubleSlash, dialect, "//")?;
                if !last {
                    continue;
                }
            }
            self.check_room(limits)?;
            self.read_segment(piece, dialect)?;
        }
        self.check_scripts(dialect)
    }

    fn check_room(&self, limits: &TargetLimits) -> Result<(), TargetError> {
        if self.segments.len() == limits.segments {
            return Err(TargetError::TooManySegments { limit: limits.segments });
        }
        Ok(())
    }

    fn read_segment(&mut self, piece: &[u8], dialect: &Dialect) -> Result<(), TargetError> {
        let semicolon = if dialect.has_path_parameters { memchr::memchr(b';', piece) } else { None };
        let (name, parameters) = match semicolon {
            Some(at) => piece.split_at_checked(at).unwrap_or((piece, &[])),
            None => (piece, [].as_slice()),
        };
        let text = segment::decode(name, dialect, &mut self.used)?;
        // SECURITY: `..;` is `..` to servers that strip path parameters, whatever the dialect says
        // (test `dot_segments_are_refused_in_every_spelling`)
        let stripped = memchr::memchr(b';', text.as_bytes()).and_then(|at| text.get(..at)).unwrap_or(&text);
        if stripped.is_empty() && stripped.len() < name.len() + parameters.len() {
            return Err(dots(";"));
        }
        segment::write(&text, dialect, &mut self.path);
        let stripped = CompactString::from(stripped);
        self.push_segment(text, &stripped, dialect)?;
        if parameters.is_empty() { Ok(()) } else { self.read_parameters(parameters, dialect) }
    }

    /// Takes up a segment that was decoded; `stripped` is what stands before path parameters.
    fn push_segment(&mut self, text: CompactString, stripped: &str, dialect: &Dialect) -> Result<(), TargetError> {
        if matches!(stripped, "." | "..") {
            return Err(dots(stripped));
        }
        if matches!(text.as_bytes().last(), Some(b'.' | b' ')) {
            let shown = if text.ends_with('.') { "." } else { "%20" };
            segment::need(&mut self.used, Allowance::TrailingDot, dialect, shown)?;
        }
        if !dialect.path_refused.is_empty()
            && let Some(refused) = text.chars().find(|c| dialect.path_refused.contains(c))
        {
            let shown = refused.encode_utf8(&mut [0; 4]).to_owned();
            return Err(forbidden(shown.as_bytes(), "path", "the application's server does not take it"));
        }
        let folded = match dialect.fold_path {
            true if text.bytes().any(|b| !b.is_ascii() || b.is_ascii_uppercase()) => {
                Some(fold_case(&text).ok_or_else(|| {
                    forbidden(text.as_bytes(), "path", "it folds into an ASCII letter on some servers")
                })?)
            }
            _ => None,
        };
        self.segments.push(Segment { text, folded });
        Ok(())
    }

    /// Reads `;name=value;…` behind a segment (Servlet 6.0 section 3.5): stripped for matching, forwarded if declared.
    fn read_parameters(&mut self, raw: &[u8], dialect: &Dialect) -> Result<(), TargetError> {
        for piece in raw.split(|&byte| byte == b';').skip(1) {
            let text = std::str::from_utf8(piece)
                .ok()
                .filter(|text| text.bytes().all(escape::is_plain_in_path))
                .ok_or_else(|| forbidden(b";", "path", "a path parameter may hold plain characters only"))?;
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            let name = CompactString::from(name.to_ascii_lowercase());
            if !dialect.path_parameters.contains(&name) {
                return Err(TargetError::PathParameter { name });
            }
            if self.parameters.iter().any(|parameter| parameter.name == name) {
                return Err(forbidden(b";", "path", "a path parameter stands more than once"));
            }
            self.path.push(';');
            self.path.push_str(text);
            self.parameters.push(PathParameter { name, value: value.into() });
        }
        Ok(())
    }

    /// Refuses a path that goes on behind a script (`page.php/x.css` runs `page.php`).
    fn check_scripts(&self, dialect: &Dialect) -> Result<(), TargetError> {
        if dialect.script_extensions.is_empty() {
            return Ok(());
        }
        let Some((_, before)) = self.segments.split_last() else { return Ok(()) };
        for segment in before {
            let Some((_, extension)) = segment.text.rsplit_once('.') else { continue };
            let extension = extension.to_ascii_lowercase();
            if dialect.script_extensions.iter().any(|known| *known == extension)
                && !dialect.path_info.contains(&segment.text)
            {
                return Err(TargetError::PathInfo { script: segment.text.clone() });
            }
        }
        Ok(())
    }

    /// The segments of the path, decoded; never empty, and ending in an empty one where the path ends in `/`.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The canonical serialisation of the path, declared path parameters included: what is forwarded.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The declared path parameters that were sent.
    #[must_use]
    pub fn path_parameters(&self) -> &[PathParameter] {
        &self.parameters
    }

    /// The parameters of the query.
    #[must_use]
    pub const fn query(&self) -> &ParamList {
        &self.query
    }

    /// The authority of an absolute target, as it was sent; must agree with the Host field.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// The spellings in this target that needed an allowance.
    #[must_use]
    pub const fn used(&self) -> Allowances {
        self.used
    }

    /// Checks that a route (with its application) allows what this target uses, where only another route's allowance let it be read.
    ///
    /// # Errors
    /// The first spelling that `allowed` lacks.
    pub fn check(&self, allowed: Allowances) -> Result<(), TargetError> {
        match self.used.first_missing_in(allowed) {
            None => Ok(()),
            Some(setting) => {
                Err(TargetError::Ambiguous { shown: setting.as_str().into(), part: "path or query", setting })
            }
        }
    }

    pub(crate) const fn query_mut(&mut self) -> &mut ParamList {
        &mut self.query
    }

    /// Puts `text` in place of segment `at` and serialises the path anew; `false` where that cannot be.
    pub(crate) fn set_segment(&mut self, at: usize, text: &str, dialect: &Dialect) -> bool {
        let mut path = Vec::with_capacity(self.path.len() + text.len());
        if !self.parameters.is_empty() || text.is_empty() || self.segments.get(at).is_none() {
            return false;
        }
        for (i, segment) in self.segments.iter().enumerate() {
            path.push(b'/');
            let text = if i == at { text } else { segment.text() };
            let mut written = CompactString::default();
            segment::write(text, dialect, &mut written);
            path.extend_from_slice(written.as_bytes().get(1..).unwrap_or_default());
        }
        let limits = TargetLimits { target_bytes: usize::MAX, segments: usize::MAX, parameters: 0 };
        let Ok(parsed) = Self::parse(&path, dialect, &limits) else { return false };
        self.path = parsed.path;
        self.segments = parsed.segments;
        true
    }

    /// Appends the canonical serialisation of path and query: the target to forward.
    pub fn write(&self, out: &mut Vec<u8>, dialect: &Dialect) {
        out.extend_from_slice(self.path.as_bytes());
        if !self.query.is_empty() {
            out.push(b'?');
            self.query.write(out, dialect);
        }
    }
}

fn dots(shown: &str) -> TargetError {
    forbidden(shown.as_bytes(), "path", "dot segments are resolved differently by servers")
}

/// The path itself where it is written as it would be serialised: plain characters only, no empty segment but the last.
fn is_canonical(raw: &[u8]) -> Option<&str> {
    let mut before = 0;
    let mut plain = true;
    for &byte in raw {
        plain &= escape::is_plain_in_path(byte) || (byte == b'/' && before != b'/');
        before = byte;
    }
    if plain { std::str::from_utf8(raw).ok() } else { None }
}

/// Splits `http://authority` off; only plain hosts with an optional port pass (RFC 9112 section 3.2.2).
fn split_authority(raw: &[u8]) -> Result<(Option<CompactString>, &[u8]), TargetError> {
    if raw.first() == Some(&b'/') {
        return Ok((None, raw));
    }
    let scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| raw.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let Some(rest) = scheme.and_then(|scheme| raw.get(scheme.len()..)) else {
        return Err(TargetError::Form("neither a path nor an http or https URL"));
    };
    let end = rest.iter().position(|&byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, &[]));
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'[' | b']');
    if authority.is_empty() || !authority.iter().all(plain) {
        return Err(TargetError::Authority);
    }
    let authority = std::str::from_utf8(authority).map_err(|_| TargetError::Authority)?;
    let host_end = authority.rfind(']').map_or(0, |at| at + 1);
    let (_, after) = authority.split_at_checked(host_end).unwrap_or(("", authority));
    let (host, port) = after.split_once(':').map_or((after, None), |(host, port)| (host, Some(port)));
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if (host.is_empty() && host_end == 0) || !port.is_none_or(is_port) {
        return Err(TargetError::Authority);
    }
    // an absolute URL without a path has the path `/` (RFC 9110 section 4.2.3), but only where nothing follows
    let path: &[u8] = if path.is_empty() { b"/" } else { path };
    Ok((Some(authority.into()), path))
}
