//! Whether a parameter also stands in another place, from which the application may take it instead.

use super::RequestView;
use crate::request::body::{BodyState, XmlShape};
use crate::request::dialect::{Base, Dialect, Place};
use crate::request::error::ParamError;
use crate::request::json::Json;
use crate::request::name::{Match, ParamName};

/// The places that a dialect reads as one, a bit each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Merged(u8);

impl Merged {
    pub(super) fn of(dialect: &Dialect) -> Self {
        Self(dialect.merge.iter().fold(0, |bits, &place| bits | Self::bit(place)))
    }

    const fn bit(place: Place) -> u8 {
        match place {
            Place::Query => 1,
            Place::Form => 1 << 1,
            Place::Cookie => 1 << 2,
        }
    }
}

impl RequestView<'_> {
    /// Whether the dialect reads `place` as one with others.
    #[inline]
    pub(crate) const fn merges(&self, place: Place) -> bool {
        self.0.merged.0 & Merged::bit(place) != 0
    }

    /// Refuses a parameter that the application also reads in another of the places it merges with `here`, if it does.
    #[inline]
    pub(crate) fn check_elsewhere(&self, name: &ParamName, here: Place) -> Result<(), ParamError> {
        // nothing stands in a form that is not there
        let absent = if self.is_bodiless() { Merged::bit(Place::Form) } else { 0 };
        if !self.merges(here) || self.0.merged.0 & !Merged::bit(here) & !absent == 0 {
            return Ok(());
        }
        self.0.dialect.merge.iter().filter(|&&place| place != here).try_for_each(|&place| self.check_place(name, place))
    }

    /// Refuses a parameter that stands in `place`.
    pub(crate) fn check_place(&self, name: &ParamName, place: Place) -> Result<(), ParamError> {
        let found = match place {
            Place::Query => self.0.target.query().mentions(name),
            Place::Cookie => self.cookies()?.mentions(name),
            Place::Form => match &self.0.body {
                BodyState::Absent => false,
                BodyState::Unread if self.may_hold_form() => {
                    return Err(ParamError::Unread { name: name.as_str().into() });
                }
                BodyState::Unread => false,
                BodyState::Form { list, .. } => list.mentions(name),
                BodyState::Multipart(multipart) => multipart.mentions(name),
                // frameworks that nobody told us of may merge an object or a document into their parameters
                BodyState::Json(body) => {
                    let Json::Object(members) = &body.root else { return Ok(()) };
                    self.0.dialect.base == Base::Strict && members.iter().any(|(key, _)| may_be(name, key))
                }
                BodyState::Xml(body) => {
                    let root = &body.document.root;
                    let names = root.elements().map(|child| &child.name).chain([&root.name]);
                    let mut names = names.chain(root.attributes.iter().map(|attribute| &attribute.name));
                    self.0.dialect.base == Base::Strict
                        && matches!(body.shape, XmlShape::Plain)
                        && names.any(|known| may_be(name, &known.local))
                }
            },
        };
        if found {
            return Err(elsewhere(name, place));
        }
        Ok(())
    }
}

/// A parameter that the application also reads in this place.
#[cold]
pub(crate) fn elsewhere(name: &ParamName, place: Place) -> ParamError {
    ParamError::Elsewhere { name: name.as_str().into(), place: place.as_str() }
}

fn may_be(name: &ParamName, key: &str) -> bool {
    name.matches(key, None) != Match::Other
}
