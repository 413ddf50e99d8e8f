//! What selects the permission of a route by parameters; never reads a request.

use super::role::PermissionId;
use crate::request::Location;
use compact_str::CompactString;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// What selects the permission.
#[derive(Clone, Debug)]
pub struct Selector {
    /// By what it selects.
    pub by: By,
    /// The permission where nothing selects; refused without.
    pub absent: Option<PermissionId>,
}

/// By what a permission is selected.
#[derive(Clone, Debug)]
pub enum By {
    /// By the value of a parameter.
    Value {
        /// Where it stands.
        location: Location,
        /// From its value to what it selects; other values are refused.
        cases: FxHashMap<CompactString, Choice>,
    },
    /// By which one of several parameters is there, as the buttons of a form tell which was pressed.
    Name(Vec<Button>),
}

/// A parameter that selects by being there.
#[derive(Clone, Debug)]
pub struct Button {
    /// Where it stands; two places for a button that is an image, which are there together.
    pub places: SmallVec<[Location; 2]>,
    /// What it selects.
    pub choice: Choice,
}

/// What a case selects.
#[derive(Clone, Debug)]
pub enum Choice {
    /// This permission.
    Permission(PermissionId),
    /// What another selector says.
    Selector(Box<Selector>),
}

impl Selector {
    /// Where it looks first, for messages.
    #[must_use]
    pub fn place(&self) -> Option<&Location> {
        match &self.by {
            By::Value { location, .. } => Some(location),
            By::Name(buttons) => buttons.first().and_then(|button| button.places.first()),
        }
    }

    /// Whether it selects by `location` being there, whatever its value.
    #[must_use]
    pub fn is_button(&self, location: &Location) -> bool {
        let here = match &self.by {
            By::Name(buttons) => buttons.iter().any(|button| button.places.contains(location)),
            By::Value { .. } => false,
        };
        here || self.nested().any(|selector| selector.is_button(location))
    }

    /// Every place that it looks at by itself.
    pub fn places(&self) -> impl Iterator<Item = &Location> {
        let (one, buttons) = match &self.by {
            By::Value { location, .. } => (Some(location), None),
            By::Name(buttons) => (None, Some(buttons)),
        };
        one.into_iter().chain(buttons.into_iter().flatten().flat_map(|button| &button.places))
    }

    /// Whether one of its cases asks another selector.
    #[must_use]
    pub fn is_nested(&self) -> bool {
        self.nested().next().is_some()
    }

    fn choices(&self) -> impl Iterator<Item = &Choice> {
        let (values, names) = match &self.by {
            By::Value { cases, .. } => (Some(cases.values()), None),
            By::Name(buttons) => (None, Some(buttons.iter().map(|button| &button.choice))),
        };
        values.into_iter().flatten().chain(names.into_iter().flatten())
    }

    /// The selectors that its cases ask.
    pub fn nested(&self) -> impl Iterator<Item = &Selector> {
        self.choices().filter_map(|choice| match choice {
            Choice::Selector(selector) => Some(selector.as_ref()),
            Choice::Permission(_) => None,
        })
    }

    pub(super) fn collect(&self, found: &mut Vec<PermissionId>) {
        found.extend(self.absent);
        found.extend(self.choices().filter_map(|choice| match choice {
            Choice::Permission(permission) => Some(*permission),
            Choice::Selector(_) => None,
        }));
        self.nested().for_each(|selector| selector.collect(found));
    }
}
