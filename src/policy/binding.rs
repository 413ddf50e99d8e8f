//! What a route binds of a request: the values of each dimension, read once and looked up; never the people's boxes.

use super::decide::{Question, Refusal};
use super::detail::Detail;
use super::judgement::{Bound, Change, ChangeKind};
use super::scope::{Ask, Asked, Cut, Given, Side};
use crate::model::Reason;
use crate::request::{Location, ParamType, ParamValues, RequestView};
use crate::rules::route::Absent;
use crate::rules::{App, Dimension, Route, ScopeRule, Subject, ValueId};
use compact_str::CompactString;
use smallvec::SmallVec;

/// The single values of a parameter: of a list type its elements, else the one that is there; none where it is absent.
///
/// # Errors
/// Several values where one is meant, or one that is not spelled as the type has it.
pub(super) fn elements<'v>(
    place: &Location,
    values: &ParamValues<'v>,
    kind: Option<&ParamType>,
) -> Result<SmallVec<[&'v str; 4]>, Refusal> {
    match (kind, values) {
        (Some(kind), values) => kind.elements(values).map_err(|misfit| Refusal::misfit(place, misfit)),
        (None, ParamValues::Many(_)) => Err(Refusal::repeated(place)),
        (None, values) if values.is_absent() => Ok(SmallVec::new()),
        (None, values) => Ok(values.as_slice().into()),
    }
}

