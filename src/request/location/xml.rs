//! `{xml: /order/lines/line/@id}`: a value in an XML body by path; names without a prefix have no namespace.

use super::xml_path::XmlPath;
use super::{LocationError, unwritable};
use crate::request::body::BodyState;
use crate::request::dialect::Dialect;
use crate::request::error::ParamError;
use crate::request::param::ParamValues;
use crate::request::typed::ParamType;
use crate::request::view::RequestView;

/// A value in an XML body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XmlLocation(pub(crate) XmlPath);

impl XmlLocation {
    pub(super) fn compile(path: &str, dialect: &Dialect) -> Result<Self, LocationError> {
        XmlPath::compile(path, dialect).map(Self)
    }

    /// The path as the rule spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_str()
    }

    pub(crate) fn values<'a>(&self, view: &'a RequestView<'_>) -> Result<ParamValues<'a>, ParamError> {
        match view.body_state() {
            BodyState::Xml(body) => self.0.in_document(&body.document),
            BodyState::Unread => Err(ParamError::Unread { name: self.name().into() }),
            _ => Ok(ParamValues::Absent),
        }
    }

    pub(crate) fn set(&self, view: &mut RequestView<'_>, values: &[&str], kind: &ParamType) -> Result<(), ParamError> {
        match view.body_state_mut() {
            BodyState::Xml(body) => self.0.set_in_document(&mut body.document, values, kind),
            _ => Err(unwritable(self.name())),
        }
    }

    pub(crate) fn remove(&self, view: &mut RequestView<'_>) {
        if let BodyState::Xml(body) = view.body_state_mut() {
            self.0.remove_in_document(&mut body.document);
        }
    }
}
