//! The elements of a list and the entries of a map, one after the other, as serde asks for them.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::placed::PlacedKey;
use super::variant::Variant;
use crate::diagnostics::yaml::error::DecodeError;
use crate::diagnostics::yaml::node::{Key, Node};
use crate::diagnostics::yaml::spanned;

pub(super) struct Items<'de> {
    pub(super) items: &'de [Node],
    pub(super) at: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        let Some(node) = self.items.get(self.at) else { return Ok(None) };
        let at = self.at;
        self.at += 1;
        seed.deserialize(node).map(Some).map_err(|error| error.at(node.mark).through(at))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len().saturating_sub(self.at))
    }
}

/// One value shown as a list of one.
pub(super) struct Alone<'de>(pub(super) Option<&'de Node>);

impl<'de> SeqAccess<'de> for Alone<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        self.0.take().map(|node| seed.deserialize(node)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(1)
    }
}

pub(super) struct Entries<'de> {
    pub(super) entries: &'de [(Key, Node)],
    pub(super) at: usize,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        let Some((key, _)) = self.entries.get(self.at) else { return Ok(None) };
        let name: KeyText<'de> = KeyText(key);
        seed.deserialize(name).map(Some).map_err(|error| error.at(key.mark).through(self.at))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        let Some((_, node)) = self.entries.get(self.at) else {
            return Err(DecodeError::custom("a key without a value"));
        };
        let at = self.at;
        self.at += 1;
        seed.deserialize(node).map_err(|error| error.at(node.mark).through(at))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len().saturating_sub(self.at))
    }
}

/// A key: a text, whose place [`spanned::Spanned`] may ask for.
pub(super) struct KeyText<'de>(pub(super) &'de Key);

impl<'de> Deserializer<'de> for KeyText<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_borrowed_str(&self.0.text)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name == spanned::NAME {
            visitor.visit_map(PlacedKey { key: self.0, at: 0 })
        } else {
            self.deserialize_any(visitor)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_enum(Variant { name: &self.0.text, mark: self.0.mark, value: None })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}
