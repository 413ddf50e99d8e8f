//! Where something is named, as YAML spells it: a place in the request, or a handle of the route.

use super::form;
use crate::diagnostics::Mark;
use crate::diagnostics::yaml::Spanned;
use crate::request::{RawJsonIn, RawLocation};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, DeserializeSeed, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// Where something is named: at a place, or by a handle, which may stand in several.
#[derive(Clone, Debug)]
pub enum RawAt {
    /// At this place.
    Place(Spanned<RawLocation>),
    /// By this handle of the route.
    Handle(Spanned<String>),
}

impl RawAt {
    /// Where it is written.
    #[must_use]
    pub const fn mark(&self) -> Mark {
        match self {
            Self::Place(place) => place.mark,
            Self::Handle(name) => name.mark,
        }
    }
}

/// Of which objects nothing is believed any more.
#[derive(Clone, Debug)]
pub enum RawForget {
    /// All of them.
    All,
    /// Those that are named here.
    At(RawAt),
}

/// The keys that say where something stands, behind those that are given.
macro_rules! keys {
    ($($own:literal),*) => {
        &[
            $($own,)*
            "handle",
            "path",
            "query",
            "form",
            "multipart",
            "file-name",
            "json",
            "json-in",
            "xml",
            "soap",
            "rpc",
            "header",
            "cookie",
            "param",
        ]
    };
}
pub(super) use keys;

/// The keys that say where something stands.
const PLACES: &[&str] = keys![];

/// A key that is one of these, checked while its place is known.
#[derive(Clone, Copy)]
pub(super) struct OneOf(pub(super) &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for OneOf {
    type Value = Spanned<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Spanned<String>, D::Error> {
        let key = Spanned::<String>::deserialize(deserializer)?;
        if self.0.contains(&key.as_str()) { Ok(key) } else { Err(de::Error::unknown_field(&key, self.0)) }
    }
}

/// Whether the key says where something stands.
pub(super) fn is_place(key: &str) -> bool {
    PLACES.contains(&key)
}

/// The value behind a key that says where something stands.
pub(super) fn at<'de, A: MapAccess<'de>>(key: &Spanned<String>, map: &mut A) -> Result<RawAt, A::Error> {
    if key.as_str() == "handle" {
        return map.next_value().map(RawAt::Handle);
    }
    let place: RawLocation = form::entry(key.value.clone(), map)?;
    Ok(RawAt::Place(key.with(place)))
}

impl<'de> Deserialize<'de> for RawAt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = RawAt;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a place such as `{query: id}`, or `{handle: …}`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawAt, A::Error> {
                let Some(key) = map.next_key_seed(OneOf(PLACES))? else {
                    return Err(de::Error::custom("no place is given; write for example `{query: id}`"));
                };
                let found = at(&key, &mut map)?;
                match map.next_key_seed(OneOf(PLACES))? {
                    None => Ok(found),
                    Some(_) => Err(de::Error::custom(
                        "two places are given; list them under `handles` and write `{handle: …}`",
                    )),
                }
            }
        }
        deserializer.deserialize_map(One)
    }
}

impl<'de> Deserialize<'de> for RawForget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = RawForget;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`all`, or a place such as `{form: id}`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawForget, E> {
                match text {
                    "all" => Ok(RawForget::All),
                    other => Err(E::custom(format_args!(
                        "`{other}` does not say which objects; write `all`, or a place such as `{{form: id}}`"
                    ))),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawForget, A::Error> {
                RawAt::deserialize(de::value::MapAccessDeserializer::new(map)).map(RawForget::At)
            }
        }
        deserializer.deserialize_any(Forms)
    }
}

/// The properties that name a place.
pub(super) fn places(generator: &mut SchemaGenerator) -> serde_json::Map<String, serde_json::Value> {
    let text = || serde_json::json!({"type": "string"});
    let mut places: serde_json::Map<_, _> = PLACES.iter().map(|name| ((*name).to_owned(), text())).collect();
    places.insert("json-in".into(), generator.subschema_for::<RawJsonIn>().to_value());
    places
}

impl JsonSchema for RawAt {
    fn schema_name() -> Cow<'static, str> {
        "At".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "properties": places(generator), "additionalProperties": false, "minProperties": 1, "maxProperties": 1})
    }
}

impl JsonSchema for RawForget {
    fn schema_name() -> Cow<'static, str> {
        "Forget".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let at = generator.subschema_for::<RawAt>();
        json_schema!({"anyOf": [{"const": "all", "description": "All of them."}, at]})
    }
}
