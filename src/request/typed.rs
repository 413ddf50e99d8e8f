//! Types of parameters: exactly one spelling each, because applications drop a filter that they cannot parse.

use super::param::ParamValues;
use regex::Regex;
use smallvec::SmallVec;

/// A type as the rules spell it: `int`, `{code: "[A-Z]{2}\\d+"}`, `{list: {of: int, separator: ","}}`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawParamType {
    /// A whole number between -(2^63) and 2^63 - 1: `0`, `42`, `-7`; no `+`, no leading zero.
    Int,
    /// A decimal number: `12`, `-0.50`; at most 30 characters, no exponent, no `+`, no leading zero.
    Decimal,
    /// A calendar date, `YYYY-MM-DD`.
    Date,
    /// Any text without control characters.
    Text,
    /// Text that the regular expression matches from beginning to end.
    Code(String),
    /// One of these texts.
    Enum(Vec<String>),
    /// A list: in one value with a separator, or of repeated parameters or array elements without.
    List(RawList),
    /// Files of a multipart body, by the name of their field: they pass as they are.
    File,
}

/// A list type.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawList {
    /// The type of an element, itself no list.
    pub of: Box<RawParamType>,
    /// The character between elements in one value; without it the parameter is repeated, or is an array.
    pub separator: Option<char>,
}

/// Why a type cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    /// The regular expression is wrong.
    #[error("the regular expression of `code` is wrong: {0}")]
    Regex(String),
    /// A list of lists, or of files.
    #[error("the elements of a `list` cannot be lists or files themselves")]
    Nested,
    /// Nothing is listed, or an empty text is.
    #[error("`enum` needs at least one value, and none may be empty")]
    Enum,
    /// The separator may be part of an element.
    #[error("`{0}` cannot separate elements of this type, because an element may hold it")]
    Separator(char),
}

impl RawParamType {
    /// Compiles the type.
    ///
    /// # Errors
    /// When a regular expression is wrong, a list holds lists, or an enumeration is empty.
    pub fn compile(self) -> Result<ParamType, TypeError> {
        Ok(match self {
            Self::Int => ParamType::Int,
            Self::Decimal => ParamType::Decimal,
            Self::Date => ParamType::Date,
            Self::Text => ParamType::Text,
            Self::Code(pattern) => {
                let anchored = format!(r"\A(?:{pattern})\z");
                ParamType::Code(Regex::new(&anchored).map_err(|error| TypeError::Regex(error.to_string()))?)
            }
            Self::Enum(values) => {
                if values.is_empty() || values.iter().any(String::is_empty) {
                    return Err(TypeError::Enum);
                }
                ParamType::Enum(values)
            }
            Self::List(list) => {
                let of = list.of.compile()?;
                if of.is_list() || of.is_file() {
                    return Err(TypeError::Nested);
                }
                if let Some(separator) = list.separator
                    && of.may_hold(separator)
                {
                    return Err(TypeError::Separator(separator));
                }
                ParamType::List { of: Box::new(of), separator: list.separator }
            }
            Self::File => ParamType::File,
        })
    }
}

/// The single values of a parameter.
pub type Elements<'a> = SmallVec<[&'a str; 1]>;

/// A compiled type.
#[derive(Clone, Debug)]
pub enum ParamType {
    /// A whole number.
    Int,
    /// A decimal number.
    Decimal,
    /// A date.
    Date,
    /// Any text without control characters.
    Text,
    /// Text that matches from beginning to end.
    Code(Regex),
    /// One of these.
    Enum(Vec<String>),
    /// A list of scalars.
    List {
        /// The type of an element.
        of: Box<ParamType>,
        /// What separates elements in one value; `None` where the parameter is repeated or an array.
        separator: Option<char>,
    },
    /// Files of a multipart body.
    File,
}

/// Why a value does not have the one spelling that its type allows. Holds no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// It is not spelled as the type wants it.
    #[error("the value is not {0}")]
    Spelling(&'static str),
    /// There are several values where one is meant.
    #[error("there are several values where one is meant")]
    Several,
    /// An element of the list is empty.
    #[error("an element of the list is empty")]
    EmptyElement,
}

impl ParamType {
    /// Whether several values are meant.
    #[must_use]
    pub const fn is_list(&self) -> bool {
        matches!(self, Self::List { .. })
    }

    /// Whether files are meant, which are no values.
    #[must_use]
    pub const fn is_file(&self) -> bool {
        matches!(self, Self::File)
    }

