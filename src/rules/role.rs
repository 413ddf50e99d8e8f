//! Permissions and roles as small integers and bit sets; never reads YAML.

use super::title::Title;
use crate::model::{Effect, Permission};
use compact_str::CompactString;

/// A permission by its place in the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PermissionId(pub u32);

/// A role by its place in the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleId(pub u32);

/// A permission as the catalog knows it.
#[derive(Clone, Debug)]
pub struct PermissionEntry {
    /// `resource:operation`.
    pub name: Permission,
    /// Whether operations under it change something.
    pub effect: Effect,
    /// What managers read.
    pub title: Title,
}

/// A named set of permissions.
#[derive(Clone, Debug)]
pub struct Role {
    /// The name.
    pub name: CompactString,
    /// What managers read.
    pub title: Title,
    /// What it grants.
    pub permissions: PermissionSet,
    /// Whom a refused person asks for it.
    pub contact: Option<Title>,
}

/// A set of permissions: one bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PermissionSet {
    words: Vec<u64>,
}

impl PermissionSet {
    /// Whether the permission is in the set. Constant time.
    #[must_use]
    pub fn contains(&self, id: PermissionId) -> bool {
        let (word, bit) = place(id);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Adds a permission; false when it was there.
    pub fn insert(&mut self, id: PermissionId) -> bool {
        let (at, bit) = place(id);
        if self.words.len() <= at {
            self.words.resize(at + 1, 0);
        }
        let Some(word) = self.words.get_mut(at) else { return false };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Whether a permission is in both.
    #[must_use]
    pub fn intersects(&self, other: &Self) -> bool {
        self.words.iter().zip(&other.words).any(|(own, other)| own & other != 0)
    }

    /// The permissions in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = PermissionId> + '_ {
        (0..).zip(&self.words).flat_map(|(at, &word)| {
            (0..64_u32).filter(move |bit| word & (1 << bit) != 0).map(move |bit| PermissionId(at * 64 + bit))
        })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }
}

fn place(id: PermissionId) -> (usize, u64) {
    ((id.0 / 64) as usize, 1 << (id.0 % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_set_holds_exactly_what_was_put_in() {
        let mut set = PermissionSet::default();
        for id in [0, 63, 64, 200] {
            assert!(set.insert(PermissionId(id)));
            assert!(!set.insert(PermissionId(id)));
        }
        assert_eq!(set.iter().map(|id| id.0).collect::<Vec<_>>(), [0, 63, 64, 200]);
        assert_eq!(set.len(), 4);
        assert!(!set.contains(PermissionId(1)) && !set.contains(PermissionId(10_000)));
        let mut other = PermissionSet::default();
        assert!(other.insert(PermissionId(65)) && !set.intersects(&other));
        assert!(other.insert(PermissionId(200)) && set.intersects(&other) && other.intersects(&set));
    }
}
