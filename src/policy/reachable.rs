//! Whether the routes that a page's links lead to could be granted to a person at all; decides nothing about a request.

use super::approach::{self, Found};
use super::decide::{Asker, Question};
use crate::request::{ParamValues, RequestView, TargetLimits};
use crate::rules::{App, Authority, Mode, PermissionId, PermissionSet, Standing};
use crate::rules::{By, Choice, Selector};
use crate::wire::framing::Framing;
use crate::wire::head::RequestHead;
use crate::wire::limit::HeadLimits;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::sync::Arc;

/// The most links that are kept in mind.
const MOST_KNOWN: usize = 512;

/// What a person is granted now, in some scope or other, and the routes that ask for it.
#[derive(Clone, Debug)]
pub(super) struct Reachable {
    app: Arc<App>,
    granted: PermissionSet,
    known: RefCell<FxHashMap<(String, String), bool>>,
}

impl Reachable {
    pub(super) fn of(question: &Question<'_>) -> Self {
        let mut granted = PermissionSet::default();
        if let Asker::Known(subject) = question.asker {
            let valid = subject.assignments.iter().filter(|one| one.standing(question.now) == Standing::Valid);
            for role in valid.filter_map(|one| question.rules.catalog.role(one.role)) {
                for permission in role.permissions.iter() {
                    granted.insert(permission);
                }
            }
        }
        Self { app: Arc::clone(question.app), granted, known: RefCell::default() }
    }

    /// Whether a request with this method and target can only be refused, for want of a permission or of a rule. False where that cannot
    /// be told by the target alone.
    pub(super) fn is_refused(&self, method: &str, target: &str) -> bool {
        let key = (method.to_owned(), target.to_owned());
        if let Some(known) = self.known.borrow().get(&key) {
            return *known;
        }
        let refused = self.judge(method, target).unwrap_or(false);
        let mut known = self.known.borrow_mut();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(key, refused);
        refused
    }

    fn judge(&self, method: &str, target: &str) -> Option<bool> {
        let text = format!("{method} {target} HTTP/1.1\r\nHost: link\r\n\r\n");
        let (head, _) = RequestHead::parse(text.as_bytes(), &HeadLimits::default()).ok()?;
        let view = approach::read_target(&self.app, &head, Framing::Empty, &TargetLimits::default()).ok()?;
        // where only what is listed passes, what no rule names is refused, too
        let Ok(found) = approach::find_route(&self.app, &view) else { return Some(self.app.mode == Mode::Enforce) };
        let Found::Route(route) = found else { return None };
        let is_granted = |permission: PermissionId| self.granted.contains(permission);
        Some(match &route.authority {
            Authority::Public => false,
            Authority::Permission(permission) => !is_granted(*permission),
            Authority::Selector(selector) => {
                let any = route.authority.permissions().any(is_granted);
                !self.is_selection_granted(selector, &view, method, any)?
            }
        })
    }

    /// Whether what the parameters of the target select is granted; `None` where they do not tell. Where nothing selects a form may
    /// bring what does, so that `any` counts; a link does not.
    fn is_selection_granted(
        &self,
        selector: &Selector,
        view: &RequestView<'_>,
        method: &str,
        any: bool,
    ) -> Option<bool> {
        let choice = match &selector.by {
            By::Value { location, cases } => match view.values(location).ok()? {
                ParamValues::Many(_) => return None,
                ParamValues::One(value) if !value.is_empty() => Some(cases.get(value)?),
                _ => None,
            },
            By::Name(buttons) => {
                let is_there = |place| view.values(place).is_ok_and(|values| !matches!(values, ParamValues::Absent));
                let mut pressed = buttons.iter().filter(|button| button.places.iter().all(is_there));
                match (pressed.next(), pressed.next()) {
                    (button, None) => button.map(|button| &button.choice),
                    _ => return None,
                }
            }
        };
        match choice {
            Some(Choice::Permission(permission)) => Some(self.granted.contains(*permission)),
            Some(Choice::Selector(inner)) => self.is_selection_granted(inner, view, method, any),
            None if method == "GET" => Some(self.granted.contains(selector.absent?)),
            None => Some(any),
        }
    }
}
