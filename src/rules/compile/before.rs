//! What one load leaves to the next, so that files whose text did not change are neither read nor compiled again.
//!
//! INVARIANT: an application depends on nothing but its own file, the permissions that it asks for with their effects, the numbers of the
//! dimensions that it names, and the other files that it names; people depend on nothing but their files, the roles that they have
//! and the dimensions but for their titles (`a_load_that_takes_over_what_it_knows_comes_to_the_same`). What a role grants is no part of
//! either. A permission keeps its number as long as it is there; roles and dimensions are numbered as they are written.

use super::Facts;
use super::FileKind;
use super::app::KnownApp;
use super::entry::KnownEntries;
use crate::diagnostics::Place;
use crate::rules::dimension::{Dimension, DimensionId, ValueId};
use crate::rules::load::File;
use crate::rules::people::People;
use crate::rules::role::{PermissionSet, RoleId};
use crate::rules::set::{Catalog, RuleSet};
use aws_lc_rs::digest::{Context, SHA256, digest};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

pub(super) type Digest = [u8; 32];

/// Permissions and dimensions by their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Used {
    pub(super) permissions: PermissionSet,
    pub(super) dimensions: FxHashSet<DimensionId>,
}

/// Values, each with its dimension.
pub(super) type Values = FxHashSet<(DimensionId, ValueId)>;

/// What the last load that succeeded came to; nothing at first.
#[derive(Clone, Debug, Default)]
pub struct Before(Option<(Kept, Arc<RuleSet>)>);

/// What is kept of a load beside its rule set.
#[derive(Clone, Debug)]
pub(in crate::rules) struct Kept {
    roles: Digest,
    people_files: Digest,
    people: Arc<People>,
    entries: Arc<KnownEntries>,
    /// The dimensions after the roles, and after the people, who add values to open ones.
    dimensions: [Vec<Arc<Dimension>>; 2],
    permission_places: Arc<[Option<Place>]>,
    role_places: Arc<[Place]>,
    apps: FxHashMap<Arc<str>, (Digest, KnownApp)>,
}

/// The digests of files.
pub(super) struct Texts {
    each: Vec<Digest>,
    roles: Digest,
    people: Digest,
    names: FxHashMap<String, Digest>,
}

impl Texts {
    pub(super) fn of(files: &[File]) -> Self {
        let each: Vec<Digest> = files.iter().map(|file| digest_of(&file.text)).collect();
        let all = |kind: FileKind| {
            let mut all = Context::new(&SHA256);
            for (file, digest) in files.iter().zip(&each).filter(|(file, _)| FileKind::of(&file.name) == kind) {
                all.update(&(file.name.len() as u64).to_be_bytes());
                all.update(file.name.as_bytes());
                all.update(digest);
            }
            bytes(all.finish().as_ref())
        };
        let (roles, people) = (all(FileKind::Roles), all(FileKind::People));
        let names = files.iter().zip(&each).map(|(file, digest)| (file.name.clone(), *digest)).collect();
        Self { each, roles, people, names }
    }

    /// That of each file, in their order.
    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.each.iter()
    }
}

/// The digest of a text.
pub(super) fn digest_of(text: &str) -> Digest {
    bytes(digest(&SHA256, text.as_bytes()).as_ref())
}

fn bytes(bytes: &[u8]) -> Digest {
    let mut digest = Digest::default();
    digest.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    digest
}

impl Before {
    /// The catalog as the same roles made it.
    pub(super) fn catalog(&self, texts: &Texts, facts: &mut Facts) -> Option<Catalog> {
        let (kept, set) = self.0.as_ref().filter(|(kept, _)| kept.roles == texts.roles)?;
        facts.permissions = kept.permission_places.to_vec();
        facts.roles = kept.role_places.to_vec();
        let [of_roles, _] = &kept.dimensions;
        Some(Catalog { dimensions: of_roles.clone(), ..set.catalog.clone() })
    }

    /// The catalog that the last load came to.
    pub(super) fn last(&self) -> Option<&Catalog> {
        self.0.as_ref().map(|(_, set)| &set.catalog)
    }

    /// What was compiled before, and what of it stands under `catalog`, which is as the roles make it.
    pub(super) fn same(&self, catalog: &Catalog) -> Option<Same<'_>> {
        let (kept, set) = self.0.as_ref()?;
        let before = &set.catalog;
        let mut moved = Used::default();
        for (id, one) in before.permissions() {
            let now = catalog.permission(id);
            if now.is_none_or(|now| (&now.name, now.effect) != (&one.name, one.effect)) {
                moved.permissions.insert(id);
            }
        }
        for (id, one) in (0..).map(DimensionId).zip(&before.dimensions) {
            if catalog.dimension(id).is_none_or(|now| now.name != one.name) {
                moved.dimensions.insert(id);
            }
        }
        let roles: Vec<Option<RoleId>> = before.roles.iter().map(|role| catalog.role_id(&role.name)).collect();
        Some(Same { kept, moved, roles, under: kept.dimensions_under(catalog) })
    }

    /// Takes the place of what was there.
    pub(in crate::rules) fn keep(&mut self, kept: Kept, set: &Arc<RuleSet>) {
        self.0 = Some((kept, Arc::clone(set)));
    }
}

