//! An element of `scope:` as YAML spells it.

use super::at::{OneOf, RawAt, at, is_place, keys, places};
use crate::diagnostics::yaml::Spanned;
use crate::request::RawParamType;
use crate::rules::route::Absent;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// The keys of an end of a binding.
const END_KEYS: &[&str] = keys!["absent", "lookup", "key"];

/// The keys of a whole binding.
const BINDING_KEYS: &[&str] = keys!["absent", "narrow", "type", "places", "lookup", "key"];

/// How a dimension is bound: `ignored`; a place with `absent` and `narrow`; a lookup with its key; or a list of such (both ends of a
/// move).
#[derive(Clone, Debug)]
pub enum RawBinding {
    /// The dimension does not matter here.
    Ignored,
    /// Its values come from here.
    Bound {
        /// Where from.
        ends: Vec<RawEnd>,
        /// What becomes of a request without a value.
        absent: Absent,
        /// Whether a list is cut down to what the person may see.
        narrow: bool,
        /// The type of the values, or of the keys.
        kind: Option<Spanned<RawParamType>>,
    },
}

/// One source of a dimension's values.
#[derive(Clone, Debug)]
pub struct RawEnd {
    /// Where the value, or the key, stands.
    pub at: RawAt,
    /// The lookup that gives the value of the key.
    pub lookup: Option<Spanned<String>>,
    /// Whether it may be absent, because the object then stays where it is.
    pub stays: bool,
}

/// What becomes of an end that is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum AbsentEnd {
    #[default]
    Refuse,
    Stays,
}

/// The keys of an end as they come.
#[derive(Default)]
struct Gathered {
    ats: Vec<RawAt>,
    lookup: Option<Spanned<String>>,
    key: Option<RawAt>,
}

impl Gathered {
    /// Takes up a key; `false` where it is none of an end's.
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &Spanned<String>, map: &mut A) -> Result<bool, A::Error> {
        match key.as_str() {
            "lookup" => self.lookup = Some(map.next_value()?),
            "key" => self.key = Some(map.next_value()?),
            name if is_place(name) => self.ats.push(at(key, map)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The ends that were gathered.
    fn ends<E: de::Error>(self, stays: bool) -> Result<Vec<RawEnd>, E> {
        let plain = |at| RawEnd { at, lookup: None, stays };
        match (self.lookup, self.key) {
            (Some(lookup), Some(at)) if self.ats.is_empty() => Ok(vec![RawEnd { at, lookup: Some(lookup), stays }]),
            (Some(lookup), None) => Err(E::custom(format_args!(
                "`lookup` without `key`; write where the object is named: `{{lookup: {}, key: {{path: id}}}}`",
                lookup.value
            ))),
            (None, Some(_)) => Err(E::custom("`key` without `lookup`; name the lookup that finds the object")),
            (Some(_), Some(_)) => Err(E::custom(
                "a place beside `lookup`; write what a change puts as a further element: `[{lookup: …, key: …}, {form: to}]`",
            )),
            (None, None) => Ok(self.ats.into_iter().map(plain).collect()),
        }
    }
}

impl<'de> Deserialize<'de> for RawEnd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = RawEnd;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a place such as `{form: to}`, or `{lookup: …, key: …}`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawEnd, A::Error> {
                let (mut gathered, mut absent) = (Gathered::default(), AbsentEnd::Refuse);
                while let Some(key) = map.next_key_seed(OneOf(END_KEYS))? {
                    if !gathered.take(&key, &mut map)? {
                        absent = map.next_value()?;
                    }
                }
                let mut ends = gathered.ends::<A::Error>(absent == AbsentEnd::Stays)?.into_iter();
                match (ends.next(), ends.next()) {
                    (Some(end), None) => Ok(end),
                    (None, _) => Err(de::Error::custom("no place is given; write for example `{form: to}`")),
                    _ => Err(de::Error::custom("two places are given; write each as an element of the list")),
                }
            }
        }
        deserializer.deserialize_map(One)
    }
}

impl<'de> Deserialize<'de> for RawBinding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = RawBinding;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`ignored`, a place such as `{query: warehouse}`, or a list of places")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawBinding, E> {
                match text {
                    "ignored" => Ok(RawBinding::Ignored),
                    other => Err(E::custom(format_args!(
                        "`{other}` does not say where the values stand; write a place such as `{{query: {other}}}`, or `ignored`"
                    ))),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawBinding, A::Error> {
                let mut ends = Vec::new();
                while let Some(end) = list.next_element()? {
                    ends.push(end);
                }
                Ok(RawBinding::Bound { ends, absent: Absent::Refuse, narrow: false, kind: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawBinding, A::Error> {
                let (mut absent, mut narrow, mut kind) = (Absent::Refuse, false, None);
                let (mut gathered, mut listed) = (Gathered::default(), Vec::new());
                while let Some(key) = map.next_key_seed(OneOf(BINDING_KEYS))? {
                    match key.as_str() {
                        "absent" => absent = map.next_value()?,
                        "narrow" => narrow = map.next_value()?,
                        "type" => kind = Some(map.next_value()?),
                        "places" => listed.append(&mut map.next_value::<Vec<RawEnd>>()?),
                        _ => drop(gathered.take(&key, &mut map)?),
                    }
                }
                let mut ends = gathered.ends(false)?;
                ends.append(&mut listed);
                Ok(RawBinding::Bound { ends, absent, narrow, kind })
            }
        }
        deserializer.deserialize_any(Forms)
    }
}

impl JsonSchema for RawEnd {
    fn schema_name() -> Cow<'static, str> {
        "End".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let at = generator.subschema_for::<RawAt>();
        let mut properties = places(generator);
        properties.insert(
            "lookup".into(),
            serde_json::json!({"type": "string", "description": "The lookup that gives the value of the key."}),
        );
        properties.insert("key".into(), at.to_value());
        properties.insert("absent".into(), serde_json::json!({"enum": ["refuse", "stays"], "description": "`stays`: without it the object stays where it is."}));
        json_schema!({"type": "object", "properties": properties, "additionalProperties": false})
    }
}

impl JsonSchema for RawBinding {
    fn schema_name() -> Cow<'static, str> {
        "Binding".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let end = generator.subschema_for::<RawEnd>();
        let mut properties = places(generator);
        properties.insert("absent".into(), generator.subschema_for::<Absent>().to_value());
        properties.insert(
            "narrow".into(),
            serde_json::json!({"type": "boolean", "description": "Cut a list down to what the person may see."}),
        );
        properties.insert("type".into(), generator.subschema_for::<RawParamType>().to_value());
        properties.insert("places".into(), serde_json::json!({"type": "array", "items": end.clone().to_value()}));
        properties.insert(
            "lookup".into(),
            serde_json::json!({"type": "string", "description": "The lookup that gives the value of the key."}),
        );
        properties.insert("key".into(), generator.subschema_for::<RawAt>().to_value());
        json_schema!({"anyOf": [
            {"const": "ignored", "description": "The dimension does not matter here."},
            {"type": "array", "items": end, "description": "Both ends of a move: every value must be in scope."},
            {"type": "object", "properties": properties, "additionalProperties": false}
        ]})
    }
}
