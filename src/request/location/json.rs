//! `{json: /items/*/id}`: a value in a JSON body by pointer (RFC 6901); `*` stands for every element of a list.

use super::pointer::Pointer;
use super::{LocationError, unwritable};
use crate::request::body::BodyState;
use crate::request::error::ParamError;
use crate::request::param::ParamValues;
use crate::request::typed::ParamType;
use crate::request::view::RequestView;

/// A value in a JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonLocation(pub(crate) Pointer);

impl JsonLocation {
    pub(super) fn compile(pointer: &str) -> Result<Self, LocationError> {
        Pointer::compile(pointer).map(Self)
    }

    /// The pointer as the rule spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_str()
    }

    pub(crate) fn values<'a>(&self, view: &'a RequestView<'_>) -> Result<ParamValues<'a>, ParamError> {
        match view.body_state() {
            BodyState::Json(body) => self.0.values(&body.root),
            BodyState::Unread => Err(ParamError::Unread { name: self.name().into() }),
            _ => Ok(ParamValues::Absent),
        }
    }

    pub(crate) fn set(&self, view: &mut RequestView<'_>, values: &[&str], kind: &ParamType) -> Result<(), ParamError> {
        match view.body_state_mut() {
            BodyState::Json(body) => self.0.set(&mut body.root, values, kind),
            _ => Err(unwritable(self.name())),
        }
    }

    pub(crate) fn remove(&self, view: &mut RequestView<'_>) -> Result<(), ParamError> {
        match view.body_state_mut() {
            BodyState::Json(body) => self.0.remove(&mut body.root),
            _ => Ok(()),
        }
    }
}
