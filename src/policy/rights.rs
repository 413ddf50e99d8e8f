//! What a person may see of one answer: the boxes that granted the request and those that lift its masks, asked about each row.
//! It outlives the rule set that it was taken from, and holds no more of it than it needs.

use super::decide::{Asker, Question};
use super::judgement::Judgement;
use super::reachable::Reachable;
use super::scope::{self, Ask, Asked, Choice, Cut, Fit, Given};
use crate::filter::{DimensionNo, GrantNo, Judge};
use crate::model::{Revision, Timestamp};
use crate::rules::{
    AnswerRule, Catalog, Dimension, DimensionId, PermissionId, Route, RuleSet, ScopeBox, ScopeRule, Standing, Subject,
    ValueSet,
};
use compact_str::CompactString;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;

/// The most answers about rows that are kept in mind.
const MOST_KNOWN: usize = 1024;

/// The longest values of a row that are, in bytes.
const LONGEST_KNOWN: usize = 256;

/// Which boxes are meant: those of the permission that was asked for, or those of a grant.
type Which = Option<GrantNo>;

/// A row that was asked about.
type Key = (Which, SmallVec<[(DimensionNo, CompactString); 2]>);

/// The rights of one person to the answer to one request.
#[derive(Clone, Debug)]
pub struct Rights {
    /// The dimensions of the rows, with their dictionaries.
    rows: Vec<(DimensionId, Arc<Dimension>)>,
    /// What the request binds.
    bound: SmallVec<[Asked; 2]>,
    /// What the request leaves open, since the person may see everything.
    unlimited: SmallVec<[DimensionId; 2]>,
    ignored: SmallVec<[DimensionId; 4]>,
    permitted: Vec<ScopeBox>,
    granted: Vec<Vec<ScopeBox>>,
    known: RefCell<FxHashMap<Key, bool>>,
    /// Where links are judged: the routes that they lead to.
    reachable: Option<Reachable>,
}

/// The boxes of the assignments that grant `permission` at `now`.
fn boxes(catalog: &Catalog, subject: Option<&Subject>, permission: PermissionId, now: Timestamp) -> Vec<ScopeBox> {
    let assignments = subject.into_iter().flat_map(|subject| &subject.assignments);
    let granting = assignments.filter(|assignment| {
        let grants = catalog.role(assignment.role).is_some_and(|role| role.permissions.contains(permission));
        grants && assignment.standing(now) == Standing::Valid
    });
    let mut boxes: Vec<ScopeBox> = Vec::new();
    for assignment in granting {
        if !boxes.contains(&assignment.scope) {
            boxes.push(assignment.scope.clone());
        }
    }
    boxes
}

impl Rights {
    /// The rights that a request has which came to `judgement`.
    pub(super) fn of(question: &Question<'_>, rule: &AnswerRule, judgement: &Judgement) -> Self {
        let subject = match question.asker {
            Asker::Known(subject) => Some(subject),
            Asker::Anonymous | Asker::Stranger(_) => None,
        };
        let (catalog, now) = (&question.rules.catalog, question.now);
        let mut rights = Self {
            rows: rule.dimensions.iter().filter_map(|id| Some((*id, Arc::clone(catalog.dimension(*id)?)))).collect(),
            bound: SmallVec::new(),
            unlimited: SmallVec::new(),
            ignored: SmallVec::new(),
            permitted: judgement.permission().map(|id| boxes(catalog, subject, id, now)).unwrap_or_default(),
            granted: rule.grants.iter().map(|id| boxes(catalog, subject, *id, now)).collect(),
            known: RefCell::default(),
            reachable: rule.plan.judges_links().then(|| Reachable::of(question)),
        };
        for bound in judgement.scope() {
            let Some(dimension) = catalog.dimension(bound.dimension) else { continue };
            if bound.unlimited {
                rights.unlimited.push(bound.dimension);
            } else {
                let given: Given = bound.values.iter().map(|value| dimension.value_id(value)).collect();
                rights.bound.push(Asked { dimension: bound.dimension, ask: Ask::All(given) });
            }
        }
        let ignored = |rule: &ScopeRule| if let ScopeRule::Ignored(id) = rule { Some(*id) } else { None };
        rights.ignored.extend(question.route.scope.iter().filter_map(ignored));
        rights
    }

    fn boxes(&self, which: Which) -> &[ScopeBox] {
        match which {
            None => &self.permitted,
            Some(grant) => self.granted.get(usize::from(grant.0)).map_or(&[], Vec::as_slice),
        }
    }

