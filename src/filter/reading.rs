//! What a row says of a dimension, turned into what the rules call it: a part of a longer text, a name for a code; judges nothing.

use super::raw::Names;
use crate::diagnostics::yaml::{Spanned, TEXT_OR_MAP, Table};
use compact_str::CompactString;
use regex::Regex;
use rustc_hash::FxHashMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Where a value stands in a row: a place alone, or a place with how what stands there is read.
#[derive(Clone, Debug)]
pub enum RawPlace {
    /// What stands there is the value.
    At(String),
    /// What stands there tells the value.
    Read(RawReading),
}

/// A place whose text is not the value itself.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawReading {
    /// The place, spelled as it is alone.
    pub at: Spanned<String>,
    /// A regular expression that the whole text must match; its one group is the value. A text that it does not match is nobody's.
    #[serde(default, rename = "as")]
    pub pattern: Option<Spanned<String>>,
    /// From what the application calls the value to what the rules call it; a row with any other is nobody's.
    #[serde(default)]
    pub map: Table<String>,
}

impl<'de> Deserialize<'de> for RawPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = RawPlace;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a place such as `Warehouse`, or `{at: Order, as: \"([A-Z]{2})-[0-9]+\"}`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawPlace, E> {
                Ok(RawPlace::At(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawPlace, A::Error> {
                RawReading::deserialize(MapAccessDeserializer::new(map)).map(RawPlace::Read)
            }
        }
        deserializer.deserialize_newtype_struct(TEXT_OR_MAP, Forms)
    }
}

impl JsonSchema for RawPlace {
    fn schema_name() -> Cow<'static, str> {
        "Place".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let reading = generator.subschema_for::<RawReading>();
        json_schema!({"anyOf": [{"type": ["string", "integer"], "description": "Where the value stands."}, reading]})
    }
}

/// How the text of a place is read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pattern: Option<Regex>,
    map: FxHashMap<CompactString, CompactString>,
}

impl Reading {
    /// The place as it is spelled alone, and how its text is read; faults are noted by `names`.
    pub(super) fn compile(raw: &Spanned<RawPlace>, names: &mut dyn Names) -> (Spanned<String>, Self) {
        match &raw.value {
            RawPlace::At(text) => (raw.with(text.clone()), Self::default()),
            RawPlace::Read(reading) => {
                if reading.pattern.is_none() && reading.map.is_empty() {
                    names
                        .error(raw.mark, "nothing says how the place is read".into())
                        .help("write `as: \"([A-Z]{2})-[0-9]+\"` or `map: {Hefei: HF}`, or the place alone");
                }
                let pattern = reading.pattern.as_ref().and_then(|text| pattern(text, names));
                let map = reading.map.iter().map(|(from, to)| (from.as_str().into(), to.as_str().into())).collect();
                (reading.at.clone(), Self { pattern, map })
            }
        }
    }

    /// The value that `text` tells; `None` where it tells none.
    #[must_use]
    pub fn value<'a>(&'a self, text: Cow<'a, str>) -> Option<Cow<'a, str>> {
        let text = match &self.pattern {
            None => text,
            Some(pattern) => Cow::Owned(pattern.captures(text.trim())?.get(1)?.as_str().to_owned()),
        };
        if self.map.is_empty() {
            return Some(text).filter(|text| !text.is_empty());
        }
        self.map.get(text.trim()).map(|own| Cow::Borrowed(own.as_str()))
    }
}

fn pattern(text: &Spanned<String>, names: &mut dyn Names) -> Option<Regex> {
    let help = "write one group around the value: `([A-Z]{2})-[0-9]+`; it must match the whole text";
    // SECURITY: a part of a text that others may write is no value (`a_text_that_only_contains_a_value_tells_none`).
    match Regex::new(&format!("^(?:{})$", text.value)) {
        Ok(regex) if regex.captures_len() == 2 => Some(regex),
        Ok(_) => {
            names.error(text.mark, format!("`{}` does not have one group", text.value)).help(help);
            None
        }
        Err(error) => {
            let last = error.to_string().lines().last().unwrap_or_default().trim().to_owned();
            let why = format!("the regular expression is wrong: {}", last.trim_start_matches("error: "));
            names.error(text.mark, why).help(help);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(pattern: Option<&str>, map: &[(&str, &str)]) -> Reading {
        Reading {
            pattern: pattern.map(|text| Regex::new(&format!("^(?:{text})$")).unwrap()),
            map: map.iter().map(|(from, to)| ((*from).into(), (*to).into())).collect(),
        }
    }

    #[test]
    fn a_part_of_a_text_is_a_value_and_a_name_stands_for_a_code() {
        let numbered = reading(Some("([A-Z]{2})-[0-9]+"), &[("HF", "1")]);
        assert_eq!(numbered.value(" HF-10001 ".into()).as_deref(), Some("1"));
        assert_eq!(numbered.value("SH-10001".into()), None, "what the map does not name is nobody's");
        assert_eq!(reading(None, &[]).value("HF".into()).as_deref(), Some("HF"));
        assert_eq!(reading(None, &[]).value("".into()), None);
    }

    #[test]
    fn a_text_that_only_contains_a_value_tells_none() {
        let numbered = reading(Some("([A-Z]{2})-[0-9]+|x"), &[]);
        for text in ["SH-1 was HF-2", "HF-2\nSH-1", "HF-", "x"] {
            assert_eq!(numbered.value(text.into()), None, "{text}");
        }
    }
}
