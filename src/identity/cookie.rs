//! Cookie fields (RFC 6265) as applications really read them: found, rewritten, followed; never what a cookie means.

use crate::model::Timestamp;

/// One cookie as the client sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie<'a> {
    /// The name, without surrounding blanks.
    pub name: &'a [u8],
    /// The value, without surrounding blanks; quotes are part of it.
    pub value: &'a [u8],
}

/// What the Cookie fields hold under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// Nothing.
    Absent,
    /// One value (or the same one again).
    One(&'a [u8]),
    /// Different values, or a spelling that some applications would read as this name.
    Ambiguous,
}

/// The cookies of all Cookie fields, in their order.
pub fn cookies<'a>(fields: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = Cookie<'a>> {
    fields.flat_map(|field| field.split(|&byte| byte == b';')).filter_map(|pair| {
        let pair = pair.trim_ascii();
        if pair.is_empty() {
            return None;
        }
        let equals = memchr::memchr(b'=', pair).unwrap_or(pair.len());
        let (name, value) = pair.split_at_checked(equals)?;
        Some(Cookie { name: name.trim_ascii(), value: value.get(1..).unwrap_or_default().trim_ascii() })
    })
}

/// Looks for the cookie `name`.
///
/// SECURITY: a session that the application would read and the gateway would not is somebody else's identity: other
/// letter case, escapes, PHP's folding of names, commas and quotes as separators all count as ambiguous
/// (test `a_disguised_session_cookie_is_ambiguous`).
pub fn find<'a>(fields: impl Iterator<Item = &'a [u8]> + Clone, name: &str) -> Found<'a> {
    let mut found = Found::Absent;
    let mut exact = 0;
    for cookie in cookies(fields.clone()) {
        if cookie.name == name.as_bytes() {
            exact += 1;
            match found {
                Found::Absent => found = Found::One(cookie.value),
                Found::One(value) if value == cookie.value => {}
                _ => return Found::Ambiguous,
            }
        } else if is_disguised(cookie.name, name) {
            return Found::Ambiguous;
        }
    }
    let mentioned: usize = fields.map(|field| mentions(field, name)).sum();
    if mentioned == exact { found } else { Found::Ambiguous }
}

/// Whether an application may read the name `sent` as `name`, although it is not spelled so.
fn is_disguised(sent: &[u8], name: &str) -> bool {
    let fold = |byte: u8| match byte {
        b'.' | b' ' | b'[' | b'+' | b'_' => b'_',
        other => other.to_ascii_lowercase(),
    };
    let escaped = |byte: &u8| matches!(byte, b'%' | b'"' | b'\0') || byte.is_ascii_whitespace();
    let differs = || sent.iter().zip(name.as_bytes()).any(|(&sent, &wanted)| fold(sent) != fold(wanted));
    // most cookies: nothing to decode, and another name from its beginning
    if sent.len() < name.len() || (differs() && !sent.iter().any(escaped)) {
        return false;
    }
    let decoded = percent_encoding::percent_decode(sent);
    // PHP reads `name[x]` as an element of `name`; quotes are cut off by some.
    let decoded: Vec<u8> = decoded.filter(|byte| !matches!(byte, b'"' | b'\0')).map(fold).collect();
    let wanted: Vec<u8> = name.bytes().map(fold).collect();
    let trimmed = decoded.trim_ascii();
    trimmed == wanted
        || (trimmed.starts_with(&wanted) && trimmed.get(wanted.len()) == Some(&b'_') && sent.contains(&b'['))
}

/// How often `name=` stands in a field where a reader with other separators might begin a cookie.
fn mentions(field: &[u8], name: &str) -> usize {
    let name = name.as_bytes();
    let (Some(&first), mut count) = (name.first(), 0) else { return 0 };
    for at in memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), field) {
        let begins = at.checked_sub(1).and_then(|before| field.get(before)).is_none_or(|&before| !is_token(before));
        let Some(rest) = field.get(at..).filter(|_| begins) else { continue };
        let same = rest.get(..name.len()).is_some_and(|sent| sent.eq_ignore_ascii_case(name));
        let after = rest.get(name.len()..).unwrap_or_default().trim_ascii_start();
        if same && after.first() == Some(&b'=') {
            count += 1;
        }
    }
    count
}

