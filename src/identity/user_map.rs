//! From the name that a source confirms to the subject of the rules; never verifies anything.

use super::fault::Faults;
use crate::model::SubjectId;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// How the names of a source become subjects. Without it, a name is the subject as it stands.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RawUserMap {
    /// Whether names are compared in lower case, as applications do that sign in `Alice` and `alice` as one person.
    pub lowercase: bool,
    /// A domain that is cut off, for example `@corp.example`; a name without it is refused.
    pub strip_suffix: Option<String>,
    /// Names that are somebody else's in the rules: name of the source → subject.
    pub map: BTreeMap<String, String>,
}

/// A compiled [`RawUserMap`].
#[derive(Clone, Debug, Default)]
pub struct UserMap {
    lowercase: bool,
    strip_suffix: Option<String>,
    map: HashMap<String, SubjectId>,
}

/// The longest name that is taken from any source, in bytes.
pub const MAX_NAME: usize = 256;

impl RawUserMap {
    /// Compiles the mapping.
    pub fn compile(&self, faults: &mut Faults) -> UserMap {
        let mut map = HashMap::new();
        for (name, subject) in &self.map {
            let key = if self.lowercase { name.to_lowercase() } else { name.clone() };
            if subject.is_empty() {
                faults.push_at("map", format!("`{name}` is mapped to an empty subject"));
            }
            if map.insert(key, SubjectId::new(subject)).is_some() {
                faults.push_at("map", format!("`{name}` stands twice when letter case is ignored"));
            }
        }
        UserMap { lowercase: self.lowercase, strip_suffix: self.strip_suffix.clone(), map }
    }
}

impl UserMap {
    /// The subject of `name`; `None` where the name is empty, too long, holds control characters or lacks the suffix.
    #[must_use]
    pub fn subject(&self, name: &str) -> Option<SubjectId> {
        // SECURITY: names of odd characters never become subjects (test `odd_names_are_nobody`).
        if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) || name.trim() != name {
            return None;
        }
        let lowered;
        let mut name = name;
        if self.lowercase {
            lowered = name.to_lowercase();
            name = &lowered;
        }
        if let Some(suffix) = &self.strip_suffix {
            name = name.strip_suffix(suffix.as_str()).filter(|rest| !rest.is_empty())?;
        }
        Some(self.map.get(name).cloned().unwrap_or_else(|| SubjectId::new(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_mapped_after_folding_and_cutting() {
        let raw = RawUserMap {
            lowercase: true,
            strip_suffix: Some("@corp.example".into()),
            map: [("boss".to_owned(), "engineer".to_owned())].into(),
        };
        let mut faults = Faults::default();
        let map = raw.compile(&mut faults);
        assert!(faults.is_empty());
        assert_eq!(map.subject("BOSS@corp.example").unwrap().as_str(), "engineer");
        assert_eq!(map.subject("Clerk@corp.example").unwrap().as_str(), "clerk");
        assert_eq!(map.subject("clerk@elsewhere.example"), None);
        assert_eq!(map.subject("@corp.example"), None);
    }

    #[test]
    fn odd_names_are_nobody() {
        let map = UserMap::default();
        for odd in ["", " alice", "alice ", "al\nice", "al\0ice", &"a".repeat(MAX_NAME + 1)] {
            assert_eq!(map.subject(odd), None, "{odd:?}");
        }
        assert_eq!(map.subject("仓管").unwrap().as_str(), "仓管");
    }
}
