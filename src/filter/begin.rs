//! What becomes of an answer, told by its head: filtered as its kind, passed without its body, or not let through.

use super::chain::Chain;
use super::error::FilterError;
use super::judge::Terms;
use super::plan::Plan;
use super::raw::RawErrors;
use crate::request::MediaType;
use crate::wire::head::ResponseHead;

/// What becomes of an answer.
pub enum Begun {
    /// Its body passes the chain and is then of this content type.
    Filtered(Chain, String),
    /// It has no body, or its body says nothing that the head does not.
    Bodiless,
    /// Its status is passed on, and nothing else: the application says that something went wrong.
    Withheld,
}

impl Plan {
    /// What becomes of the answer that begins with `head`. The caller drops the fields of which
    /// [`super::belongs_to_the_unfiltered`] holds, and the body unless it is filtered.
    ///
    /// # Errors
    /// Where it is none that the rule filters.
    pub fn begin(&self, head: &ResponseHead, terms: Terms) -> Result<Begun, FilterError> {
        match head.status {
            // RFC 9110 sections 15.3.5 and 15.3.6: without content
            204 | 205 => return Ok(Begun::Bodiless),
            // ranges and conditions were taken off the request
            206 | 226 | 300 | 304..=306 => return Err(FilterError::Status),
            200..=299 => {}
            301..=399 => return Ok(Begun::Bodiless),
            400.. if self.errors == RawErrors::Withhold => return Ok(Begun::Withheld),
            400.. => {}
            _ => return Err(FilterError::Status),
        }
        let coding = head.single("content-encoding").map_err(|_| FilterError::Coding)?;
        if coding.is_some_and(|coding| !coding.trim_ascii().eq_ignore_ascii_case(b"identity")) {
            return Err(FilterError::Coding);
        }
        let Some(value) = head.single("content-type").map_err(|_| FilterError::TypeUnclear)? else {
            return Err(FilterError::Type);
        };
        let media = MediaType::parse(value).ok_or(FilterError::TypeUnclear)?;
        let kind = self.kind(&media.essence).ok_or(FilterError::Type)?;
        let mut shown = media.essence.to_string();
        if kind.is_text() {
            let known =
                |charset: &str| ["utf-8", "utf8", "us-ascii"].iter().any(|own| charset.eq_ignore_ascii_case(own));
            if !media.charset.as_deref().is_none_or(known) {
                return Err(FilterError::Charset);
            }
            shown.push_str("; charset=utf-8");
        }
        Ok(Begun::Filtered(Chain::new(kind.start(terms)), shown))
    }
}
