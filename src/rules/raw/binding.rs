//! An element of `scope:` as YAML spells it.

use super::form;
use crate::diagnostics::yaml::Spanned;
use crate::request::{RawLocation, RawParamType};
use crate::rules::route::Absent;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// How a dimension is bound: `ignored`; a place with `absent` and `narrow`; or a list of places (both ends of a move).
#[derive(Clone, Debug)]
pub enum RawBinding {
    /// The dimension does not matter here.
    Ignored,
    /// Its values stand here.
    Bound {
        /// The places.
        places: Vec<Spanned<RawLocation>>,
        /// What becomes of a request without a value.
        absent: Absent,
        /// Whether a list is cut down to what the person may see.
        narrow: bool,
        /// The type of the values.
        kind: Option<Spanned<RawParamType>>,
    },
}

impl RawBinding {
    const FIELDS: [&'static str; 12] = [
        "absent",
        "narrow",
        "type",
        "places",
        "path",
        "query",
        "form",
        "multipart",
        "json",
        "header",
        "cookie",
        "param",
    ];
}

/// A key of a binding, checked while its place is known.
struct BindingKey(Spanned<String>);

impl<'de> Deserialize<'de> for BindingKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = Spanned::<String>::deserialize(deserializer)?;
        if RawBinding::FIELDS.contains(&key.as_str()) {
            Ok(Self(key))
        } else {
            Err(de::Error::unknown_field(&key, &RawBinding::FIELDS))
        }
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
                let mut places = Vec::new();
                while let Some(place) = list.next_element()? {
                    places.push(place);
                }
                Ok(RawBinding::Bound { places, absent: Absent::Refuse, narrow: false, kind: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawBinding, A::Error> {
                let (mut places, mut absent, mut narrow, mut kind) = (Vec::new(), Absent::Refuse, false, None);
                while let Some(BindingKey(key)) = map.next_key()? {
                    match key.as_str() {
                        "absent" => absent = map.next_value()?,
                        "narrow" => narrow = map.next_value()?,
                        "type" => kind = Some(map.next_value()?),
                        "places" => places.append(&mut map.next_value::<Vec<_>>()?),
                        _ => {
                            let value = form::entry(key.value.clone(), &mut map)?;
                            places.push(key.with(value));
                        }
                    }
                }
                Ok(RawBinding::Bound { places, absent, narrow, kind })
            }
        }
        deserializer.deserialize_any(Forms)
    }
}

impl JsonSchema for RawBinding {
    fn schema_name() -> Cow<'static, str> {
        "Binding".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let place = generator.subschema_for::<RawLocation>();
        let kind = generator.subschema_for::<RawParamType>();
        let absent = generator.subschema_for::<Absent>();
        json_schema!({"anyOf": [
            {"const": "ignored", "description": "The dimension does not matter here."},
            {"type": "array", "items": place, "description": "Both ends of a move: every value must be in scope."},
            {
                "type": "object",
                "properties": {
                    "absent": absent,
                    "narrow": {"type": "boolean", "description": "Cut a list down to what the person may see."},
                    "type": kind,
                    "places": {"type": "array", "items": place},
                    "path": {"type": "string"}, "query": {"type": "string"}, "form": {"type": "string"},
                    "multipart": {"type": "string"}, "json": {"type": "string"}, "header": {"type": "string"},
                    "cookie": {"type": "string"}, "param": {"type": "string"}
                },
                "additionalProperties": false
            }
        ]})
    }
}
