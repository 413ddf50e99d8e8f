//! `people.yaml` into subjects, credentials and assignments with shared scope boxes.

use super::entry::OfGroups;
use super::{Named, Notes};
use crate::diagnostics::yaml::Spanned;
use crate::diagnostics::{Report, suggest};
use crate::model::{SubjectId, Timestamp};
use crate::rules::dimension::{Dimension, DimensionId, ValueSet};
use crate::rules::people::{Assignment, KeyHash, People, PeopleBuilder, Status, Subject};
use crate::rules::raw::{RawAssignment, RawPeople, RawPerson, RawTests, RawValue, RawValues};
use crate::rules::set::Catalog;
use compact_str::{CompactString, format_compact};
use std::sync::Arc;

/// The people of these files, and who of them has which groups.
pub(super) fn compile(
    files: &[Named<RawPeople>],
    sequence: u64,
    catalog: &mut Catalog,
    report: &mut Report,
) -> (People, OfGroups) {
    let count = files.iter().map(|file| file.raw.people.len()).sum();
    let mut builder = PeopleBuilder::with_capacity(count);
    let mut of_groups = OfGroups::default();
    for Named { file, raw } in files {
        let mut notes = Notes::new(file, report);
        for (name, raw) in raw.people.iter() {
            if files.len() > 1 && builder.people().named(name).is_some() {
                notes.error(name.mark, format!("`{}` is given in two files", name.value));
            }
            let at = u32::try_from(builder.people().len()).unwrap_or(u32::MAX);
            person(name, raw, catalog, &mut builder, &mut notes);
            if !notes.groups.is_empty() {
                of_groups.insert(at, std::mem::take(&mut notes.groups));
            }
        }
    }
    (builder.finish(sequence), of_groups)
}

/// For each test file, everybody as that file has them.
pub(super) fn compile_overrides(
    files: &[Named<RawTests>],
    base: &Arc<People>,
    catalog: &mut Catalog,
    report: &mut Report,
) -> Vec<Arc<People>> {
    let mut compile = |Named { file, raw }: &Named<RawTests>| {
        if raw.people.is_empty() {
            return Arc::clone(base);
        }
        let mut builder = PeopleBuilder::from(People::clone(base));
        let mut notes = Notes::new(file, report);
        for (name, raw) in raw.people.iter() {
            person(name, raw, catalog, &mut builder, &mut notes);
        }
        Arc::new(builder.finish(base.sequence))
    };
    files.iter().map(&mut compile).collect()
}

pub(super) fn person(
    name: &Spanned<String>,
    raw: &RawPerson,
    catalog: &mut Catalog,
    builder: &mut PeopleBuilder,
    notes: &mut Notes<'_>,
) {
    if name.is_empty() || name.value == "anonymous" || name.contains(|c: char| c.is_control() || c.is_whitespace()) {
        notes.error(name.mark, format!("`{}` cannot name a person", name.value)).help(
            "write the name as the application spells it, without spaces; `anonymous` is whoever is not signed in",
        );
    }
    let (from, until) = validity(raw.from.as_ref(), raw.until.as_ref(), notes);
    let mut assignments = Vec::with_capacity(raw.assignments.len());
    for (at, raw) in raw.assignments.iter().enumerate() {
        assignments.extend(assignment(name, at + 1, raw, catalog, builder, notes));
    }
    let keys: Vec<(KeyHash, &Spanned<String>)> =
        raw.api_keys.iter().filter_map(|key| key_hash(&key.sha256, notes).map(|hash| (hash, &key.sha256))).collect();
    if let Some(password) = &raw.password {
        check_password(password, notes);
    }
    let subject = Subject {
        id: SubjectId::new(name),
        kind: raw.kind,
        title: raw.title.as_str().into(),
        status: if raw.frozen { Status::Frozen } else { Status::Active },
        from,
        until,
        assignments,
    };
    let hashes: Vec<KeyHash> = keys.iter().map(|(hash, _)| *hash).collect();
    let taken = builder.add(subject, raw.password.as_ref().map(|password| password.as_str()), &hashes);
    if let Err(taken) = taken
        && let Some((_, key)) = keys.iter().find(|(hash, _)| *hash == taken)
    {
        notes.error(key.mark, "this API key belongs to somebody else too").help("give everybody a key of their own");
    }
}

fn validity(
    from: Option<&Spanned<String>>,
    until: Option<&Spanned<String>>,
    notes: &mut Notes<'_>,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let begin = from.and_then(|text| notes.instant(text));
    let end = until.and_then(|text| notes.instant(text));
    if let (Some(begin), Some(end), Some(text)) = (begin, end, until)
        && end <= begin
    {
        notes.error(text.mark, "`until` does not lie after `from`, so this never holds");
    }
    (begin, end)
}

