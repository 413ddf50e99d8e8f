//! Reading mappings whose first key says which of several forms they have; keeps places, which `untagged` would lose.

use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess};

/// A mapping whose first key was read already.
pub(super) struct Replay<A> {
    first: Option<String>,
    rest: A,
    one: bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Replay<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(first) => seed.deserialize(StringDeserializer::new(first)).map(Some),
            None if self.one => Ok(None),
            None => self.rest.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.rest.next_value_seed(seed)
    }
}

/// Decodes the whole mapping, of which `first` is the first key.
pub(super) fn whole<'de, T: DeserializeOwned, A: MapAccess<'de>>(first: String, rest: A) -> Result<T, A::Error> {
    T::deserialize(MapAccessDeserializer::new(Replay { first: Some(first), rest, one: false }))
}

/// Decodes the one entry whose key is `key` and whose value comes next; what follows it is left alone.
pub(super) fn entry<'de, T: DeserializeOwned, A: MapAccess<'de>>(key: String, rest: &mut A) -> Result<T, A::Error> {
    T::deserialize(MapAccessDeserializer::new(Replay { first: Some(key), rest: Borrowed(rest), one: true }))
}

struct Borrowed<'a, A>(&'a mut A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Borrowed<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}
