//! From tree to typed value through serde; finds every fault by going on without the faulty entry.

mod entry;
mod placed;
mod variant;

use self::entry::{Alone, Entries, Items};
use self::placed::Placed;
use self::variant::Variant;
use super::error::{DecodeError, What};
use super::node::{Kind, Node, Plain};
use super::shape;
use super::spanned;
use crate::diagnostics::{Mark, Report};
use compact_str::CompactString;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Unexpected, Visitor};
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
