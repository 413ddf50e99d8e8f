//! People, service accounts and their assignments as compact immutable tables; never reads YAML.
//!
//! Memory: an assignment takes 80 bytes (more where its id is longer than 24) and a subject about 160 with its name and its
//! place in the index; boxes are shared, so that 100,000 people with 1,000,000 assignments need about 100 MB.

use super::dimension::{DimensionId, ValueSet};
use super::role::RoleId;
use crate::model::{SubjectId, Timestamp};
use compact_str::CompactString;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// SHA-256 of an API key.
pub type KeyHash = [u8; 32];

/// Everybody who is known, at one moment.
#[derive(Clone, Debug, Default)]
pub struct People {
    /// Counts the states of people data; part of every decision record.
    pub sequence: u64,
    subjects: Vec<Subject>,
    index: FxHashMap<SubjectId, u32>,
    api_keys: FxHashMap<KeyHash, u32>,
    passwords: FxHashMap<SubjectId, Arc<str>>,
}

/// What a subject is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// A person.
    #[default]
    Person,
    /// A program that acts for itself.
    Service,
}

/// Whether a subject may act at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// It may.
    #[default]
    Active,
    /// Everything is taken back until somebody thaws it.
    Frozen,
}

/// A person or service account.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The name.
    pub id: SubjectId,
    /// Person or service.
    pub kind: SubjectKind,
    /// The name for people; empty when none was given.
    pub title: CompactString,
    /// Whether it may act.
    pub status: Status,
    /// Not valid before this instant.
    pub from: Option<Timestamp>,
    /// Not valid from this instant on.
    pub until: Option<Timestamp>,
    /// The roles given, each with its box and validity.
    pub assignments: Vec<Assignment>,
}

/// A role given to a subject.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// What records call it: given in the file, else `role@subject#n`.
    pub id: CompactString,
    /// The role.
    pub role: RoleId,
    /// Within what.
    pub scope: ScopeBox,
    /// Not valid before this instant.
    pub from: Option<Timestamp>,
    /// Not valid from this instant on.
    pub until: Option<Timestamp>,
}

/// Where an instant lies relative to a validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// `from` lies in the future.
    NotBegun,
    /// `from <= now < until`.
    Valid,
    /// `until` has passed.
    Ended,
}

fn standing(from: Option<Timestamp>, until: Option<Timestamp>, now: Timestamp) -> Standing {
    if until.is_some_and(|until| until <= now) {
        Standing::Ended
    } else if from.is_some_and(|from| now < from) {
        Standing::NotBegun
    } else {
        Standing::Valid
    }
}

impl Subject {
    /// Whether the account has begun and not ended at `now`; says nothing of freezing.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        standing(self.from, self.until, now)
    }
}

impl Assignment {
    /// Whether the assignment has begun and not ended at `now`.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        standing(self.from, self.until, now)
    }
}

/// For each dimension a set of values; equal boxes share their memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ScopeBox(Arc<[(DimensionId, ValueSet)]>);

impl ScopeBox {
    /// A box of these limits; the later of two for the same dimension counts.
    #[must_use]
    pub fn new(mut limits: Vec<(DimensionId, ValueSet)>) -> Self {
        limits.reverse();
        limits.sort_by_key(|(dimension, _)| *dimension);
        limits.dedup_by_key(|(dimension, _)| *dimension);
        Self(Arc::from(limits))
    }

    /// The values allowed in this dimension; `None` where the assignment omits it, which satisfies no binding.
    #[must_use]
    pub fn limit(&self, dimension: DimensionId) -> Option<&ValueSet> {
        self.0.iter().find(|(own, _)| *own == dimension).map(|(_, values)| values)
    }

    /// Every limit, sorted by dimension.
    #[must_use]
    pub fn limits(&self) -> &[(DimensionId, ValueSet)] {
        &self.0
    }
}

/// Collects subjects into [`People`].
#[derive(Debug, Default)]
pub struct PeopleBuilder {
    people: People,
    boxes: FxHashMap<Arc<[(DimensionId, ValueSet)]>, ()>,
}

impl From<People> for PeopleBuilder {
    /// Goes on from people who are there.
    fn from(people: People) -> Self {
        Self { people, boxes: FxHashMap::default() }
    }
}

impl PeopleBuilder {
    /// Room for this many subjects.
    #[must_use]
    pub fn with_capacity(subjects: usize) -> Self {
        let mut builder = Self::default();
        builder.people.subjects.reserve(subjects);
        builder.people.index.reserve(subjects);
        builder
    }

    /// What was added so far.
    #[must_use]
    pub const fn people(&self) -> &People {
        &self.people
    }

    /// The box of these limits, shared with equal ones met before.
    pub fn share(&mut self, limits: Vec<(DimensionId, ValueSet)>) -> ScopeBox {
        let new = ScopeBox::new(limits);
        if let Some((known, ())) = self.boxes.get_key_value(&new.0) {
            return ScopeBox(Arc::clone(known));
        }
        self.boxes.insert(Arc::clone(&new.0), ());
        new
    }

