//! One segment of a path: decoded byte by byte as servers that know no character set see it, and written again; never the whole path.

use super::allowance::{Allowance, Allowances};
use super::dialect::Dialect;
use super::error::TargetError;
use super::escape;
use compact_str::{CompactString, format_compact};
use smallvec::SmallVec;

/// One segment of a path, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub(crate) text: CompactString,
    pub(crate) folded: Option<CompactString>,
}

impl Segment {
    /// The decoded text as it was sent; empty for the end of a path with a trailing slash.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text that routes are matched with: folded where the dialect ignores letter case.
    #[must_use]
    pub fn key(&self) -> &str {
        self.folded.as_ref().unwrap_or(&self.text)
    }
}

/// A declared path parameter, for example `jsessionid`.
#[derive(Clone, PartialEq, Eq)]
pub struct PathParameter {
    pub(crate) name: CompactString,
    pub(crate) value: CompactString,
}

impl std::fmt::Debug for PathParameter {
    /// The name only: the value is most often a session.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PathParameter").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PathParameter {
    /// The name in lower case.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// Decodes one segment, checking every byte as servers that know no character set would see it.
pub(crate) fn decode(raw: &[u8], dialect: &Dialect, used: &mut Allowances) -> Result<CompactString, TargetError> {
    if raw.iter().all(|&byte| escape::is_plain_in_path(byte))
        && let Ok(text) = std::str::from_utf8(raw)
    {
        return Ok(CompactString::from(text));
    }
    let mut bytes = SmallVec::<[u8; 64]>::with_capacity(raw.len());
    let mut rest = raw;
    while let [byte, after @ ..] = rest {
        let escaped = *byte == b'%';
        let (byte, shown) = if escaped {
            let shown = rest.get(..3).unwrap_or(rest);
            let byte = escape::hex_pair(after)
                .ok_or_else(|| forbidden(shown, "path", "a percent sign needs two hex digits"))?;
            rest = after.get(2..).unwrap_or_default();
            (byte, shown)
        } else {
            let shown = rest.get(..1).unwrap_or(rest);
            rest = after;
            (*byte, shown)
        };
        match byte {
            b'/' => need_shown(used, Allowance::EncodedSlash, dialect, shown)?,
            b'\\' => need_shown(used, Allowance::Backslash, dialect, shown)?,
            b'%' => need_shown(used, Allowance::EncodedPercent, dialect, shown)?,
            b'?' | b'#' => need_shown(used, Allowance::EncodedDelimiter, dialect, shown)?,
            b';' => need_shown(used, Allowance::Semicolon, dialect, shown)?,
            0x80.. if !escaped => need_shown(used, Allowance::EightBit, dialect, shown)?,
            0..=0x1f | 0x7f => return Err(forbidden(shown, "path", "control characters end or split paths")),
            b' ' if !escaped => return Err(forbidden(shown, "path", "a space ends the target")),
            _ => {}
        }
        bytes.push(byte);
    }
    let text = dialect.path_charset.decode(&bytes).ok_or(TargetError::Encoding(dialect.path_charset))?;
    if !text.is_ascii() {
        check_characters(&text, dialect, used)?;
    }
    Ok(text)
}

fn check_characters(text: &str, dialect: &Dialect, used: &mut Allowances) -> Result<(), TargetError> {
    for c in text.chars().filter(|c| !c.is_ascii()) {
        if c.is_control() || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}') {
            return Err(forbidden(shown(c).as_bytes(), "path", "it is invisible"));
        }
        // best-fit mappings of Windows code pages turn these into `.`, `/`, `\`, `%`, `;`
        if matches!(
            c,
            '\u{2024}'
                | '\u{2044}'
                | '\u{2215}'
                | '\u{2216}'
                | '\u{fe52}'
                | '\u{fe68}'
                | '\u{ff05}'
                | '\u{ff0e}'
                | '\u{ff0f}'
                | '\u{ff1b}'
                | '\u{ff3c}'
                | '\u{3002}'
                | '\u{ff61}'
        ) {
            need(used, Allowance::Lookalike, dialect, &shown(c))?;
        }
    }
    Ok(())
}

/// Notes that a spelling was met which needs `setting`.
///
/// # Errors
/// Where the dialect does not allow it.
pub(crate) fn need(
    used: &mut Allowances,
    setting: Allowance,
    dialect: &Dialect,
    shown: &str,
) -> Result<(), TargetError> {
    need_shown(used, setting, dialect, shown.as_bytes())
}

fn need_shown(used: &mut Allowances, setting: Allowance, dialect: &Dialect, shown: &[u8]) -> Result<(), TargetError> {
    if !dialect.allow.contains(setting) {
        return Err(TargetError::Ambiguous { shown: printable(shown), part: "path", setting });
    }
    *used = used.with(setting);
    Ok(())
}

/// Appends `/` and the one spelling of a segment.
pub(crate) fn write(text: &str, dialect: &Dialect, out: &mut CompactString) {
    out.push('/');
    if text.bytes().all(escape::is_plain_in_path) {
        out.push_str(text);
        return;
    }
    // INVARIANT: the text came out of `Charset::decode`, so it can be encoded.
    let bytes = dialect.path_charset.encode(text).unwrap_or_default();
    for &byte in bytes.as_ref() {
        if escape::is_plain_in_path(byte) || (byte == b';' && !dialect.has_path_parameters) {
            out.push(char::from(byte));
        } else {
            out.extend(escape::escape(byte).map(char::from));
        }
    }
}

/// A spelling that no setting accepts.
pub(crate) fn forbidden(shown: &[u8], part: &'static str, why: &'static str) -> TargetError {
    TargetError::Forbidden { shown: printable(shown), part, why }
}

/// At most 24 bytes of what was sent, with everything but printable ASCII escaped.
fn printable(bytes: &[u8]) -> CompactString {
    let mut out = CompactString::default();
    for &byte in bytes.iter().take(24) {
        if byte.is_ascii_graphic() { out.push(char::from(byte)) } else { out.push_str(&format_compact!("%{byte:02x}")) }
    }
    out
}

fn shown(c: char) -> CompactString {
    format_compact!("U+{:04X}", u32::from(c))
}