    /// What a row asks for: its own values in its dimensions, and those of the request in the others.
    fn asked(&self, row: &[(DimensionNo, &str)]) -> Option<SmallVec<[Asked; 4]>> {
        let mut asked: SmallVec<[Asked; 4]> = SmallVec::new();
        for (number, text) in row {
            let (id, dimension) = self.rows.get(usize::from(number.0))?;
            let value = dimension.value_id(text);
            match asked.iter_mut().find(|asked| asked.dimension == *id) {
                Some(Asked { ask: Ask::All(given), .. }) => given.push(value),
                _ => asked.push(Asked { dimension: *id, ask: Ask::All(Given::from_slice(&[value])) }),
            }
        }
        for bound in &self.bound {
            if !asked.iter().any(|own| own.dimension == bound.dimension) {
                asked.push(bound.clone());
            }
        }
        Some(asked)
    }

    /// Whether a box counts where `asked` is asked and `open` must be unlimited: it says something of each and is limited in nothing else.
    fn counts(&self, scope: &ScopeBox, asked: &[Asked], open: &[DimensionId]) -> bool {
        let is_asked = |id: DimensionId| asked.iter().any(|asked| asked.dimension == id);
        let open_here = |id: DimensionId| open.contains(&id) || (self.unlimited.contains(&id) && !is_asked(id));
        let all = |id: DimensionId| matches!(scope.limit(id), Some(ValueSet::All));
        let is_loose = |(id, values): &(DimensionId, ValueSet)| {
            !matches!(values, ValueSet::All) && !is_asked(*id) && !self.ignored.contains(id) && !open_here(*id)
        };
        let opened = || open.iter().chain(self.unlimited.iter().filter(|&&id| !is_asked(id)));
        opened().all(|&id| all(id)) && !scope.limits().iter().any(is_loose)
    }

    /// Whether one of the boxes, or several united, hold what is asked.
    fn hold(&self, which: Which, asked: &[Asked], open: &[DimensionId]) -> bool {
        let mut parts: SmallVec<[&ScopeBox; 8]> = SmallVec::new();
        for scope in self.boxes(which).iter().filter(|scope| self.counts(scope, asked, open)) {
            match scope::fit(scope, asked) {
                Fit::Whole => return true,
                Fit::Part => parts.push(scope),
                Fit::Omits(_) | Fit::Outside(_) => {}
            }
        }
        // one box alone holds all or not
        if parts.len() < 2 {
            return false;
        }
        let cuts = (0_u32..).zip(parts).filter_map(|(at, scope)| Cut::new(at, scope, asked)).collect();
        !matches!(scope::choose(cuts, asked), Choice::None)
    }

    fn holds(&self, which: Which, row: &[(DimensionNo, &str)]) -> bool {
        let judge = || self.asked(row).is_some_and(|asked| self.hold(which, &asked, &[]));
        // what is kept in mind is bounded in bytes too
        if row.iter().map(|(_, text)| text.len()).sum::<usize>() > LONGEST_KNOWN {
            return judge();
        }
        let key: Key = (which, row.iter().map(|(number, text)| (*number, CompactString::from(*text))).collect());
        if let Some(known) = self.known.borrow().get(&key) {
            return *known;
        }
        let holds = judge();
        let mut known = self.known.borrow_mut();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(key, holds);
        holds
    }

    /// Whether rows of every value of the dimension may be seen by some of the boxes.
    pub(super) fn sees_all(&self, dimension: DimensionId) -> bool {
        self.permitted.iter().any(|scope| matches!(scope.limit(dimension), Some(ValueSet::All)))
    }

    /// Whether in every row that the person may see, `grant` is held too.
    pub(super) fn covers(&self, grant: Option<GrantNo>) -> bool {
        let Some(grant) = grant else { return false };
        if self.rows.is_empty() {
            return self.holds(Some(grant), &[]);
        }
        let is_row = |id: DimensionId| self.rows.iter().any(|(own, _)| *own == id);
        let asked: SmallVec<[Asked; 4]> = self.bound.iter().filter(|bound| !is_row(bound.dimension)).cloned().collect();
        let within = |narrow: &ScopeBox, wide: &ScopeBox| {
            self.rows.iter().all(|(id, _)| match (narrow.limit(*id), wide.limit(*id)) {
                (_, Some(ValueSet::All)) => true,
                (Some(ValueSet::Set(own)), Some(other)) => own.iter().all(|value| other.contains(Some(*value))),
                _ => false,
            })
        };
        let rows: SmallVec<[DimensionId; 4]> = self.rows.iter().map(|(id, _)| *id).collect();
        // what a box says of the rows is compared, so that it is not loose in them
        let counts = |scope: &&ScopeBox| {
            let mut row: SmallVec<[Asked; 4]> = asked.clone();
            row.extend(rows.iter().map(|id| Asked { dimension: *id, ask: Ask::Open }));
            self.counts(scope, &row, &[]) && !matches!(scope::fit(scope, &row), Fit::Omits(_) | Fit::Outside(_))
        };
        let whole = |scope: &&ScopeBox| asked.is_empty() || scope::fit(scope, &asked) == Fit::Whole;
        let lifting: Vec<&ScopeBox> = self.boxes(Some(grant)).iter().filter(counts).filter(whole).collect();
        self.permitted.iter().filter(counts).all(|own| lifting.iter().any(|wide| within(own, wide)))
    }
}

