//! Building the trie, and finding routes of which neither is more specific; such never reach a table in use.

use super::by_value::ByValue;
use super::{Literals, Node, RouteTable};
use crate::rules::pattern::{Named, Part};
use crate::rules::route::{Predicate, Route};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::sync::Arc;

/// Two routes that match the same request, of which neither is more specific.
#[derive(Clone, Debug)]
pub struct Overlap {
    /// The one.
    pub first: Arc<Route>,
    /// The other, later in the file.
    pub second: Arc<Route>,
    /// Why neither wins, in words for people who write rules.
    pub why: &'static str,
}

impl RouteTable {
    /// The table of these routes, and every overlap; a table with overlaps must not be used.
    #[must_use]
    pub fn build(routes: Vec<Arc<Route>>) -> (Self, Vec<Overlap>) {
        let mut table = Self { routes, ..Self::default() };
        table.children.reserve(table.routes.len());
        for at in 0..table.routes.len() {
            table.insert(at);
        }
        let mut overlaps = Vec::new();
        for node in 0..table.nodes.len() {
            table.settle(node, &mut overlaps);
        }
        table.compare_siblings(&mut overlaps);
        (table, overlaps)
    }

    fn insert(&mut self, at: usize) {
        let Some(route) = self.routes.get(at).map(Arc::clone) else { return };
        let node = route.pattern.parts.iter().fold(0, |node, part| self.child(node, part));
        let Some(node) = self.nodes.get_mut(node as usize) else { return };
        let place = if route.pattern.assets.is_some() { &mut node.below } else { &mut node.here };
        place.push(u32::try_from(at).unwrap_or(u32::MAX));
    }

    fn child(&mut self, node: u32, part: &Part) -> u32 {
        let next = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let found = match part {
            Part::Literal(text) => match self.hashed(node, text) {
                Some(child) => child,
                None => {
                    let mut hash = super::hash(node, text);
                    while self.children.contains_key(&hash) {
                        hash = hash.wrapping_add(1);
                    }
                    self.children.insert(hash, next);
                    self.nodes.push(Node { literal: Some((text.clone(), node)), ..Node::default() });
                    if let Some(here) = self.nodes.get_mut(node as usize) {
                        here.literals = match here.literals {
                            Literals::None => Literals::One(next),
                            Literals::One(_) | Literals::Many => Literals::Many,
                        };
                    }
                    return next;
                }
            },
            Part::Named(named) => {
                let Some(here) = self.nodes.get_mut(node as usize) else { return node };
                if named.is_any() {
                    *here.any.get_or_insert(next)
                } else if let Some((_, child)) = here.named.iter().find(|(own, _)| own.spelling == named.spelling) {
                    *child
                } else {
                    here.named.push((named.clone(), next));
                    next
                }
            }
        };
        if found == next {
            self.nodes.push(Node::default());
        }
        found
    }

    /// Sorts the routes at a node so that the more specific comes first, and looks for overlaps.
    fn settle(&mut self, at: usize, overlaps: &mut Vec<Overlap>) {
        let Some(node) = self.nodes.get_mut(at) else { return };
        let (mut here, mut below) = (std::mem::take(&mut node.here), std::mem::take(&mut node.below));
        for places in [&mut here, &mut below] {
            // INVARIANT: whatever is more specific has at least as many predicates, is at least as explicit, and with as many
            // predicates asks for fewer values, so this order puts it first.
            places.sort_by_key(|&at| {
                let values =
                    |route: &Route| route.predicates.iter().map(|predicate| predicate.values.len()).sum::<usize>();
                let key =
                    |route: &Arc<Route>| (Reverse(route.predicates.len()), route.methods.is_any(), values(route), at);
                self.routes.get(at as usize).map(key)
            });
        }
        let by_value = ByValue::of(here.iter().filter_map(|&at| self.route(at)).map(AsRef::as_ref));
        match &by_value {
            Some(by_value) => self.compare_pairs(&here, &by_value.pairs(here.len()), overlaps),
            None => self.compare(&here, overlaps),
        }
        self.compare(&below, overlaps);
        if let Some(node) = self.nodes.get_mut(at) {
            (node.here, node.below, node.by_value) = (here, below, by_value.map(Box::new));
        }
    }

    fn compare(&self, places: &[u32], overlaps: &mut Vec<Overlap>) {
        for (at, one) in places.iter().enumerate() {
            for other in places.iter().skip(at + 1) {
                self.compare_two(*one, *other, overlaps);
            }
        }
    }

    fn compare_pairs(&self, places: &[u32], pairs: &[(u32, u32)], overlaps: &mut Vec<Overlap>) {
        for (one, other) in pairs {
            if let (Some(one), Some(other)) = (places.get(*one as usize), places.get(*other as usize)) {
                self.compare_two(*one, *other, overlaps);
            }
        }
    }

    fn compare_two(&self, one: u32, other: u32, overlaps: &mut Vec<Overlap>) {
        if let (Some(one), Some(other)) = (self.route(one), self.route(other))
            && let Some(why) = clash(one, other)
        {
            overlaps.push(Overlap::of(one, other, why));
        }
    }

