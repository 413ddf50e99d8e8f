//! What a stream was permitted for, by names that outlive a rule set, and whether it would still be permitted: by the same
//! reach of rights and the same conditions as a request.

use super::condition::{self, Moment};
use super::decide::{Asker, Judged, Refusal};
use super::detail::Detail;
use super::handle::read;
use super::judgement::Judgement;
use super::obligation::Obligation;
use super::pass::Places;
use super::reach::{Reach, granting, reach, standing};
use super::rights::Kept;
use super::scope::{Ask, Asked};
use super::trace::Silent;
use crate::model::{Device, Outcome, Reason, SubjectId, Timestamp};
use crate::request::{Elements, Location};
use crate::rules::{
    App, Authority, Condition, Mode, People, PermissionId, Route, RuleSet, ScopeRule, Subject, Upgrade,
};
use compact_str::CompactString;
use smallvec::SmallVec;
use std::net::IpAddr;

/// The values of the parameters that the conditions of a route test. Empty, and without cost, on routes that test none.
pub type Tested = Vec<(Location, SmallVec<[CompactString; 1]>)>;

impl Judged<'_, '_> {
    /// The values that the conditions of the route test, to be kept for a stream.
    #[must_use]
    pub fn tested(&self) -> Tested {
        let mut tested = Tested::new();
        for condition in &self.route.conditions {
            let (Condition::Param { location, .. }, _) = condition::within(condition, None) else { continue };
            if let Ok(values) = read(self.route, &self.view, location) {
                tested.push((location.clone(), values.into_iter().map(CompactString::from).collect()));
            }
        }
        tested
    }
}

/// From whom and by what a stream came.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Who asked.
    pub subject: Option<&'a SubjectId>,
    /// From which address.
    pub client: IpAddr,
    /// On which device.
    pub device: &'a Device,
    /// Whether the connection was upgraded.
    pub upgraded: bool,
}

/// What a stream was permitted for.
#[derive(Clone, Debug)]
pub struct Claim {
    app: CompactString,
    route: CompactString,
    permission: Option<CompactString>,
    /// The values in each bound dimension; `None` where nothing was given and everything may be seen.
    bound: Vec<(CompactString, Option<Vec<CompactString>>)>,
    tested: Tested,
    observed: bool,
    subject: Option<SubjectId>,
    client: IpAddr,
    device: Device,
    upgraded: bool,
    /// What its answer is filtered by.
    kept: Option<Kept>,
}

impl Claim {
    /// Of a request that was permitted or observed.
    #[must_use]
    pub fn of(
        rules: &RuleSet,
        app: &App,
        route: Option<&Route>,
        judgement: &Judgement,
        tested: Tested,
        origin: &Origin<'_>,
    ) -> Self {
        let catalog = &rules.catalog;
        let bound = judgement.scope().iter().map(|bound| {
            let dimension = catalog.dimension(bound.dimension).map(|dimension| dimension.name.clone());
            (dimension.unwrap_or_default(), (!bound.unlimited).then(|| bound.values.to_vec()))
        });
        let permission = judgement.permission().and_then(|id| catalog.permission(id));
        Self {
            app: app.name.clone(),
            route: route.map(|route| route.id.clone()).unwrap_or_default(),
            permission: permission.map(|entry| entry.name.as_str().into()),
            bound: bound.collect(),
            tested,
            observed: judgement.outcome() == Outcome::Observed,
            subject: origin.subject.cloned(),
            client: origin.client,
            device: origin.device.clone(),
            upgraded: origin.upgraded,
            kept: None,
        }
    }

    /// The same, whose answer is filtered: it ends also where what it is filtered by is no longer the same.
    #[must_use]
    pub fn filtered(mut self, obligation: Option<&Obligation>, rules: &RuleSet) -> Self {
        self.kept = obligation.map(|obligation| Kept::of(obligation.rights(), obligation.rule(), rules));
        self
    }

    /// Who asked.
    #[must_use]
    pub fn subject(&self) -> Option<&SubjectId> {
        self.subject.as_ref()
    }

