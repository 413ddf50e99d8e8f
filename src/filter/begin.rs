//! What becomes of an answer, told by its head: filtered as its kind, passed without its body, or not let through.

use super::chain::{Chain, Stage};
use super::coding::{Coding, DecodingStage, EncodingStage};
use super::error::FilterError;
use super::judge::Terms;
use super::plan::{Kind, Plan};
use super::raw::RawErrors;
use super::xlsx::Xlsx;
use crate::request::{Charset, MediaType};
use crate::wire::head::ResponseHead;
use smallvec::SmallVec;

/// What becomes of an answer.
pub enum Begun {
    /// Its body passes the chain and is then as announced.
    Filtered(Chain, Announced),
    /// Its body passes the chain, is collected, and rewritten as a whole; it is then of this content type.
    Whole(Chain, Xlsx, String),
    /// It has no body, or its body says nothing that the head does not.
    Bodiless,
    /// Its status is passed on, and nothing else: the application says that something went wrong.
    Withheld,
}

/// What the head says of a filtered body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Its content type.
    pub content_type: String,
    /// Its content coding.
    pub coding: Option<Coding>,
    /// Whether it bears a watermark, which a content security policy must allow.
    pub marked: bool,
}

impl Plan {
    /// What becomes of the answer that begins with `head`. The caller drops the fields of which
    /// [`super::belongs_to_the_unfiltered`] holds, and the body unless it is filtered.
    ///
    /// # Errors
    /// Where it is none that the rule filters.
    pub fn begin(&self, head: &ResponseHead, terms: Terms) -> Result<Begun, FilterError> {
        self.begin_in(head, terms, None)
    }

    /// The same; a body that is filtered is written in `coding`.
    ///
    /// # Errors
    /// Where it is none that the rule filters.
    pub fn begin_in(&self, head: &ResponseHead, terms: Terms, coding: Option<Coding>) -> Result<Begun, FilterError> {
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
        let codings = Coding::listed(head.values("content-encoding"))?;
        let Some(value) = head.single("content-type").map_err(|_| FilterError::TypeUnclear)? else {
            return Err(FilterError::Type);
        };
        let media = MediaType::parse(value).ok_or(FilterError::TypeUnclear)?;
        let kind = self.kind(&media.essence).ok_or(FilterError::Type)?;
        let charset = self.charset_of(kind, media.charset.as_deref())?;
        let mut stages: SmallVec<[Stage; 4]> = SmallVec::new();
        for coding in codings.into_iter().rev() {
            stages.push(Stage::Decoding(Box::new(DecodingStage::new(coding)?)));
        }
        match kind.start(terms, charset) {
            Ok(own) => stages.extend(own),
            Err(xlsx) => return Ok(Begun::Whole(Chain::new(stages), xlsx.clone(), media.essence.to_string())),
        }
        if let Some(coding) = coding {
            stages.push(Stage::Encoding(Box::new(EncodingStage::new(coding)?)));
        }
        let content_type = format!("{}; charset={}", media.essence, charset.as_str());
        Ok(Begun::Filtered(Chain::new(stages), Announced { content_type, coding, marked: kind.is_marked() }))
    }

    /// The character set to read an answer in: what its head names, else what the application declares. The head that leaves names it, so
    /// that no browser guesses.
    fn charset_of(&self, kind: &Kind, named: Option<&str>) -> Result<Charset, FilterError> {
        let own = if kind.has_charset() { self.charset } else { Charset::Utf8 };
        let Some(label) = named else { return Ok(own) };
        let known: &[Charset] = if kind.has_charset() { &Charset::ALL } else { &[Charset::Utf8] };
        std::iter::once(&own).chain(known).find(|one| one.is_named_by(label)).copied().ok_or(FilterError::Charset)
    }
}
