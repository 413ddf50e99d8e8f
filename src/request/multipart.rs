//! A strict reader and writer of `multipart/form-data` (RFC 7578): text fields are judged, file parts pass as bytes.

use super::allowance::Allowances;
use super::body::CHARSET_FIELD;
use super::dialect::Dialect;
use super::error::{BodyError, ParamError, brief};
use super::media::MediaType;
use super::name::{self, Folded, Match, ParamName};
use super::param::{ParamValues, check_controls};
use bytes::Bytes;
use compact_str::{CompactString, format_compact};
use memchr::memmem;
use std::hash::{Hash, Hasher};

/// Bytes of headers that one part may have.
const PART_HEAD_BYTES: usize = 2048;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Text { text: CompactString, content_type: Option<CompactString> },
    File { name: CompactString, content_type: Option<CompactString>, bytes: Bytes },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    name: CompactString,
    folded: Option<Box<Folded>>,
    content: Content,
}

impl Part {
    fn matches(&self, name: &ParamName) -> Match {
        name.matches(&self.name, self.folded.as_deref())
    }
}

/// The parts of a multipart body in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Multipart {
    parts: Vec<Part>,
}

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

    pub(crate) fn values(&self, name: &ParamName) -> Result<ParamValues<'_>, ParamError> {
        let mut found = Vec::new();
        for part in &self.parts {
            match (part.matches(name), &part.content) {
                (Match::Other, _) => {}
                (Match::Same, Content::Text { text, .. }) => found.push(text.as_str()),
                // a file where text is meant, or a name that may be read as this one
                _ => return Err(ParamError::Spelling { name: name.as_str().into(), sent: brief(&part.name) }),
            }
        }
        Ok(ParamValues::collect(found, name.is_plural()))
    }

    /// Whether every part of this name is a file, spelled as the rule spells it.
    pub(crate) fn check_files(&self, name: &ParamName) -> Result<(), ParamError> {
        let stray = self.parts.iter().find(|part| match part.matches(name) {
            Match::Other => false,
            Match::Same => !matches!(part.content, Content::File { .. }),
            _ => true,
        });
        match stray {
            Some(part) => Err(ParamError::Spelling { name: name.as_str().into(), sent: brief(&part.name) }),
            None => Ok(()),
        }
    }

    /// The names of the files of this field. A field that no file was chosen for has neither a name nor content.
    pub(crate) fn file_names(&self, name: &ParamName, dialect: &Dialect) -> Result<ParamValues<'_>, ParamError> {
        self.check_files(name)?;
        let mut found = Vec::new();
        for part in self.parts.iter().filter(|part| part.matches(name) == Match::Same) {
            match &part.content {
                Content::File { name: file, bytes, .. } if !(file.is_empty() && bytes.is_empty()) => {
                    found.push(file.as_str())
                }
                _ => {}
            }
        }
        if let Some(odd) = found.iter().find(|file| file.is_empty() || is_odd_file_name(file, dialect)) {
            let sent = format_compact!("filename=\"{}\"", brief(odd));
            return Err(ParamError::Spelling { name: name.as_str().into(), sent });
        }
        Ok(ParamValues::collect(found, name.is_plural()))
    }

    pub(crate) fn mentions(&self, name: &ParamName) -> bool {
        self.parts.iter().any(|part| part.matches(name) != Match::Other)
    }

    /// The names of text fields and file parts.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| part.name.as_str())
    }

    /// Name and folded name of every part, for comparing with the names that rules give.
    pub(crate) fn is_named(&self, at: usize, name: &ParamName) -> bool {
        self.parts.get(at).is_some_and(|part| part.matches(name) == Match::Same)
    }

    pub(crate) fn set(&mut self, name: &ParamName, values: &[&str], dialect: &Dialect) -> Result<(), ParamError> {
        if values.iter().any(|value| dialect.charset.encode(value).is_none() || value.contains('\0')) {
            return Err(ParamError::Unwritable { name: name.as_str().into() });
        }
        let at = self.parts.iter().position(|part| part.matches(name) == Match::Same);
        let written = at.and_then(|at| self.parts.get(at)).map_or_else(|| name.to_written(), |p| p.name.clone());
        self.remove(name);
        let at = at.unwrap_or(self.parts.len()).min(self.parts.len());
        let folded = name::fold(&written, dialect)?;
        let part = |value: &&str| Part {
            name: written.clone(),
            folded: folded.clone(),
            content: Content::Text { text: CompactString::from(*value), content_type: None },
        };
        self.parts.splice(at..at, values.iter().map(part).collect::<Vec<_>>());
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &ParamName) {
        self.parts.retain(|part| part.matches(name) != Match::Same);
    }

    /// The content type and the bytes, written anew with a boundary that occurs in no part.
    pub(crate) fn write(&self, dialect: &Dialect) -> (CompactString, Vec<u8>) {
        let boundary = self.fresh_boundary(dialect);
        let mut out = Vec::new();
        for part in &self.parts {
            out.extend_from_slice(b"--");
            out.extend_from_slice(boundary.as_bytes());
            out.extend_from_slice(b"\r\nContent-Disposition: form-data; name=\"");
            out.extend_from_slice(&encoded(&part.name, dialect));
            out.push(b'"');
            let content_type = match &part.content {
                Content::Text { content_type, .. } => content_type,
                Content::File { name, content_type, .. } => {
                    out.extend_from_slice(b"; filename=\"");
                    out.extend_from_slice(&encoded(name, dialect));
                    out.push(b'"');
                    content_type
                }
            };
            if let Some(content_type) = content_type {
                out.extend_from_slice(b"\r\nContent-Type: ");
                out.extend_from_slice(content_type.as_bytes());
            }
            out.extend_from_slice(b"\r\n\r\n");
            match &part.content {
                Content::Text { text, .. } => out.extend_from_slice(&encoded(text, dialect)),
                Content::File { bytes, .. } => out.extend_from_slice(bytes),
            }
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"--");
        out.extend_from_slice(boundary.as_bytes());
        out.extend_from_slice(b"--\r\n");
        (format_compact!("multipart/form-data; boundary={boundary}"), out)
    }

    fn fresh_boundary(&self, dialect: &Dialect) -> CompactString {
        let mut hasher = rustc_hash::FxHasher::default();
        for part in &self.parts {
            part.name.hash(&mut hasher);
            match &part.content {
                Content::Text { text, .. } => text.hash(&mut hasher),
                Content::File { bytes, .. } => bytes.len().hash(&mut hasher),
            }
        }
        let mut seed = hasher.finish();
        loop {
            let boundary = format_compact!("----scopegate{seed:016x}");
            // SECURITY: no reader, however lenient about line ends, can find it inside of a part
            // (test `the_boundary_is_fresh_and_occurs_in_no_part`)
            let finder = memmem::Finder::new(boundary.as_bytes());
            let inside = |part: &Part| {
                finder.find(part.name.as_bytes()).is_some()
                    || match &part.content {
                        Content::Text { text, .. } => finder.find(&encoded(text, dialect)).is_some(),
                        Content::File { name, bytes, .. } => {
                            finder.find(bytes).is_some() || finder.find(name.as_bytes()).is_some()
                        }
                    }
            };
            if !self.parts.iter().any(inside) {
                return boundary;
            }
            seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        }
    }
}

