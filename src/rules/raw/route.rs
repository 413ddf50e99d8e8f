//! One element of `routes:` as YAML spells it.

use super::form;
use crate::diagnostics::yaml::{OneOrMany, Spanned, Table};
use crate::model::quantity::Size;
use crate::request::{RawContentType, RawLocation, RawParamType};
use crate::rules::route::{Absent, Durability, Others};
use crate::rules::set::Mode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// A route: what it matches, what it asks for, what it binds.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawRoute {
    /// The name in records.
    pub id: Spanned<String>,
    /// Method and path: `GET /stock`, `GET|POST /order/{id:int}`, `ANY /x.do`, `GET /static/**`; or a list of such.
    #[serde(rename = "match")]
    pub matches: OneOrMany<Spanned<String>>,
    /// Parameters that must have certain values for the route to match: `{query: {view: list}}`.
    #[serde(default, rename = "where")]
    pub predicates: Option<RawWhere>,
    /// `true` lets everybody in, also people who are not signed in; in place of a permission.
    #[serde(default)]
    pub public: Option<Spanned<bool>>,
    /// The permission asked for: `resource:operation`.
    #[serde(default)]
    pub permission: Option<Spanned<String>>,
    /// The parameter that selects the permission.
    #[serde(default)]
    pub operation: Option<Spanned<RawOperation>>,
    /// The types of parameters. A name stands for the parameter wherever the application reads it; `at` names another place.
    #[serde(default)]
    pub params: Table<RawParam>,
    /// How each dimension is bound: `{warehouse: {query: warehouse, absent: fill}, channel: ignored}`.
    #[serde(default)]
    pub scope: Table<Spanned<RawBinding>>,
    /// What else must hold.
    #[serde(default)]
    pub when: Vec<Spanned<RawCondition>>,
    /// What becomes of parameters that the rule does not name: `refuse` (default on routes with scope or operation) or `forward`.
    #[serde(default)]
    pub others: Option<Others>,
    /// How the body is treated.
    #[serde(default)]
    pub body: Option<Spanned<RawBody>>,
    /// For a path that ends in `/**`: the extensions of the static files below it.
    #[serde(default)]
    pub assets: Option<Spanned<Vec<Spanned<String>>>>,
    /// Whether the connection may be upgraded.
    #[serde(default)]
    pub upgrade: Option<RawUpgrade>,
    /// The origins from which a WebSocket may be opened (default: the host of the request itself).
    #[serde(default)]
    pub origins: Option<Spanned<Vec<Spanned<String>>>>,
    /// Whether this route only observes; as the application says by default.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// `strict` waits until the record is on disk before the request is forwarded.
    #[serde(default)]
    pub audit: Durability,
}

/// The upgrades that a rule can allow.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawUpgrade {
    /// To a WebSocket (RFC 6455).
    Websocket,
}

/// Kind of place → name → value or values.
pub type RawWhere = Table<Table<OneOrMany<Spanned<String>>>>;

/// The parameter that selects the permission.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawOperation {
    /// Where it stands: `{param: action}`.
    pub by: Spanned<RawLocation>,
    /// From its value to the permission; any other value is refused.
    pub cases: Table<Spanned<String>>,
    /// The permission where it is absent; refused without.
    #[serde(default)]
    pub absent: Option<Spanned<String>>,
}

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

/// One condition: exactly one of `time`, `network`, `device` and `param`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawCondition {
    /// The condition counts only where this permission is asked for.
    #[serde(default)]
    pub on: Option<Spanned<String>>,
    /// Days and hours.
    #[serde(default)]
    pub time: Option<Spanned<RawTime>>,
    /// Networks that the client's address must lie in.
    #[serde(default)]
    pub network: Option<Spanned<OneOrMany<Spanned<String>>>>,
    /// What the device must be.
    #[serde(default)]
    pub device: Option<Spanned<RawDevice>>,
    /// A parameter whose values are tested, together with one or two of the tests below.
    #[serde(default)]
    pub param: Option<Spanned<RawLocation>>,
    /// It is a number, at most this.
    #[serde(default)]
    pub at_most: Option<Spanned<String>>,
    /// It is a number, at least this.
    #[serde(default)]
    pub at_least: Option<Spanned<String>>,
    /// It is a number below this.
    #[serde(default)]
    pub below: Option<Spanned<String>>,
    /// It is a number above this.
    #[serde(default)]
    pub above: Option<Spanned<String>>,
    /// It is one of these texts.
    #[serde(default)]
    pub one_of: Option<Spanned<OneOrMany<String>>>,
    /// It is none of these texts.
    #[serde(default)]
    pub none_of: Option<Spanned<OneOrMany<String>>>,
    /// It begins with this text.
    #[serde(default)]
    pub starts_with: Option<Spanned<String>>,
    /// The regular expression matches the whole of it.
    #[serde(default)]
    pub matches: Option<Spanned<String>>,
    /// What holds where the parameter is absent: `refuse` (default) or `allow`.
    #[serde(default)]
    pub absent: Option<RawAbsentParam>,
}

/// What holds where a tested parameter is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawAbsentParam {
    /// The condition fails.
    Refuse,
    /// The condition holds.
    Allow,
}

/// Days and hours in one time zone.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawTime {
    /// The days of the week: `mon`, `tue-fri`; all unless given.
    #[serde(default)]
    pub days: Option<OneOrMany<Spanned<String>>>,
    /// The time of day from which it holds: `"08:00"`.
    #[serde(default)]
    pub from: Option<Spanned<String>>,
    /// The time of day at which it stops to hold: `"18:00"`; earlier than `from` for a period that passes midnight.
    #[serde(default)]
    pub to: Option<Spanned<String>>,
    /// The time zone: `Asia/Shanghai`.
    pub zone: Spanned<String>,
    /// Days on which it never holds: `2026-10-01`.
    #[serde(default)]
    pub except: Vec<Spanned<String>>,
    /// Days on which it holds whatever day of the week they are.
    #[serde(default)]
    pub also: Vec<Spanned<String>>,
}

/// What the device must be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawDevice {
    /// Whether it must be known from before.
    #[serde(default)]
    pub known: Option<bool>,
    /// The kinds allowed: `desktop`, `phone`, `tablet`, `terminal`, `program`, `unknown`.
    #[serde(default)]
    pub kind: OneOrMany<Spanned<String>>,
}

/// How the body is treated: `accept` judges it, `stream` passes it on untouched.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawBody {
    /// The kinds of body that are read and judged.
    #[serde(default)]
    pub accept: Option<OneOrMany<RawContentType>>,
    /// The content types that are streamed untouched, because no rule reads them.
    #[serde(default)]
    pub stream: Option<OneOrMany<Spanned<String>>>,
    /// The largest size. Default: `limits: body` of the settings where it is judged, no bound where it is streamed.
    #[serde(default)]
    pub cap: Option<Size>,
    /// Whether GET and HEAD may have a body; only with `accept`.
    #[serde(default)]
    pub on_get: bool,
}
