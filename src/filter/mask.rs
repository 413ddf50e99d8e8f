//! What a masked field looks like. Every form hides how long the value was, and none shows more than a part of it.
//!
//! The forms for personal data are those that Chinese pages and receipts customarily show: a mobile number by its first three and last four
//! digits, a bank card by its last four, an identity card by its first and last, a name by its first character. Such shielding is
//! what JR/T 0171-2020 (personal financial information protection), annex A, asks displays for.

use compact_str::{CompactString, ToCompactString};
use schemars::JsonSchema;
use serde::Deserialize;

/// What stands where nothing of a value is shown.
pub const HIDDEN: &str = "***";

/// What a masked field looks like, as YAML spells it and as it is compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// The field is taken out; a cell of a table is emptied.
    #[default]
    Remove,
    /// It says this.
    Fixed(CompactText),
    /// The first characters, then `***`. A value that is not at least twice as long says only `***`.
    KeepFirst(u8),
    /// `***`, then the last characters. A value that is not at least twice as long says only `***`.
    KeepLast(u8),
    /// `138****5678`; of shorter numbers only the last four digits, of those under seven digits nothing.
    Phone,
    /// `z***@example.com`.
    EMail,
    /// `3****************X`: the first and the last of the number.
    IdCard,
    /// `**** **** **** 5678`.
    BankCard,
    /// `张**`: the first character.
    Name,
}

/// The form as YAML spells it.
pub type RawForm = Form;

/// A text of a rule.
pub type CompactText = String;

/// What is shown of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nothing: the field goes.
    Removed,
    /// This text.
    Text(CompactString),
}

impl Form {
    /// What is shown of `value`; `None` stands for a value that is no text or number.
    #[must_use]
    pub fn show(&self, value: Option<&str>) -> Shown {
        let text = match (self, value) {
            (Self::Remove, _) => return Shown::Removed,
            (Self::Fixed(text), _) => Some(text.as_str().into()),
            (_, None) => None,
            (Self::KeepFirst(count), Some(value)) => first(value.trim(), usize::from(*count)),
            (Self::KeepLast(count), Some(value)) => last(value.trim(), usize::from(*count)),
            (Self::Phone, Some(value)) => phone(value),
            (Self::EMail, Some(value)) => e_mail(value.trim()),
            (Self::IdCard, Some(value)) => id_card(value.trim()),
            (Self::BankCard, Some(value)) => bank_card(value),
            (Self::Name, Some(value)) => first(value.trim(), 1).map(|_| name(value.trim())),
        };
        Shown::Text(text.unwrap_or_else(|| HIDDEN.into()))
    }

    /// How explanations call it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Remove => "remove",
            Self::Fixed(_) => "fixed",
            Self::KeepFirst(_) => "keep-first",
            Self::KeepLast(_) => "keep-last",
            Self::Phone => "phone",
            Self::EMail => "e-mail",
            Self::IdCard => "id-card",
            Self::BankCard => "bank-card",
            Self::Name => "name",
        }
    }
}

/// Whether so many characters may be shown: never more than half.
fn is_long_enough(value: &str, shown: usize) -> bool {
    shown > 0 && value.chars().nth(shown.saturating_mul(2).saturating_sub(1)).is_some()
}

fn first(value: &str, count: usize) -> Option<CompactString> {
    is_long_enough(value, count).then(|| value.chars().take(count).chain(HIDDEN.chars()).collect())
}

fn last(value: &str, count: usize) -> Option<CompactString> {
    let skipped = value.chars().count().saturating_sub(count);
    is_long_enough(value, count).then(|| HIDDEN.chars().chain(value.chars().skip(skipped)).collect())
}

fn name(value: &str) -> CompactString {
    value.chars().take(1).chain("**".chars()).collect()
}

/// The digits of a number, where it holds nothing else but what people write between digits.
fn digits(value: &str, between: &str) -> Option<CompactString> {
    let plain = value.chars().all(|c| c.is_ascii_digit() || between.contains(c));
    plain.then(|| value.chars().filter(char::is_ascii_digit).collect())
}

fn phone(value: &str) -> Option<CompactString> {
    let digits = digits(value.trim(), "+-.() ")?;
    let national = match digits.strip_prefix("0086").or_else(|| digits.strip_prefix("86")) {
        Some(rest) if rest.len() == 11 => rest,
        _ => &digits,
    };
    let end = national.get(national.len().checked_sub(4)?..)?;
    match national.len() {
        0..=6 => None,
        7..=10 => Some(["****", end].concat().into()),
        _ => Some([national.get(..3)?, "****", end].concat().into()),
    }
}

