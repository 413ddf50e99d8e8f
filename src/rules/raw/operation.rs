//! `operation:` as YAML spells it: which parameters select the permission, one after the other where that takes several.

use crate::diagnostics::yaml::{Spanned, Table};
use crate::request::RawLocation;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// What selects the permission: the value of a parameter, or which parameter is there.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawOperation {
    /// The parameter whose value selects: `{param: action}`.
    #[serde(default)]
    pub by: Option<Spanned<RawLocation>>,
    /// Where the parameters stand of which one selects by being there, as the buttons of a form do: the cases are their
    /// names. `print.x` names a button that is an image, and `print.y` with it.
    #[serde(default)]
    pub by_name: Option<Spanned<RawFieldPlace>>,
    /// From the value or the name to the permission, or to another `operation`; anything else is refused.
    #[serde(default)]
    pub cases: Table<Spanned<RawChoice>>,
    /// The permission where it is absent; refused without.
    #[serde(default)]
    pub absent: Option<Spanned<String>>,
}

/// Where parameters stand that select by being there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawFieldPlace {
    /// In the query.
    Query,
    /// In the form in the body.
    Form,
    /// In a multipart body.
    Multipart,
    /// Wherever the application looks for them.
    Param,
}

impl RawFieldPlace {
    /// The parameter of this name.
    #[must_use]
    pub fn named(self, name: String) -> RawLocation {
        match self {
            Self::Query => RawLocation::Query(name),
            Self::Form => RawLocation::Form(name),
            Self::Multipart => RawLocation::Multipart(name),
            Self::Param => RawLocation::Param(name),
        }
    }
}

/// What a case selects.
#[derive(Clone, Debug)]
pub enum RawChoice {
    /// A permission.
    Permission(String),
    /// Another selector.
    Operation(Box<RawOperation>),
}

impl Default for RawChoice {
    fn default() -> Self {
        Self::Permission(String::new())
    }
}

impl<'de> Deserialize<'de> for RawChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = RawChoice;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a permission such as `order:view`, or a mapping with `by` and `cases`")
            }

            fn visit_str<E>(self, text: &str) -> Result<RawChoice, E> {
                Ok(RawChoice::Permission(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawChoice, A::Error> {
                RawOperation::deserialize(MapAccessDeserializer::new(map)).map(Box::new).map(RawChoice::Operation)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for RawChoice {
    fn schema_name() -> Cow<'static, str> {
        "Choice".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let operation = generator.subschema_for::<RawOperation>();
        json_schema!({"anyOf": [{"type": "string", "description": "A permission: `order:view`."}, operation]})
    }
}
