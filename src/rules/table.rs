//! The routes of one application as a segment trie: finds the most specific route without walking a list; file order never matters.
//!
//! Memory: about 700 bytes a route with its names, so that 100,000 routes need about 70 MB.

mod build;
mod by_value;
mod trace;

pub use build::Overlap;
pub use trace::{Step, StepOutcome};

use by_value::ByValue;

use super::pattern::{MethodSet, Named, Pattern};
use super::route::{Predicate, Route};
use crate::request::{Location, ParamValues, PathSlot, RequestView};
use compact_str::CompactString;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::sync::Arc;

/// The routes of one application.
#[derive(Clone, Debug)]
pub struct RouteTable {
    routes: Vec<Arc<Route>>,
    nodes: Vec<Node>,
    /// From the hash of a node and of the literal segment behind it to the child, which knows both and is compared.
    children: FxHashMap<u64, u32>,
}

impl Default for RouteTable {
    fn default() -> Self {
        Self { routes: Vec::new(), nodes: vec![Node::default()], children: FxHashMap::default() }
    }
}

/// A path, and what may follow it; literal segments that follow are in `children`.
#[derive(Clone, Debug, Default)]
struct Node {
    /// For a literal segment: its text, and the node before it.
    literal: Option<(CompactString, u32)>,
    literals: Literals,
    named: Vec<(Named, u32)>,
    any: Option<u32>,
    here: SmallVec<[u32; 2]>,
    below: SmallVec<[u32; 2]>,
    /// Where many routes at this place differ by the value of one parameter.
    by_value: Option<Box<ByValue>>,
}

/// The children of a path behind literal segments.
#[derive(Clone, Copy, Debug, Default)]
enum Literals {
    #[default]
    None,
    One(u32),
    /// Found by their hashes.
    Many,
}

impl Node {
    /// Whether something else than a literal segment may follow.
    fn branches(&self) -> bool {
        self.any.is_some() || !self.named.is_empty() || !self.below.is_empty()
    }
}

/// What was found for a request.
#[derive(Clone, Debug)]
pub enum Find<'a> {
    /// The most specific route.
    Route(&'a Arc<Route>, PathCaptures<'a>),
    /// This route, or one less specific, depending on a parameter in the body, which has not been read: read it as the
    /// route's body rule says, and ask again.
    NeedsBody(&'a Arc<Route>),
    /// The path is ruled, but not for this method.
    MethodNotListed,
    /// No route.
    None,
    /// A route asks for the value of this parameter, which the request leaves ambiguous.
    Ambiguous(&'a Location),
}

/// The named parts of the path of the route that was found.
#[derive(Clone, Copy, Debug)]
pub struct PathCaptures<'a>(&'a Pattern);

impl<'a> PathCaptures<'a> {
    /// The names, each with the place of its segment in the target.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, usize)> {
        self.0.named().map(|(named, at)| (named.name.as_str(), at))
    }

    /// Where the part of this name stands.
    #[must_use]
    pub fn get(self, name: &str) -> Option<PathSlot> {
        self.0.slot(name)
    }
}

/// How a parameter predicate came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The parameter has one of the values.
    Hit,
    /// It has not, or is absent.
    Miss,
    /// It has several values, or stands in several places.
    Ambiguous,
    /// It stands in the body, which has not been read.
    Unread,
}

/// What a request says at a place that predicates ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said<'v> {
    /// Nothing.
    Absent,
    /// This value.
    One(&'v str),
    /// Several values, or several places.
    Ambiguous,
    /// It stands in the body, which has not been read.
    Unread,
}

/// A segment as paths are matched with (folded where the application ignores letter case) and as it was sent.
pub type Asked<'s> = (&'s str, &'s str);

struct Search<'s, 'v, P> {
    method: u32,
    /// The segment at a place; `None` behind the last one.
    segment: P,
    say: &'s dyn Fn(&Location) -> Said<'v>,
    path_found: bool,
}

