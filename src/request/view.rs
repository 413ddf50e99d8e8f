//! The judged request: values by location, changed by obligations, and written again from what was read.

mod elsewhere;
mod embedded;
mod value;

pub(crate) use elsewhere::elsewhere;

use super::body::{BodyLimits, BodyState, ContentTypes, JudgedBody, read};
use super::canonical::CanonicalTarget;
use super::dialect::{Base, Dialect, Place};
use super::error::{BodyError, ParamError};
use super::header::folds_to;
use super::json::Json;
use super::location::{Cookies, Location};
use super::media::MediaType;
use super::noted::Noted;
use super::param::ParamList;
use super::unnamed;
use crate::wire::head::RequestHead;
use bytes::Bytes;
use compact_str::CompactString;
use elsewhere::Merged;
use std::cell::OnceCell;

/// A parameter that no rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unnamed {
    /// `query`, `form`, `multipart`, `json`, `json-in`, `xml`, `soap` or `rpc`.
    pub place: &'static str,
    /// Its name as sent, a JSON pointer with `*` for list elements, or a path of elements.
    pub name: CompactString,
}

/// A changed header or cookie: the new value, or `None` where it is removed.
pub type Edit = (CompactString, Option<CompactString>);

/// A request as rules see it.
///
/// Boxed: it is large, and goes through many hands before it is sealed.
#[derive(Debug)]
pub struct RequestView<'h>(Box<Parts<'h>>);

#[derive(Debug)]
struct Parts<'h> {
    head: Sent<'h>,
    target: Box<CanonicalTarget>,
    dialect: &'h Dialect,
    merged: Merged,
    body: BodyState,
    cookies: OnceCell<Result<Cookies, ParamError>>,
    /// The JSON texts in parameters that rules look into, by the parameter that holds them.
    embedded: Vec<(Location, Json)>,
    header_edits: Vec<Edit>,
    cookie_edits: Vec<Edit>,
}