/// A character of a token (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The Cookie field as the application gets it: `keep` says for each cookie whether it stays (`None` drops it, a value
/// replaces it). `None` when no cookie is left.
pub fn rewrite<'a>(
    fields: impl Iterator<Item = &'a [u8]>,
    mut keep: impl FnMut(Cookie<'a>) -> Option<std::borrow::Cow<'a, [u8]>>,
) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(256);
    for cookie in cookies(fields) {
        if let Some(value) = keep(cookie) {
            push(&mut out, cookie.name, &value);
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Appends one cookie to a Cookie field.
pub fn push(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    if !out.is_empty() {
        out.extend_from_slice(b"; ");
    }
    out.extend_from_slice(name);
    out.push(b'=');
    out.extend_from_slice(value);
}

/// A cookie that an answer sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetCookie<'a> {
    /// The name.
    pub name: &'a [u8],
    /// The value; quotes are part of it, as browsers have it.
    pub value: &'a [u8],
    attributes: &'a [u8],
}

impl<'a> SetCookie<'a> {
    /// Reads a Set-Cookie field (RFC 6265 section 5.2). `None` when it sets nothing.
    #[must_use]
    pub fn parse(field: &'a [u8]) -> Option<Self> {
        let end = memchr::memchr(b';', field).unwrap_or(field.len());
        let (pair, attributes) = field.split_at_checked(end)?;
        let (name, value) = pair.split_at_checked(memchr::memchr(b'=', pair)?)?;
        let name = name.trim_ascii();
        if name.is_empty() {
            return None;
        }
        Some(Self { name, value: value.get(1..).unwrap_or_default().trim_ascii(), attributes })
    }

    /// Whether the cookie is taken away rather than set: no value, `Max-Age` not above zero, or `Expires` past.
    #[must_use]
    pub fn deletes(&self, now: Timestamp) -> bool {
        if self.value.is_empty() || self.value == b"\"\"" {
            return true;
        }
        let mut expires = None;
        for attribute in self.attributes.split(|&byte| byte == b';') {
            let mut parts = attribute.splitn(2, |&byte| byte == b'=');
            let name = parts.next().unwrap_or_default().trim_ascii();
            let Some(text) = parts.next().and_then(|value| std::str::from_utf8(value.trim_ascii()).ok()) else {
                continue;
            };
            if name.eq_ignore_ascii_case(b"max-age") {
                // RFC 6265 section 5.3: Max-Age goes before Expires.
                if let Ok(seconds) = text.parse::<i64>() {
                    return seconds <= 0;
                }
            } else if name.eq_ignore_ascii_case(b"expires") {
                expires = parse_date(text);
            }
        }
        expires.is_some_and(|at| at <= now)
    }
}

/// Reads `Thu, 01 Jan 1970 00:00:00 GMT` and Netscape's `Thu, 01-Jan-1970 00:00:00 GMT` (RFC 6265 section 5.1.1).
fn parse_date(text: &str) -> Option<Timestamp> {
    let text = text.split_once(", ").map_or(text, |(_, date)| date).replace('-', " ");
    let mut words = text.split_ascii_whitespace();
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let mut year: i16 = year.parse().ok()?;
    year += match year {
        70..=99 => 1900,
        0..=69 => 2000,
        _ => 0,
    };
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let month = MONTHS.iter().position(|name| month.to_ascii_lowercase().starts_with(name))?;
    let mut clock = time.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let month = i8::try_from(month).ok()? + 1;
    let date = jiff::civil::DateTime::new(year, month, day.parse().ok()?, hour, minute, second, 0).ok()?;
    Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find_in<'a>(field: &'a [u8], name: &str) -> Found<'a> {
        find(std::iter::once(field), name)
    }

    #[test]
    fn the_session_cookie_is_found_among_others() {
        let field = b"theme=dark; JSESSIONID=abc.1 ;lang=zh".as_slice();
        assert_eq!(find_in(field, "JSESSIONID"), Found::One(b"abc.1"));
        assert_eq!(find_in(field, "PHPSESSID"), Found::Absent);
        assert_eq!(find_in(b"JSESSIONID=a; JSESSIONID=a", "JSESSIONID"), Found::One(b"a"));
        assert_eq!(find_in(b"XJSESSIONID=b; JSESSIONID=a", "JSESSIONID"), Found::One(b"a"));
        let two: [&[u8]; 2] = [b"JSESSIONID=a", b"JSESSIONID=b"];
        assert_eq!(find(two.into_iter(), "JSESSIONID"), Found::Ambiguous);
    }

    #[test]
    fn a_disguised_session_cookie_is_ambiguous() {
        for field in [
            "JSESSIONID=a; JSESSIONID=b",
            "x=1,JSESSIONID=b",
            "x=\"1; JSESSIONID=b",
            "jsessionid=b",
            "%4aSESSIONID=b",
            "JSESSIONID[0]=b",
            "\"JSESSIONID\"=b",
            "x=1 JSESSIONID=b",
            "JSESSIONID=a,JSESSIONID=b",
            "JSESSIONID=a; x=1, JSESSIONID = b",
        ] {
            let expected = if field == "x=\"1; JSESSIONID=b" { Found::One(b"b".as_slice()) } else { Found::Ambiguous };
            assert_eq!(find_in(field.as_bytes(), "JSESSIONID"), expected, "{field}");
        }
        assert_eq!(find_in(b"sess.id=b", "sess_id"), Found::Ambiguous);
    }

    #[test]
    fn deletion_is_recognised_in_every_spelling() {
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        for (field, deletes) in [
            ("S=", true),
            ("S=\"\"; Path=/", true),
            ("S=x; Max-Age=0", true),
            ("S=x; max-age=-1; Expires=Fri, 01 Jan 2100 00:00:00 GMT", true),
            ("S=x; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", false),
            ("S=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=x", true),
            ("S=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT", true),
            ("S=x; Expires=Fri, 01 Jan 2100 00:00:00 GMT", false),
            ("S=x; Path=/; HttpOnly", false),
        ] {
            assert_eq!(SetCookie::parse(field.as_bytes()).unwrap().deletes(now), deletes, "{field}");
        }
        assert_eq!(SetCookie::parse(b"nothing; Path=/"), None);
    }

    #[test]
    fn a_rewritten_field_holds_only_what_was_kept() {
        let field = b"a=1; __Host-scopegate-device=x; b=2".as_slice();
        let kept = rewrite(std::iter::once(field), |cookie| match cookie.name {
            b"__Host-scopegate-device" => None,
            b"b" => Some(b"3".as_slice().into()),
            _ => Some(cookie.value.into()),
        });
        assert_eq!(kept.unwrap(), b"a=1; b=3");
        assert_eq!(rewrite(std::iter::once(field), |_| None), None);
    }

    proptest! {
        #[test]
        fn a_field_is_never_read_as_holding_a_value_that_does_not_stand_in_it(field in "[ -~]{0,80}") {
            if let Found::One(value) = find_in(field.as_bytes(), "SID") {
                let value = std::str::from_utf8(value).unwrap();
                prop_assert!(field.contains(value) && field.contains("SID"));
            }
        }

        #[test]
        fn a_well_formed_field_reads_back_what_was_written(
            pairs in proptest::collection::vec(("[a-z]{1,8}", "[A-Za-z0-9._-]{0,12}"), 0..8), value in "[a-f0-9]{8}",
        ) {
            let mut field = Vec::new();
            for (name, value) in &pairs {
                push(&mut field, name.as_bytes(), value.as_bytes());
            }
            push(&mut field, b"SESSION_ID", value.as_bytes());
            prop_assert_eq!(find_in(&field, "SESSION_ID"), Found::One(value.as_bytes()));
            prop_assert_eq!(cookies(std::iter::once(field.as_slice())).count(), pairs.len() + 1);
        }
    }
}
