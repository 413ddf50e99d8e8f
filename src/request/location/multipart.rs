//! `{multipart: warehouse}`: a text field of a multipart body; file parts are never values, but may be named.

use super::form::{remove_in_form, set_in_form};
use super::{LocationError, unwritable};
use crate::request::body::BodyState;
use crate::request::dialect::{Dialect, Place};
use crate::request::error::ParamError;
use crate::request::name::ParamName;
use crate::request::param::ParamValues;
use crate::request::view::RequestView;

/// A text field of a multipart body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultipartLocation(pub(crate) ParamName);

impl MultipartLocation {
    pub(super) fn compile(name: &str, dialect: &Dialect) -> Result<Self, LocationError> {
        Ok(Self(ParamName::compile(name, dialect)?))
    }

    /// The name as the rule spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_str()
    }

    pub(crate) fn values<'a>(&self, view: &'a RequestView<'_>) -> Result<ParamValues<'a>, ParamError> {
        view.check_elsewhere(&self.0, Place::Form)?;
        match view.body_state() {
            BodyState::Multipart(multipart) => multipart.values(&self.0),
            // the application reads both kinds of form alike, so this one would hide the field
            BodyState::Form { list, .. } if list.mentions(&self.0) => {
                Err(ParamError::Elsewhere { name: self.name().into(), place: "form" })
            }
            BodyState::Unread if view.may_hold_form() => Err(ParamError::Unread { name: self.name().into() }),
            _ => Ok(ParamValues::Absent),
        }
    }

    pub(crate) fn check_files(&self, view: &RequestView<'_>) -> Result<(), ParamError> {
        match view.body_state() {
            BodyState::Multipart(multipart) => multipart.check_files(&self.0),
            _ => self.values(view).map(drop),
        }
    }

    pub(crate) fn set(&self, view: &mut RequestView<'_>, values: &[&str]) -> Result<(), ParamError> {
        match view.body_state() {
            BodyState::Multipart(_) => set_in_form(&self.0, view, values),
            _ => Err(unwritable(self.name())),
        }
    }

    pub(crate) fn remove(&self, view: &mut RequestView<'_>) {
        remove_in_form(&self.0, view);
    }
}
