//! An element of `params:` as YAML spells it.

use super::form;
use crate::diagnostics::yaml::Spanned;
use crate::request::{RawLocation, RawParamType};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// A parameter: its type alone, or with its place and whether it is secret.
#[derive(Clone, Debug, Default)]
pub struct RawParam {
    /// The place; `{param: name}` unless given.
    pub at: Option<Spanned<RawLocation>>,
    /// The type; any one text unless given.
    pub kind: Option<Spanned<RawParamType>>,
    /// Whether its value is kept out of records.
    pub secret: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct LongParam {
    /// The place, for example `{json: /a/b}`; `{param: name}` unless given.
    at: Option<Spanned<RawLocation>>,
    /// The type; any one text unless given.
    r#type: Option<Spanned<RawParamType>>,
    /// Whether the value is kept out of records.
    #[serde(default)]
    secret: bool,
}

impl<'de> Deserialize<'de> for RawParam {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = RawParam;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a type such as `int`, or a mapping with `at`, `type`, `secret`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawParam, E> {
                let kind = RawParamType::deserialize(de::value::StrDeserializer::new(text))?;
                Ok(RawParam { kind: Some(Spanned { value: kind, mark: Default::default() }), ..RawParam::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawParam, A::Error> {
                let Some(first) = map.next_key::<Spanned<String>>()? else { return Ok(RawParam::default()) };
                if matches!(first.as_str(), "at" | "type" | "secret") {
                    let long: LongParam = form::whole(first.value, map)?;
                    return Ok(RawParam { at: long.at, kind: long.r#type, secret: long.secret });
                }
                let mark = first.mark;
                let value = form::whole(first.value, map)?;
                Ok(RawParam { kind: Some(Spanned { value, mark }), ..RawParam::default() })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for RawParam {
    fn schema_name() -> Cow<'static, str> {
        "Param".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (kind, long) = (generator.subschema_for::<RawParamType>(), generator.subschema_for::<LongParam>());
        json_schema!({"anyOf": [kind, long]})
    }
}
