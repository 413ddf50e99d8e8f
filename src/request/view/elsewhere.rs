//! Whether a parameter also stands in another place, from which the application may take it instead.

use super::RequestView;
use crate::request::body::{BodyState, XmlShape};
use crate::request::dialect::{Base, Place};
use crate::request::error::ParamError;
use crate::request::json::Json;
use crate::request::name::{Match, ParamName};

impl RequestView<'_> {
    /// Refuses a parameter that the application also reads in another of the places it merges with `here`.
    pub(crate) fn check_elsewhere(&self, name: &ParamName, here: Place) -> Result<(), ParamError> {
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
            return Err(ParamError::Elsewhere { name: name.as_str().into(), place: place.as_str() });
        }
        Ok(())
    }
}

fn may_be(name: &ParamName, key: &str) -> bool {
    name.matches(key, None) != Match::Other
}
