//! The name in a step of a path: what a name in a document is to it, whether or not readers look at namespaces.

use compact_str::CompactString;

use crate::request::dialect::Dialect;
use crate::request::location::LocationError;
use crate::request::name::{Match, fold_case};
use crate::request::xml::{Name, Spaces, is_name};

/// The namespace that a step asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// None at all.
    None,
    /// This one.
    Uri(CompactString),
    /// Whichever: the application looks at local names only.
    Any,
}

/// A named step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) space: Space,
    pub(super) local: CompactString,
}

impl Named {
    pub(super) fn compile(text: &str, dialect: &Dialect) -> Result<Self, LocationError> {
        let (space, local) = match text.split_once(':') {
            None => (Space::None, text),
            Some(("*", local)) => (Space::Any, local),
            Some((prefix, local)) => {
                let declared = dialect.namespaces.iter().find(|(known, _)| known == prefix);
                let uri = declared.ok_or_else(|| LocationError::Prefix(prefix.to_owned()))?.1.clone();
                (Space::Uri(uri), local)
            }
        };
        if !is_name(local) {
            return Err(LocationError::XmlPath(text.to_owned()));
        }
        Ok(Self { space, local: local.into() })
    }

    /// What a name in a document is to this one.
    pub(super) fn matches(&self, spaces: &Spaces, name: &Name) -> Match {
        let space = match &self.space {
            Space::None => spaces.uri(name).is_empty(),
            Space::Uri(uri) => spaces.uri(name) == uri,
            Space::Any => true,
        };
        if space && name.local == self.local {
            return Match::Same;
        }
        // SECURITY: readers that ignore namespaces or letter case take it for this one, others see nothing there
        // (`an_element_in_another_namespace_or_case_is_refused`)
        if self.is_alike(&name.local) { Match::Overlaps } else { Match::Other }
    }

    pub(super) fn is_alike(&self, local: &str) -> bool {
        fold_case(local) == fold_case(&self.local)
    }

    /// The namespace of what is put in; `None` where it cannot be told.
    pub(super) fn uri(&self) -> Option<&str> {
        match &self.space {
            Space::None => Some(""),
            Space::Uri(uri) => Some(uri),
            Space::Any => None,
        }
    }
}
