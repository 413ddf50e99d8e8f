//! People entry by entry: what was compiled before is taken over, and only entries whose text is new are read.
//!
//! INVARIANT: what comes of it is what reading everything comes to, but for the numbers of values that people add to open dimensions,
//! which nobody sees ([`crate::rules::Dimension::rank`]). Where anything is wrong, nothing comes of it, and everything is read, so that faults are
//! told at their places (`people_entry_by_entry_come_to_the_same`).

use super::before::{Digest, KnownPeople, Values, digest_of};
use super::{FileKind, Notes, decode_people, people};
use crate::diagnostics::Report;
use crate::diagnostics::yaml::{Document, EntryTexts};
use crate::rules::load::File;
use crate::rules::people::{People, PeopleBuilder};
use crate::rules::set::Catalog;
use rustc_hash::FxHashMap;

/// The key that people stand under.
const KEY: &str = "people";

/// So many entries are read one by one in any case before everything is read again.
const READ: usize = 1000;

/// The groups, with what lies below them, of those who have any, by their place among people.
pub(super) type OfGroups = FxHashMap<u32, Values>;

/// Who came of which text.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownEntries {
    /// The place among people by the digest of the text.
    places: FxHashMap<Digest, u32>,
    of_groups: OfGroups,
    /// How many people there are with those whose texts are not known.
    people: usize,
    /// How many entries were read one by one since everything was read.
    read: usize,
}

impl KnownEntries {
    /// Of people who have these groups; their files are to be added.
    pub(super) fn of(of_groups: OfGroups) -> Self {
        Self { of_groups, ..Self::default() }
    }

    /// Takes up the next file: the digests of its first entries, and how many entries it has.
    pub(super) fn add(&mut self, digests: Vec<Digest>, entries: usize) {
        let places = (self.people..).filter_map(|at| u32::try_from(at).ok());
        self.places.extend(digests.into_iter().zip(places));
        self.people += entries;
    }
}

/// The digests of the entries of a file, as far as they mean the same elsewhere.
pub(super) fn digests(text: &str, document: &Document) -> Vec<Digest> {
    let texts = EntryTexts::of(text, KEY).filter(|texts| texts.are_those_of(document));
    texts.map(|texts| texts.texts().map(digest_of).collect()).unwrap_or_default()
}

/// The people of these files. `None` where they are to be read as a whole; `catalog` is as it was then.
pub(super) fn compile(
    files: &[File],
    known: &KnownPeople<'_>,
    sequence: u64,
    catalog: &mut Catalog,
) -> Option<(People, KnownEntries)> {
    let of_roles = std::mem::replace(&mut catalog.dimensions, known.dimensions.to_vec());
    let compiled = compile_files(files, known, sequence, catalog);
    if compiled.is_none() {
        catalog.dimensions = of_roles;
    }
    compiled
}

fn compile_files(
    files: &[File],
    known: &KnownPeople<'_>,
    sequence: u64,
    catalog: &mut Catalog,
) -> Option<(People, KnownEntries)> {
    let mut entries = KnownEntries { read: known.entries.read, ..KnownEntries::default() };
    entries.places.reserve(known.entries.places.len());
    let mut builder = PeopleBuilder::with_capacity(known.people.len());
    let keys = known.people.keys();
    let role = |before: crate::rules::role::RoleId| *known.roles.get(before.0 as usize)?;
    for file in files.iter().filter(|file| FileKind::of(&file.name) == FileKind::People) {
        let texts = EntryTexts::of(&file.text, KEY)?;
        let digests: Vec<Digest> = texts.texts().map(digest_of).collect();
        // SECURITY: whoever has what lies below a group is read again when that is something else (`whoever_has_a_group_is_read_again_when_it_changes`)
        let keeps_groups =
            |at: &u32| known.entries.of_groups.get(at).is_none_or(|groups| groups.is_disjoint(known.regrouped));
        let keeps_values = |at: &u32| known.gone.is_empty() || !has_any(known.people, *at, known.gone);
        let stays = |at: &u32| keeps_groups(at) && keeps_values(at);
        let places: Vec<Option<u32>> =
            digests.iter().map(|digest| known.entries.places.get(digest).copied().filter(stays)).collect();
        let excerpt = texts.excerpt(|at| places.get(at).is_some_and(Option::is_none));
        let mut report = Report::new();
        let mut document = Document::parse(&file.name, &excerpt, &mut report)?;
        if !EntryTexts::of(&excerpt, KEY)?.are_those_of(&document) {
            return None;
        }
        let raw = decode_people(&mut document, &mut report)?;
        let mut notes = Notes::new(&document.file, &mut report);
        let mut read = raw.people.iter();
        let before = builder.people().len();
        // the last entry, which is always read, has no place
        for place in places.iter().chain([&None]) {
            let now = u32::try_from(builder.people().len()).ok()?;
            let groups = if let Some(at) = *place {
                let keys = keys.get(&at).map_or(&[][..], Vec::as_slice);
                builder.take(known.people, at, keys, role)?;
                known.entries.of_groups.get(&at).cloned().unwrap_or_default()
            } else {
                let (name, raw) = read.next().filter(|(name, _)| builder.people().named(name).is_none())?;
                people::person(name, raw, catalog, &mut builder, &mut notes);
                std::mem::take(&mut notes.groups)
            };
            if !groups.is_empty() {
                entries.of_groups.insert(now, groups);
            }
        }
        if !report.is_empty() {
            return None;
        }
        entries.read += raw.people.len();
        entries.add(digests, builder.people().len() - before);
    }
    // values that nobody has any more, and boxes that could be shared, are gone when everything is read
    (entries.read <= READ.max(entries.people)).then(|| (builder.finish(sequence), entries))
}

/// Whether somebody's rights name one of these values.
fn has_any(people: &People, at: u32, values: &Values) -> bool {
    let limits = people.at(at).into_iter().flat_map(|subject| &subject.assignments).flat_map(|one| one.scope.limits());
    limits
        .filter_map(|(id, set)| Some((*id, set.values()?)))
        .any(|(id, set)| set.iter().any(|&value| values.contains(&(id, value))))
}
