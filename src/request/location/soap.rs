//! `{soap: operation}`, `{soap: /warehouse}`: the operation of a SOAP call, and its arguments by a path below it.

use super::xml_path::XmlPath;
use super::{LocationError, unwritable};
use crate::request::body::{BodyState, XmlShape};
use crate::request::dialect::Dialect;
use crate::request::error::ParamError;
use crate::request::param::ParamValues;
use crate::request::typed::ParamType;
use crate::request::view::RequestView;

/// The word that stands for the name of the operation.
const OPERATION: &str = "operation";

/// A part of a SOAP call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SoapLocation {
    /// The local name of the element in the body.
    Operation,
    /// An argument.
    Argument(SoapArgument),
}

/// An argument by a path below the operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoapArgument(pub(crate) XmlPath);

impl SoapLocation {
    pub(super) fn compile(text: &str, dialect: &Dialect) -> Result<Self, LocationError> {
        match text {
            OPERATION => Ok(Self::Operation),
            path if path.starts_with('/') => Ok(Self::Argument(SoapArgument(XmlPath::compile(path, dialect)?))),
            other => Err(LocationError::Call(other.to_owned(), "soap", OPERATION)),
        }
    }

    /// The path as the rule spells it, or `operation`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Operation => OPERATION,
            Self::Argument(argument) => argument.0.as_str(),
        }
    }

    pub(crate) fn values<'a>(&self, view: &'a RequestView<'_>) -> Result<ParamValues<'a>, ParamError> {
        let body = match view.body_state() {
            BodyState::Xml(body) => body,
            BodyState::Unread => return Err(ParamError::Unread { name: self.name().into() }),
            _ => return Ok(ParamValues::Absent),
        };
        let XmlShape::Soap(envelope) = &body.shape else { return Ok(ParamValues::Absent) };
        let Some(operation) = envelope.operation(&body.document) else { return Ok(ParamValues::Absent) };
        match self {
            Self::Operation => Ok(ParamValues::One(&operation.name.local)),
            Self::Argument(argument) => argument.0.below(&body.document.spaces, operation),
        }
    }

    pub(crate) fn set(&self, view: &mut RequestView<'_>, values: &[&str], kind: &ParamType) -> Result<(), ParamError> {
        let refused = || unwritable(self.name());
        let BodyState::Xml(body) = view.body_state_mut() else { return Err(refused()) };
        let (XmlShape::Soap(envelope), Self::Argument(argument)) = (&body.shape, self) else { return Err(refused()) };
        let operation = envelope.operation_mut(&mut body.document.root).ok_or_else(refused)?;
        argument.0.set_below(&mut body.document.spaces, operation, values, kind)
    }

    pub(crate) fn remove(&self, view: &mut RequestView<'_>) {
        if let BodyState::Xml(body) = view.body_state_mut()
            && let (XmlShape::Soap(envelope), Self::Argument(argument)) = (&body.shape, self)
            && let Some(operation) = envelope.operation_mut(&mut body.document.root)
        {
            argument.0.remove_below(&body.document.spaces, operation);
        }
    }
}