    /// What its application and route are in `rules`. Found once for each rule set, since there may be many routes.
    #[must_use]
    pub fn find<'r>(&self, rules: &'r RuleSet) -> (Option<&'r std::sync::Arc<App>>, Option<&'r std::sync::Arc<Route>>) {
        let app = rules.app(&self.app);
        (app, app.and_then(|app| app.routes.iter().find(|route| route.id == self.route)))
    }

    /// Whether it would still be permitted, where `app` and `route` are what [`Claim::find`] finds in `rules`.
    #[must_use]
    pub fn holds(
        &self,
        rules: &RuleSet,
        people: &People,
        app: Option<&App>,
        route: Option<&Route>,
        now: Timestamp,
    ) -> bool {
        let Some(app) = app else { return false };
        if self.observed {
            return route.and_then(|route| route.mode).unwrap_or(app.mode) == Mode::Observe;
        }
        route.is_some_and(|route| self.judge(rules, people, route, now).is_ok())
    }

    fn judge(&self, rules: &RuleSet, people: &People, route: &Route, now: Timestamp) -> Result<(), Refusal> {
        if self.upgraded && matches!(route.upgrade, Upgrade::None) {
            return Err(Refusal::new(Reason::UpgradeRefused, Detail::None));
        }
        let permission = match route.authority {
            Authority::Public => None,
            Authority::Permission(_) | Authority::Selector(_) => Some(self.reaches(rules, people, route, now)?),
        };
        let subject = || self.subject.as_ref().and_then(|id| people.subject(id));
        if self.kept.as_ref().is_some_and(|kept| !kept.holds(rules, route, subject(), permission, now)) {
            return Err(Refusal::new(Reason::OutOfScope, Detail::None));
        }
        let moment = Moment { now, client: self.client, device: Some(&self.device) };
        for (at, condition) in route.conditions.iter().enumerate() {
            let (condition, applies) = condition::within(condition, permission);
            let holds =
                || condition::holds(condition, &moment, |place| self.value(place), |_, _| CompactString::default());
            if applies && !matches!(holds()?, Ok(true)) {
                return Err(Refusal::new(Reason::ConditionFailed, Detail::Condition { at, error: None }));
            }
        }
        Ok(())
    }

    /// The permission, where it is still asked for and the rights of the subject reach.
    fn reaches(
        &self,
        rules: &RuleSet,
        people: &People,
        route: &Route,
        now: Timestamp,
    ) -> Result<PermissionId, Refusal> {
        let subject = standing(self.asker(people), now)?;
        let wanted = self.permission.as_ref().and_then(|name| rules.catalog.permission_id(name));
        let asked = |wanted: &PermissionId| route.authority.permissions().any(|asked| asked == *wanted);
        let permission = wanted.filter(asked).ok_or_else(|| Refusal::new(Reason::UnknownOperation, Detail::None))?;
        let mut places = Places::new();
        granting(&rules.catalog, subject, permission, now, &mut places, &mut Silent)?;
        match reach(route, subject, &places, &self.asked(rules, route)?, &mut Silent) {
            Reach::Whole(_) | Reach::United(_) | Reach::Several(_) => Ok(permission),
            Reach::Limited(_) | Reach::Nowhere => Err(Refusal::new(Reason::OutOfScope, Detail::None)),
        }
    }

    fn asker<'a>(&'a self, people: &'a People) -> Asker<'a> {
        let known = |id| people.subject(id).map_or(Asker::Stranger(id), |subject: &Subject| Asker::Known(subject));
        self.subject.as_ref().map_or(Asker::Anonymous, known)
    }

    /// What the route asks of each dimension now, by what the stream was permitted for.
    fn asked(&self, rules: &RuleSet, route: &Route) -> Result<SmallVec<[Asked; 3]>, Refusal> {
        let bound = route.scope.iter().filter(|rule| matches!(rule, ScopeRule::Bound { .. }));
        let asked = bound.map(|rule| {
            let dimension = rules.catalog.dimension(rule.dimension());
            let kept =
                dimension.and_then(|known| Some((known, self.bound.iter().find(|(name, _)| *name == known.name)?)));
            // what was not bound then cannot be judged now
            let (dimension, (_, values)) = kept.ok_or_else(|| Refusal::new(Reason::ScopeMissing, Detail::None))?;
            let ask = match values {
                None => Ask::Everything,
                Some(values) => Ask::All(values.iter().map(|value| dimension.value_id(value)).collect()),
            };
            Ok(Asked { dimension: rule.dimension(), ask })
        });
        asked.collect()
    }

    /// The values that were kept of a parameter; one that nothing tested then cannot be judged now.
    fn value(&self, place: &Location) -> Result<Elements<'_>, Refusal> {
        let kept = self.tested.iter().find(|(kept, _)| kept == place);
        let (_, values) = kept.ok_or_else(|| Refusal::new(Reason::ConditionError, Detail::None))?;
        Ok(values.iter().map(CompactString::as_str).collect())
    }
}
