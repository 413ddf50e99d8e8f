//! Patterns of JSON Pointers (RFC 6901) and a walk that knows of all of them at once where it stands; reads no document.
//!
//! `*` stands for every element of a list and every member of an object, `**` for any number of levels, none included; `~2` is a star
//! that is meant as such. A number names an element, counted from 0, or a member of that name.

use compact_str::CompactString;
use smallvec::SmallVec;

/// One step of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Named { name: CompactString, index: Option<usize> },
    Any,
    Deep,
}

/// A step of a walk through a document.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    Member(&'a str),
    Element(usize),
}

impl Part {
    fn takes(&self, step: Step<'_>) -> bool {
        match (self, step) {
            (Self::Named { name, .. }, Step::Member(member)) => name == member,
            (Self::Named { index, .. }, Step::Element(at)) => *index == Some(at),
            (Self::Any | Self::Deep, _) => true,
        }
    }
}

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it, and what to write instead.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let Some(rest) = text.strip_prefix('/') else { return Err("begin it with `/`: `/items/*/cost`") };
        let parts = rest.split('/').map(|part| -> Result<Part, &'static str> {
            match part {
                "*" => Ok(Part::Any),
                "**" => Ok(Part::Deep),
                _ => {
                    let name = unescape(part)
                        .ok_or("write `~0` for `~`, `~1` for `/` and `~2` for a star that is meant as such")?;
                    let canonical = part == "0" || (!part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit()));
                    Ok(Part::Named { index: part.parse().ok().filter(|_| canonical), name })
                }
            }
        });
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        if parts.last() == Some(&Part::Deep) {
            return Err("name what stands below `**`: `/**/phone`");
        }
        if parts.windows(2).any(|pair| pair == [Part::Deep, Part::Deep]) {
            return Err("one `**` is as good as two");
        }
        Ok(Self(parts))
    }

    /// How many parts there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many parts stand before the first star.
    pub(super) fn literal(&self) -> usize {
        self.0.iter().take_while(|part| matches!(part, Part::Named { .. })).count()
    }

    /// Whether it can mean several values.
    pub(super) fn is_many(&self) -> bool {
        self.literal() < self.len()
    }
}

fn unescape(part: &str) -> Option<CompactString> {
    let mut name = CompactString::default();
    let mut rest = part;
    while let Some((before, after)) = rest.split_once('~') {
        name.push_str(before);
        name.push(match after.as_bytes().first()? {
            b'0' => '~',
            b'1' => '/',
            b'2' => '*',
            _ => return None,
        });
        rest = after.get(1..)?;
    }
    name.push_str(rest);
    Some(name)
}

/// Where a walk stands in each pattern that may still come to something: pattern, and how many parts were passed.
pub(super) type States = SmallVec<[(u16, u16); 6]>;

/// Several patterns, walked together.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns(Vec<Pattern>);

impl Patterns {
    pub(super) fn push(&mut self, pattern: Pattern) -> u16 {
        let number = u16::try_from(self.0.len()).unwrap_or(u16::MAX);
        self.0.push(pattern);
        number
    }

    /// At the root of a document.
    pub(super) fn begin(&self) -> States {
        (0..).zip(&self.0).map(|(number, _)| (number, 0)).collect()
    }

    /// One step further.
    pub(super) fn advance(&self, states: &States, step: Step<'_>) -> States {
        let mut next = States::new();
        let mut put = |state: (u16, u16)| {
            if !next.contains(&state) {
                next.push(state);
            }
        };
        for &(number, passed) in states {
            let Some(pattern) = self.0.get(usize::from(number)) else { continue };
            let part = |passed: u16| pattern.0.get(usize::from(passed));
            match part(passed) {
                Some(Part::Deep) => {
                    put((number, passed));
                    if part(passed + 1).is_some_and(|part| part.takes(step)) {
                        put((number, passed + 2));
                    }
                }
                Some(part) if part.takes(step) => put((number, passed + 1)),
                _ => {}
            }
        }
        next
    }

    /// The patterns that mean exactly this place.
    pub(super) fn ended<'a>(&'a self, states: &'a States) -> impl Iterator<Item = u16> + 'a {
        let ended = |&&(number, passed): &&(u16, u16)| {
            self.0.get(usize::from(number)).is_some_and(|pattern| pattern.len() == usize::from(passed))
        };
        states.iter().filter(ended).map(|(number, _)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &[Step<'_>]) -> bool {
        let mut patterns = Patterns::default();
        patterns.push(Pattern::parse(pattern).unwrap());
        let states = path.iter().fold(patterns.begin(), |states, step| patterns.advance(&states, *step));
        patterns.ended(&states).next().is_some()
    }

    #[test]
    fn a_pattern_means_what_its_parts_say() {
        use Step::{Element, Member};
        for (pattern, path, expected) in [
            ("", &[][..], true),
            ("/a", &[Member("a")], true),
            ("/a", &[Member("A")], false),
            ("/a", &[Member("a"), Member("b")], false),
            ("/items/*/cost", &[Member("items"), Element(7), Member("cost")], true),
            ("/items/*/cost", &[Member("items"), Member("x"), Member("cost")], true),
            ("/items/0", &[Member("items"), Element(0)], true),
            ("/items/0", &[Member("items"), Member("0")], true),
            ("/items/00", &[Member("items"), Element(0)], false),
            ("/**/phone", &[Member("phone")], true),
            ("/**/phone", &[Member("a"), Element(1), Member("phone")], true),
            ("/**/phone", &[Member("phone"), Member("phone")], true),
            ("/**/phone", &[Member("phones")], false),
            ("/a/**/b/c", &[Member("a"), Member("b"), Member("b"), Member("c")], true),
            ("/a~1b~0~2", &[Member("a/b~*")], true),
            ("/~2", &[Member("x")], false),
            ("/", &[Member("")], true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path:?}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told_with_a_remedy() {
        for text in ["items", "/a/**", "/a~3", "/a~", "/**/**/a"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