/// What was compiled before, under a catalog that may differ.
pub(super) struct Same<'a> {
    kept: &'a Kept,
    /// What is not as applications know it.
    moved: Used,
    /// The number that each role has now.
    roles: Vec<Option<RoleId>>,
    under: Option<Under>,
}

/// The dimensions with the values that people added to them, where they are what people know, and what of these values is not what it was.
#[derive(Debug, Default)]
struct Under {
    dimensions: Vec<Arc<Dimension>>,
    /// With other values below them.
    regrouped: Values,
    /// No more.
    gone: Values,
}

/// People as they were compiled before, and what their entries are read under now.
pub(super) struct KnownPeople<'a> {
    pub(super) people: &'a Arc<People>,
    pub(super) entries: &'a Arc<KnownEntries>,
    /// The number that each role has now.
    pub(super) roles: &'a [Option<RoleId>],
    /// The dimensions with the values that these people added to them.
    pub(super) dimensions: &'a [Arc<Dimension>],
    /// Values that have other members now: who has what lies below them is to be read again.
    pub(super) regrouped: &'a Values,
    /// Values that are no more: who has them is to be read again.
    pub(super) gone: &'a Values,
}

impl<'a> Same<'a> {
    /// The people of the last load, where their entries mean the same now, but for the numbers of roles.
    pub(super) fn people(&self) -> Option<KnownPeople<'_>> {
        let Under { dimensions, regrouped, gone } = self.under.as_ref()?;
        let (people, entries) = (&self.kept.people, &self.kept.entries);
        Some(KnownPeople { people, entries, roles: &self.roles, dimensions, regrouped, gone })
    }

    /// Whether everything about these people is the same.
    pub(super) fn are_same_people(&self, texts: &Texts) -> bool {
        let stays = |(id, now): (u32, &Option<RoleId>)| *now == Some(RoleId(id));
        let values_stay = self.under.as_ref().is_some_and(|under| under.regrouped.is_empty() && under.gone.is_empty());
        values_stay && self.kept.people_files == texts.people && (0..).zip(&self.roles).all(stays)
    }

    /// The application of this file, where the text is the same.
    pub(super) fn app(&self, file: &str, digest: &Digest) -> Option<&'a KnownApp> {
        let (own, app) = self.kept.apps.get(file)?;
        (own == digest && !app.asks_for(&self.moved)).then_some(app)
    }
}

impl Kept {
    /// The dimensions of `catalog` with the values that people added to those that there were, and what of these values is not what it was;
    /// `None` where one has others by its numbers.
    fn dimensions_under(&self, catalog: &Catalog) -> Option<Under> {
        let mut under = Under { dimensions: catalog.dimensions.clone(), ..Under::default() };
        let [of_roles, of_people] = &self.dimensions;
        for (at, (listed, known)) in of_roles.iter().zip(of_people).enumerate() {
            let now = under.dimensions.get_mut(at)?;
            if !now.closed && now.has_values_of(listed) {
                let title = now.title.clone();
                *now = Arc::clone(known);
                if now.title != title {
                    Arc::make_mut(now).title = title;
                }
                continue;
            }
            if !now.closed {
                *now = Arc::new(Dimension::clone(now).numbered_as(known));
            }
            let changed = now.changed_since(known)?;
            let id = DimensionId(u16::try_from(at).ok()?);
            under.regrouped.extend(changed.regrouped.into_iter().map(|value| (id, value)));
            under.gone.extend(changed.gone.into_iter().map(|value| (id, value)));
        }
        Some(under)
    }

    pub(super) fn new(
        texts: &Texts,
        apps: Vec<KnownApp>,
        (people, entries): (&Arc<People>, Arc<KnownEntries>),
        dimensions: [Vec<Arc<Dimension>>; 2],
        facts: &Facts,
    ) -> Self {
        let digest = |app: &KnownApp| texts.names.get(&*app.file).copied();
        Self {
            roles: texts.roles,
            people_files: texts.people,
            people: Arc::clone(people),
            entries,
            dimensions,
            permission_places: facts.permissions.as_slice().into(),
            role_places: facts.roles.as_slice().into(),
            apps: apps
                .into_iter()
                .filter_map(|app| digest(&app).map(|digest| (Arc::clone(&app.file), (digest, app))))
                .collect(),
        }
    }
}
