//! From tree to typed value through serde; finds every fault by going on without the faulty entry.

use super::error::{DecodeError, What};
use super::node::{Key, Kind, Node, Plain};
use super::shape;
use super::spanned;
use crate::diagnostics::{Mark, Report};
use compact_str::CompactString;
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use std::sync::Arc;

/// Faults noted in one value before giving up.
const FAULTS: usize = 50;

impl Node {
    /// Decodes the value; notes everything that is wrong, and gives nothing if anything is.
    ///
    /// After a fault it goes on without the entry that holds it, so that the next one is found too.
    pub fn decode<T: DeserializeOwned>(&self, file: &Arc<str>, report: &mut Report) -> Option<T> {
        let first = match T::deserialize(self) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let mut rest = self.clone();
        let mut removed: Vec<(Mark, CompactString)> = Vec::new();
        let mut error = first;
        for _ in 0..FAULTS {
            // a field that is missing because its faulty value was taken away was told of already
            let follows = matches!(error.what(), What::Missing(name)
                if removed.iter().any(|(mark, key)| *mark == error.mark() && key == name));
            if !follows {
                error.report(file, report);
            }
            let Some(gone) = remove(&mut rest, error.path()) else { break };
            removed.extend(gone);
            match T::deserialize(&rest) {
                Ok(_) => break,
                Err(next) => error = next,
            }
        }
        None
    }
}

/// Takes the entry away to which the path leads; `None` where it leads nowhere.
fn remove(root: &mut Node, path: impl DoubleEndedIterator<Item = usize>) -> Option<Option<(Mark, CompactString)>> {
    let mut path: Vec<usize> = path.collect();
    let last = path.pop()?;
    let mut node = root;
    for step in path {
        node = node.child_mut(step)?;
    }
    node.child_mut(last)?;
    let mark = node.mark;
    Some(node.remove_child(last).map(|key| (mark, key)))
}

impl Node {
    fn unexpected(&self) -> Unexpected<'_> {
        match &self.kind {
            Kind::List(_) => Unexpected::Seq,
            Kind::Map(_) => Unexpected::Map,
            Kind::Scalar { text, plain: false } => Unexpected::Str(text),
            Kind::Scalar { text, plain: true } => match Plain::of(text) {
                Plain::Nothing => Unexpected::Unit,
                Plain::Bool(value) => Unexpected::Bool(value),
                Plain::Unsigned(value) => Unexpected::Unsigned(value),
                Plain::Signed(value) => Unexpected::Signed(value),
                Plain::Float(value) => Unexpected::Float(value),
                Plain::Text => Unexpected::Str(text),
            },
        }
    }

    fn wrong<'de, V: Visitor<'de>>(&self, visitor: &V) -> DecodeError {
        DecodeError::invalid_type(self.unexpected(), visitor).at(self.mark)
    }

    fn any<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.kind {
            Kind::List(items) => visitor.visit_seq(Items { items, at: 0 }),
            Kind::Map(entries) => visitor.visit_map(Entries { entries, at: 0 }),
            Kind::Scalar { text, plain: false } => visitor.visit_borrowed_str(text),
            Kind::Scalar { text, plain: true } => match Plain::of(text) {
                Plain::Nothing => visitor.visit_unit(),
                Plain::Bool(value) => visitor.visit_bool(value),
                Plain::Unsigned(value) => visitor.visit_u64(value),
                Plain::Signed(value) => visitor.visit_i64(value),
                Plain::Float(value) => visitor.visit_f64(value),
                Plain::Text => visitor.visit_borrowed_str(text),
            },
        }
    }

    fn variant<'de, V: Visitor<'de>>(
        &'de self,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.kind {
            Kind::Scalar { text, .. } if !self.is_nothing() => {
                visitor.visit_enum(Variant { name: text, mark: self.mark, value: None })
            }
            Kind::Map(entries) => match entries.as_slice() {
                [(key, value)] => {
                    visitor.visit_enum(Variant { name: &key.text, mark: key.mark, value: Some((0, value)) })
                }
                [_, (second, _), ..] => {
                    let known: Vec<String> = variants.iter().map(|name| format!("`{name}`")).collect();
                    let text = format!("`{}` is one too many; write exactly one of {}", second.text, known.join(", "));
                    Err(DecodeError::custom(text).at(second.mark))
                }
                [] => Err(self.wrong(&visitor)),
            },
            _ => Err(self.wrong(&visitor)),
        }
    }
}

