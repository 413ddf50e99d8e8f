//! `{rpc: method}`, `{rpc: /0/warehouse}`: the method of a JSON-RPC or XML-RPC call, and its arguments by position or name.

use super::pointer::Pointer;
use super::{LocationError, unwritable};
use crate::request::body::{BodyState, XmlShape};
use crate::request::error::ParamError;
use crate::request::json::Json;
use crate::request::param::ParamValues;
use crate::request::rpc::{METHOD, arguments, arguments_mut};
use crate::request::typed::ParamType;
use crate::request::view::RequestView;

/// A part of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RpcLocation {
    /// The name of the method.
    Method,
    /// An argument.
    Argument(RpcArgument),
}

/// An argument by a pointer into the arguments, which are a list or an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcArgument(pub(crate) Pointer);

impl RpcLocation {
    pub(super) fn compile(text: &str) -> Result<Self, LocationError> {
        match text {
            METHOD => Ok(Self::Method),
            pointer if pointer.starts_with('/') => Ok(Self::Argument(RpcArgument(Pointer::compile(pointer)?))),
            other => Err(LocationError::Call(other.to_owned(), "rpc", METHOD)),
        }
    }

    /// The pointer as the rule spells it, or `method`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Method => METHOD,
            Self::Argument(argument) => argument.0.as_str(),
        }
    }

    pub(crate) fn values<'a>(&self, view: &'a RequestView<'_>) -> Result<ParamValues<'a>, ParamError> {
        let (method, params) = match view.body_state() {
            BodyState::Unread => return Err(ParamError::Unread { name: self.name().into() }),
            BodyState::Json(body) if body.is_call => {
                (body.root.member(METHOD).and_then(Json::as_scalar), arguments(&body.root))
            }
            BodyState::Xml(body) => match &body.shape {
                XmlShape::Rpc(call) => (Some(call.method.as_str()), Some(&call.arguments)),
                _ => return Ok(ParamValues::Absent),
            },
            _ => return Ok(ParamValues::Absent),
        };
        match (self, params) {
            (Self::Method, _) => Ok(method.map_or(ParamValues::Absent, ParamValues::One)),
            (Self::Argument(_), None) => Ok(ParamValues::Absent),
            (Self::Argument(argument), Some(params)) => argument.values(params),
        }
    }

    pub(crate) fn set(&self, view: &mut RequestView<'_>, values: &[&str], kind: &ParamType) -> Result<(), ParamError> {
        match (self, view.body_state_mut()) {
            (Self::Argument(argument), BodyState::Json(body)) if body.is_call => {
                let params = arguments_mut(&mut body.root).ok_or_else(|| unwritable(self.name()))?;
                argument.values(params)?;
                argument.0.set(params, values, kind)
            }
            _ => Err(unwritable(self.name())),
        }
    }

    pub(crate) fn remove(&self, view: &mut RequestView<'_>) -> Result<(), ParamError> {
        match (self, view.body_state_mut()) {
            (Self::Argument(argument), BodyState::Json(body)) if body.is_call => {
                let params = arguments_mut(&mut body.root).ok_or_else(|| unwritable(self.name()))?;
                argument.0.remove(params)
            }
            _ => Err(unwritable(self.name())),
        }
    }
}

impl RpcArgument {
    /// SECURITY: a server that was sent names where it takes positions may see no argument at all, and the other way round
    /// (`an_argument_by_name_is_none_by_position`).
    fn values<'a>(&self, params: &'a Json) -> Result<ParamValues<'a>, ParamError> {
        let is_list = matches!(params, Json::Array(_));
        if is_list != self.0.begins_with_number() {
            return Err(ParamError::NotScalar { name: self.0.as_str().into() });
        }
        self.0.values(params)
    }
}