    /// Compares what stands behind typed segments of one place that take the same text.
    fn compare_siblings(&self, overlaps: &mut Vec<Overlap>) {
        let alike = |node: &&Node| {
            let pairs = |(at, (one, _)): (usize, &(Named, u32))| {
                node.named.iter().skip(at + 1).any(|(other, _)| !one.is_disjoint(other))
            };
            node.named.iter().enumerate().any(pairs)
        };
        let mut nodes = self.nodes.iter().filter(alike).peekable();
        if nodes.peek().is_none() {
            return;
        }
        let mut literals: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        for (at, node) in (0_u32..).zip(&self.nodes) {
            if let Some((_, parent)) = &node.literal {
                literals.entry(*parent).or_default().push(at);
            }
        }
        for node in nodes {
            for (at, (one, one_node)) in node.named.iter().enumerate() {
                for (other, other_node) in node.named.iter().skip(at + 1) {
                    if one.is_disjoint(other) {
                        continue;
                    }
                    let (ones, others) = (self.under(*one_node, &literals), self.under(*other_node, &literals));
                    for one in &ones {
                        for other in others.iter().filter(|other| may_both_match(one, other)) {
                            overlaps.push(Overlap::of(one, other, "their segments have types that take the same text"));
                        }
                    }
                }
            }
        }
    }

    fn route(&self, at: u32) -> Option<&Arc<Route>> {
        self.routes.get(at as usize)
    }

    /// Every route at a node and under it; `literals` are the children behind literal segments.
    fn under(&self, node: u32, literals: &FxHashMap<u32, Vec<u32>>) -> Vec<&Arc<Route>> {
        let (mut found, mut open) = (Vec::new(), vec![node]);
        while let Some(at) = open.pop() {
            let Some(node) = self.nodes.get(at as usize) else { continue };
            found.extend(node.here.iter().chain(&node.below).filter_map(|&route| self.route(route)));
            open.extend(node.any);
            open.extend(node.named.iter().map(|(_, child)| *child));
            open.extend(literals.get(&at).into_iter().flatten());
        }
        found
    }
}

impl Overlap {
    fn of(one: &Arc<Route>, other: &Arc<Route>, why: &'static str) -> Self {
        let (first, second) = if one.place <= other.place { (one, other) } else { (other, one) };
        Self { first: Arc::clone(first), second: Arc::clone(second), why }
    }
}

/// Why neither of two routes with the same path is more specific; `None` where one is, or where no request matches both.
fn clash(one: &Route, other: &Route) -> Option<&'static str> {
    if !one.methods.overlaps(other.methods) || are_disjoint(&one.predicates, &other.predicates) {
        return None;
    }
    if let (Some(ours), Some(theirs)) = (&one.pattern.assets, &other.pattern.assets)
        && !ours.0.iter().any(|extension| theirs.0.contains(extension))
    {
        return None;
    }
    let (more, less) = (implies(&one.predicates, &other.predicates), implies(&other.predicates, &one.predicates));
    let (one_listed, other_listed) = (!one.methods.is_any(), !other.methods.is_any());
    match (more, less) {
        (false, false) => {
            Some("a request may have the parameters of both, and neither asks for all that the other asks for")
        }
        (true, true) if one_listed == other_listed => Some("both match the same requests"),
        (true, true) => None,
        // the one with more predicates must not be the one that yields by its method
        (true, false) if one_listed || !other_listed => None,
        (false, true) if other_listed || !one_listed => None,
        _ => Some("one asks for more parameters, but the other lists its methods where this one says `ANY`"),
    }
}

/// Whether some parameter must have a value in one and another in the other.
fn are_disjoint(ours: &[Predicate], theirs: &[Predicate]) -> bool {
    ours.iter().any(|own| {
        theirs
            .iter()
            .any(|other| own.location == other.location && !own.values.iter().any(|v| other.values.contains(v)))
    })
}

/// Whether whatever passes `ours` passes `theirs`.
pub(super) fn implies(ours: &[Predicate], theirs: &[Predicate]) -> bool {
    theirs.iter().all(|other| {
        ours.iter().any(|own| own.location == other.location && own.values.iter().all(|v| other.values.contains(v)))
    })
}

/// Whether some request may match both routes, going by method, predicates and path.
fn may_both_match(one: &Route, other: &Route) -> bool {
    if !one.methods.overlaps(other.methods) || are_disjoint(&one.predicates, &other.predicates) {
        return false;
    }
    let (ours, theirs) = (&one.pattern, &other.pattern);
    let both = ours.parts.iter().zip(&theirs.parts).all(|(a, b)| match (a, b) {
        (Part::Literal(a), Part::Literal(b)) => a == b,
        (Part::Literal(text), Part::Named(named)) | (Part::Named(named), Part::Literal(text)) => {
            named.accepts(text, text)
        }
        (Part::Named(a), Part::Named(b)) => !a.is_disjoint(b),
    });
    let same_length = ours.parts.len() == theirs.parts.len();
    let shorter = if ours.parts.len() < theirs.parts.len() { ours } else { theirs };
    both && (same_length || shorter.assets.is_some())
}
