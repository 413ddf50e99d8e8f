//! Reads a multipart body: anything that two readers would take differently is refused.

use bytes::Bytes;
use compact_str::CompactString;
use memchr::memmem;

use super::part_name::{has_escaped_quote, has_odd_edge};
use super::{Content, Multipart, Part};
use crate::request::allowance::Allowances;
use crate::request::body::CHARSET_FIELD;
use crate::request::dialect::Dialect;
use crate::request::error::{BodyError, ParamError};
use crate::request::media::MediaType;
use crate::request::name;
use crate::request::param::check_controls;

/// Bytes of headers that one part may have.
const PART_HEAD_BYTES: usize = 2048;

impl Multipart {
    /// Reads a body. `limit` is a number of parts.
    ///
    /// # Errors
    /// When there is anything that parsers read differently: text before or behind the parts, bare line feeds around
    /// boundaries, folded or unknown part headers, unquoted or repeated parameters, `filename*`, nested parts.
    pub(crate) fn parse(body: &Bytes, boundary: &str, dialect: &Dialect, limit: usize) -> Result<Self, BodyError> {
        let limit = limit.min(dialect.max_params);
        if !is_boundary(boundary) {
            return Err(BodyError::ContentType("has a boundary that parsers read differently"));
        }
        let delimiter = format!("\r\n--{boundary}");
        let first = delimiter.get(2..).unwrap_or_default().as_bytes();
        if !body.starts_with(first) {
            return Err(malformed(0, "it does not begin with the boundary"));
        }
        let finder = memmem::Finder::new(delimiter.as_bytes());
        let mut multipart = Self::default();
        let mut at = first.len();
        loop {
            let rest = body.get(at..).unwrap_or_default();
            if let Some(end) = rest.strip_prefix(b"--") {
                return match end {
                    b"" | b"\r\n" => Ok(multipart),
                    _ => Err(malformed(at, "something follows the last boundary")),
                };
            }
            if !rest.starts_with(b"\r\n") {
                return Err(malformed(at, "a boundary is not followed by CRLF"));
            }
            if multipart.parts.len() == limit {
                return Err(ParamError::TooMany { limit }.into());
            }
            // a part without headers would begin with the delimiter's own CRLF, so the search starts there
            let length = finder.find(rest.get(2..).unwrap_or_default());
            let length = length.ok_or_else(|| malformed(at, "the last boundary is missing"))?;
            let part = body.slice(at + 2..at + 2 + length);
            multipart.parts.push(read_part(&part, at + 2, dialect)?);
            at += 2 + length + delimiter.len();
        }
    }
}

fn malformed(at: usize, why: &'static str) -> BodyError {
    BodyError::Malformed { kind: "multipart", at, why }
}

/// RFC 2046 section 5.1.1, without the characters that need quotes and without spaces.
fn is_boundary(boundary: &str) -> bool {
    (1..=70).contains(&boundary.len())
        && boundary.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+' | b'\''))
}

fn read_part(part: &Bytes, at: usize, dialect: &Dialect) -> Result<Part, BodyError> {
    let head_end = memmem::find(part, b"\r\n\r\n").filter(|&end| end <= PART_HEAD_BYTES);
    let head_end = head_end.ok_or_else(|| malformed(at, "a part has no end of its headers, or too many"))?;
    let head = part.get(..head_end).unwrap_or_default();
    let content = part.slice(head_end + 4..);
    let mut disposition = None;
    let mut content_type = None;
    for line in lines(head).ok_or_else(|| malformed(at, "a line of a part's headers does not end in CRLF"))? {
        let colon = memchr::memchr(b':', line).ok_or_else(|| malformed(at, "a header of a part has no colon"))?;
        let (name, value) = line.split_at_checked(colon).unwrap_or((line, &[]));
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let slot = if name.eq_ignore_ascii_case(b"content-disposition") {
            &mut disposition
        } else if name.eq_ignore_ascii_case(b"content-type") {
            &mut content_type
        } else {
            return Err(malformed(at, "a part has a header other than Content-Disposition and Content-Type"));
        };
        if slot.replace(value).is_some() {
            return Err(malformed(at, "a header of a part stands twice"));
        }
    }
    let disposition = disposition.ok_or_else(|| malformed(at, "a part has no Content-Disposition"))?;
    let (name, file_name) = read_disposition(disposition, at, dialect)?;
    let content_type =
        content_type.map(|value| read_content_type(value, at, file_name.is_none(), dialect)).transpose()?;
    let folded = name::fold(&name, dialect)?;
    let content = match file_name {
        Some(name) => Content::File { name, content_type, bytes: content },
        None => {
            check_controls(&content, dialect, "multipart", false, &mut Allowances::default())?;
            let charset = dialect.charset;
            let text = charset.decode(&content).ok_or(ParamError::Encoding { place: "multipart", charset })?;
            if name == CHARSET_FIELD && !charset.is_named_by(&text) {
                return Err(BodyError::Charset(charset));
            }
            Content::Text { text, content_type }
        }
    };
    Ok(Part { name, folded, content })
}

