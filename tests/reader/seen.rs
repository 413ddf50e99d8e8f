//! What a reader saw of a parameter, as it tells it.

use serde_json::Value;

/// What a reader saw: nothing, a text, a list of texts, or something else.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    Nothing,
    Text(Vec<u8>),
    List(Vec<Vec<u8>>),
    Other(Vec<u8>),
}

impl Seen {
    pub fn text(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec())
    }

    /// Reads what a reader tells; texts are hex.
    pub fn of(told: &Value) -> Self {
        let text = |told: &Value| {
            let hex = told.as_str().unwrap().as_bytes();
            hex.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
        };
        match told {
            Value::Null => Self::Nothing,
            Value::String(_) => Self::Text(text(told)),
            Value::Array(all) => Self::List(all.iter().map(text).collect()),
            other => Self::Other(text(&other["other"])),
        }
    }

    pub fn shown(&self) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Text(text) => format!("\"{}\"", text.escape_ascii()),
            Self::List(all) => {
                format!("{:?}", all.iter().map(|one| one.escape_ascii().to_string()).collect::<Vec<_>>())
            }
            Self::Other(text) => format!("something else: {}", text.escape_ascii()),
        }
    }
}
