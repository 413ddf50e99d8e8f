//! `{param: id}`: a parameter in the query or in the form, whichever the client used; in both it is refused.

use super::LocationError;
use super::form::{remove_in_form, set_in_form, values_in_form};
use crate::request::body::BodyState;
use crate::request::dialect::{Dialect, Place};
use crate::request::error::ParamError;
use crate::request::name::ParamName;
use crate::request::noted::Noted;
use crate::request::param::ParamValues;
use crate::request::view::{RequestView, elsewhere};

/// A parameter in the query or in the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamLocation(pub(crate) ParamName);

impl ParamLocation {
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
        let dialect = view.dialect();
        if view.merges(Place::Cookie) {
            view.check_place(&self.0, Place::Cookie)?;
        }
        let in_query = view.target().query().values_noting(&self.0, dialect, noted)?;
        if matches!(in_query, ParamValues::Absent) {
            return values_in_form(&self.0, view);
        }
        // SECURITY: CGI.pm looks into the body alone then (`a_parameter_in_the_query_of_a_post_is_refused_where_only_the_form_is_read`)
        if !dialect.query_of_post && matches!(view.method_bytes(), b"POST" | b"PUT" | b"PATCH") {
            return Err(elsewhere(&self.0, Place::Query));
        }
        if !view.is_bodiless() {
            view.check_place(&self.0, Place::Form)?;
        }
        Ok(in_query)
    }

    /// Whether the value stands in the form, or would be put there.
    fn is_in_form(&self, view: &RequestView<'_>) -> bool {
        !view.target().query().mentions(&self.0)
            && matches!(view.body_state(), BodyState::Form { .. } | BodyState::Multipart(_))
    }

    pub(crate) fn set(&self, view: &mut RequestView<'_>, values: &[&str]) -> Result<(), ParamError> {
        if self.is_in_form(view) {
            return set_in_form(&self.0, view, values);
        }
        let dialect = view.dialect();
        view.query_mut().set(&self.0, values, dialect)
    }

    pub(crate) fn remove(&self, view: &mut RequestView<'_>) {
        view.query_mut().remove(&self.0);
        remove_in_form(&self.0, view);
    }
}