/// Lines that end in CRLF, without any other CR, LF or NUL, and without folding.
fn lines(head: &[u8]) -> Option<Vec<&[u8]>> {
    let mut lines = Vec::new();
    let mut rest = head;
    loop {
        let (line, after) = match memmem::find(rest, b"\r\n") {
            Some(end) => (rest.get(..end)?, rest.get(end + 2..)),
            None => (rest, None),
        };
        let folded = matches!(line.first(), None | Some(b' ' | b'\t'));
        if folded || line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            return None;
        }
        lines.push(line);
        match after {
            Some(after) => rest = after,
            None => return Some(lines),
        }
    }
}

/// Reads `form-data; name="…"` or `form-data; name="…"; filename="…"`, quoted and without escapes.
fn read_disposition(
    value: &[u8],
    at: usize,
    dialect: &Dialect,
) -> Result<(CompactString, Option<CompactString>), BodyError> {
    let wrong =
        || malformed(at, "a Content-Disposition is not `form-data; name=\"…\"` with at most a `filename=\"…\"`");
    let rest = value.strip_prefix(b"form-data").ok_or_else(wrong)?;
    let mut name = None;
    let mut file_name = None;
    let mut rest = rest;
    while !rest.is_empty() {
        let parameter = rest.strip_prefix(b";").ok_or_else(wrong)?.trim_ascii_start();
        let (slot, quoted) = if let Some(quoted) = strip_prefix_caseless(parameter, b"name=\"") {
            (&mut name, quoted)
        } else if let Some(quoted) = strip_prefix_caseless(parameter, b"filename=\"") {
            (&mut file_name, quoted)
        } else {
            return Err(wrong());
        };
        let end = memchr::memchr(b'"', quoted).ok_or_else(wrong)?;
        let (text, after) = quoted.split_at_checked(end).ok_or_else(wrong)?;
        // SECURITY: `\` is an escape to some readers and a character to others
        if memchr::memchr(b'\\', text).is_some() {
            return Err(wrong());
        }
        check_controls(text, dialect, "multipart", true, &mut Allowances::default())?;
        let charset = dialect.charset;
        let text = charset.decode(text).ok_or(ParamError::Encoding { place: "multipart", charset })?;
        if slot.replace(text).is_some() {
            return Err(wrong());
        }
        rest = after.get(1..).unwrap_or_default().trim_ascii_start();
    }
    // SECURITY: of a path some readers take the last part and others write where it leads
    // (`only_files_with_names_of_the_form_that_the_rule_gives_reach_the_application`)
    let is_path = |file: &str| file.contains('/') || matches!(file, "." | "..");
    match name {
        Some(_) if file_name.as_deref().is_some_and(is_path) => {
            Err(malformed(at, "the name of a file is a path; readers differ on what is left of it"))
        }
        // SECURITY: Tomcat trims it, Werkzeug reads `%22` as a quote, multer other letters as Latin-1
        // (`the_name_of_a_part_that_its_reader_changes_is_refused`)
        Some(name) if has_odd_edge(&name) || has_escaped_quote(&name) => Err(malformed(
            at,
            "the name of a part begins or ends with a space, or holds an escape that readers resolve",
        )),
        Some(name) if dialect.part_names_ascii && !name.is_ascii() => {
            Err(malformed(at, "the name of a part is not ASCII, and the application reads it in another character set"))
        }
        Some(name) if !name.is_empty() => Ok((name, file_name)),
        _ => Err(wrong()),
    }
}

fn read_content_type(value: &[u8], at: usize, is_text: bool, dialect: &Dialect) -> Result<CompactString, BodyError> {
    let media = MediaType::parse(value).ok_or_else(|| malformed(at, "a part's content type is malformed"))?;
    if media.essence.starts_with("multipart/") {
        return Err(malformed(at, "a part is multipart itself"));
    }
    if is_text && media.essence != "text/plain" {
        return Err(malformed(at, "a field without a file name is not plain text"));
    }
    if is_text && media.charset.as_ref().is_some_and(|label| !dialect.charset.is_named_by(label)) {
        return Err(BodyError::Charset(dialect.charset));
    }
    Ok(String::from_utf8_lossy(value).as_ref().into())
}

fn strip_prefix_caseless<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}
