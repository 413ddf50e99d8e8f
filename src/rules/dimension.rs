//! Scope dimensions and sets of their values as small integers; never reads YAML.

use super::title::Title;
use compact_str::CompactString;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A dimension by its place in the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DimensionId(pub u16);

/// A value of a dimension by its place in that dimension's dictionary; it means nothing without the dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub u32);

/// A dimension of scope, for example `warehouse`, with the dictionary of its values and their tree.
///
/// Memory: a value costs its text twice (once as a key) and about 40 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dimension {
    /// The name.
    pub name: CompactString,
    /// What managers read.
    pub title: Title,
    /// Whether values were listed; an open dimension takes up whatever the assignments mention.
    pub closed: bool,
    /// By their numbers, also those that are gone, which `index` does not have.
    values: Vec<CompactString>,
    /// The place of each listed value in the list, by its number; values behind these were taken up as something mentioned them.
    listed: Vec<u32>,
    index: FxHashMap<CompactString, ValueId>,
    below: FxHashMap<ValueId, Arc<[ValueId]>>,
}

impl Dimension {
    /// A dimension without values.
    #[must_use]
    pub fn new(name: &str, title: Title) -> Self {
        Self { name: name.into(), title, ..Self::default() }
    }

    /// The id of a value, where anything mentions it. A value without one is contained only in [`ValueSet::All`].
    #[must_use]
    pub fn value_id(&self, text: &str) -> Option<ValueId> {
        self.index.get(text).copied()
    }

    /// The text of a value; empty for an id of another dimension.
    #[must_use]
    pub fn value(&self, id: ValueId) -> &str {
        usize::try_from(id.0).ok().and_then(|at| self.values.get(at)).map_or("", CompactString::as_str)
    }

    /// Where a value stands among others that people read, or an application is sent: as it is listed, and behind those by its text,
    /// since the numbers of values that are not listed depend on what was loaded before.
    #[must_use]
    pub fn rank(&self, id: ValueId) -> (u32, &str) {
        (self.listed.get(id.0 as usize).copied().unwrap_or(u32::MAX), self.value(id))
    }

    /// Whether both have the same name, and the same values with the same numbers and the same tree: everything but the title.
    #[must_use]
    pub fn has_values_of(&self, other: &Self) -> bool {
        let same = self.name == other.name && self.closed == other.closed;
        same && self.values == other.values && self.below == other.below
    }

    /// Where whoever has values of `before` has the same here by the same numbers: what became of those values that are not what they were.
    /// `None` where values have other numbers.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> Option<Changed> {
        if (&self.name, self.closed) != (&before.name, before.closed) || !self.values.starts_with(&before.values) {
            return None;
        }
        let known = |here: &Self, id: &ValueId| here.index.get(here.value(*id)) == Some(id);
        let all = || (0..).map(ValueId).take(before.values.len()).filter(|id| known(before, id));
        let gone = all().filter(|id| !known(self, id)).collect();
        Some(Changed { regrouped: all().filter(|id| self.below.get(id) != before.below.get(id)).collect(), gone })
    }

    /// The same with the numbers that values have in `before`, and others for those that are new. A closed dimension keeps the numbers of
    /// values that are gone for them, but knows them no more; it is left as it is where that is more than half of all. An open one
    /// still knows every value of `before`, since people may have it.
    #[must_use]
    pub fn numbered_as(self, before: &Self) -> Self {
        let mut values = before.values.clone();
        let mut index: FxHashMap<CompactString, ValueId> = values.iter().cloned().zip((0..).map(ValueId)).collect();
        for value in &self.values {
            let next = ValueId(u32::try_from(values.len()).unwrap_or(u32::MAX));
            if *index.entry(value.clone()).or_insert(next) == next {
                values.push(value.clone());
            }
        }
        if self.closed {
            index.retain(|value, _| self.index.contains_key(value));
            if index.len() < values.len().div_ceil(2) {
                return self;
            }
        }
        let now = |id: ValueId| index.get(self.value(id)).copied().unwrap_or(id);
        let mut below = FxHashMap::default();
        for (id, members) in &self.below {
            let mut members: Vec<ValueId> = members.iter().map(|&id| now(id)).collect();
            members.sort_unstable();
            below.insert(now(*id), members.into());
        }
        let place = |value: &CompactString| self.value_id(value).map_or(u32::MAX, |id| self.rank(id).0);
        let listed = values.iter().map(place).collect();
        Self { values, listed, index, below, ..self }
    }

    /// All values, by their numbers.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        let known = |value: &&CompactString| self.index.contains_key(*value);
        self.values.iter().filter(known).map(CompactString::as_str)
    }

    /// The value itself and all below it in the tree, sorted.
    #[must_use]
    pub fn below(&self, id: ValueId) -> Arc<[ValueId]> {
        self.below.get(&id).cloned().unwrap_or_else(|| Arc::from([id]))
    }

    /// Whether the value has others below it.
    #[must_use]
    pub fn is_group(&self, id: ValueId) -> bool {
        self.below.contains_key(&id)
    }

    /// Takes up a value; gives the id it has from now on.
    pub fn intern(&mut self, text: &str) -> ValueId {
        if let Some(id) = self.value_id(text) {
            return id;
        }
        let id = ValueId(u32::try_from(self.values.len()).unwrap_or(u32::MAX));
        self.values.push(text.into());
        self.index.insert(text.into(), id);
        id
    }

    /// Computes the closure of the tree whose edges lead from each group to its members. What was taken up until now is what is listed.
    ///
    /// # Errors
    /// A value that lies below itself.
    pub fn set_tree(&mut self, edges: &FxHashMap<ValueId, Vec<ValueId>>) -> Result<(), ValueId> {
        self.listed = (0..).take(self.values.len()).collect();
        for &root in edges.keys() {
            let mut found = vec![root];
            let mut open: Vec<ValueId> = edges.get(&root).cloned().unwrap_or_default();
            while let Some(next) = open.pop() {
                if next == root {
                    return Err(root);
                }
                if !found.contains(&next) {
                    found.push(next);
                    open.extend(edges.get(&next).into_iter().flatten());
                }
            }
            found.sort_unstable();
            self.below.insert(root, Arc::from(found));
        }
        Ok(())
    }
}

