//! One of several: a word alone, or a map of one entry.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, VariantAccess, Visitor};

use crate::diagnostics::Mark;
use crate::diagnostics::yaml::error::DecodeError;
use crate::diagnostics::yaml::node::Node;

pub(super) struct Variant<'de> {
    pub(super) name: &'de str,
    pub(super) mark: Mark,
    pub(super) value: Option<(usize, &'de Node)>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = DecodeError;
    type Variant = Payload<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Payload<'de>), DecodeError> {
        let name: StrDeserializer<'_, DecodeError> = self.name.into_deserializer();
        let variant = seed.deserialize(name).map_err(|error| error.at(self.mark))?;
        Ok((variant, Payload { name: self.name, mark: self.mark, value: self.value }))
    }
}

pub(super) struct Payload<'de> {
    name: &'de str,
    mark: Mark,
    value: Option<(usize, &'de Node)>,
}

impl<'de> Payload<'de> {
    fn value(&self) -> Result<(usize, &'de Node), DecodeError> {
        let name = self.name;
        self.value
            .ok_or_else(|| DecodeError::custom(format!("`{name}` wants a value: write `{{{name}: …}}`")).at(self.mark))
    }
}

impl<'de> VariantAccess<'de> for Payload<'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        match self.value {
            None => Ok(()),
            Some((_, node)) if node.is_nothing() => Ok(()),
            Some((_, node)) => {
                Err(DecodeError::custom(format!("`{}` takes no value; write the word alone", self.name)).at(node.mark))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, DecodeError> {
        let (at, node) = self.value()?;
        seed.deserialize(node).map_err(|error| error.at(node.mark).through(at))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        let (at, node) = self.value()?;
        node.deserialize_seq(visitor).map_err(|error| error.through(at))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let (at, node) = self.value()?;
        node.deserialize_struct("", fields, visitor).map_err(|error| error.through(at))
    }
}
