//! The parts of a `multipart/form-data` body (RFC 7578): text fields are judged, file parts pass as bytes.

mod part_name;
mod read;
mod write;

use self::part_name::is_odd_file_name;
use super::dialect::Dialect;
use super::error::{ParamError, brief};
use super::name::{self, Folded, Match, ParamName};
use super::param::ParamValues;
use bytes::Bytes;
use compact_str::{CompactString, format_compact};

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
}