/// Values of a dimension that are not what they were.
#[derive(Debug, Default)]
pub struct Changed {
    /// Those that have others below them than before.
    pub regrouped: Vec<ValueId>,
    /// Those that are no more.
    pub gone: Vec<ValueId>,
}

/// So many values are looked through rather than searched.
const FEW: usize = 8;

/// A set of values of one dimension.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ValueSet {
    /// Every value, those that nobody mentions included.
    All,
    /// These, sorted and each once; trees are expanded.
    Set(Arc<[ValueId]>),
}

impl ValueSet {
    /// The set of these values.
    #[must_use]
    pub fn of(mut values: Vec<ValueId>) -> Self {
        values.sort_unstable();
        values.dedup();
        Self::Set(Arc::from(values))
    }

    /// Whether a value of the request lies in the set; `None` stands for one that the dictionary does not know.
    #[must_use]
    pub fn contains(&self, value: Option<ValueId>) -> bool {
        match (self, value) {
            (Self::All, _) => true,
            (Self::Set(set), Some(value)) if set.len() <= FEW => set.contains(&value),
            (Self::Set(set), Some(value)) => set.binary_search(&value).is_ok(),
            (Self::Set(_), None) => false,
        }
    }

    /// The values of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Set(a), Self::Set(b)) => Self::of(a.iter().chain(b.iter()).copied().collect()),
            _ => Self::All,
        }
    }

    /// The values that both have.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, rest) | (rest, Self::All) => rest.clone(),
            (Self::Set(a), Self::Set(b)) => {
                Self::Set(a.iter().copied().filter(|value| b.binary_search(value).is_ok()).collect())
            }
        }
    }

    /// The values in ascending order; `None` for all.
    #[must_use]
    pub fn values(&self) -> Option<&[ValueId]> {
        match self {
            Self::All => None,
            Self::Set(set) => Some(set),
        }
    }

    /// Whether nothing lies in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values().is_some_and(<[ValueId]>::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_takes_the_value_itself_and_every_level_under_it() {
        let mut warehouse = Dimension::new("warehouse", Title::default());
        let [all, east, hf, sh] = ["ALL", "EAST", "HF", "SH"].map(|name| warehouse.intern(name));
        warehouse.set_tree(&FxHashMap::from_iter([(all, vec![east]), (east, vec![hf, sh])])).unwrap();
        assert_eq!(&*warehouse.below(all), &[all, east, hf, sh]);
        assert_eq!(&*warehouse.below(hf), &[hf]);
    }

    #[test]
    fn a_tree_that_bites_its_tail_is_refused() {
        let mut department = Dimension::new("department", Title::default());
        let [a, b] = ["a", "b"].map(|name| department.intern(name));
        assert!(department.set_tree(&FxHashMap::from_iter([(a, vec![b]), (b, vec![a])])).is_err());
    }

    #[test]
    fn an_unknown_value_is_contained_only_in_all() {
        assert!(ValueSet::All.contains(None));
        assert!(!ValueSet::of(vec![ValueId(1)]).contains(None));
        assert!(ValueSet::of(vec![ValueId(2), ValueId(1)]).contains(Some(ValueId(2))));
        for count in [0, 1, FEW, FEW + 1, 3 * FEW] {
            let ids = || (0..).step_by(2).map(ValueId).take(count);
            let set = ValueSet::of(ids().collect());
            assert!(ids().all(|id| set.contains(Some(id)) && !set.contains(Some(ValueId(id.0 + 1)))), "{count}");
        }
        assert!(ValueSet::of(vec![ValueId(1)]).intersection(&ValueSet::of(vec![ValueId(2)])).is_empty());
        assert_eq!(ValueSet::All.union(&ValueSet::of(vec![])), ValueSet::All);
    }
}