fn e_mail(value: &str) -> Option<CompactString> {
    let (local, domain) = value.rsplit_once('@')?;
    let plain = !domain.is_empty() && domain.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
    let begin = local.chars().next().filter(|_| plain)?;
    // of a local part of one character it would be all
    let begin = if local.chars().nth(1).is_some() { begin.to_compact_string() } else { CompactString::default() };
    Some([begin.as_str(), HIDDEN, "@", domain].concat().into())
}

/// Numbers of GB 11643: eighteen places, of which the last may be `X`, or fifteen of the first generation.
fn id_card(value: &str) -> Option<CompactString> {
    let (body, check) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let plain = matches!(value.len(), 15 | 18) && body.bytes().all(|b| b.is_ascii_digit());
    let checked = check.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'X' | b'x'));
    (plain && checked).then(|| [body.get(..1).unwrap_or_default(), "****************", check].concat().into())
}

/// Numbers of ISO/IEC 7812: twelve to nineteen digits.
fn bank_card(value: &str) -> Option<CompactString> {
    let digits = digits(value.trim(), "- ")?;
    let end = digits.get(digits.len().checked_sub(4)?..)?;
    (12..=19).contains(&digits.len()).then(|| ["**** **** **** ", end].concat().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(form: &Form, value: &str) -> String {
        match form.show(Some(value)) {
            Shown::Text(text) => text.into(),
            Shown::Removed => "(removed)".into(),
        }
    }

    #[test]
    fn each_form_shows_the_customary_part() {
        for (form, value, expected) in [
            (Form::Phone, "13812345678", "138****5678"),
            (Form::Phone, "+86 138-1234-5678", "138****5678"),
            (Form::Phone, "0551-555-0101", "055****0101"),
            (Form::Phone, "5550101", "****0101"),
            (Form::Phone, "110", "***"),
            (Form::Phone, "13812345678 ext 4", "***"),
            (Form::Phone, "", "***"),
            (Form::EMail, "zhang.san@example.com", "z***@example.com"),
            (Form::EMail, "z@example.com", "***@example.com"),
            (Form::EMail, "\"a@b\"@example.com", "\"***@example.com"),
            (Form::EMail, "nobody", "***"),
            (Form::EMail, "a@b@", "***"),
            (Form::IdCard, "34010119900101123X", "3****************X"),
            (Form::IdCard, "340101900101123", "3****************3"),
            (Form::IdCard, "G12345678", "***"),
            (Form::BankCard, "6222 0212 3456 7890 123", "**** **** **** 0123"),
            (Form::BankCard, "6222021234567890", "**** **** **** 7890"),
            (Form::BankCard, "1234", "***"),
            (Form::Name, "张三", "张**"),
            (Form::Name, "诸葛孔明", "诸**"),
            (Form::Name, "Zhang San", "Z**"),
            (Form::Name, "张", "***"),
            (Form::KeepFirst(2), "abcdef", "ab***"),
            (Form::KeepFirst(4), "abcdef", "***"),
            (Form::KeepLast(2), "合肥一号仓", "***号仓"),
            (Form::KeepLast(0), "abc", "***"),
            (Form::Fixed("hidden".into()), "anything", "hidden"),
            (Form::Remove, "anything", "(removed)"),
        ] {
            assert_eq!(shown(&form, value), expected, "{} of {value}", form.as_str());
        }
    }

    #[test]
    fn what_is_no_text_shows_nothing() {
        assert_eq!(Form::Phone.show(None), Shown::Text("***".into()));
        assert_eq!(Form::Fixed("-".into()).show(None), Shown::Text("-".into()));
        assert_eq!(Form::Remove.show(None), Shown::Removed);
    }

    #[test]
    fn the_length_of_a_value_never_shows() {
        let forms = [Form::KeepFirst(2), Form::KeepLast(2), Form::Name, Form::EMail, Form::Fixed("x".into())];
        for form in forms {
            let (short, long) = ("abcdefgh@example.com", "abcdefghijklmnop@example.com");
            assert_eq!(shown(&form, short).len(), shown(&form, long).len(), "{}", form.as_str());
        }
        assert_eq!(shown(&Form::Phone, "13812345678").len(), shown(&Form::Phone, "138123456789012").len());
    }
}