impl RouteTable {
    /// Every route, in the order of the file.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Route>> {
        self.routes.iter()
    }

    /// How many routes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// The most specific route for method and target; parameter predicates are judged through `view`.
    #[must_use]
    pub fn find<'a>(&'a self, method: &str, view: &RequestView<'_>) -> Find<'a> {
        let segments = view.target().segments();
        let segment = |at: usize| segments.get(at).map(|segment| (segment.key(), segment.text()));
        self.find_by(method, segment, &|location| said(view, location))
    }

    /// The same with `segment` telling the segments of the path, and `say` what the request says at a place.
    #[must_use]
    pub fn find_by<'a, 's, 'v>(
        &'a self,
        method: &str,
        segment: impl Fn(usize) -> Option<Asked<'s>>,
        say: &dyn Fn(&Location) -> Said<'v>,
    ) -> Find<'a> {
        let mut search = Search { method: MethodSet::bit(method), segment, say, path_found: false };
        match self.descend(0, 0, &mut search) {
            Some(found) => found,
            None if search.path_found => Find::MethodNotListed,
            None => Find::None,
        }
    }

    /// Depth first, the more specific child first: literal, typed, any one segment, static files below.
    ///
    /// INVARIANT: of patterns under two typed children of one node no two match the same request (checked when built),
    /// so that the first hit is the most specific. A node is visited at most once.
    fn descend<'a, 's, P>(&'a self, node: u32, depth: usize, search: &mut Search<'_, '_, P>) -> Option<Find<'a>>
    where
        P: Fn(usize) -> Option<Asked<'s>>,
    {
        let (mut node, mut depth) = (node, depth);
        let (here, (key, text)) = loop {
            let here = self.nodes.get(node as usize)?;
            let Some(asked) = (search.segment)(depth) else { return self.choose(here, search) };
            if here.branches() {
                break (here, asked);
            }
            // nothing else can follow here, so there is nothing to come back to
            node = self.literal(node, here, asked.0)?;
            depth += 1;
        };
        if let Some(child) = self.literal(node, here, key)
            && let Some(found) = self.descend(child, depth + 1, search)
        {
            return Some(found);
        }
        for (_, child) in here.named.iter().filter(|(named, _)| named.accepts(key, text)) {
            if let Some(found) = self.descend(*child, depth + 1, search) {
                return Some(found);
            }
        }
        if let Some(child) = here.any.filter(|_| !key.is_empty())
            && let Some(found) = self.descend(child, depth + 1, search)
        {
            return Some(found);
        }
        if here.below.is_empty() { None } else { self.static_file(&here.below, depth, search) }
    }

    /// The child of a node, which is `here`, behind a literal segment.
    #[inline]
    fn literal(&self, node: u32, here: &Node, text: &str) -> Option<u32> {
        match here.literals {
            Literals::None => None,
            Literals::One(child) => self.is_behind(child, node, text)?.then_some(child),
            Literals::Many => self.hashed(node, text),
        }
    }

    /// Whether a node is the child of `parent` behind this literal segment.
    fn is_behind(&self, child: u32, parent: u32, text: &str) -> Option<bool> {
        let (own, before) = self.nodes.get(child as usize)?.literal.as_ref()?;
        Some(*before == parent && own == text)
    }

    /// The child behind a literal segment, by its hash.
    ///
    /// INVARIANT: where two children have the same hash the later ones lie at the hashes that follow it without a gap, so
    /// that probing finds each; a hash that a client makes collide costs comparisons, never a wrong route.
    fn hashed(&self, node: u32, text: &str) -> Option<u32> {
        let mut hash = hash(node, text);
        loop {
            let child = *self.children.get(&hash)?;
            if self.is_behind(child, node, text)? {
                return Some(child);
            }
            hash = hash.wrapping_add(1);
        }
    }

    fn static_file<'a, 's, P>(&'a self, below: &[u32], depth: usize, search: &mut Search<'_, '_, P>) -> Option<Find<'a>>
    where
        P: Fn(usize) -> Option<Asked<'s>>,
    {
        let rest: SmallVec<[&str; 8]> = (depth..).map_while(&search.segment).map(|(_, text)| text).collect();
        let accepting = below.iter().copied().filter(|&at| {
            let assets = self.routes.get(at as usize).and_then(|route| route.pattern.assets.as_ref());
            assets.is_some_and(|assets| assets.accept(rest.iter().copied()))
        });
        let accepting: SmallVec<[u32; 4]> = accepting.collect();
        self.first(accepting.into_iter(), search)
    }

    /// The first of the routes at one place that matches; they are sorted so that the more specific comes first.
    fn choose<'a, P>(&'a self, node: &'a Node, search: &mut Search<'_, '_, P>) -> Option<Find<'a>> {
        match node.by_value.as_ref().and_then(|by_value| by_value.pick(search)) {
            Some(picked) => self.first(picked.filter_map(|at| node.here.get(at as usize).copied()), search),
            None => self.first(node.here.iter().copied(), search),
        }
    }

    fn first<'a, P>(&'a self, places: impl Iterator<Item = u32>, search: &mut Search<'_, '_, P>) -> Option<Find<'a>> {
        for route in places.filter_map(|at| self.routes.get(at as usize)) {
            if !route.methods.has(search.method) {
                search.path_found = true;
                continue;
            }
            let mut hit = true;
            for predicate in &route.predicates {
                match predicate.holds((search.say)(&predicate.location)) {
                    Judged::Hit => {}
                    Judged::Miss => hit = false,
                    Judged::Ambiguous => return Some(Find::Ambiguous(&predicate.location)),
                    Judged::Unread => return Some(Find::NeedsBody(route)),
                }
            }
            if hit {
                return Some(Find::Route(route, PathCaptures(&route.pattern)));
            }
        }
        None
    }
}

fn hash(node: u32, text: &str) -> u64 {
    use std::hash::Hasher as _;
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write_u32(node);
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// What a request says at a place.
fn said<'v>(view: &'v RequestView<'_>, location: &Location) -> Said<'v> {
    if view.needs_body([location]) {
        return Said::Unread;
    }
    match view.values(location) {
        Ok(ParamValues::Absent) => Said::Absent,
        Ok(ParamValues::One(value)) => Said::One(value),
        Ok(ParamValues::Many(_)) | Err(_) => Said::Ambiguous,
    }
}

impl Predicate {
    /// How the predicate comes out for a request.
    #[must_use]
    pub fn judge(&self, view: &RequestView<'_>) -> Judged {
        self.holds(said(view, &self.location))
    }

    fn holds(&self, said: Said<'_>) -> Judged {
        match said {
            Said::One(value) if self.values.iter().any(|known| known == value) => Judged::Hit,
            Said::One(_) | Said::Absent => Judged::Miss,
            Said::Ambiguous => Judged::Ambiguous,
            Said::Unread => Judged::Unread,
        }
    }
}
