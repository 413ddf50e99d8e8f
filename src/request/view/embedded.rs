//! JSON texts that parameters hold: read where rules look into them, and put back as they were read.

use super::RequestView;
use crate::request::error::ParamError;
use crate::request::json::Json;
use crate::request::location::Location;
use crate::request::param::ParamValues;
use crate::request::typed::ParamType;

impl RequestView<'_> {
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
}
