//! Durations such as `10s` and sizes such as `64KiB` as people write them; knows no setting.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a duration or size could not be read; holds the user's word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a whole number followed by one of the units of time.
    #[error("`{0}` is no duration; write a whole number and one of `ms`, `s`, `m`, `h`, `d`, for example `10s`")]
    Span(String),
    /// Not a whole number followed by one of the units of size.
    #[error("`{0}` is no size; write a whole number and one of `B`, `KiB`, `MiB`, `GiB`, for example `64KiB`")]
    Size(String),
}

/// A duration with one unit: `250ms`, `10s`, `5m`, `4h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

const SPAN_UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl Span {
    /// So many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Reads `10s` and the like.
    ///
    /// # Errors
    /// When the text is not a whole number followed directly by a unit of time.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        read(text, &SPAN_UNITS)
            .map(|millis| Self(Duration::from_millis(millis)))
            .ok_or_else(|| UnitError::Span(text.into()))
    }
}

impl std::fmt::Display for Span {
    /// The largest unit that leaves no rest.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        show(f, millis, &SPAN_UNITS, "s")
    }
}

/// A number of bytes: `512B`, `64KiB`, `10MiB`, `1GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

const SIZE_UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

impl Size {
    /// So many KiB.
    #[must_use]
    pub const fn kib(kib: u64) -> Self {
        Self(kib << 10)
    }

    /// So many MiB.
    #[must_use]
    pub const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    /// The number of bytes as `usize`, saturating.
    #[must_use]
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// Reads `64KiB` and the like.
    ///
    /// # Errors
    /// When the text is not a whole number followed directly by a unit of size.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        read(text, &SIZE_UNITS).map(Self).ok_or_else(|| UnitError::Size(text.into()))
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        show(f, self.0, &SIZE_UNITS, "B")
    }
}

fn read(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn show(f: &mut std::fmt::Formatter<'_>, value: u64, units: &[(&str, u64)], zero: &str) -> std::fmt::Result {
    if value == 0 {
        return write!(f, "0{zero}");
    }
    for (name, factor) in units.iter().rev() {
        if value.is_multiple_of(*factor) {
            return write!(f, "{}{name}", value / factor);
        }
    }
    Ok(())
}

macro_rules! as_text {
    ($name:ident, $title:literal, $pattern:literal, $example:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("a ", $title, " such as `", $example, "`"))
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::parse(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                $title.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern, "examples": [$example]})
            }
        }
    };
}

as_text!(Span, "duration", r"^\d+(ms|s|m|h|d)$", "10s");
as_text!(Size, "size", r"^\d+(B|KiB|MiB|GiB)$", "64KiB");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back_as_they_are_shown() {
        for text in ["0s", "250ms", "10s", "90s", "5m", "4h", "7d"] {
            assert_eq!(Span::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn sizes_read_back_as_they_are_shown() {
        for text in ["0B", "512B", "64KiB", "10MiB", "3GiB"] {
            assert_eq!(Size::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_number_without_unit_a_space_a_fraction_and_an_overflow_are_refused() {
        for text in ["10", "10 s", "1.5s", "-1s", "s", "", "18446744073709551615d", "1M"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
        for text in ["64", "64 KiB", "64kb", "1.5MiB", "KiB", "18446744073709551615GiB"] {
            assert!(Size::parse(text).is_err(), "{text}");
        }
    }
}