    /// Accepts one value as it was sent; for a list with a separator, the whole of it.
    ///
    /// # Errors
    /// When the value is not the one spelling that the type allows. Empty values never fit: they count as absent.
    pub fn accept(&self, value: &str) -> Result<(), Misfit> {
        let fits = match self {
            Self::Int => is_int(value),
            Self::Decimal => is_decimal(value),
            Self::Date => is_date(value),
            Self::Text => !value.is_empty() && !has_control(value),
            Self::Code(regex) => !value.is_empty() && regex.is_match(value),
            Self::Enum(values) => values.iter().any(|known| known == value),
            Self::List { of, separator: Some(separator) } => {
                return value.split(*separator).try_for_each(|element| of.accept_element(element));
            }
            Self::List { of, separator: None } => return of.accept_element(value),
            Self::File => false,
        };
        if fits { Ok(()) } else { Err(Misfit::Spelling(self.describe())) }
    }

    fn accept_element(&self, element: &str) -> Result<(), Misfit> {
        if element.is_empty() { Err(Misfit::EmptyElement) } else { self.accept(element) }
    }

    /// The single values that `values` come to, each checked: the elements of a list, or the one value. Empty where
    /// the parameter counts as absent.
    ///
    /// # Errors
    /// When there are several values where one is meant, or one does not fit.
    #[inline]
    pub fn elements<'a>(&self, values: &ParamValues<'a>) -> Result<Elements<'a>, Misfit> {
        match (self, values) {
            (Self::List { .. }, _) | (_, ParamValues::Many(_)) => self.several(values),
            (_, ParamValues::Absent | ParamValues::One("")) => Ok(Elements::new()),
            (_, ParamValues::One(value)) => {
                self.accept(value)?;
                Ok(Elements::from_buf([*value]))
            }
        }
    }

    fn several<'a>(&self, values: &ParamValues<'a>) -> Result<Elements<'a>, Misfit> {
        if values.is_absent() {
            return Ok(Elements::new());
        }
        match (self, values) {
            (Self::List { separator: Some(separator), .. }, ParamValues::One(value)) => {
                self.accept(value)?;
                Ok(value.split(*separator).collect())
            }
            (_, ParamValues::One(value)) => {
                self.accept(value)?;
                Ok(Elements::from_buf([*value]))
            }
            (Self::List { separator: None, .. }, _) => {
                let values = values.as_slice();
                values.iter().try_for_each(|value| self.accept(value))?;
                Ok(values.into())
            }
            _ => Err(Misfit::Several),
        }
    }

    /// What the type wants, for messages: `a whole number`.
    #[must_use]
    pub const fn describe(&self) -> &'static str {
        match self {
            Self::Int => "a whole number",
            Self::Decimal => "a decimal number",
            Self::Date => "a date (YYYY-MM-DD)",
            Self::Text => "text without control characters",
            Self::Code(_) => "a code of the form that the rule gives",
            Self::Enum(_) => "one of the values that the rule lists",
            Self::List { .. } => "a list",
            Self::File => "a file",
        }
    }

    /// Whether values are written as JSON numbers where nothing was there before.
    pub(crate) fn is_number(&self) -> bool {
        match self {
            Self::Int | Self::Decimal => true,
            Self::List { of, .. } => of.is_number(),
            _ => false,
        }
    }

    fn may_hold(&self, separator: char) -> bool {
        match self {
            Self::Int => separator.is_ascii_digit() || separator == '-',
            Self::Decimal => separator.is_ascii_digit() || matches!(separator, '-' | '.'),
            Self::Date => separator.is_ascii_digit() || separator == '-',
            Self::Enum(values) => values.iter().any(|value| value.contains(separator)),
            // an element is what stands between separators, so it cannot hold one
            Self::Text | Self::Code(_) | Self::List { .. } | Self::File => false,
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_natural(text: &str) -> bool {
    is_digits(text) && (text == "0" || !text.starts_with('0'))
}

fn is_int(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    // what has fewer digits than the largest fits always
    is_natural(digits) && text != "-0" && (digits.len() < 19 || text.parse::<i64>().is_ok())
}

/// Whether a character is a control character; in ASCII, which most texts are, the bytes tell.
fn has_control(text: &str) -> bool {
    let (mut control, mut ascii) = (false, true);
    for byte in text.bytes() {
        control |= byte < 0x20 || byte == 0x7f;
        ascii &= byte < 0x80;
    }
    control || (!ascii && text.chars().any(char::is_control))
}

fn is_decimal(text: &str) -> bool {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, part)| (whole, Some(part)));
    let zero = digits.bytes().all(|b| matches!(b, b'0' | b'.'));
    text.len() <= 30 && is_natural(whole) && fraction.is_none_or(is_digits) && !(negative && zero)
}

fn is_date(text: &str) -> bool {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
    shape && text.parse::<jiff::civil::Date>().is_ok()
}
