//! `{file-name: attachment}`: the names of the files that stand in a field of a multipart body, to be typed like any value.

use super::LocationError;
use crate::request::body::BodyState;
use crate::request::dialect::Dialect;
use crate::request::error::ParamError;
use crate::request::name::ParamName;
use crate::request::param::ParamValues;
use crate::request::view::RequestView;

/// The names of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileNameLocation(pub(crate) ParamName);

impl FileNameLocation {
    pub(super) fn compile(name: &str, dialect: &Dialect) -> Result<Self, LocationError> {
        Ok(Self(ParamName::compile(name, dialect)?))
    }

    /// The name of the field as the rule spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_str()
    }

    pub(crate) fn values<'a>(&self, view: &'a RequestView<'_>) -> Result<ParamValues<'a>, ParamError> {
        match view.body_state() {
            BodyState::Multipart(multipart) => multipart.file_names(&self.0, view.dialect()),
            BodyState::Form { list, .. } if list.mentions(&self.0) => {
                Err(ParamError::Elsewhere { name: self.name().into(), place: "form" })
            }
            BodyState::Unread if view.may_hold_form() => Err(ParamError::Unread { name: self.name().into() }),
            _ => Ok(ParamValues::Absent),
        }
    }
}