/// The rights that an open stream is filtered by, told by names, which outlive a rule set.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    rule: u64,
    grants: Vec<CompactString>,
    print: u64,
    /// What they were the last time, so that they are told by names once a rule set.
    last: RefCell<Option<(Revision, Vec<Vec<ScopeBox>>)>>,
}

/// Equal for boxes that hold the same values by name.
fn print(catalog: &Catalog, lists: &[Vec<ScopeBox>]) -> u64 {
    let name = |id| catalog.dimension(id).map_or("", |dimension| dimension.name.as_str());
    let of_box = |scope: &ScopeBox| {
        let mut limits: Vec<(&str, Option<Vec<&str>>)> = Vec::with_capacity(scope.limits().len());
        for (id, values) in scope.limits() {
            let text = |value| catalog.dimension(*id).map_or("", |dimension| dimension.value(value));
            let mut texts = values.values().map(|values| values.iter().map(|value| text(*value)).collect::<Vec<_>>());
            texts.iter_mut().for_each(|texts| texts.sort_unstable());
            limits.push((name(*id), texts));
        }
        limits.sort_unstable();
        hash(&limits)
    };
    let of_list = |list: &Vec<ScopeBox>| {
        let mut boxes: Vec<u64> = list.iter().map(of_box).collect();
        boxes.sort_unstable();
        boxes
    };
    hash(&lists.iter().map(of_list).collect::<Vec<_>>())
}

fn hash(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

impl Kept {
    /// Of the rights that the answers of `rule` are filtered by.
    pub(super) fn of(rights: &Rights, rule: &AnswerRule, rules: &RuleSet) -> Self {
        let catalog = &rules.catalog;
        let name = |id: &PermissionId| catalog.permission(*id).map(|entry| entry.name.as_str().into());
        let mut lists = vec![rights.permitted.clone()];
        lists.extend(rights.granted.iter().cloned());
        Self {
            rule: rule.print,
            grants: rule.grants.iter().filter_map(name).collect(),
            print: print(catalog, &lists),
            last: RefCell::new(Some((rules.revision.clone(), lists))),
        }
    }

    /// Whether they are the same still, and the rule is. What changed in them, a stream that is open cannot be judged by.
    pub(super) fn holds(
        &self,
        rules: &RuleSet,
        route: &Route,
        subject: Option<&Subject>,
        permission: Option<PermissionId>,
        now: Timestamp,
    ) -> bool {
        let catalog = &rules.catalog;
        if route.answer.as_ref().is_none_or(|rule| rule.print != self.rule) {
            return false;
        }
        let grants: Option<Vec<PermissionId>> = self.grants.iter().map(|name| catalog.permission_id(name)).collect();
        let Some(grants) = grants else { return false };
        let mut lists = vec![permission.map(|id| boxes(catalog, subject, id, now)).unwrap_or_default()];
        lists.extend(grants.into_iter().map(|id| boxes(catalog, subject, id, now)));
        let mut last = self.last.borrow_mut();
        if last.as_ref().is_some_and(|(revision, known)| *revision == rules.revision && *known == lists) {
            return true;
        }
        let holds = print(catalog, &lists) == self.print;
        if holds {
            *last = Some((rules.revision.clone(), lists));
        }
        holds
    }
}

impl Judge for Rights {
    fn keeps(&self, row: &[(DimensionNo, &str)]) -> bool {
        self.holds(None, row)
    }

    fn shows(&self, grant: GrantNo, row: &[(DimensionNo, &str)]) -> bool {
        self.holds(Some(grant), row)
    }

    fn may_show(&self, grant: GrantNo) -> bool {
        !self.boxes(Some(grant)).is_empty()
    }

    fn is_refused(&self, method: &str, target: &str) -> bool {
        self.reachable.as_ref().is_some_and(|reachable| reachable.is_refused(method, target))
    }

    fn keeps_all(&self, dimensions: &[DimensionNo]) -> bool {
        let open: Option<SmallVec<[DimensionId; 4]>> =
            dimensions.iter().map(|number| Some(self.rows.get(usize::from(number.0))?.0)).collect();
        open.is_some_and(|open| {
            let mut asked = self.bound.clone();
            asked.retain(|bound| !open.contains(&bound.dimension));
            self.hold(None, &asked, &open)
        })
    }
}
