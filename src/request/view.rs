//! The judged request: values by location, changed by obligations, and written again from what was read.

use super::canonical::CanonicalTarget;
use super::dialect::{Base, Dialect, Place};
use super::error::{BodyError, ParamError};
use super::header::folds_to;
use super::json::Json;
use super::location::{Cookies, Location};
use super::media::MediaType;
use super::multipart::Multipart;
use super::name::{Match, ParamName};
use super::param::{ParamList, ParamValues};
use super::typed::ParamType;
use super::unnamed;
use bytes::Bytes;
use compact_str::{CompactString, format_compact};
use smallvec::SmallVec;
use std::cell::OnceCell;

/// The field by which forms name their character set (RFC 7578 section 4.6); it must name the application's.
pub(crate) const CHARSET_FIELD: &str = "_charset_";

/// A kind of body that can be judged, as the rules spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawContentType {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`.
    Multipart,
    /// `application/json` and `application/*+json`.
    Json,
}

/// The kinds of body that a route accepts where its body is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContentTypes {
    /// `application/x-www-form-urlencoded`.
    pub form: bool,
    /// `multipart/form-data`.
    pub multipart: bool,
    /// `application/json` and `application/*+json`.
    pub json: bool,
    /// Whether GET and HEAD may have a body.
    pub body_on_get: bool,
}

impl FromIterator<RawContentType> for ContentTypes {
    fn from_iter<I: IntoIterator<Item = RawContentType>>(kinds: I) -> Self {
        let mut types = Self::default();
        for kind in kinds {
            match kind {
                RawContentType::Form => types.form = true,
                RawContentType::Multipart => types.multipart = true,
                RawContentType::Json => types.json = true,
            }
        }
        types
    }
}

/// Limits of a judged body; a body beyond them is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// Size in bytes.
    pub bytes: usize,
    /// Number of fields of a form; the dialect's `max-params` applies too.
    pub parameters: usize,
    /// Number of parts of a multipart body; the dialect's `max-params` applies too.
    pub parts: usize,
    /// Number of nested objects and lists in JSON.
    pub depth: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { bytes: 1024 * 1024, parameters: 1000, parts: 1000, depth: 32 }
    }
}

/// The body to forward.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JudgedBody {
    /// Nothing in it was judged: it is absent, or streams as it comes.
    None,
    /// Written again from what was judged.
    Bytes {
        /// The content type that goes with the bytes.
        content_type: CompactString,
        /// The body.
        bytes: Bytes,
    },
}

/// A parameter that no rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unnamed {
    /// `query`, `form`, `multipart` or `json`.
    pub place: &'static str,
    /// Its name as sent, or a JSON pointer with `*` for list elements.
    pub name: CompactString,
}

/// What is known of the body.
#[derive(Clone, Debug)]
pub(crate) enum BodyState {
    /// There is none.
    Absent,
    /// There is one that nobody has read.
    Unread,
    Form {
        list: Box<ParamList>,
        charset: Option<CompactString>,
    },
    Multipart(Multipart),
    Json {
        root: Json,
        essence: CompactString,
        charset: Option<CompactString>,
    },
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
    method: &'h str,
    fields: SmallVec<[(&'h str, &'h [u8]); 16]>,
    target: CanonicalTarget,
    dialect: &'h Dialect,
    body: BodyState,
    cookies: OnceCell<Result<Cookies, ParamError>>,
    header_edits: Vec<Edit>,
    cookie_edits: Vec<Edit>,
}

impl<'h> RequestView<'h> {
    /// A view of a request: its method, its header fields as sent, whether it has a body, its target.
    #[must_use]
    pub fn new(
        method: &'h str,
        fields: impl IntoIterator<Item = (&'h str, &'h [u8])>,
        has_body: bool,
        target: CanonicalTarget,
        dialect: &'h Dialect,
    ) -> Self {
        let room = Box::new_uninit();
        let fields = fields.into_iter().collect();
        let body = if has_body { BodyState::Unread } else { BodyState::Absent };
        let (cookies, header_edits, cookie_edits) = (OnceCell::new(), Vec::new(), Vec::new());
        Self(Box::write(room, Parts { method, fields, target, dialect, body, cookies, header_edits, cookie_edits }))
    }

