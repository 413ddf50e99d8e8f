//! Writes a multipart body anew, with a boundary that occurs in no part.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use compact_str::{CompactString, format_compact};
use memchr::memmem;

use super::{Content, Multipart, Part};
use crate::request::dialect::Dialect;

impl Multipart {
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

fn encoded<'a>(text: &'a str, dialect: &Dialect) -> Cow<'a, [u8]> {
    // INVARIANT: the text came out of `Charset::decode` or was checked by `set`, so it can be encoded.
    dialect.charset.encode(text).unwrap_or_default()
}