/// A bound dimension: its places and the values that stand in them.
struct Entry<'a> {
    dimension: &'a Dimension,
    places: &'a [Location],
    /// The value, and the number of its place.
    texts: SmallVec<[(&'a str, u16); 2]>,
}

/// What the route binds, as the request has it. Its lists run in parallel.
pub(super) struct Binding<'a> {
    route: &'a Route,
    asked: SmallVec<[Asked; 3]>,
    entries: SmallVec<[Entry<'a>; 3]>,
}

impl<'a> Binding<'a> {
    /// Reads every bound place.
    ///
    /// # Errors
    /// A place that is absent where the rule wants a value, or that cannot be read.
    pub(super) fn read(question: &Question<'a>, view: &'a RequestView<'_>) -> Result<Self, Refusal> {
        let route: &'a Route = question.route;
        let mut binding = Self { route, asked: SmallVec::new(), entries: SmallVec::new() };
        for rule in &route.scope {
            let ScopeRule::Bound { dimension: id, places, absent, narrow } = rule else { continue };
            let Some(dimension) = question.rules.catalog.dimension(*id) else {
                return Err(Refusal::new(Reason::InternalFault, Detail::text("the rule binds an unknown dimension")));
            };
            let mut texts = SmallVec::new();
            let mut missing = None;
            for (at, place) in (0_u16..).zip(places) {
                let before = texts.len();
                binding.take(view, place, at, &mut texts)?;
                if texts.len() == before {
                    missing = missing.or(Some(place));
                }
            }
            let given = || -> Given { texts.iter().map(|(text, _)| dimension.value_id(text)).collect() };
            let ask = match missing {
                None if *narrow => Ask::Some(given()),
                None => Ask::All(given()),
                // one end of a move never tells the other
                Some(_) if *absent == Absent::Fill && texts.is_empty() => Ask::Open,
                Some(place) => {
                    let detail = Detail::Unbound { dimension: *id, place: Box::new(place.clone()) };
                    return Err(Refusal::new(Reason::ScopeMissing, detail));
                }
            };
            binding.asked.push(Asked { dimension: *id, ask });
            binding.entries.push(Entry { dimension, places, texts });
        }
        Ok(binding)
    }

    /// Puts the values of one place behind `texts`.
    fn take(
        &self,
        view: &'a RequestView<'_>,
        place: &'a Location,
        at: u16,
        texts: &mut SmallVec<[(&'a str, u16); 2]>,
    ) -> Result<(), Refusal> {
        let values = view.values(place).map_err(|error| Refusal::parameter(place, error))?;
        texts.extend(elements(place, &values, self.kind(place))?.into_iter().map(|element| (element, at)));
        Ok(())
    }

    fn kind(&self, place: &Location) -> Option<&'a ParamType> {
        self.route.param(place).and_then(|rule| rule.kind.as_ref())
    }

    /// What is asked of each dimension.
    pub(super) fn asked(&self) -> &[Asked] {
        &self.asked
    }

    /// The values for the record: those given that lie in `cut`, or all of them without one.
    pub(super) fn bound(&self, cut: Option<&Cut>) -> SmallVec<[Bound; 2]> {
        let side = |at: usize| cut.and_then(|cut| cut.sides.get(at));
        let mut all = SmallVec::new();
        for (at, (asked, entry)) in self.asked.iter().zip(&self.entries).enumerate() {
            let held = |position: usize| side(at).is_none_or(|side| side.marked(position));
            let mut values: SmallVec<[CompactString; 1]> = SmallVec::new();
            for (position, (text, _)) in entry.texts.iter().enumerate() {
                if held(position) && !values.iter().any(|known| known == text) {
                    values.push(CompactString::from(*text));
                }
            }
            let unlimited = matches!(asked.ask, Ask::Open) && matches!(side(at), None | Some(Side::Everything));
            all.push(Bound { dimension: asked.dimension, values, unlimited });
        }
        all
    }

    /// Puts what `cut` holds into the open and narrowed places.
    ///
    /// # Errors
    /// Several values for a place that takes one; none at all.
    pub(super) fn complete(&self, cut: &Cut, changes: &mut Vec<Change>) -> Result<(), Refusal> {
        for (position, ((asked, entry), side)) in self.asked.iter().zip(&self.entries).zip(&cut.sides).enumerate() {
            match (&asked.ask, side) {
                (Ask::Open, Side::Values(ids)) => {
                    let values: Vec<CompactString> = ids
                        .iter()
                        .filter(|&&id| is_fillable(entry.dimension, id))
                        .map(|&id| entry.dimension.value(id).into())
                        .collect();
                    for place in entry.places {
                        self.put(position, place, ChangeKind::Filled, values.clone(), changes)?;
                    }
                }
                (Ask::Some(given), side) if !(0..given.len()).all(|at| side.marked(at)) => {
                    for (number, place) in (0_u16..).zip(entry.places) {
                        let mine = || entry.texts.iter().enumerate().filter(|(_, (_, at))| *at == number);
                        if mine().all(|(at, _)| side.marked(at)) {
                            continue;
                        }
                        let values =
                            mine().filter(|(at, _)| side.marked(*at)).map(|(_, (text, _))| (*text).into()).collect();
                        self.put(position, place, ChangeKind::Narrowed, values, changes)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn put(
        &self,
        position: usize,
        place: &Location,
        kind: ChangeKind,
        values: Vec<CompactString>,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        if values.is_empty() {
            return Err(Refusal::new(Reason::OutOfScope, Detail::Outside(None)));
        }
        if values.len() > 1 && !self.kind(place).is_some_and(ParamType::is_list) {
            return Err(self.ambiguous(position));
        }
        // an empty value that stood there is written over
        changes.retain(|change| change.place != *place);
        changes.push(Change { place: place.clone(), kind, values });
        Ok(())
    }

    /// Several boxes, or several values, would do for the dimension at `position`.
    pub(super) fn ambiguous(&self, position: usize) -> Refusal {
        let undecided = |at: usize| self.asked.get(at).is_some_and(|asked| !matches!(asked.ask, Ask::All(_)));
        let at = Some(position).filter(|&at| undecided(at)).or_else(|| (0..self.asked.len()).find(|&at| undecided(at)));
        let named = at.and_then(|at| Some((self.asked.get(at)?.dimension, self.entries.get(at)?.places.first()?)));
        let detail = named.map_or(Detail::Outside(None), |(dimension, place)| Detail::Give {
            dimension,
            place: Box::new(place.clone()),
        });
        Refusal::new(Reason::ScopeAmbiguous, detail)
    }

    /// The first value that lies in none of the boxes; for the record.
    pub(super) fn outside(&self, app: &App, subject: &Subject, granting: &[u32]) -> Detail {
        let boxes = || granting.iter().filter_map(|&at| subject.assignments.get(at as usize)).map(|a| &a.scope);
        for (asked, entry) in self.asked.iter().zip(&self.entries) {
            let (Ask::All(given) | Ask::Some(given)) = &asked.ask else { continue };
            for (value, (text, at)) in given.iter().zip(&entry.texts) {
                if !boxes().any(|scope| scope.limit(asked.dimension).is_some_and(|limit| limit.contains(*value))) {
                    let place = entry.places.get(usize::from(*at));
                    let shown = place.map_or_else(CompactString::default, |place| Detail::excerpt(app, place, text));
                    return Detail::Outside(Some((asked.dimension, shown)));
                }
            }
        }
        Detail::Outside(None)
    }
}

/// The most values of a dimension that the record of a refusal tells.
const MOST_WANTED: usize = 64;

/// What a request that is refused asks of each bound dimension, as far as it can be read: for the record.
pub(super) fn wanted(question: &Question<'_>, view: &RequestView<'_>) -> SmallVec<[Bound; 2]> {
    let mut all = SmallVec::new();
    for rule in &question.route.scope {
        let mut values: SmallVec<[CompactString; 1]> = SmallVec::new();
        for place in rule.places() {
            let Ok(found) = view.values(place) else { continue };
            let kind = question.route.param(place).and_then(|rule| rule.kind.as_ref());
            let single = elements(place, &found, kind).unwrap_or_else(|_| found.as_slice().into());
            for value in single.into_iter().filter(|value| !value.is_empty()) {
                let shown = Detail::excerpt(question.app, place, value);
                if values.len() < MOST_WANTED && !values.contains(&shown) {
                    values.push(shown);
                }
            }
        }
        if !values.is_empty() {
            all.push(Bound { dimension: rule.dimension(), values, unlimited: false });
        }
    }
    all
}

/// Whether a value can be put into a request. Groups of a closed dimension only gather values; the application knows none.
fn is_fillable(dimension: &Dimension, value: ValueId) -> bool {
    !(dimension.closed && dimension.is_group(value))
}
