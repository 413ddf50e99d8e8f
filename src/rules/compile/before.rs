//! What one load leaves to the next, so that files whose text did not change are neither read nor compiled again.
//!
//! INVARIANT: an application depends on nothing but its own file, the permissions of `roles.yaml` with their effects, the names of its
//! dimensions, and the other files that it names; people depend on nothing but their files, the names of the roles and the dimensions.
//! What a role grants is no part of either, and neither are dimensions and roles that were written behind those that there were, and permissions
//! whose names sort behind, since what there was keeps its numbers (`a_load_that_takes_over_what_it_knows_comes_to_the_same`).

use super::Facts;
use super::FileKind;
use super::app::KnownApp;
use crate::diagnostics::Place;
use crate::rules::dimension::Dimension;
use crate::rules::load::File;
use crate::rules::people::People;
use crate::rules::set::{Catalog, RuleSet};
use aws_lc_rs::digest::{Context, SHA256, digest};
use rustc_hash::FxHashMap;
use std::sync::Arc;

type Digest = [u8; 32];

/// What the last load that succeeded came to; nothing at first.
#[derive(Clone, Debug, Default)]
pub struct Before(Option<(Kept, Arc<RuleSet>)>);

/// What is kept of a load beside its rule set.
#[derive(Clone, Debug)]
pub(in crate::rules) struct Kept {
    roles: Digest,
    people_files: Digest,
    people: Arc<People>,
    /// The dimensions after the roles, and after the people, who add values to open ones.
    dimensions: [Vec<Arc<Dimension>>; 2],
    permission_places: Arc<[Place]>,
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
        let each: Vec<Digest> = files.iter().map(|file| hash(digest(&SHA256, file.text.as_bytes()).as_ref())).collect();
        let all = |kind: FileKind| {
            let mut all = Context::new(&SHA256);
            for (file, digest) in files.iter().zip(&each).filter(|(file, _)| FileKind::of(&file.name) == kind) {
                all.update(&(file.name.len() as u64).to_be_bytes());
                all.update(file.name.as_bytes());
                all.update(digest);
            }
            hash(all.finish().as_ref())
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

fn hash(bytes: &[u8]) -> Digest {
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

    /// What was compiled before, and what of it stands under `catalog`, which is as the roles make it.
    pub(super) fn same(&self, catalog: &Catalog) -> Option<Same<'_>> {
        let (kept, set) = self.0.as_ref()?;
        let before = &set.catalog;
        let [of_roles, _] = &kept.dimensions;
        // what comes behind the rest moves nothing
        let apps =
            begins(
                catalog.permissions.iter().map(|one| (&one.name, one.effect)),
                before.permissions.iter().map(|one| (&one.name, one.effect)),
            ) && begins(catalog.dimensions.iter().map(|one| &one.name), before.dimensions.iter().map(|one| &one.name));
        let people = begins(catalog.roles.iter().map(|role| &role.name), before.roles.iter().map(|role| &role.name))
            && *of_roles == catalog.dimensions;
        Some(Same { kept, apps, people })
    }

    /// Takes the place of what was there.
    pub(in crate::rules) fn keep(&mut self, kept: Kept, set: &Arc<RuleSet>) {
        self.0 = Some((kept, Arc::clone(set)));
    }
}

/// Whether `all` begins with everything in `first`.
fn begins<T: PartialEq>(mut all: impl Iterator<Item = T>, mut first: impl Iterator<Item = T>) -> bool {
    first.all(|one| all.next() == Some(one))
}

/// What was compiled before, under a catalog that may differ.
#[derive(Clone, Copy)]
pub(super) struct Same<'a> {
    kept: &'a Kept,
    /// Whether permissions and dimensions have the places that applications know.
    apps: bool,
    /// Whether roles and dimensions are what people know.
    people: bool,
}

impl<'a> Same<'a> {
    /// The people with the dimensions as they made them, where their files are the same.
    pub(super) fn people(self, texts: &Texts) -> Option<(Arc<People>, Vec<Arc<Dimension>>)> {
        let [_, of_people] = &self.kept.dimensions;
        (self.people && self.kept.people_files == texts.people)
            .then(|| (Arc::clone(&self.kept.people), of_people.clone()))
    }

    /// The application of this file, where the text is the same.
    pub(super) fn app(self, file: &str, digest: &Digest) -> Option<&'a KnownApp> {
        self.kept.apps.get(file).filter(|(own, _)| self.apps && own == digest).map(|(_, app)| app)
    }
}

impl Kept {
    pub(super) fn new(
        texts: &Texts,
        apps: Vec<KnownApp>,
        people: &Arc<People>,
        dimensions: [Vec<Arc<Dimension>>; 2],
        facts: &Facts,
    ) -> Self {
        let digest = |app: &KnownApp| texts.names.get(&*app.file).copied();
        Self {
            roles: texts.roles,
            people_files: texts.people,
            people: Arc::clone(people),
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
