//! A decoded value that remembers its place; only decoding out of [`super::Node`] knows places.

use crate::diagnostics::Mark;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// The name by which the decoder recognises [`Spanned`].
pub(super) const NAME: &str = "$scopegate::diagnostics::Spanned";
pub(super) const FIELDS: [&str; 4] = ["$line", "$column", "$width", "$value"];

/// A value and its place.
///
/// It works in fields, lists, maps and externally tagged enums; not below `untagged` or `flatten`, which lose places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub mark: Mark,
}

impl<T> Spanned<T> {
    /// The same place for another value.
    pub fn with<U>(&self, value: U) -> Spanned<U> {
        Spanned { value, mark: self.mark }
    }
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Placed<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Placed<T> {
            type Value = Spanned<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value whose place is known")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Spanned<T>, A::Error> {
                let next = |map: &mut A| match map.next_entry::<&str, u32>()? {
                    Some((_, number)) => Ok(number),
                    None => Err(A::Error::custom("a value whose place is not known")),
                };
                let mark = Mark { line: next(&mut map)?, column: next(&mut map)?, width: next(&mut map)? };
                match map.next_entry::<&str, T>()? {
                    Some((_, value)) => Ok(Spanned { value, mark }),
                    None => Err(A::Error::custom("a value whose place is not known")),
                }
            }
        }
        deserializer.deserialize_struct(NAME, &FIELDS, Placed(PhantomData))
    }
}
