//! The judged request: values by location, changed by obligations, and written again from what was read.

use super::body::{BodyLimits, BodyState, ContentTypes, JudgedBody, XmlShape, read};
use super::canonical::CanonicalTarget;
use super::dialect::{Base, Dialect, Place};
use super::error::{BodyError, ParamError};
use super::header::folds_to;
use super::json::Json;
use super::location::{Cookies, Location};
use super::media::MediaType;
use super::name::{Match, ParamName};
use super::param::{ParamList, ParamValues};
use super::typed::ParamType;
use super::unnamed;
use bytes::Bytes;
use compact_str::CompactString;
use smallvec::SmallVec;
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
    method: &'h str,
    fields: SmallVec<[(&'h str, &'h [u8]); 16]>,
    target: CanonicalTarget,
    dialect: &'h Dialect,
    body: BodyState,
    cookies: OnceCell<Result<Cookies, ParamError>>,
    /// The JSON texts in parameters that rules look into, by the parameter that holds them.
    embedded: Vec<(Location, Json)>,
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
        let (cookies, embedded, header_edits, cookie_edits) = (OnceCell::new(), Vec::new(), Vec::new(), Vec::new());
        let parts = Parts { method, fields, target, dialect, body, cookies, embedded, header_edits, cookie_edits };
        Self(Box::write(room, parts))
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
            Location::FileName(location) => location.values(self),
            Location::Json(location) => location.values(self),
            Location::JsonIn(location) => location.values(self),
            Location::Xml(location) => location.values(self),
            Location::Soap(location) => location.values(self),
            Location::Rpc(location) => location.values(self),
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
            Location::FileName(_) => Err(refused()),
            Location::Json(location) => location.set(self, written, kind),
            Location::JsonIn(location) => location.set(self, written, kind),
            Location::Xml(location) => location.set(self, written, kind),
            Location::Soap(location) => location.set(self, written, kind),
            Location::Rpc(location) => location.set(self, written, kind),
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
            Location::Path(_) | Location::FileName(_) => {
                return Err(ParamError::Unwritable { name: location.name().into() });
            }
            Location::Query(location) => location.remove(self),
            Location::Form(location) => location.remove(self),
            Location::Multipart(location) => location.remove(self),
            Location::Json(location) => location.remove(self)?,
            Location::JsonIn(location) => location.remove(self)?,
            Location::Xml(location) => location.remove(self),
            Location::Soap(location) => location.remove(self),
            Location::Rpc(location) => location.remove(self)?,
            Location::Header(location) => location.remove(self),
            Location::Cookie(location) => location.remove(self)?,
            Location::Param(location) => location.remove(self),
        }
        Ok(())
    }

    /// Reads the JSON texts in parameters that `named` look into, so that they can be judged, and puts each back as it was
    /// read. `depth` is the number of nested objects and lists allowed.
    ///
    /// # Errors
    /// When such a parameter stands more than once or does not hold JSON with one reading.
    pub fn unfold<'a>(
        &mut self,
        named: impl IntoIterator<Item = &'a Location>,
        depth: usize,
    ) -> Result<(), ParamError> {
        for location in named {
            let Location::JsonIn(location) = location else { continue };
            let holder = &location.holder;
            if self.embedded(holder).is_some() {
                continue;
            }
            let root = match self.values(holder)? {
                values if values.is_absent() => continue,
                ParamValues::One(text) => Json::parse(text.as_bytes(), depth)
                    .map_err(|error| ParamError::Embedded { name: holder.name().into(), error: Box::new(error) })?,
                _ => return Err(ParamError::Several { name: holder.name().into() }),
            };
            self.embed(holder, root)?;
        }
        Ok(())
    }

    /// The JSON text that `holder` holds.
    pub(crate) fn embedded(&self, holder: &Location) -> Option<&Json> {
        self.0.embedded.iter().find(|(known, _)| known == holder).map(|(_, root)| root)
    }

    /// Every JSON text in a parameter that was read.
    pub(crate) fn all_embedded(&self) -> &[(Location, Json)] {
        &self.0.embedded
    }

    /// Puts a JSON text into `holder`.
    pub(crate) fn embed(&mut self, holder: &Location, root: Json) -> Result<(), ParamError> {
        let mut text = Vec::new();
        root.write(&mut text);
        let text = String::from_utf8(text).map_err(|_| ParamError::Unwritable { name: holder.name().into() })?;
        self.set(holder, &ParamType::Text, &[text])?;
        self.0.embedded.retain(|(known, _)| known != holder);
        self.0.embedded.push((holder.clone(), root));
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
        self.0.body.write(self.0.dialect)
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
                // frameworks that nobody told us of may merge an object or a document into their parameters
                BodyState::Json(body) => {
                    let Json::Object(members) = &body.root else { return Ok(()) };
                    self.0.dialect.base == Base::Strict && members.iter().any(|(key, _)| may_be(name, key))
                }
                BodyState::Xml(body) => {
                    let root = &body.document.root;
                    let names = root.elements().map(|child| &child.name).chain([&root.name]);
                    let mut names = names.chain(root.attributes.iter().map(|attribute| &attribute.name));
                    self.0.dialect.base == Base::Strict
                        && matches!(body.shape, XmlShape::Plain)
                        && names.any(|known| may_be(name, &known.local))
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

fn may_be(name: &ParamName, key: &str) -> bool {
    name.matches(key, None) != Match::Other
}