/// The method and the header fields that a view is of.
#[derive(Debug)]
enum Sent<'h> {
    Head(&'h RequestHead),
    Listed(&'h str, Vec<(&'h str, &'h [u8])>),
}

impl<'h> RequestView<'h> {
    /// A view of a request that came with this head.
    #[must_use]
    pub fn of(head: &'h RequestHead, has_body: bool, target: Box<CanonicalTarget>, dialect: &'h Dialect) -> Self {
        Self::with(Sent::Head(head), has_body, target, dialect)
    }

    /// A view of a request: its method, its header fields as sent, whether it has a body, its target.
    #[must_use]
    pub fn new(
        method: &'h str,
        fields: impl IntoIterator<Item = (&'h str, &'h [u8])>,
        has_body: bool,
        target: Box<CanonicalTarget>,
        dialect: &'h Dialect,
    ) -> Self {
        Self::with(Sent::Listed(method, fields.into_iter().collect()), has_body, target, dialect)
    }

    fn with(head: Sent<'h>, has_body: bool, target: Box<CanonicalTarget>, dialect: &'h Dialect) -> Self {
        let room = Box::new_uninit();
        let body = if has_body { BodyState::Unread } else { BodyState::Absent };
        let (cookies, embedded, header_edits, cookie_edits) = (OnceCell::new(), Vec::new(), Vec::new(), Vec::new());
        let merged = Merged::of(dialect);
        let parts = Parts { head, target, dialect, merged, body, cookies, embedded, header_edits, cookie_edits };
        Self(Box::write(room, parts))
    }

    /// The method as sent.
    #[must_use]
    pub fn method(&self) -> &'h str {
        match self.0.head {
            Sent::Head(head) => head.method(),
            Sent::Listed(method, _) => method,
        }
    }

    /// The method as sent, without a look at whether it is text.
    pub(crate) fn method_bytes(&self) -> &'h [u8] {
        match self.0.head {
            Sent::Head(head) => head.method_bytes(),
            Sent::Listed(method, _) => method.as_bytes(),
        }
    }

    /// The target, with what obligations have changed.
    #[must_use]
    pub const fn target(&self) -> &CanonicalTarget {
        &self.0.target
    }

    /// The dialect that the request is read in.
    #[must_use]
    pub const fn dialect(&self) -> &'h Dialect {
        self.0.dialect
    }

    /// The header fields as sent, in their order.
    pub fn fields(&self) -> impl Iterator<Item = (&'h str, &'h [u8])> + '_ {
        let (head, listed) = self.sent();
        head.into_iter().flat_map(RequestHead::fields).chain(listed.iter().copied())
    }

    /// The names of the header fields, without a look at whether they are text.
    pub(crate) fn field_names(&self) -> impl Iterator<Item = &'h [u8]> + '_ {
        let (head, listed) = self.sent();
        head.into_iter()
            .flat_map(|head| head.raw_fields().map(|(name, _)| name))
            .chain(listed.iter().map(|(name, _)| name.as_bytes()))
    }

    fn sent(&self) -> (Option<&'h RequestHead>, &[(&'h str, &'h [u8])]) {
        match &self.0.head {
            Sent::Head(head) => (Some(*head), &[]),
            Sent::Listed(_, listed) => (None, listed),
        }
    }

    /// Whether a rule that names these locations can be judged only with the body read.
    ///
    /// That is so for locations in the body, and for parameters of the query that the application would also take
    /// from a form in the body.
    pub fn needs_body<'a>(&self, named: impl IntoIterator<Item = &'a Location>) -> bool {
        if !matches!(self.0.body, BodyState::Unread) {
            return false;
        }
        let form = self.may_hold_form();
        let override_in_form = form && !self.0.dialect.override_params.is_empty();
        override_in_form || named.into_iter().any(|location| self.lies_in_body(location, form))
    }

    /// Whether the application may take `location` from the body, which may hold a form.
    fn lies_in_body(&self, location: &Location, form: bool) -> bool {
        match location {
            Location::Param(_) => form,
            Location::Query(_) => form && self.0.dialect.merges(Place::Query) && self.0.dialect.merges(Place::Form),
            Location::JsonIn(location) => self.lies_in_body(&location.holder, form),
            other => other.is_in_body(),
        }
    }

    /// Refuses a body where the method has none and the route does not allow it. For bodies that stream, too.
    ///
    /// # Errors
    /// When the method is GET or HEAD and there is a body.
    pub fn check_body(&self, types: &ContentTypes) -> Result<(), BodyError> {
        if !self.is_bodiless() && matches!(self.method(), "GET" | "HEAD") && !types.body_on_get {
            return Err(BodyError::Unexpected { method: self.method().into() });
        }
        Ok(())
    }

    /// Reads the body, so that locations in it can be judged. An absent body stays absent.
    ///
    /// # Errors
    /// When the content type is not one of `types`, the body is encoded or in another character set, is beyond a
    /// limit, or has more than one reading.
    pub fn read_body(&mut self, types: &ContentTypes, limits: &BodyLimits, body: &Bytes) -> Result<(), BodyError> {
        if matches!(self.0.body, BodyState::Absent) || body.is_empty() {
            self.0.body = BodyState::Absent;
            return Ok(());
        }
        self.check_body(types)?;
        let (state, edits) = read(self, types, limits, body)?;
        self.0.body = state;
        self.0.embedded.clear();
        edits.into_iter().for_each(|(name, value)| self.edit_header(&name, value));
        Ok(())
    }

    /// The one content type, `None` where there is none.
    pub(crate) fn media_type(&self) -> Result<Option<MediaType>, BodyError> {
        let mut found = None;
        for (_, value) in self.fields().filter(|(name, _)| folds_to(name, "content-type")) {
            if found.is_some() {
                return Err(BodyError::ContentType("is given more than once"));
            }
            found = Some(MediaType::parse(value).ok_or(BodyError::ContentType("is malformed"))?);
        }
        Ok(found)
    }

    /// Whether the application may read parameters out of the body, going by its content type.
    pub(crate) fn may_hold_form(&self) -> bool {
        match self.media_type() {
            Ok(Some(media)) => {
                media.is_form() || (self.0.dialect.base == Base::Strict && (media.is_json() || media.is_xml()))
            }
            Ok(None) | Err(_) => true,
        }
    }

    /// The parameters of query and judged body that none of `named` names.
    pub fn unnamed<'a, I>(&self, named: I) -> Vec<Unnamed>
    where
        I: IntoIterator<Item = &'a Location> + Clone,
    {
        unnamed::collect(self, &named, Noted::default())
    }

    /// The same, where the values of some of `named` were read and `noted` then.
    #[inline]
    pub(crate) fn unnamed_but<'a, I>(&self, named: I, noted: Noted) -> Vec<Unnamed>
    where
        I: IntoIterator<Item = &'a Location> + Clone,
    {
        unnamed::collect(self, &named, noted)
    }

    /// Appends the target to forward: canonical path, parameters in their order.
    pub fn write_target(&self, out: &mut Vec<u8>) {
        self.0.target.write(out, self.0.dialect);
    }

    /// The body to forward, written again from what was judged.
    #[must_use]
    pub fn body(&self) -> JudgedBody {
        self.0.body.write(self.0.dialect)
    }

    /// Whether the body was read and judged, so that [`RequestView::body`] gives what to forward.
    #[must_use]
    pub const fn is_body_read(&self) -> bool {
        !matches!(self.0.body, BodyState::Absent | BodyState::Unread)
    }

    /// Whether there is no body.
    pub(crate) const fn is_bodiless(&self) -> bool {
        matches!(self.0.body, BodyState::Absent)
    }

    /// Whether there is a body that nobody has read.
    #[must_use]
    pub const fn is_body_unread(&self) -> bool {
        matches!(self.0.body, BodyState::Unread)
    }

    /// Headers that obligations have changed.
    #[must_use]
    pub fn header_edits(&self) -> &[Edit] {
        &self.0.header_edits
    }

    /// Cookies that obligations have changed.
    #[must_use]
    pub fn cookie_edits(&self) -> &[Edit] {
        &self.0.cookie_edits
    }

    /// The cookies as sent.
    ///
    /// # Errors
    /// When there are several `Cookie` fields or servers would split it differently.
    pub fn cookies(&self) -> Result<&Cookies, ParamError> {
        let read = || {
            let mut fields = self.fields().filter(|(name, _)| folds_to(name, "cookie"));
            match (fields.next(), fields.next()) {
                (None, _) => Ok(Cookies::default()),
                (Some((_, value)), None) => Cookies::parse(value, self.0.dialect),
                _ => Err(ParamError::RepeatedHeader { name: "cookie".into() }),
            }
        };
        self.0.cookies.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    pub(crate) const fn body_state(&self) -> &BodyState {
        &self.0.body
    }

    pub(crate) const fn body_state_mut(&mut self) -> &mut BodyState {
        &mut self.0.body
    }

    pub(crate) const fn query_mut(&mut self) -> &mut ParamList {
        self.0.target.query_mut()
    }

    pub(crate) fn set_segment(&mut self, at: usize, text: &str) -> bool {
        self.0.target.set_segment(at, text, self.0.dialect)
    }

    /// The edit of this header, where there is one.
    pub(crate) fn header_edit(&self, name: &str) -> Option<Option<&str>> {
        self.0.header_edits.iter().find(|(edited, _)| folds_to(edited, name)).map(|(_, value)| value.as_deref())
    }

    pub(crate) fn edit_header(&mut self, name: &str, value: Option<CompactString>) {
        self.0.header_edits.retain(|(edited, _)| !folds_to(edited, name));
        self.0.header_edits.push((name.into(), value));
    }

    pub(crate) fn edit_cookie(&mut self, name: &str, value: Option<CompactString>) -> Result<(), ParamError> {
        let mut cookies = self.cookies()?.clone();
        cookies.edit(name, value.as_ref());
        self.0.cookies = OnceCell::from(Ok(cookies));
        self.0.cookie_edits.retain(|(edited, _)| edited != name);
        self.0.cookie_edits.push((name.into(), value));
        Ok(())
    }
}
