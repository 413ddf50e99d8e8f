//! The character sets that applications declare; decoding never replaces what it cannot read.

use compact_str::CompactString;
use encoding_rs::Encoding;
use std::borrow::Cow;

/// The character set in which an application reads and writes parameters.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Charset {
    /// UTF-8; overlong forms and surrogates are refused (RFC 3629 section 3).
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// GBK, as the WHATWG Encoding Standard defines it.
    Gbk,
    /// GB18030.
    Gb18030,
    /// Big5.
    Big5,
}

impl Charset {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Utf8, Self::Gbk, Self::Gb18030, Self::Big5];

    /// The name that the rules, `charset=` and records use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Gbk => "gbk",
            Self::Gb18030 => "gb18030",
            Self::Big5 => "big5",
        }
    }

    /// The encoding of the WHATWG standard.
    pub(crate) fn encoding(self) -> &'static Encoding {
        match self {
            Self::Utf8 => encoding_rs::UTF_8,
            Self::Gbk => encoding_rs::GBK,
            Self::Gb18030 => encoding_rs::GB18030,
            Self::Big5 => encoding_rs::BIG5,
        }
    }

    /// The text that `bytes` are, or `None` where they are not exactly one text.
    ///
    /// Bytes that decode but would be written back differently are refused too.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Option<CompactString> {
        if self == Self::Utf8 || bytes.is_ascii() {
            return std::str::from_utf8(bytes).ok().map(CompactString::from);
        }
        let text = self.encoding().decode_without_bom_handling_and_without_replacement(bytes)?;
        // INVARIANT: what is forwarded is the encoding of what was judged, so both must be the same bytes.
        (self.encode(&text)?.as_ref() == bytes).then(|| CompactString::from(text.as_ref()))
    }

    /// The bytes of `text`, or `None` where the character set lacks a character.
    #[must_use]
    pub fn encode(self, text: &str) -> Option<Cow<'_, [u8]>> {
        if self == Self::Utf8 || text.is_ascii() {
            return Some(Cow::Borrowed(text.as_bytes()));
        }
        let (bytes, _, unmappable) = self.encoding().encode(text);
        (!unmappable && !text.chars().any(is_private) && self.is_known_alike(&bytes)).then_some(bytes)
    }

    /// Whether every decoder of this character set has the same characters for these bytes.
    ///
    /// SECURITY: what one has added another replaces or drops, and a name with it is another name there
    /// (`every_character_of_a_declared_charset_is_read_alike`).
    fn is_known_alike(self, bytes: &[u8]) -> bool {
        let is_added: fn(u8, u8) -> bool = match self {
            Self::Utf8 => return true,
            Self::Gbk => is_added_to_gbk,
            Self::Gb18030 => is_changed_in_gb18030,
            Self::Big5 => is_added_to_big5,
        };
        let mut rest = bytes;
        while let [lead, after @ ..] = rest {
            if *lead < 0x80 {
                rest = after;
                continue;
            }
            let trail = after.first().copied().unwrap_or_default();
            if is_added(*lead, trail) {
                return false;
            }
            rest = after.get(1..).unwrap_or_default();
        }
        true
    }

    /// Whether a `charset=` label names this character set. `us-ascii` names a part of all of them.
    #[must_use]
    pub fn is_named_by(self, label: &str) -> bool {
        let label = label.trim();
        if label.eq_ignore_ascii_case("us-ascii") || label.eq_ignore_ascii_case("ascii") {
            return true;
        }
        Encoding::for_label_no_replacement(label.as_bytes()) == Some(self.encoding())
    }
}

/// Characters that everybody gives a meaning of their own; decoders have some, others, or none at their places.
const fn is_private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}')
}

/// What Windows and the WHATWG added to GBK, the euro sign for one.
const fn is_added_to_gbk(lead: u8, trail: u8) -> bool {
    match lead {
        0x80 | 0xfe => true,
        0xa6 => matches!(trail, 0xd9..=0xdf | 0xec | 0xed | 0xf3),
        0xa8 => matches!(trail, 0x92 | 0xbc | 0xbf),
        0xa9 => matches!(trail, 0x89..=0x95),
        _ => false,
    }
}

/// What the editions of GB18030 (2000, 2005, 2022) have different characters for.
const fn is_changed_in_gb18030(lead: u8, trail: u8) -> bool {
    match lead {
        0xa6 => matches!(trail, 0xd9..=0xdf | 0xec | 0xed | 0xf3),
        0xa8 => trail == 0xbc,
        0xfe => matches!(trail, 0x59 | 0x61 | 0x66 | 0x67 | 0x6d | 0x7e | 0x90 | 0xa0),
        _ => false,
    }
}

/// What is not in the two levels of Big5 or its symbols, or stands for another character in one of its kinds.
const fn is_added_to_big5(lead: u8, trail: u8) -> bool {
    match lead {
        0xa1 => matches!(trail, 0x45 | 0x4e | 0x5a | 0xc2 | 0xc3 | 0xc5 | 0xe3 | 0xf2 | 0xf3 | 0xfe),
        0xa2 => matches!(trail, 0x40..=0x42 | 0x44 | 0x46 | 0x47),
        0xa3 => trail >= 0xc0,
        0xc6 => trail >= 0xa1,
        0xf9 => trail >= 0xd6,
        0xa4..=0xc5 | 0xc9..=0xf8 => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlong_utf8_is_refused() {
        assert_eq!(Charset::Utf8.decode(b"\xc0\xae"), None);
        assert_eq!(Charset::Utf8.decode(b"\xed\xa0\x80"), None);
        assert_eq!(Charset::Utf8.decode("仓库".as_bytes()).as_deref(), Some("仓库"));
    }

    #[test]
    fn gbk_reads_back_what_it_writes_and_nothing_else() {
        assert_eq!(Charset::Gbk.decode(b"\xb2\xd6\xbf\xe2").as_deref(), Some("仓库"));
        assert_eq!(Charset::Gbk.encode("仓库").as_deref(), Some(&b"\xb2\xd6\xbf\xe2"[..]));
        assert_eq!(Charset::Gbk.decode(b"\xb2"), None);
        // a four-byte GB18030 form that GBK cannot write
        assert_eq!(Charset::Gbk.decode(b"\x81\x30\x81\x30"), None);
        assert!(Charset::Gb18030.decode(b"\x81\x30\x81\x30").is_some());
    }

    #[test]
    fn labels_name_one_charset() {
        assert!(Charset::Utf8.is_named_by("UTF8"));
        assert!(Charset::Gbk.is_named_by("gb2312"));
        assert!(!Charset::Utf8.is_named_by("utf-7"));
        assert!(!Charset::Utf8.is_named_by("utf-16"));
        assert!(Charset::Gbk.is_named_by("us-ascii"));
    }
}
