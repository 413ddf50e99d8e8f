//! Where the path of a route holds a secret, found again in raw targets, parsed or not; errs on the side of finding.

use super::escape;
use compact_str::CompactString;
use smallvec::SmallVec;
use std::borrow::Cow;

/// The path of a route that captures a secret, as far as the last segment that holds one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretPath {
    pattern: CompactString,
    /// A literal segment, or `None` for one that is captured or that another character set may write otherwise.
    parts: Vec<Option<CompactString>>,
    secret: SmallVec<[usize; 1]>,
}

impl SecretPath {
    /// The path written as `pattern`, with its segments in order (the text of a literal one, `None` for one with a named
    /// part) and the places of the secret ones; `None` where there is none.
    #[must_use]
    pub fn new<'a>(pattern: &str, parts: impl Iterator<Item = Option<&'a str>>, secret: &[usize]) -> Option<Self> {
        let last = secret.iter().copied().max()?;
        let literal = |part: Option<&str>| part.filter(|text| text.is_ascii()).map(CompactString::from);
        let parts = parts.take(last + 1).map(literal).collect();
        Some(Self { pattern: pattern.into(), parts, secret: SmallVec::from_slice(secret) })
    }

    /// The path as the rule writes it.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The secret pieces in one reading of a path; none where it is another path.
    fn find(&self, pieces: &Pieces<'_>, reading: &[usize]) -> SmallVec<[usize; 1]> {
        let fits = |(part, at): (&Option<CompactString>, &usize)| match part {
            Some(text) => pieces.0.get(*at).is_some_and(|piece| piece.plain().eq_ignore_ascii_case(text.as_bytes())),
            None => true,
        };
        let fitting = self.parts.iter().zip(reading).take_while(|pair| fits(*pair)).count();
        self.secret.iter().filter(|at| **at < fitting).filter_map(|at| reading.get(*at).copied()).collect()
    }
}

/// A raw path, cut wherever some reader may see a slash.
pub(super) struct Pieces<'a>(SmallVec<[Piece<'a>; 12]>);

/// A segment, and the slash before it as it was written.
pub(super) struct Piece<'a> {
    pub slash: &'a [u8],
    pub text: &'a [u8],
}

impl Piece<'_> {
    /// Decoded, without what stands behind `;`.
    fn plain(&self) -> Cow<'_, [u8]> {
        let decoded = escape::decode_fully(self.text);
        match memchr::memchr(b';', &decoded) {
            None => decoded,
            Some(end) => Cow::Owned(decoded.get(..end).unwrap_or_default().to_vec()),
        }
    }
}

impl<'a> Pieces<'a> {
    pub(super) fn cut(path: &'a [u8]) -> Self {
        let mut pieces = SmallVec::new();
        let (mut slash, mut start, mut at) = (0..0, 0, 0);
        let piece = |slash: std::ops::Range<usize>, text: std::ops::Range<usize>| Piece {
            slash: path.get(slash).unwrap_or_default(),
            text: path.get(text).unwrap_or_default(),
        };
        while at < path.len() {
            match slash_at(path.get(at..).unwrap_or_default()) {
                0 => at += 1,
                length => {
                    pieces.push(piece(slash, start..at));
                    slash = at..at + length;
                    at += length;
                    start = at;
                }
            }
        }
        pieces.push(piece(slash, start..path.len()));
        Self(pieces)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Piece<'a>> {
        self.0.iter()
    }

    /// The pieces that hold a secret of one of `paths`.
    pub(super) fn secret<'p>(&self, paths: impl Iterator<Item = &'p SecretPath>) -> SmallVec<[usize; 1]> {
        let mut found = SmallVec::new();
        let mut readings = None;
        for path in paths {
            for reading in readings.get_or_insert_with(|| self.readings()) {
                found.extend(path.find(self, reading));
            }
        }
        found
    }

    /// The pieces that one reader or another takes for the segments of the path.
    fn readings(&self) -> Vec<Reading> {
        let first = self.0.first().map_or(&b""[..], |piece| piece.text);
        // behind `http://host`, behind the first slash, or where there is none
        let starts: &[usize] = match first {
            [] => &[1],
            [.., b':'] => &[3, 1, 0],
            _ => &[1, 0],
        };
        starts.iter().flat_map(|&start| [(start..self.0.len()).collect(), self.resolved(start)]).collect()
    }

    /// The pieces that are left where empty segments and `.` go, and `..` goes up.
    fn resolved(&self, start: usize) -> Reading {
        let mut left = Reading::new();
        for (at, piece) in self.0.iter().enumerate().skip(start) {
            match piece.plain().as_ref() {
                b"" | b"." => {}
                b".." => {
                    left.pop();
                }
                _ => left.push(at),
            }
        }
        left
    }
}

type Reading = SmallVec<[usize; 12]>;

/// How many bytes at the beginning some reader takes for a slash.
fn slash_at(bytes: &[u8]) -> usize {
    match bytes {
        [b'/' | b'\\', ..] => 1,
        [b'%', rest @ ..] => {
            let mut rest = rest;
            let mut length = 1;
            while let [b'2', b'5', after @ ..] = rest {
                (rest, length) = (after, length + 2);
            }
            match escape::hex_pair(rest) {
                Some(b'/' | b'\\') => length + 2,
                _ => 0,
            }
        }
        _ => 0,
    }
}
