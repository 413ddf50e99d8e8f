//! `{path: id}`: a named part of the route's path pattern; found by position, never by searching the path.

use super::{LocationError, unwritable};
use crate::request::error::ParamError;
use crate::request::param::ParamValues;
use crate::request::view::RequestView;
use compact_str::CompactString;

/// Where in the segments of a path a named part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathSlot {
    /// The segment's index.
    pub segment: usize,
    /// Bytes of literal text before the part, for patterns like `order-{id}.html`.
    pub prefix: usize,
    /// Bytes of literal text behind the part.
    pub suffix: usize,
}

impl PathSlot {
    /// A whole segment.
    #[must_use]
    pub const fn whole(segment: usize) -> Self {
        Self { segment, prefix: 0, suffix: 0 }
    }
}

/// A named part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathLocation {
    name: CompactString,
    slot: PathSlot,
}

impl PathLocation {
    pub(super) fn compile(name: &str, slot: impl Fn(&str) -> Option<PathSlot>) -> Result<Self, LocationError> {
        let slot = slot(name).ok_or_else(|| LocationError::UnknownPart(name.to_owned()))?;
        Ok(Self { name: name.into(), slot })
    }

    /// The name in the pattern.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn parts<'a>(&self, view: &'a RequestView<'_>) -> Option<(&'a str, &'a str, &'a str)> {
        let text = view.target().segments().get(self.slot.segment)?.text();
        let (prefix, rest) = text.split_at_checked(self.slot.prefix)?;
        let (part, suffix) = rest.split_at_checked(rest.len().checked_sub(self.slot.suffix)?)?;
        Some((prefix, part, suffix))
    }

    pub(crate) fn values<'a>(&self, view: &'a RequestView<'_>) -> ParamValues<'a> {
        self.parts(view).map_or(ParamValues::Absent, |(_, part, _)| ParamValues::One(part))
    }

    pub(crate) fn set(&self, view: &mut RequestView<'_>, values: &[&str]) -> Result<(), ParamError> {
        let ([value], Some((prefix, _, suffix))) = (values, self.parts(view)) else {
            return Err(unwritable(&self.name));
        };
        let text = [prefix, value, suffix].concat();
        if value.is_empty() || !view.set_segment(self.slot.segment, &text) {
            return Err(unwritable(&self.name));
        }
        Ok(())
    }
}