macro_rules! any {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            self.any(visitor).map_err(|error| error.at(self.mark))
        }
    )*};
}

macro_rules! text {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            match &self.kind {
                Kind::Scalar { text, .. } if !self.is_nothing() => visitor.visit_borrowed_str(text),
                _ => Err(self.wrong(&visitor)),
            }
            .map_err(|error| error.at(self.mark))
        }
    )*};
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = DecodeError;

    any! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_seq
        deserialize_map deserialize_ignored_any
    }

    text! { deserialize_str deserialize_string deserialize_char deserialize_identifier }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.kind {
            // a key without a value is a slip; `null` is meant
            Kind::Scalar { text, plain: true } if Plain::of(text) == Plain::Nothing && !text.is_empty() => {
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
        .map_err(|error| error.at(self.mark))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.kind {
            // one value stands for a list of one; its element is the value itself, so the path to a fault skips it
            _ if name == shape::ONE_OR_MANY && !self.is_list() && !self.is_nothing() => {
                visitor.visit_seq(Alone(Some(self)))
            }
            _ if name == shape::ONE_OR_MANY => return self.deserialize_seq(visitor),
            _ if name != shape::TEXT_OR_MAP => visitor.visit_newtype_struct(self),
            Kind::Scalar { text, .. } if !self.is_nothing() => visitor.visit_borrowed_str(text),
            _ => self.any(visitor),
        }
        .map_err(|error| error.at(self.mark))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.kind {
            _ if name == spanned::NAME => visitor.visit_map(Placed { node: self, at: 0 }),
            Kind::Map(entries) => visitor.visit_map(Entries { entries, at: 0 }),
            _ => Err(self.wrong(&visitor)),
        }
        .map_err(|error| error.at(self.mark))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.variant(variants, visitor).map_err(|error| error.at(self.mark))
    }
}

struct Items<'de> {
    items: &'de [Node],
    at: usize,
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
struct Alone<'de>(Option<&'de Node>);

impl<'de> SeqAccess<'de> for Alone<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        self.0.take().map(|node| seed.deserialize(node)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(1)
    }
}

struct Entries<'de> {
    entries: &'de [(Key, Node)],
    at: usize,
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

/// A key: a text, whose place [`super::Spanned`] may ask for.
struct KeyText<'de>(&'de Key);

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

/// The four fields of [`super::Spanned`].
struct Placed<'de> {
    node: &'de Node,
    at: usize,
}

struct PlacedKey<'de> {
    key: &'de Key,
    at: usize,
}

fn number(mark: Mark, at: usize) -> u32 {
    match at {
        1 => mark.line,
        2 => mark.column,
        _ => mark.width,
    }
}

macro_rules! placed {
    ($type:ident, $field:ident, $value:expr) => {
        impl<'de> MapAccess<'de> for $type<'de> {
            type Error = DecodeError;

            fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
                let Some(name) = spanned::FIELDS.get(self.at) else { return Ok(None) };
                self.at += 1;
                seed.deserialize(de::value::BorrowedStrDeserializer::new(name)).map(Some)
            }

            fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
                if self.at < spanned::FIELDS.len() {
                    seed.deserialize(number(self.$field.mark, self.at).into_deserializer())
                } else {
                    let value: fn(&'de _) -> _ = $value;
                    seed.deserialize(value(self.$field))
                }
            }
        }
    };
}

placed!(Placed, node, |node| node);
placed!(PlacedKey, key, KeyText);

struct Variant<'de> {
    name: &'de str,
    mark: Mark,
    value: Option<(usize, &'de Node)>,
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

struct Payload<'de> {
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
