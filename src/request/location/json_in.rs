//! `{json-in: {form: jsonStr, pointer: /warehouse}}`: a value in a JSON text that is itself the value of a parameter.

use super::pointer::Pointer;
use super::{Location, LocationError, RawLocation, unwritable};
use crate::request::dialect::Dialect;
use crate::request::error::ParamError;
use crate::request::param::ParamValues;
use crate::request::typed::ParamType;
use crate::request::view::RequestView;
use compact_str::{CompactString, format_compact};

/// A value in a JSON text inside of a parameter, as the rules spell it: exactly one place, and a pointer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawJsonIn {
    /// The parameter in the query that holds the text.
    pub query: Option<String>,
    /// The field of the form that holds it.
    pub form: Option<String>,
    /// The text field of a multipart body that holds it.
    pub multipart: Option<String>,
    /// The parameter that holds it, in the query or in the form.
    pub param: Option<String>,
    /// A JSON pointer into the text (RFC 6901), where `*` stands for every element of a list.
    pub pointer: String,
}

impl RawJsonIn {
    /// The parameter that holds the text.
    fn holder(&self) -> Option<RawLocation> {
        let mut given = [
            self.query.clone().map(RawLocation::Query),
            self.form.clone().map(RawLocation::Form),
            self.multipart.clone().map(RawLocation::Multipart),
            self.param.clone().map(RawLocation::Param),
        ]
        .into_iter()
        .flatten();
        given.next().filter(|_| given.next().is_none())
    }
}

/// A value in a JSON text inside of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonInLocation {
    name: CompactString,
    pub(crate) holder: Box<Location>,
    pub(crate) pointer: Box<Pointer>,
}

impl JsonInLocation {
    /// The parameter that holds the text.
    #[must_use]
    pub fn holder(&self) -> &Location {
        &self.holder
    }

    pub(super) fn compile(raw: &RawJsonIn, dialect: &Dialect) -> Result<Self, LocationError> {
        let holder = raw.holder().ok_or(LocationError::Holder)?;
        let holder = holder.compile(dialect, |_| None)?;
        let pointer = Box::new(Pointer::compile(&raw.pointer)?);
        Ok(Self { name: format_compact!("{}{}", holder.name(), raw.pointer), holder: Box::new(holder), pointer })
    }

    /// The name of the parameter and the pointer.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn values<'a>(&self, view: &'a RequestView<'_>) -> Result<ParamValues<'a>, ParamError> {
        match view.embedded(&self.holder) {
            Some(root) => self.pointer.values(root),
            None if view.values(&self.holder)?.is_absent() => Ok(ParamValues::Absent),
            None => Err(ParamError::Unread { name: self.name.clone() }),
        }
    }

    pub(crate) fn set(&self, view: &mut RequestView<'_>, values: &[&str], kind: &ParamType) -> Result<(), ParamError> {
        let mut root = view.embedded(&self.holder).cloned().ok_or_else(|| unwritable(&self.name))?;
        self.pointer.set(&mut root, values, kind)?;
        view.embed(&self.holder, root)
    }

    pub(crate) fn remove(&self, view: &mut RequestView<'_>) -> Result<(), ParamError> {
        let Some(mut root) = view.embedded(&self.holder).cloned() else { return Ok(()) };
        self.pointer.remove(&mut root)?;
        view.embed(&self.holder, root)
    }
}
