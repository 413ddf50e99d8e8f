//! Decimal numbers compared exactly, digit by digit; never binary fractions.

use compact_str::CompactString;
use std::cmp::Ordering;
use std::fmt;

/// A decimal number as old applications take amounts: an optional `-`, digits, an optional fraction. No exponent, no `+`,
/// no leading zeros, so that each value is spelled in one way up to zeros at the end of the fraction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    negative: bool,
    whole: CompactString,
    fraction: CompactString,
}

impl Decimal {
    /// Reads a decimal number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (digits, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let plain = !whole.is_empty() && all_digits(whole) && all_digits(fraction);
        if !plain || (whole.len() > 1 && whole.starts_with('0')) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let zero = whole == "0" && fraction.is_empty();
        Some(Self { negative: negative && !zero, whole: whole.into(), fraction: fraction.into() })
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        // INVARIANT: no leading zeros, so the longer whole part is the larger; fractions compare as texts, since
        // without zeros at the end a prefix is the smaller one.
        self.whole
            .len()
            .cmp(&other.whole.len())
            .then_with(|| self.whole.cmp(&other.whole))
            .then_with(|| self.fraction.cmp(&other.fraction))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.negative { "-" } else { "" })?;
        f.write_str(&self.whole)?;
        if self.fraction.is_empty() { Ok(()) } else { write!(f, ".{}", self.fraction) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn decimals_compare_exactly() {
        let ascending = ["-10", "-9.5", "-0.01", "0", "0.001", "0.01", "0.1", "9.99", "10", "5000", "5000.01", "99999"];
        for pair in ascending.windows(2) {
            assert!(decimal(pair[0]) < decimal(pair[1]), "{pair:?}");
        }
        assert_eq!(decimal("5.10"), decimal("5.1"));
        assert_eq!(decimal("-0.0"), decimal("0"));
        // a difference that a 64-bit float cannot see
        assert!(decimal("9007199254740993.01") > decimal("9007199254740993.001"));
    }

    #[test]
    fn other_spellings_of_a_number_are_refused() {
        for text in ["", "-", "+1", "1e3", "0x1", "01", " 1", "1 ", "1.", ".5", "1,000", "١", "1_000", "--1", "NaN"] {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
    }
}
