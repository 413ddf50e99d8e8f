//! The spellings of a target that are refused unless named by the dialect or the route; nothing here reads a target.

use std::fmt;

/// A spelling that is refused by default because servers read it differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Allowance {
    /// `%2f` in the path: a slash inside of one segment.
    EncodedSlash,
    /// `\` and `%5c` in the path: a character, never a separator.
    Backslash,
    /// `%25` in the path: a percent sign, never decoded again.
    EncodedPercent,
    /// `%3f` and `%23` in the path: characters, although rewriting servers take them for `?` and `#` (CVE-2024-38474).
    EncodedDelimiter,
    /// `//` in the path: read and forwarded as one slash.
    DoubleSlash,
    /// `;` and `%3b` in the path: a character; where the dialect has path parameters only `%3b`.
    Semicolon,
    /// A path segment that ends in a dot or a space, which Windows drops.
    TrailingDot,
    /// Bytes above 0x7F that are not percent-encoded.
    EightBit,
    /// `%` in the query without two hex digits: a percent sign.
    BarePercent,
    /// Control characters other than NUL, tab, CR and LF in a parameter.
    Control,
    /// Characters in the path that some systems turn into `/`, `\`, `.` or `%` (full-width forms and the like).
    Lookalike,
}

impl Allowance {
    /// Every allowance.
    pub const ALL: [Self; 11] = [
        Self::EncodedSlash,
        Self::Backslash,
        Self::EncodedPercent,
        Self::EncodedDelimiter,
        Self::DoubleSlash,
        Self::Semicolon,
        Self::TrailingDot,
        Self::EightBit,
        Self::BarePercent,
        Self::Control,
        Self::Lookalike,
    ];

    /// The name in `allow:`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EncodedSlash => "encoded-slash",
            Self::Backslash => "backslash",
            Self::EncodedPercent => "encoded-percent",
            Self::EncodedDelimiter => "encoded-delimiter",
            Self::DoubleSlash => "double-slash",
            Self::Semicolon => "semicolon",
            Self::TrailingDot => "trailing-dot",
            Self::EightBit => "eight-bit",
            Self::BarePercent => "bare-percent",
            Self::Control => "control",
            Self::Lookalike => "lookalike",
        }
    }

    const fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of [`Allowance`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Allowances(u16);

impl Allowances {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// Whether `allowance` is in the set.
    #[must_use]
    pub const fn contains(self, allowance: Allowance) -> bool {
        self.0 & allowance.bit() != 0
    }

    /// This set and `allowance`.
    #[must_use]
    pub const fn with(self, allowance: Allowance) -> Self {
        Self(self.0 | allowance.bit())
    }

    /// Both sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The first allowance of this set that `granted` lacks.
    #[must_use]
    pub fn first_missing_in(self, granted: Self) -> Option<Allowance> {
        Allowance::ALL.into_iter().find(|&a| self.contains(a) && !granted.contains(a))
    }
}

impl FromIterator<Allowance> for Allowances {
    fn from_iter<I: IntoIterator<Item = Allowance>>(allowances: I) -> Self {
        allowances.into_iter().fold(Self::NONE, Self::with)
    }
}
