//! An element of `when:` as YAML spells it.

use crate::diagnostics::yaml::{OneOrMany, Spanned};
use crate::request::RawLocation;
use schemars::JsonSchema;
use serde::Deserialize;

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
