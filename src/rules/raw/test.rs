//! `*_test.yaml`: who asks what, and what must come out.

use super::people::RawPerson;
use crate::diagnostics::yaml::{OneOrMany, Spanned, Table};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// The file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawTests {
    /// The instant at which the clock stands still (default: `2026-01-01T00:00:00Z`).
    #[serde(default)]
    pub now: Option<Spanned<String>>,
    /// People who exist only here, or who are different here.
    #[serde(default)]
    pub people: Table<RawPerson>,
    /// What lookups find, for all tests of the file: `{order-warehouse: {"12345": HF}}`.
    #[serde(default)]
    pub facts: Table<Table<RawFact>>,
    /// The tests.
    #[serde(default)]
    pub tests: Vec<Spanned<RawTest>>,
    /// Tests as a table: who × what.
    #[serde(default)]
    pub table: Option<Spanned<RawTable>>,
}

/// One test.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawTest {
    /// What it shows.
    pub name: String,
    /// Who asks: a person's name, or `anonymous`.
    #[serde(rename = "as")]
    pub who: Spanned<String>,
    /// Another instant than that of the file.
    #[serde(default)]
    pub now: Option<Spanned<String>>,
    /// What is asked: `GET https://wms.example.test/stock`, or a mapping.
    pub request: Spanned<RawRequest>,
    /// The client's address (default `192.0.2.1`).
    #[serde(default)]
    pub from: Option<Spanned<String>>,
    /// What lookups find, beside what the file says: `{order-warehouse: {"12345": HF}}`.
    #[serde(default)]
    pub facts: Table<Table<RawFact>>,
    /// The client's device (default: none).
    #[serde(default)]
    pub device: Option<RawTestDevice>,
    /// What must come out.
    pub expect: Spanned<RawExpect>,
}

/// What a lookup finds of one object: its attribute; several by their names; or `unknown` where there is no such object.
#[derive(Clone, Debug)]
pub enum RawFact {
    /// The one attribute, or `unknown`.
    One(String),
    /// Several attributes.
    Several(Table<String>),
}

impl<'de> Deserialize<'de> for RawFact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = RawFact;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value such as `HF`, `unknown`, or values by their names")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawFact, E> {
                Ok(RawFact::One(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawFact, A::Error> {
                Table::deserialize(MapAccessDeserializer::new(map)).map(RawFact::Several)
            }
        }
        deserializer.deserialize_newtype_struct(crate::diagnostics::yaml::TEXT_OR_MAP, Forms)
    }
}

impl JsonSchema for RawFact {
    fn schema_name() -> Cow<'static, str> {
        "Fact".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let several = generator.subschema_for::<Table<String>>();
        json_schema!({"anyOf": [{"type": ["string", "number"], "description": "The attribute, or `unknown`."}, several]})
    }
}

/// The client's device.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawTestDevice {
    /// Whether it is known from before.
    #[serde(default)]
    pub known: bool,
    /// Its kind (default `unknown`).
    #[serde(default)]
    pub kind: Option<Spanned<String>>,
}

/// A request.
#[derive(Clone, Debug, Default)]
pub struct RawRequest {
    /// The method (default `GET`).
    pub method: Option<String>,
    /// The address: `https://host/path?query`.
    pub url: String,
    /// Header fields.
    pub headers: Table<String>,
    /// Cookies.
    pub cookies: Table<String>,
    /// The fields of a form in the body.
    pub form: Option<Table<OneOrMany<String>>>,
    /// The text fields of a multipart body.
    pub multipart: Option<Table<OneOrMany<String>>>,
    /// A JSON body.
    pub json: Option<serde_json::Value>,
    /// Any other body, as text.
    pub body: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct LongRequest {
    /// The method (default `GET`, or `POST` where there is a body).
    method: Option<String>,
    /// The address: `https://host/path?query`.
    url: String,
    /// Header fields.
    #[serde(default)]
    headers: Table<String>,
    /// Cookies.
    #[serde(default)]
    cookies: Table<String>,
    /// The fields of a form in the body.
    form: Option<Table<OneOrMany<String>>>,
    /// The text fields of a multipart body.
    multipart: Option<Table<OneOrMany<String>>>,
    /// A JSON body; a text is taken as it stands.
    json: Option<serde_json::Value>,
    /// Any other body, as text.
    body: Option<String>,
}

impl<'de> Deserialize<'de> for RawRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = RawRequest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`GET https://host/path`, or a mapping with `method`, `url`, …")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawRequest, E> {
                let (method, url) = match text.split_once(' ') {
                    Some((method, url)) => (Some(method.to_owned()), url.trim()),
                    None => (None, text),
                };
                Ok(RawRequest { method, url: url.to_owned(), ..RawRequest::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawRequest, A::Error> {
                let long = LongRequest::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawRequest {
                    method: long.method,
                    url: long.url,
                    headers: long.headers,
                    cookies: long.cookies,
                    form: long.form,
                    multipart: long.multipart,
                    json: long.json,
                    body: long.body,
                })
            }
        }
        deserializer.deserialize_any(Forms)
    }
}

impl JsonSchema for RawRequest {
    fn schema_name() -> Cow<'static, str> {
        "Request".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<LongRequest>();
        json_schema!({"anyOf": [{"type": "string", "description": "`GET https://host/path?query`"}, long]})
    }
}

/// What must come out; what is left out may be anything.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawExpect {
    /// `permit`, `refuse` or `observed`.
    #[serde(default)]
    pub decision: Option<Spanned<String>>,
    /// The code of the reason: `granted`, `out-of-scope`, ….
    #[serde(default)]
    pub reason: Option<Spanned<String>>,
    /// The id of the route.
    #[serde(default)]
    pub route: Option<Spanned<String>>,
    /// The permission that was asked for.
    #[serde(default)]
    pub permission: Option<Spanned<String>>,
    /// The role that decided.
    #[serde(default)]
    pub role: Option<Spanned<String>>,
    /// What the application receives.
    #[serde(default)]
    pub forwarded: Option<RawForwarded>,
    /// What is done to the answer.
    #[serde(default)]
    pub answer: Option<RawExpectAnswer>,
}

/// What is done to the answer for this person.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawExpectAnswer {
    /// The dimensions by which rows may be left out; `[]` where all are seen.
    #[serde(default)]
    pub rows_by: Option<Vec<Spanned<String>>>,
    /// The permissions without which fields are masked, as far as the person lacks them; `[]` where all is seen.
    #[serde(default)]
    pub masked_unless: Option<Vec<Spanned<String>>>,
}

/// What the application receives.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawForwarded {
    /// Path and query.
    #[serde(default)]
    pub target: Option<String>,
    /// Parameters of the query.
    #[serde(default)]
    pub query: Table<OneOrMany<String>>,
    /// Fields of the form in the body.
    #[serde(default)]
    pub form: Table<OneOrMany<String>>,
    /// Values in a JSON body, by pointer.
    #[serde(default)]
    pub json: Table<OneOrMany<String>>,
    /// Names of parameters of the query or form that must not be there.
    #[serde(default)]
    pub absent: Vec<String>,
}

/// Who × what: `{requests: {list: GET https://…}, expect: {keeper.hf: {list: granted}}}`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawTable {
    /// The requests, by name.
    pub requests: Table<Spanned<RawRequest>>,
    /// From the person to the code of the reason for each request.
    pub expect: Table<Table<Spanned<String>>>,
}
