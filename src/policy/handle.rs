//! What a request names by a handle: the elements of every place that it may stand in, which must agree; never what they mean.

use super::decide::{Question, Refusal};
use super::detail::Detail;
use super::pass::Pass;
use super::trace::Silent;
use crate::lookup::LookupId;
use crate::model::Reason;
use crate::request::{Elements, Location, ParamType, ParamValues, RequestView};
use crate::rules::{Authority, Handle, Route};
use compact_str::CompactString;
use smallvec::SmallVec;

/// The single values of a parameter: of a list type its elements, else the one that is there; none where it is absent.
///
/// # Errors
/// Several values where one is meant, or one that is not spelled as the type has it.
#[inline]
pub(super) fn elements<'v>(
    place: &Location,
    values: &ParamValues<'v>,
    kind: Option<&ParamType>,
) -> Result<Elements<'v>, Refusal> {
    match (kind, values) {
        (Some(kind), values) => kind.elements(values).map_err(|misfit| Refusal::misfit(place, misfit)),
        (None, ParamValues::Many(_)) => Err(Refusal::repeated(place)),
        (None, ParamValues::One(value)) if !value.is_empty() => Ok(Elements::from_buf([*value])),
        (None, ParamValues::One(_) | ParamValues::Absent) => Ok(Elements::new()),
    }
}

/// The single values that stand at a place, of the type that the route gives it.
///
/// # Errors
/// A place that cannot be read, or values as in [`elements`].
pub(super) fn read<'v>(route: &Route, view: &'v RequestView<'_>, place: &Location) -> Result<Elements<'v>, Refusal> {
    let values = view.values(place).map_err(|error| Refusal::parameter(place, error))?;
    elements(place, &values, route.param(place).and_then(|rule| rule.kind.as_ref()))
}

/// What a request says at the parameters of its route, in their order, as they were read when they were checked; `None` for files.
#[derive(Debug, Default)]
pub(super) struct Readings<'v>(SmallVec<[Option<Elements<'v>>; 4]>);

impl<'v> Readings<'v> {
    /// Notes what stands at the next parameter.
    #[inline]
    pub(super) fn push(&mut self, found: Option<Elements<'v>>) {
        self.0.push(found);
    }

    /// What was read at the only place of a handle of the route; `None` where it has several, or was not read here.
    #[inline]
    pub(super) fn only(&self, route: &Route, handle: &Handle) -> Option<&[&'v str]> {
        // INVARIANT: the compiler of rules took the number from the parameters as they are.
        debug_assert!(route.params.get(handle.param).is_some_and(|rule| rule.location == handle.first));
        let found = self.0.get(handle.param).filter(|_| handle.others.is_empty())?;
        found.as_ref().map(Elements::as_slice)
    }

    /// The single values that stand at a place, which is read only where it is no parameter of the route.
    ///
    /// # Errors
    /// As [`read`].
    pub(super) fn at(
        &self,
        route: &Route,
        view: &'v RequestView<'_>,
        place: &Location,
    ) -> Result<Elements<'v>, Refusal> {
        let mut known = route.params.iter().zip(&self.0);
        match known.find(|(rule, _)| rule.location == *place) {
            Some((_, Some(found))) => Ok(match found.as_slice() {
                [one] => Elements::from_buf([*one]),
                several => several.into(),
            }),
            _ => read(route, view, place),
        }
    }
}

/// What the handle names, by whichever of its places, which `read` reads, the request uses; none where it uses none.
///
/// SECURITY: several places must name the same, or the application would act on another object than the one that is judged
/// (`two_names_of_one_order_must_agree`).
///
/// # Errors
/// Places that name different things, or cannot be read.
pub(super) fn named<'v>(
    handle: &Handle,
    read: impl Fn(&Location) -> Result<Elements<'v>, Refusal>,
) -> Result<Elements<'v>, Refusal> {
    if handle.others.is_empty() {
        return read(&handle.first);
    }
    let mut first: Option<(&Location, Elements<'v>)> = None;
    for place in handle.places() {
        let found = read(place)?;
        match &first {
            _ if found.is_empty() => {}
            None => first = Some((place, found)),
            Some((_, other)) if is_same(&found, other) => {}
            Some((other, _)) => {
                let detail = Detail::Disagreement { one: Box::new((*other).clone()), other: Box::new(place.clone()) };
                return Err(Refusal::new(Reason::AmbiguousParameter, detail));
            }
        }
    }
    Ok(first.map(|(_, found)| found).unwrap_or_default())
}

/// Whether two lists name the same things, in whatever order.
fn is_same(one: &Elements<'_>, other: &Elements<'_>) -> bool {
    one.iter().all(|value| other.contains(value)) && other.iter().all(|value| one.contains(value))
}

/// An object that must be looked up before the request can be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How.
    pub lookup: LookupId,
    /// The object.
    pub key: CompactString,
}

/// Which objects must be looked up before the request can be decided, each once. None where the request is refused without: nobody
/// who may not act at all makes the gateway ask.
#[must_use]
pub fn wanted(question: &Question<'_>, view: &RequestView<'_>) -> Vec<Wanted> {
    if !question.route.looks_up() || matches!(question.route.authority, Authority::Public) {
        return Vec::new();
    }
    let mut silent = Silent;
    if Pass::new(question, view, &mut silent).entitled().is_err() {
        return Vec::new();
    }
    let mut wanted: Vec<Wanted> = Vec::new();
    for end in question.route.ends() {
        let Some(looked_up) = end.lookup else { continue };
        // what cannot be read is refused by the decision
        let Ok(found) = named(&end.handle, |place| read(question.route, view, place)) else { return Vec::new() };
        for key in found {
            let known = |one: &Wanted| one.lookup == looked_up.lookup && one.key == key;
            let fits = question.app.lookup(looked_up.lookup).is_some_and(|lookup| lookup.key.accept(key).is_ok());
            if fits && !wanted.iter().any(known) {
                wanted.push(Wanted { lookup: looked_up.lookup, key: key.into() });
            }
        }
    }
    wanted
}

/// The objects that a request changes beside those that its scope looks up, by the rule's `forgets`; `None` for a key stands for all
/// of the lookup's.
#[must_use]
pub fn forgotten(route: &Route, view: &RequestView<'_>) -> Vec<(LookupId, Option<CompactString>)> {
    let mut all = Vec::new();
    for forget in &route.forgets {
        match forget.handle.as_ref().map(|handle| named(handle, |place| read(route, view, place))) {
            Some(Ok(keys)) if !keys.is_empty() => {
                all.extend(keys.into_iter().map(|key| (forget.lookup, Some(key.into()))));
            }
            // what is not named, or cannot be read, may be any of them
            _ => all.push((forget.lookup, None)),
        }
    }
    all
}
