//! A value or key together with its place, as the fields of a [`Spanned`](spanned::Spanned).

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess};

use super::entry::KeyText;
use crate::diagnostics::Mark;
use crate::diagnostics::yaml::error::DecodeError;
use crate::diagnostics::yaml::node::{Key, Node};
use crate::diagnostics::yaml::spanned;

/// The four fields of [`spanned::Spanned`].
pub(super) struct Placed<'de> {
    pub(super) node: &'de Node,
    pub(super) at: usize,
}

pub(super) struct PlacedKey<'de> {
    pub(super) key: &'de Key,
    pub(super) at: usize,
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
                seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
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
