//! `{header: x-warehouse}`: a header field, single-valued under every name that servers fold into it.

use super::{LocationError, is_token, unwritable};
use crate::request::error::ParamError;
use crate::request::forward::nominations;
use crate::request::header::folds_to;
use crate::request::param::ParamValues;
use crate::request::view::RequestView;
use compact_str::CompactString;

/// Fields that frame or route a message; no rule may read or write them as parameters.
const RESERVED: [&str; 13] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "cookie",
    "content-type",
    "content-encoding",
    "authorization",
    "keep-alive",
];

/// A header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderLocation {
    name: CompactString,
}

impl HeaderLocation {
    pub(super) fn compile(name: &str) -> Result<Self, LocationError> {
        if !is_token(name) || RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
            return Err(LocationError::Token(name.to_owned(), "header"));
        }
        Ok(Self { name: name.into() })
    }

    /// The name as the rule spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn values<'a>(&self, view: &'a RequestView<'_>) -> Result<ParamValues<'a>, ParamError> {
        if let Some(value) = view.header_edit(&self.name) {
            return Ok(value.map_or(ParamValues::Absent, ParamValues::One));
        }
        let repeated = || ParamError::RepeatedHeader { name: self.name.clone() };
        let mut found = None;
        for (name, value) in view.fields() {
            if !folds_to(name, &self.name) {
                continue;
            }
            // SECURITY: `x_warehouse` beside `x-warehouse` is one header to CGI-style servers
            // (test `a_header_under_a_folded_name_is_refused`)
            if found.is_some() || !name.eq_ignore_ascii_case(&self.name) {
                return Err(repeated());
            }
            found = Some(value);
        }
        let Some(value) = found else { return Ok(ParamValues::Absent) };
        // SECURITY: a field that `Connection` names would be judged here and dropped at the next hop
        // (test `a_judged_header_that_connection_names_is_refused`)
        if nominations(view.fields()).any(|token| folds_to(token, &self.name)) {
            return Err(repeated());
        }
        // SECURITY: only ASCII, since servers decode other bytes as Latin-1, UTF-8 or not at all
        let text = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| (0x20..0x7f).contains(&b)));
        text.map(ParamValues::One).ok_or_else(|| ParamError::Character {
            shown: self.name.clone(),
            place: "header",
            setting: None,
        })
    }

    pub(crate) fn set(&self, view: &mut RequestView<'_>, values: &[&str]) -> Result<(), ParamError> {
        match values {
            [value] if value.bytes().all(|b| (0x20..0x7f).contains(&b)) && value.trim() == *value => {
                view.edit_header(&self.name, Some(CompactString::from(*value)));
                Ok(())
            }
            _ => Err(unwritable(&self.name)),
        }
    }

    pub(crate) fn remove(&self, view: &mut RequestView<'_>) {
        view.edit_header(&self.name, None);
    }
}
