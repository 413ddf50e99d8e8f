//! `{form: warehouse}`: a field of the form in the body, urlencoded or multipart text, as applications read both alike.

use super::{LocationError, unwritable};
use crate::request::body::BodyState;
use crate::request::dialect::{Dialect, Place};
use crate::request::error::ParamError;
use crate::request::name::ParamName;
use crate::request::param::ParamValues;
use crate::request::view::RequestView;

/// A field of the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormLocation(pub(crate) ParamName);

impl FormLocation {
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
        values_in_form(&self.0, view)
    }

    pub(crate) fn set(&self, view: &mut RequestView<'_>, values: &[&str]) -> Result<(), ParamError> {
        set_in_form(&self.0, view, values)
    }

    pub(crate) fn remove(&self, view: &mut RequestView<'_>) {
        remove_in_form(&self.0, view);
    }
}

/// The values in the form alone.
pub(super) fn values_in_form<'a>(name: &ParamName, view: &'a RequestView<'_>) -> Result<ParamValues<'a>, ParamError> {
    match view.body_state() {
        BodyState::Form { list, .. } => list.values(name, view.dialect()),
        BodyState::Multipart(multipart) => multipart.values(name),
        BodyState::Json(_) | BodyState::Xml(_) | BodyState::Absent => Ok(ParamValues::Absent),
        BodyState::Unread if !view.may_hold_form() => Ok(ParamValues::Absent),
        BodyState::Unread => Err(ParamError::Unread { name: name.as_str().into() }),
    }
}

pub(super) fn set_in_form(name: &ParamName, view: &mut RequestView<'_>, values: &[&str]) -> Result<(), ParamError> {
    let dialect = view.dialect();
    match view.body_state_mut() {
        BodyState::Form { list, .. } => list.set(name, values, dialect),
        BodyState::Multipart(multipart) => multipart.set(name, values, dialect),
        _ => Err(unwritable(name.as_str())),
    }
}

pub(super) fn remove_in_form(name: &ParamName, view: &mut RequestView<'_>) {
    match view.body_state_mut() {
        BodyState::Form { list, .. } => list.remove(name),
        BodyState::Multipart(multipart) => multipart.remove(name),
        _ => {}
    }
}