    /// Adds a subject with its credentials: the hash of its password in PHC form, the SHA-256 of each API key.
    ///
    /// # Errors
    /// The key that another subject already has. A subject of the same name is replaced.
    pub fn add(&mut self, subject: Subject, password: Option<&str>, keys: &[KeyHash]) -> Result<(), KeyHash> {
        let people = &mut self.people;
        let behind = u32::try_from(people.subjects.len()).unwrap_or(u32::MAX);
        let at = *people.index.entry(subject.id.clone()).or_insert(behind);
        if let Some(password) = password {
            people.passwords.insert(subject.id.clone(), Arc::from(password));
        }
        let mut taken = Ok(());
        for key in keys {
            match people.api_keys.get(key) {
                Some(&owner) if owner != at => taken = Err(*key),
                _ => {
                    people.api_keys.insert(*key, at);
                }
            }
        }
        match people.subjects.get_mut(at as usize) {
            Some(old) => *old = subject,
            None => people.subjects.push(subject),
        }
        taken
    }

    /// Adds the subject at place `at` of other people as it is there, with its credentials, under the numbers that its roles have now.
    /// `None` where its name or a key is taken, or one of its roles is gone; not everything may have been added then.
    pub(super) fn take(
        &mut self,
        people: &People,
        at: u32,
        keys: &[KeyHash],
        roles: impl Fn(RoleId) -> Option<RoleId>,
    ) -> Option<()> {
        let mut subject = people.at(at)?.clone();
        for assignment in &mut subject.assignments {
            assignment.role = roles(assignment.role)?;
        }
        let password = people.passwords.get(&subject.id).cloned();
        let before = self.people.subjects.len();
        self.add(subject, password.as_deref(), keys).ok()?;
        (self.people.subjects.len() > before).then_some(())
    }

    /// The finished table.
    #[must_use]
    pub fn finish(self, sequence: u64) -> People {
        People { sequence, ..self.people }
    }
}

impl People {
    /// The subject of this name. Constant time.
    #[must_use]
    pub fn subject(&self, id: &SubjectId) -> Option<&Subject> {
        self.index.get(id).and_then(|&at| self.subjects.get(at as usize))
    }

    /// The subject at this place.
    pub(super) fn at(&self, at: u32) -> Option<&Subject> {
        self.subjects.get(at as usize)
    }

    /// The subject of this name, where only the text is at hand.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Subject> {
        self.subject(&SubjectId::new(name))
    }

    /// Everybody, in the order of the file.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Subject> {
        self.subjects.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.subjects.len()
    }

    /// Whether nobody is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }

    /// The owner of the API key whose SHA-256 this is.
    #[must_use]
    pub fn api_key_owner(&self, hash: &KeyHash) -> Option<&SubjectId> {
        self.api_keys.get(hash).and_then(|&at| self.subjects.get(at as usize)).map(|subject| &subject.id)
    }

    /// The keys of each subject that has any, by its place.
    pub(super) fn keys(&self) -> FxHashMap<u32, Vec<KeyHash>> {
        let mut keys: FxHashMap<u32, Vec<KeyHash>> = FxHashMap::default();
        for (key, at) in &self.api_keys {
            keys.entry(*at).or_default().push(*key);
        }
        keys
    }

    /// The argon2 hash of the subject's password in PHC form, where it has one.
    #[must_use]
    pub fn password_hash(&self, id: &SubjectId) -> Option<&Arc<str>> {
        self.passwords.get(id)
    }

    /// The same people with one subject changed: for freezes and policy suites. Unknown names change nothing.
    pub fn change(&mut self, id: &SubjectId, change: impl FnOnce(&mut Subject)) {
        if let Some(subject) = self.index.get(id).and_then(|&at| self.subjects.get_mut(at as usize)) {
            change(subject);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::dimension::ValueId;

    fn subject(name: &str) -> Subject {
        Subject {
            id: SubjectId::new(name),
            kind: SubjectKind::Person,
            title: CompactString::default(),
            status: Status::Active,
            from: None,
            until: Some(Timestamp::from_micros(10)),
            assignments: Vec::new(),
        }
    }

    #[test]
    fn assignments_stay_small() {
        assert!(size_of::<Assignment>() <= 80, "{}", size_of::<Assignment>());
        assert!(size_of::<Subject>() <= 112, "{}", size_of::<Subject>());
    }

    #[test]
    fn a_validity_ends_at_the_very_instant_it_names() {
        let li = subject("keeper.hf");
        assert_eq!(li.standing(Timestamp::from_micros(9)), Standing::Valid);
        assert_eq!(li.standing(Timestamp::from_micros(10)), Standing::Ended);
    }

    #[test]
    fn an_api_key_belongs_to_one_subject_only() {
        let mut builder = PeopleBuilder::default();
        builder.add(subject("a"), None, &[[1; 32]]).unwrap();
        assert_eq!(builder.add(subject("b"), None, &[[1; 32]]), Err([1; 32]));
        let people = builder.finish(7);
        assert_eq!(people.api_key_owner(&[1; 32]).map(SubjectId::as_str), Some("a"));
        assert_eq!((people.len(), people.sequence), (2, 7));
    }

    #[test]
    fn equal_boxes_share_their_memory() {
        let mut builder = PeopleBuilder::default();
        let limits = || vec![(DimensionId(0), ValueSet::of(vec![ValueId(3)]))];
        let (one, two) = (builder.share(limits()), builder.share(limits()));
        assert!(Arc::ptr_eq(&one.0, &two.0));
        assert_eq!(one.limit(DimensionId(1)), None);
    }
}