    /// The method as sent.
    #[must_use]
    pub const fn method(&self) -> &'h str {
        self.0.method
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
        self.0.fields.iter().copied()
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
        override_in_form
            || named.into_iter().any(|location| match location {
                Location::Form(_) | Location::Multipart(_) | Location::Json(_) => true,
                Location::Param(_) => form,
                Location::Query(_) => form && self.0.dialect.merges(Place::Query) && self.0.dialect.merges(Place::Form),
                Location::Path(_) | Location::Header(_) | Location::Cookie(_) => false,
            })
    }

    /// Refuses a body where the method has none and the route does not allow it. For bodies that stream, too.
    ///
    /// # Errors
    /// When the method is GET or HEAD and there is a body.
    pub fn check_body(&self, types: &ContentTypes) -> Result<(), BodyError> {
        let has_body = !matches!(self.0.body, BodyState::Absent);
        if has_body && matches!(self.0.method, "GET" | "HEAD") && !types.body_on_get {
            return Err(BodyError::Unexpected { method: self.0.method.into() });
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
        if body.len() > limits.bytes {
            return Err(BodyError::TooLarge { limit: limits.bytes });
        }
        let encoded = |value: &[u8]| !value.trim_ascii().eq_ignore_ascii_case(b"identity");
        if self.fields().any(|(name, value)| folds_to(name, "content-encoding") && encoded(value)) {
            return Err(BodyError::ContentEncoding);
        }
        let media = self.media_type()?.ok_or(BodyError::ContentType("is missing"))?;
        let dialect = self.0.dialect;
        let is_form = media.essence == "application/x-www-form-urlencoded";
        // JSON is UTF-8 whatever the application's forms are (RFC 8259 section 8.1)
        let charset = if media.is_json() { super::Charset::Utf8 } else { dialect.charset };
        if media.charset.as_ref().is_some_and(|label| !charset.is_named_by(label)) {
            return Err(BodyError::Charset(charset));
        }
        self.0.body = if is_form && types.form {
            let list = Box::new(ParamList::parse(body, dialect, limits.parameters, "form")?);
            let is_ours = |label: &str| dialect.charset.is_named_by(label);
            if list.iter().any(|value| value.name() == CHARSET_FIELD && !is_ours(value.value())) {
                return Err(BodyError::Charset(dialect.charset));
            }
            BodyState::Form { list, charset: media.charset }
        } else if media.essence == "multipart/form-data" && types.multipart {
            let boundary = media.boundary.ok_or(BodyError::ContentType("has no boundary"))?;
            BodyState::Multipart(Multipart::parse(body, &boundary, dialect, limits.parts)?)
        } else if media.is_json() && types.json {
            let root = Json::parse(body, limits.depth)?;
            BodyState::Json { root, essence: media.essence, charset: media.charset }
        } else {
            return Err(BodyError::ContentType("is not one that the route lists"));
        };
        Ok(())
    }

    /// The one content type, `None` where there is none.
    fn media_type(&self) -> Result<Option<MediaType>, BodyError> {
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
            Ok(Some(media)) => media.is_form() || (self.0.dialect.base == Base::Strict && media.is_json()),
            Ok(None) | Err(_) => true,
        }
    }

    /// The values at `location`.
    ///
    /// # Errors
    /// When the application may read another value than this one: the name in another spelling or another place, a
    /// repeated header, a part of the body that was not read.
    pub fn values(&self, location: &Location) -> Result<ParamValues<'_>, ParamError> {
        match location {
            Location::Path(location) => Ok(location.values(self)),
            Location::Query(location) => location.values(self),
            Location::Form(location) => location.values(self),
            Location::Multipart(location) => location.values(self),
            Location::Json(location) => location.values(self),
            Location::Header(location) => location.values(self),
            Location::Cookie(location) => location.values(self),
            Location::Param(location) => location.values(self),
        }
    }

    /// Whether what stands at `location` are files only, or nothing.
    ///
    /// # Errors
    /// When text stands there, the name in another spelling, or the place holds no files.
    pub fn check_files(&self, location: &Location) -> Result<(), ParamError> {
        match location {
            Location::Multipart(location) => location.check_files(self),
            other => Err(ParamError::Unwritable { name: other.name().into() }),
        }
    }

    /// Gives `location` these values, as `fill` and `narrow` want it. Several go only into a list type.
    ///
    /// # Errors
    /// When there is no value, several where `kind` is no list, one that `kind` does not accept, or the place cannot
    /// hold them.
    pub fn set<S: AsRef<str>>(
        &mut self,
        location: &Location,
        kind: &ParamType,
        values: &[S],
    ) -> Result<(), ParamError> {
        let refused = || ParamError::Unwritable { name: location.name().into() };
        let elements: SmallVec<[&str; 4]> = values.iter().map(AsRef::as_ref).collect();
        let one = elements.len() == 1;
        if elements.is_empty() || !(one || kind.is_list()) {
            return Err(refused());
        }
        let joined;
        let written: &[&str] = match kind {
            ParamType::List { of, separator: Some(separator) } => {
                if elements.iter().any(|element| element.contains(*separator) || of.accept(element).is_err()) {
                    return Err(refused());
                }
                joined = elements.join(separator.encode_utf8(&mut [0; 4]));
                &[joined.as_str()]
            }
            _ => {
                elements.iter().try_for_each(|element| kind.accept(element)).map_err(|_| refused())?;
                &elements
            }
        };
        match location {
            Location::Path(location) => location.set(self, written),
            Location::Query(location) => location.set(self, written),
            Location::Form(location) => location.set(self, written),
            Location::Multipart(location) => location.set(self, written),
            Location::Json(location) => location.set(self, written, kind),
            Location::Header(location) => location.set(self, written),
            Location::Cookie(location) => location.set(self, written),
            Location::Param(location) => location.set(self, written),
        }
    }

    /// Removes what stands at `location`.
    ///
    /// # Errors
    /// When it cannot be removed: a part of the path.
    pub fn remove(&mut self, location: &Location) -> Result<(), ParamError> {
        match location {
            Location::Path(path) => return Err(ParamError::Unwritable { name: path.name().into() }),
            Location::Query(location) => location.remove(self),
            Location::Form(location) => location.remove(self),
            Location::Multipart(location) => location.remove(self),
            Location::Json(location) => location.remove(self),
            Location::Header(location) => location.remove(self),
            Location::Cookie(location) => location.remove(self)?,
            Location::Param(location) => location.remove(self),
        }
        Ok(())
    }

    /// The parameters of query and judged body that none of `named` names.
    pub fn unnamed<'a, I>(&self, named: I) -> Vec<Unnamed>
    where
        I: IntoIterator<Item = &'a Location> + Clone,
    {
        unnamed::collect(self, &named)
    }

    /// Appends the target to forward: canonical path, parameters in their order.
    pub fn write_target(&self, out: &mut Vec<u8>) {
        self.0.target.write(out, self.0.dialect);
    }

    /// The body to forward, written again from what was judged.
    #[must_use]
    pub fn body(&self) -> JudgedBody {
        let typed = |essence: &str, charset: &Option<CompactString>| match charset {
            Some(charset) => format_compact!("{essence}; charset={charset}"),
            None => essence.into(),
        };
        match &self.0.body {
            BodyState::Absent | BodyState::Unread => JudgedBody::None,
            BodyState::Form { list, charset } => {
                let mut out = Vec::new();
                list.write(&mut out, self.0.dialect);
                let content_type = typed("application/x-www-form-urlencoded", charset);
                JudgedBody::Bytes { content_type, bytes: out.into() }
            }
            BodyState::Multipart(multipart) => {
                let (content_type, bytes) = multipart.write(self.0.dialect);
                JudgedBody::Bytes { content_type, bytes: bytes.into() }
            }
            BodyState::Json { root, essence, charset } => {
                let mut out = Vec::new();
                root.write(&mut out);
                JudgedBody::Bytes { content_type: typed(essence, charset), bytes: out.into() }
            }
        }
    }

    /// Whether the body was read and judged, so that [`RequestView::body`] gives what to forward.
    #[must_use]
    pub const fn is_body_read(&self) -> bool {
        !matches!(self.0.body, BodyState::Absent | BodyState::Unread)
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

    /// Refuses a parameter that the application also reads in another of the places it merges with `here`.
    pub(crate) fn check_elsewhere(&self, name: &ParamName, here: Place) -> Result<(), ParamError> {
        self.0.dialect.merge.iter().filter(|&&place| place != here).try_for_each(|&place| self.check_place(name, place))
    }

    /// Refuses a parameter that stands in `place`.
    pub(crate) fn check_place(&self, name: &ParamName, place: Place) -> Result<(), ParamError> {
        let found = match place {
            Place::Query => self.0.target.query().mentions(name),
            Place::Cookie => self.cookies()?.mentions(name),
            Place::Form => match &self.0.body {
                BodyState::Absent => false,
                BodyState::Unread if self.may_hold_form() => {
                    return Err(ParamError::Unread { name: name.as_str().into() });
                }
                BodyState::Unread => false,
                BodyState::Form { list, .. } => list.mentions(name),
                BodyState::Multipart(multipart) => multipart.mentions(name),
                BodyState::Json { root, .. } => {
                    // frameworks that nobody told us of may merge a JSON object into their parameters
                    let same = |key: &str| name.matches(key, None) != Match::Other;
                    let Json::Object(members) = root else { return Ok(()) };
                    self.0.dialect.base == Base::Strict && members.iter().any(|(key, _)| same(key))
                }
            },
        };
        if found {
            return Err(ParamError::Elsewhere { name: name.as_str().into(), place: place.as_str() });
        }
        Ok(())
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
