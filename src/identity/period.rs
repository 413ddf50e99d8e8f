//! A length of time as settings spell it: `30s`, `10m`, `4h`, `1h 30m`; never an instant.

use serde::{Deserialize, Deserializer};
use std::time::Duration;

/// A length of time, written `30s`, `10m`, `4h`, `2d` or `1h 30m`. Never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, schemars::JsonSchema)]
#[schemars(with = "String")]
pub struct Period(pub Duration);

impl Period {
    /// Reads the spelling.
    ///
    /// # Errors
    /// When it is none, or is negative; the message is for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a length of time, for example `30s`, `10m`, `4h`, `2d`");
        let span: jiff::Span = text.parse().map_err(|_| wrong())?;
        let signed = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
        Duration::try_from(signed).map(Self).map_err(|_| wrong())
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_as_people_write_them() {
        assert_eq!(Period::parse("30s"), Ok(Period(Duration::from_secs(30))));
        assert_eq!(Period::parse("4h"), Ok(Period(Duration::from_secs(4 * 3600))));
        assert_eq!(Period::parse("2d"), Ok(Period(Duration::from_secs(2 * 86400))));
        assert_eq!(Period::parse("1h 30m"), Ok(Period(Duration::from_secs(5400))));
        for wrong in ["30", "soon", "-5m", ""] {
            assert!(Period::parse(wrong).is_err(), "{wrong}");
        }
    }
}
