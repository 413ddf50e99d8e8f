//! What managers and refused people read in place of a technical name, in two languages.

use compact_str::CompactString;
use serde::Deserialize;

/// A language that pages and tables are shown in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

/// A name for people in one or both languages. In YAML: a text, or `{en: …, zh: …}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Title {
    /// In English.
    pub en: Option<CompactString>,
    /// In Simplified Chinese.
    pub zh: Option<CompactString>,
}

impl Title {
    /// The title in this language, else in the other, else `name`.
    #[must_use]
    pub fn show<'a>(&'a self, language: Language, name: &'a str) -> &'a str {
        let (first, second) = match language {
            Language::En => (&self.en, &self.zh),
            Language::Zh => (&self.zh, &self.en),
        };
        first.as_ref().or(second.as_ref()).map_or(name, CompactString::as_str)
    }
}

impl<'de> Deserialize<'de> for Title {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Title;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a title, or `{en: …, zh: …}`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Title, E> {
                Ok(Title { en: Some(text.into()), zh: None })
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Title, A::Error> {
                let mut title = Title::default();
                while let Some(Language(language)) = map.next_key()? {
                    match language {
                        super::Language::En => title.en = Some(map.next_value()?),
                        super::Language::Zh => title.zh = Some(map.next_value()?),
                    }
                }
                Ok(title)
            }
        }

        struct Language(super::Language);
        impl<'de> Deserialize<'de> for Language {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match <std::borrow::Cow<'de, str>>::deserialize(deserializer)?.as_ref() {
                    "en" => Ok(Self(super::Language::En)),
                    "zh" => Ok(Self(super::Language::Zh)),
                    other => Err(serde::de::Error::unknown_field(other, &["en", "zh"])),
                }
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl schemars::JsonSchema for Title {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Title".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "What managers read: a text, or one for each language.",
            "oneOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"en": {"type": "string"}, "zh": {"type": "string"}},
                    "additionalProperties": false
                }
            ]
        })
    }
}
