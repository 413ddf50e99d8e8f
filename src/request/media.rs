//! Content types (RFC 9110 section 8.3), read strictly: one reading or none.

use super::location::is_token;
use compact_str::CompactString;

/// A parsed `Content-Type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MediaType {
    /// `type/subtype` in lower case.
    pub(crate) essence: CompactString,
    /// `charset=`, as sent.
    pub(crate) charset: Option<CompactString>,
    /// `boundary=`, as sent.
    pub(crate) boundary: Option<CompactString>,
    /// `action=` of SOAP 1.2, as sent.
    pub(crate) action: Option<CompactString>,
}

impl MediaType {
    /// Reads a field value; `None` where it is malformed or a parameter stands twice.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok().filter(|text| text.is_ascii())?;
        let (essence, mut rest) = text.split_once(';').map_or((text, ""), |(essence, rest)| (essence, rest));
        let (kind, subtype) = essence.trim_matches([' ', '\t']).split_once('/')?;
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let essence = [kind, "/", subtype].concat().to_ascii_lowercase().into();
        let mut media = Self { essence, charset: None, boundary: None, action: None };
        let mut seen = Vec::<String>::new();
        while !rest.trim_matches([' ', '\t']).is_empty() {
            let (name, value, after) = parameter(rest)?;
            let name = name.to_ascii_lowercase();
            if seen.contains(&name) {
                return None;
            }
            match name.as_str() {
                "charset" => media.charset = Some(value.into()),
                "boundary" => media.boundary = Some(value.into()),
                "action" => media.action = Some(value.into()),
                // `charset*=` (RFC 2231) is another spelling that some readers know
                _ if name.contains('*') => return None,
                _ => {}
            }
            seen.push(name);
            rest = after;
        }
        Some(media)
    }

    /// Whether applications may read the body as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.essence == "application/json"
            || self.essence == "text/json"
            || self.essence == "application/json-rpc"
            || self.essence == "application/jsonrequest"
            || (self.essence.starts_with("application/") && self.essence.ends_with("+json"))
    }

    /// Whether the type is in a list in which `+json` stands for every type with that suffix.
    pub(crate) fn is_one_of(&self, types: &[CompactString]) -> bool {
        types
            .iter()
            .any(|known| *known == self.essence || (known.starts_with('+') && self.essence.ends_with(known.as_str())))
    }

    /// Whether applications may read the body as XML.
    pub(crate) fn is_xml(&self) -> bool {
        self.essence == "application/xml"
            || self.essence == "text/xml"
            || (self.essence.starts_with("application/") && self.essence.ends_with("+xml"))
    }

    /// Whether applications may read the body as a form.
    pub(crate) fn is_form(&self) -> bool {
        self.essence == "application/x-www-form-urlencoded" || self.essence.starts_with("multipart/")
    }
}

/// Reads ` name=value` or ` name="value"` and gives what follows the next `;`. Quoted values hold no escapes.
pub(crate) fn parameter(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.trim_start_matches([' ', '\t']).split_once('=')?;
    if !is_token(name) {
        return None;
    }
    let (value, rest) = match rest.strip_prefix('"') {
        Some(quoted) => {
            let (value, rest) = quoted.split_once('"')?;
            (value, rest.trim_start_matches([' ', '\t']))
        }
        None => {
            let end = rest.find(';').unwrap_or(rest.len());
            let (value, rest) = rest.split_at_checked(end)?;
            let value = value.trim_end_matches([' ', '\t']);
            (is_token(value).then_some(value)?, rest)
        }
    };
    if value.bytes().any(|b| b == b'\\' || b.is_ascii_control()) {
        return None;
    }
    match rest.strip_prefix(';') {
        Some(after) => Some((name, value, after)),
        None => rest.is_empty().then_some((name, value, "")),
    }
}
