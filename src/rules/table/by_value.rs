//! Routes at one place that differ by the value of one parameter, as the operations of a front controller do
//! (`/index.php?action=…`): found by the value without walking them. It only leaves routes out, and never judges one.

use super::{Said, Search};
use crate::request::Location;
use crate::rules::pattern::MethodSet;
use crate::rules::route::{Predicate, Route};
use compact_str::CompactString;
use rustc_hash::FxHashMap;

/// So many routes are walked.
const FEW: usize = 8;

/// Which of the routes at one place may match, by the value of one parameter. Routes are numbers into the place's list.
#[derive(Clone, Debug)]
pub(super) struct ByValue {
    location: Location,
    /// Those that ask for this value and for nothing else.
    asking: FxHashMap<CompactString, Vec<u32>>,
    /// Those that may match whatever the value is.
    others: Vec<u32>,
    /// The methods that all that ask have.
    methods: MethodSet,
}

fn only(route: &Route) -> Option<&Predicate> {
    match route.predicates.as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

impl ByValue {
    /// The table of the routes at one place, in their order; `None` where it would spare little.
    pub(super) fn of<'r>(routes: impl Iterator<Item = &'r Route> + Clone) -> Option<Self> {
        let mut places: Vec<(&Location, usize)> = Vec::new();
        for predicate in routes.clone().filter_map(only) {
            match places.iter_mut().find(|(place, _)| *place == &predicate.location) {
                Some((_, count)) => *count += 1,
                None => places.push((&predicate.location, 1)),
            }
        }
        let (location, count) = places.into_iter().max_by_key(|(_, count)| *count)?;
        if count <= FEW {
            return None;
        }
        let mut table = Self {
            location: location.clone(),
            asking: FxHashMap::default(),
            others: Vec::new(),
            methods: MethodSet::ALL,
        };
        for (at, route) in (0_u32..).zip(routes) {
            let Some(predicate) = only(route).filter(|predicate| predicate.location == table.location) else {
                table.others.push(at);
                continue;
            };
            table.methods = table.methods.and(route.methods);
            for value in &predicate.values {
                table.asking.entry(value.clone()).or_default().push(at);
            }
        }
        Some(table)
    }

    /// The routes that may match, in their order; `None` where each has to be asked.
    ///
    /// INVARIANT: what is left out has one predicate, which comes out as a miss: walking it would find nothing and stop at nothing, but
    /// for noting that the path is ruled for other methods (`the_trie_finds_what_walking_the_list_finds`).
    pub(super) fn pick<'t, P>(
        &'t self,
        search: &mut Search<'_, '_, P>,
    ) -> Option<impl Iterator<Item = u32> + use<'t, P>> {
        let asking = match (search.say)(&self.location) {
            Said::Absent => None,
            Said::One(value) => self.asking.get(value),
            Said::Ambiguous | Said::Unread => return None,
        };
        search.path_found |= !self.methods.has(search.method);
        let (mut asking, mut others) = (asking.into_iter().flatten().peekable(), self.others.iter().peekable());
        Some(std::iter::from_fn(move || match (asking.peek(), others.peek()) {
            (Some(one), Some(other)) if one < other => asking.next().copied(),
            (Some(_), None) => asking.next().copied(),
            (_, _) => others.next().copied(),
        }))
    }

    /// Every pair of routes of which one request may match both, in order.
    pub(super) fn pairs(&self, count: usize) -> Vec<(u32, u32)> {
        let all = u32::try_from(count).unwrap_or(u32::MAX);
        let mut pairs = Vec::new();
        for routes in self.asking.values() {
            for (at, one) in routes.iter().enumerate() {
                pairs.extend(routes.iter().skip(at + 1).map(|other| (*one, *other)));
            }
        }
        for one in &self.others {
            pairs.extend((0..all).filter(|other| other != one).map(|other| (*one.min(&other), *one.max(&other))));
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}
