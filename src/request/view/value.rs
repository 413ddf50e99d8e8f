//! What stands at a location: read, written, removed. How each kind of location does so is its own affair.

use smallvec::SmallVec;

use super::RequestView;
use crate::request::error::ParamError;
use crate::request::location::Location;
use crate::request::noted::Noted;
use crate::request::param::ParamValues;
use crate::request::typed::ParamType;

impl RequestView<'_> {
    /// The values at `location`.
    ///
    /// # Errors
    /// When the application may read another value than this one: the name in another spelling or another place, a
    /// repeated header, a part of the body that was not read.
    pub fn values(&self, location: &Location) -> Result<ParamValues<'_>, ParamError> {
        self.values_noting(location, &mut Noted::default())
    }

    /// The same, noting which parameters of the query a rule that names `location` names.
    #[inline]
    pub(crate) fn values_noting(&self, location: &Location, noted: &mut Noted) -> Result<ParamValues<'_>, ParamError> {
        match location {
            Location::Query(location) => location.values(self, noted),
            Location::Param(location) => location.values(self, noted),
            other => self.values_outside(other),
        }
    }

    /// The values at a location that notes nothing.
    fn values_outside(&self, location: &Location) -> Result<ParamValues<'_>, ParamError> {
        match location {
            Location::Path(location) => Ok(location.values(self)),
            Location::Query(location) => location.values(self, &mut Noted::default()),
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
            Location::Param(location) => location.values(self, &mut Noted::default()),
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
}