fn encoded<'a>(text: &'a str, dialect: &Dialect) -> std::borrow::Cow<'a, [u8]> {
    // INVARIANT: the text came out of `Charset::decode` or was checked by `set`, so it can be encoded.
    dialect.charset.encode(text).unwrap_or_default()
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

/// Whether readers trim, decode or resolve the name of a file (`a_file_name_that_its_reader_changes_is_refused`).
fn is_odd_file_name(name: &str, dialect: &Dialect) -> bool {
    has_odd_edge(name)
        || has_escaped_quote(name)
        || (dialect.part_names_ascii && !name.is_ascii())
        || (dialect.file_name_references && name.contains('&'))
}

/// Tomcat trims names in the head of a part, Django takes line ends of every kind off.
fn has_odd_edge(name: &str) -> bool {
    let is_odd = |c: char| c.is_whitespace() || c.is_control();
    name.starts_with(is_odd) || name.ends_with(is_odd)
}

/// Browsers write a quote and line ends as `%22`, `%0D` and `%0A`, and some readers read them so.
fn has_escaped_quote(name: &str) -> bool {
    let escapes = [&b"%22"[..], b"%0d", b"%0a"];
    name.as_bytes().windows(3).any(|window| escapes.iter().any(|escape| window.eq_ignore_ascii_case(escape)))
}

fn strip_prefix_caseless<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
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
