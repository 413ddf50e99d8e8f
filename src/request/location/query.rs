//! `{query: warehouse}`: a parameter in the query, and nowhere else that the application would read it.

use super::LocationError;
use crate::request::dialect::{Dialect, Place};
use crate::request::error::ParamError;
use crate::request::name::ParamName;
use crate::request::noted::Noted;
use crate::request::param::ParamValues;
use crate::request::view::RequestView;

/// A parameter in the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryLocation(pub(crate) ParamName);

impl QueryLocation {
    pub(super) fn compile(name: &str, dialect: &Dialect) -> Result<Self, LocationError> {
        Ok(Self(ParamName::compile(name, dialect)?))
    }

    /// The name as the rule spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_str()
    }

    /// The values, noting which of the query's parameters they are.
    #[inline]
    pub(crate) fn values<'a>(
        &self,
        view: &'a RequestView<'_>,
        noted: &mut Noted,
    ) -> Result<ParamValues<'a>, ParamError> {
        view.check_elsewhere(&self.0, Place::Query)?;
        view.target().query().values_noting(&self.0, view.dialect(), noted)
    }

    pub(crate) fn set(&self, view: &mut RequestView<'_>, values: &[&str]) -> Result<(), ParamError> {
        let dialect = view.dialect();
        view.query_mut().set(&self.0, values, dialect)
    }

    pub(crate) fn remove(&self, view: &mut RequestView<'_>) {
        view.query_mut().remove(&self.0);
    }
}