fn assignment(
    person: &str,
    number: usize,
    raw: &RawAssignment,
    catalog: &mut Catalog,
    builder: &mut PeopleBuilder,
    notes: &mut Notes<'_>,
) -> Option<Assignment> {
    let role = catalog.role_id(&raw.role);
    if role.is_none() {
        let suggestion = suggest(&raw.role, catalog.roles.iter().map(|role| role.name.as_str())).map(str::to_owned);
        notes
            .error(raw.role.mark, format!("unknown role `{}`", raw.role.value))
            .suggest(suggestion.as_deref())
            .help("every role stands under `roles:` in roles.yaml");
    }
    let (from, until) = validity(raw.from.as_ref(), raw.until.as_ref(), notes);
    let mut limits = Vec::with_capacity(raw.scope.len());
    for (name, values) in raw.scope.iter() {
        if let Some(dimension) = dimension(name, catalog, notes)
            && let Some(place) = catalog.dimensions.get_mut(usize::from(dimension.0))
        {
            limits.push((dimension, value_set(values, dimension, Arc::make_mut(place), notes)));
        }
    }
    let id = match &raw.id {
        Some(id) => CompactString::from(id.as_str()),
        None => format_compact!("{}@{person}#{number}", raw.role.value),
    };
    Some(Assignment { id, role: role?, scope: builder.share(limits), from, until })
}

/// The dimension of this name; notes it where there is none.
pub(super) fn dimension(name: &Spanned<String>, catalog: &Catalog, notes: &mut Notes<'_>) -> Option<DimensionId> {
    let found = catalog.dimension_id(name);
    found.map(|id| notes.used.dimensions.insert(id));
    if found.is_none() {
        let known = catalog.dimensions.iter().map(|dimension| dimension.name.as_str());
        let suggestion = suggest(name, known).map(str::to_owned);
        notes
            .error(name.mark, format!("unknown dimension `{}`", name.value))
            .suggest(suggestion.as_deref())
            .help("every dimension stands under `dimensions:` in roles.yaml");
    }
    found
}

fn value_set(raw: &Spanned<RawValues>, of: DimensionId, dimension: &mut Dimension, notes: &mut Notes<'_>) -> ValueSet {
    let mut values = Vec::with_capacity(raw.len());
    if raw.is_empty() {
        notes
            .error(raw.mark, "an empty list allows nothing")
            .help("list the values, write `all`, or leave the dimension out");
    }
    for value in raw.iter() {
        match &value.value {
            RawValue::One(text) if text == "all" => {
                if raw.len() == 1 {
                    return ValueSet::All;
                }
                notes
                    .error(value.mark, "`all` stands beside other values")
                    .help("write `all` alone, or list the values");
            }
            RawValue::One(text) | RawValue::Below(text) => {
                if dimension.closed && dimension.value_id(text).is_none() {
                    let suggestion = suggest(text, dimension.values()).map(str::to_owned);
                    let name = dimension.name.clone();
                    notes
                        .error(value.mark, format!("unknown value `{text}` of the dimension `{name}`"))
                        .suggest(suggestion.as_deref())
                        .help(format!("list it under `values:` of `{name}` in roles.yaml"));
                    continue;
                }
                let id = dimension.intern(text);
                match &value.value {
                    RawValue::One(_) => values.push(id),
                    RawValue::Below(_) => {
                        notes.groups.insert((of, id));
                        values.extend_from_slice(&dimension.below(id));
                    }
                }
            }
        }
    }
    ValueSet::of(values)
}

fn key_hash(text: &Spanned<String>, notes: &mut Notes<'_>) -> Option<KeyHash> {
    let mut hash = KeyHash::default();
    let digits = text.as_bytes();
    let mut pairs = digits.chunks_exact(2);
    let read = digits.len() == 64
        && hash.iter_mut().all(|byte| {
            let pair = pairs.next().and_then(|pair| std::str::from_utf8(pair).ok());
            let value = pair.filter(|pair| !pair.starts_with('+')).and_then(|pair| u8::from_str_radix(pair, 16).ok());
            value.map(|value| *byte = value).is_some()
        });
    if !read {
        // SECURITY: never show the word: somebody may have written the key itself (`tests/rules/people-credentials`)
        notes
            .error(text.mark, "this is not a SHA-256 in 64 hex digits")
            .help("write the hash of the key, never the key: `printf %s KEY | sha256sum`");
    }
    read.then_some(hash)
}

fn check_password(text: &Spanned<String>, notes: &mut Notes<'_>) {
    if argon2::password_hash::PasswordHash::new(text).is_err() || !text.starts_with("$argon2") {
        // SECURITY: never show the word: somebody may have written the password itself (`tests/rules/people-credentials`)
        notes
            .error(text.mark, "this is not an argon2 hash")
            .help("write the hash, never the password: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`");
    }
}
