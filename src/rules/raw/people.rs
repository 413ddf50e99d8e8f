//! `people.yaml`: people and service accounts, with their credentials and assignments.

use crate::diagnostics::yaml::{OneOrMany, Spanned, Table};
use crate::rules::people::SubjectKind;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// The file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawPeople {
    /// Everybody, by name.
    #[serde(default)]
    pub people: Table<RawPerson>,
}

/// A person or service account.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawPerson {
    /// The name for people.
    #[serde(default)]
    pub title: String,
    /// `person` unless given.
    #[serde(default)]
    pub kind: SubjectKind,
    /// The argon2 hash of the password, for HTTP Basic: `$argon2id$…`.
    #[serde(default)]
    pub password: Option<Spanned<String>>,
    /// API keys.
    #[serde(default)]
    pub api_keys: Vec<RawKey>,
    /// Whether everything is taken back for now.
    #[serde(default)]
    pub frozen: bool,
    /// Not valid before this instant.
    #[serde(default)]
    pub from: Option<Spanned<String>>,
    /// Not valid from this instant on.
    #[serde(default)]
    pub until: Option<Spanned<String>>,
    /// The roles given.
    #[serde(default)]
    pub assignments: Vec<RawAssignment>,
}

/// An API key, by its hash only.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawKey {
    /// SHA-256 of the key in hex.
    pub sha256: Spanned<String>,
    /// What it is used for.
    #[serde(default)]
    pub title: String,
}

/// A role given, with its scope box and validity.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawAssignment {
    /// What records call it (default `role@person#n`).
    #[serde(default)]
    pub id: Option<String>,
    /// The role.
    pub role: Spanned<String>,
    /// Within what: `{warehouse: [HF, {below: EAST}], channel: all}`. A dimension that is left out satisfies no binding.
    #[serde(default)]
    pub scope: Table<Spanned<RawValues>>,
    /// Not valid before this instant: `2026-01-01T00:00:00+08:00`.
    #[serde(default)]
    pub from: Option<Spanned<String>>,
    /// Not valid from this instant on.
    #[serde(default)]
    pub until: Option<Spanned<String>>,
}

/// The values of one dimension: `all`, one, or a list.
pub type RawValues = OneOrMany<Spanned<RawValue>>;

/// A value, or a value with all below it.
#[derive(Clone, Debug)]
pub enum RawValue {
    /// This one; `all` stands for every value.
    One(String),
    /// This one and all below it in the tree.
    Below(String),
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = RawValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, `all`, or `{below: …}`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawValue, A::Error> {
                let mut below = None;
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "below" => below = Some(map.next_value()?),
                        other => return Err(de::Error::unknown_field(other, &["below"])),
                    }
                }
                below.map(RawValue::Below).ok_or_else(|| de::Error::missing_field("below"))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawValue, E> {
                Ok(RawValue::One(text.to_owned()))
            }
        }
        deserializer.deserialize_newtype_struct(crate::diagnostics::yaml::TEXT_OR_MAP, Forms)
    }
}

impl JsonSchema for RawValue {
    fn schema_name() -> Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": ["string", "integer"], "description": "A value; `all` stands for every value."},
            {
                "type": "object",
                "properties": {"below": {"type": "string", "description": "The value and all below it."}},
                "required": ["below"],
                "additionalProperties": false
            }
        ]})
    }
}
