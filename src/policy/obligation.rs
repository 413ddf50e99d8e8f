//! What must be done to the answer of a permitted request: owned by its permit, so that nobody who forwards it can forget it.

use super::decide::{Question, Refusal};
use super::detail::Detail;
use super::judgement::Judgement;
use super::pass::Pass;
use super::rights::Rights;
use super::trace::Trace;
use crate::filter::{Begun, Coding, FilterError, GrantNo, Occasion, Plan, Tally, Terms};
use crate::model::Reason;
use crate::rules::{AnswerRule, App, Catalog, DimensionId, HiddenKey, Mode, PermissionId, Route};
use crate::wire::head::ResponseHead;
use compact_str::{CompactString, format_compact};
use std::rc::Rc;
use std::sync::Arc;

/// The filter of the answer to one request, with the rights of the person who gets it.
#[derive(Clone, Debug)]
pub struct Obligation {
    rule: Arc<AnswerRule>,
    /// Boxed, as most requests have none.
    rights: Box<Rights>,
}

/// What is done to answers of the route; nothing where it only observes.
fn filtering<'a>(route: &'a Route, app: &App) -> Option<&'a Arc<AnswerRule>> {
    route.answer.as_ref().filter(|_| route.mode.unwrap_or(app.mode) == Mode::Enforce)
}

impl Obligation {
    /// Of a request that came to `judgement`; `None` where its answer passes as it is, as on a route that only observes.
    pub(super) fn of(question: &Question<'_>, judgement: &Judgement) -> Option<Self> {
        let rule = filtering(question.route, question.app)?;
        Some(Self { rule: Arc::clone(rule), rights: Box::new(Rights::of(question, rule, judgement)) })
    }

    /// What becomes of the answer that begins with `head`, and where it is counted. The client is sent it in `coding`.
    ///
    /// # Errors
    /// Where the answer is none that the rule filters.
    pub fn begin(
        &self,
        head: &ResponseHead,
        occasion: Occasion,
        coding: Option<Coding>,
    ) -> Result<(Begun, Rc<Tally>), FilterError> {
        let tally = Rc::<Tally>::default();
        let terms = Terms {
            judge: Rc::new(Rights::clone(&self.rights)),
            tally: Rc::clone(&tally),
            bounds: self.rule.plan.bounds,
            occasion: Rc::new(occasion),
        };
        Ok((self.plan().begin_in(head, terms, coding)?, tally))
    }

    /// The filter.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.rule.plan
    }

    /// The rule.
    pub(super) fn rule(&self) -> &AnswerRule {
        &self.rule
    }

    /// The rights that rows are judged by.
    #[must_use]
    pub fn rights(&self) -> &Rights {
        &self.rights
    }

    /// The dimensions by which rows may be hidden from the person.
    pub fn rows_in_force(&self) -> impl Iterator<Item = DimensionId> + '_ {
        self.rule.dimensions.iter().copied().filter(|id| !self.rights.sees_all(*id))
    }

    /// The permissions that the person lacks in some row that it sees, so that fields are masked.
    pub fn masks_in_force(&self) -> impl Iterator<Item = PermissionId> + '_ {
        let lacking = |(number, _): &(u16, &PermissionId)| !self.rights.covers(Some(GrantNo(*number)));
        (0_u16..).zip(&self.rule.grants).filter(lacking).map(|(_, id)| *id)
    }

    /// What is done, by names, where `route` filters answers and enforces: `rows:warehouse`, `mask:cost:view`, `mask` for fields that
    /// nobody sees.
    #[must_use]
    pub fn names(route: &Route, app: &App, catalog: &Catalog) -> Vec<CompactString> {
        let Some(rule) = filtering(route, app) else { return Vec::new() };
        let dimension = |id| catalog.dimension(id).map_or("?", |dimension| dimension.name.as_str());
        let permission = |id| catalog.permission(id).map_or("?", |entry| entry.name.as_str());
        let rows = rule.dimensions.iter().map(|id| format_compact!("rows:{}", dimension(*id)));
        let masks = rule.grants.iter().map(|id| format_compact!("mask:{}", permission(*id)));
        let always = rule.plan.masks_for_everybody().then(|| CompactString::const_new("mask"));
        rows.chain(masks).chain(always).collect()
    }
}

impl<T: Trace> Pass<'_, '_, T> {
    /// No parameter searches, sorts or groups by a field that is masked in a row which the person sees.
    ///
    /// SECURITY: the order of rows, and which of them are found, would tell what the mask hides
    /// (`a_masked_field_is_no_key_to_search_or_sort_by`).
    pub(super) fn keys(&self, judgement: &Judgement) -> Result<(), Refusal> {
        let Some(rule) = self.question.route.answer.as_ref().filter(|rule| !rule.keys.is_empty()) else {
            return Ok(());
        };
        let mut rights = None;
        for key in &rule.keys {
            let place = &key.location;
            let values = self.at(place)?;
            if values.is_empty() || !values.iter().any(|value| asks_for(key, value)) {
                continue;
            }
            let rights = rights.get_or_insert_with(|| Rights::of(self.question, rule, judgement));
            if !rights.covers(key.grant) {
                return Err(Refusal::new(Reason::HiddenKey, Detail::Hidden(Box::new(place.clone()))));
            }
        }
        Ok(())
    }
}

/// Whether a value asks for one of the fields. A name counts wherever it stands in the value, in any letter case, since what
/// applications make of `-cost`, `t.cost desc` or `[cost]` differs; a number only as a whole.
fn asks_for(key: &HiddenKey, value: &str) -> bool {
    let value = value.to_lowercase();
    let names = |name: &CompactString| {
        if name.bytes().all(|b| b.is_ascii_digit()) {
            value.split(|c: char| !c.is_ascii_digit()).any(|part| part == name)
        } else {
            value.contains(name.as_str())
        }
    };
    key.names.is_empty() || key.names.iter().any(names)
}
