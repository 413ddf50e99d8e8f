//! Every candidate route for a request, hit or missed and why: for explanations, never on the request path.

use super::{Asked, Judged, RouteTable};
use crate::request::{Location, RequestView};
use crate::rules::pattern::{Extensions, Part};
use crate::rules::route::Route;
use smallvec::SmallVec;
use std::fmt;
use std::sync::Arc;

/// The most candidates that are told.
const STEPS: usize = 50;

/// One candidate.
#[derive(Clone, Debug)]
pub struct Step {
    /// The route.
    pub route: Arc<Route>,
    /// How it came out.
    pub outcome: StepOutcome,
    /// How many leading segments of the path fit.
    pub fitting: usize,
}

/// How a candidate came out.
#[derive(Clone, Debug)]
pub enum StepOutcome {
    /// It is the one.
    Hit,
    /// It matches too, but the one is more specific.
    LessSpecific,
    /// The method is not listed.
    Method,
    /// A segment does not fit; its place from 0.
    Segment(usize),
    /// The path goes on where the pattern ends, or ends where it goes on.
    Length,
    /// What lies below the folder is no static file with a listed extension.
    NoAsset,
    /// This parameter has another value, or is absent.
    Parameter(Location),
    /// This parameter has several values, or stands in several places.
    Ambiguous(Location),
    /// This parameter stands in the body, which has not been read.
    Unread(Location),
}

impl fmt::Display for StepOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hit => f.write_str("matches"),
            Self::LessSpecific => f.write_str("matches, but is less specific"),
            Self::Method => f.write_str("does not list the method"),
            Self::Segment(at) => write!(f, "segment {} of the path does not fit", at + 1),
            Self::Length => f.write_str("the path is longer or shorter"),
            Self::NoAsset => f.write_str("this is no static file with a listed extension"),
            Self::Parameter(location) => write!(f, "{location} has another value or is absent"),
            Self::Ambiguous(location) => write!(f, "{location} has several values or stands in several places"),
            Self::Unread(location) => write!(f, "{location} stands in the body, which has not been read"),
        }
    }
}

impl RouteTable {
    /// The candidates, those whose path fits longest first: at most 50. It walks the list and says what
    /// [`RouteTable::find`] finds without walking.
    #[must_use]
    pub fn trace(&self, method: &str, view: &RequestView<'_>) -> Vec<Step> {
        let segments = view.target().segments().iter().map(|segment| (segment.key(), segment.text()));
        let segments: SmallVec<[Asked<'_>; 16]> = segments.collect();
        let hit = match self.find(method, view) {
            super::Find::Route(route, _) => Some(Arc::as_ptr(route)),
            _ => None,
        };
        let mut steps: Vec<Step> = self
            .routes
            .iter()
            .map(|route| {
                let (fitting, mut outcome) = judge(route, method, &segments, view);
                if matches!(outcome, StepOutcome::LessSpecific) && hit == Some(Arc::as_ptr(route)) {
                    outcome = StepOutcome::Hit;
                }
                Step { route: Arc::clone(route), outcome, fitting }
            })
            .filter(|step| step.fitting > 0 || step.route.pattern.parts.len() <= 1)
            .collect();
        steps.sort_by_key(|step| (std::cmp::Reverse(step.fitting), rank(&step.outcome)));
        steps.truncate(STEPS);
        steps
    }
}

const fn rank(outcome: &StepOutcome) -> u8 {
    match outcome {
        StepOutcome::Hit => 0,
        StepOutcome::LessSpecific | StepOutcome::Ambiguous(_) | StepOutcome::Unread(_) => 1,
        StepOutcome::Parameter(_) => 2,
        StepOutcome::Method => 3,
        StepOutcome::Segment(_) | StepOutcome::Length | StepOutcome::NoAsset => 4,
    }
}

fn judge(route: &Route, method: &str, segments: &[Asked<'_>], view: &RequestView<'_>) -> (usize, StepOutcome) {
    let (fitting, path) = judge_path(&route.pattern.parts, route.pattern.assets.as_ref(), segments);
    if let Some(miss) = path {
        return (fitting, miss);
    }
    if !route.methods.contains(method) {
        return (fitting, StepOutcome::Method);
    }
    for predicate in &route.predicates {
        let location = || predicate.location.clone();
        match predicate.judge(view) {
            Judged::Hit => {}
            Judged::Miss => return (fitting, StepOutcome::Parameter(location())),
            Judged::Ambiguous => return (fitting, StepOutcome::Ambiguous(location())),
            Judged::Unread => return (fitting, StepOutcome::Unread(location())),
        }
    }
    (fitting, StepOutcome::LessSpecific)
}

/// How many leading segments fit, and what does not.
fn judge_path(parts: &[Part], assets: Option<&Extensions>, segments: &[Asked<'_>]) -> (usize, Option<StepOutcome>) {
    let fits = |(part, (key, text)): (&Part, &Asked<'_>)| match part {
        Part::Literal(literal) => literal == key,
        Part::Named(named) => named.accepts(key, text),
    };
    let fitting = parts.iter().zip(segments).take_while(|pair| fits(*pair)).count();
    let miss = if fitting < parts.len().min(segments.len()) {
        Some(StepOutcome::Segment(fitting))
    } else if segments.len() < parts.len() || (segments.len() > parts.len() && assets.is_none()) {
        Some(StepOutcome::Length)
    } else {
        let rest = segments.get(parts.len()..).unwrap_or_default();
        let refused = assets.is_some_and(|assets| !assets.accept(rest.iter().map(|(_, text)| *text)));
        refused.then_some(StepOutcome::NoAsset)
    };
    (fitting, miss)
}
