//! What a route binds of a request: the values of each dimension, read once and looked up; never the people's boxes.

use super::decide::{Question, Refusal};
use super::detail::Detail;
use super::handle::{Readings, elements, named};
use super::judgement::{Bound, Change, ChangeKind};
use super::scope::{Ask, Asked, Cut, Given, Side};
use crate::lookup::Found;
use crate::model::Reason;
use crate::request::{Location, ParamType, RequestView};
use crate::rules::route::Absent;
use crate::rules::{App, Dimension, End, LookedUp, Route, ScopeRule, Subject, ValueId};
use compact_str::CompactString;
use smallvec::SmallVec;

/// A value, and the number of the end that it stands at.
type Texts<'a> = SmallVec<[(&'a str, u16); 1]>;

/// A bound dimension: where its values come from, and those that there are.
struct Entry<'a> {
    dimension: &'a Dimension,
    ends: &'a [End],
    texts: Texts<'a>,
}

/// What the route binds, as the request has it. `asked` and `entries` run in parallel.
pub(super) struct Binding<'a> {
    route: &'a Route,
    asked: SmallVec<[Asked; 2]>,
    entries: SmallVec<[Entry<'a>; 2]>,
    /// Whether there are values that only the answer tells.
    held: bool,
}

impl<'a> Binding<'a> {
    /// Of nothing yet.
    pub(super) fn new(route: &'a Route) -> Self {
        Self { route, asked: SmallVec::new(), entries: SmallVec::new(), held: false }
    }

    /// Reads every bound place, and takes the facts about the objects that are named.
    ///
    /// # Errors
    /// A place that is absent where the rule wants a value, or that cannot be read; an object of which nothing is known.
    pub(super) fn read(
        &mut self,
        question: &Question<'a>,
        view: &'a RequestView<'_>,
        readings: &Readings<'a>,
    ) -> Result<(), Refusal> {
        let route = self.route;
        for rule in &route.scope {
            let ScopeRule::Bound { dimension: id, ends, absent, narrow } = rule else { continue };
            let Some(dimension) = question.rules.catalog.dimension(*id) else {
                return Err(Refusal::new(Reason::InternalFault, Detail::text("the rule binds an unknown dimension")));
            };
            let mut texts = Texts::new();
            let (mut missing, mut held) = (None, false);
            for (at, end) in (0_u16..).zip(ends) {
                let read;
                let found = match readings.only(route, &end.handle) {
                    Some(found) => found,
                    None => {
                        read = named(&end.handle, |place| readings.at(route, view, place))?;
                        read.as_slice()
                    }
                };
                match self.take(question, found, end, at, &mut texts)? {
                    Taken::Values => {}
                    Taken::Absent if end.may_stay => {}
                    Taken::Absent => missing = missing.or(Some(&end.handle.first)),
                    Taken::Held => held = true,
                }
            }
            let given = || {
                let mut given = Given::new();
                texts.iter().for_each(|(text, _)| given.push(dimension.value_id(text)));
                given
            };
            let ask = match missing {
                // what the answer will tell, and nothing else: judged when it has come
                None if held && texts.is_empty() => continue,
                // nothing is named where nothing must be: the rows are judged by what they say
                None if texts.is_empty() && route.keeps_rows_by(*id) => continue,
                None if *narrow => Ask::Some(given()),
                None => Ask::All(given()),
                // one end of a move never tells the other
                Some(_) if *absent == Absent::Fill && texts.is_empty() => Ask::Open,
                Some(place) => {
                    let detail = Detail::Unbound { dimension: *id, place: Box::new(place.clone()) };
                    return Err(Refusal::new(Reason::ScopeMissing, detail));
                }
            };
            self.asked.push(Asked { dimension: *id, ask });
            self.entries.push(Entry { dimension, ends, texts });
        }
        Ok(())
    }

    /// Puts the values of one end, which names what was `found`, behind `texts`.
    fn take(
        &mut self,
        question: &Question<'a>,
        found: &[&'a str],
        end: &'a End,
        at: u16,
        texts: &mut Texts<'a>,
    ) -> Result<Taken, Refusal> {
        if found.is_empty() {
            return Ok(Taken::Absent);
        }
        let Some(looked_up) = end.lookup else {
            found.iter().for_each(|text| texts.push((text, at)));
            return Ok(Taken::Values);
        };
        let mut taken = Taken::Values;
        for key in found {
            match attribute(question, looked_up, &end.handle.first, key)? {
                Some(value) => texts.push((value, at)),
                None => {
                    taken = Taken::Held;
                    self.held = true;
                }
            }
        }
        Ok(taken)
    }

    fn kind(&self, place: &Location) -> Option<&'a ParamType> {
        self.route.param(place).and_then(|rule| rule.kind.as_ref())
    }

    /// What is asked of each dimension.
    pub(super) fn asked(&self) -> &[Asked] {
        &self.asked
    }

    /// Whether there are values that only the answer tells.
    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    /// Puts the values for the record into `all`: those given that lie in `cut`, or all of them without one.
    pub(super) fn bound(&self, cut: Option<&Cut>, all: &mut SmallVec<[Bound; 2]>) {
        for (at, (asked, entry)) in self.asked.iter().zip(&self.entries).enumerate() {
            let side = cut.and_then(|cut| cut.sides.get(at));
            let held = |position: usize| side.is_none_or(|side| side.marked(position));
            let mut values: SmallVec<[CompactString; 1]> = SmallVec::new();
            for (position, (text, _)) in entry.texts.iter().enumerate() {
                if held(position) && !values.iter().any(|known| known == text) {
                    values.push(CompactString::from(*text));
                }
            }
            let unlimited = matches!(asked.ask, Ask::Open) && matches!(side, None | Some(Side::Everything));
            all.push(Bound { dimension: asked.dimension, values, unlimited });
        }
    }

    /// Puts what `cut` holds into the open and narrowed places.
    ///
    /// # Errors
    /// Several values for a place that takes one; none at all.
    pub(super) fn complete(&self, cut: &Cut, changes: &mut Vec<Change>) -> Result<(), Refusal> {
        for (position, ((asked, entry), side)) in self.asked.iter().zip(&self.entries).zip(&cut.sides).enumerate() {
            match (&asked.ask, side) {
                (Ask::Open, Side::Values(ids)) => {
                    let dimension = entry.dimension;
                    let mut ids: SmallVec<[ValueId; 4]> =
                        ids.iter().copied().filter(|&id| is_fillable(dimension, id)).collect();
                    ids.sort_by_key(|&id| dimension.rank(id));
                    let values: Vec<CompactString> = ids.iter().map(|&id| dimension.value(id).into()).collect();
                    for end in entry.ends {
                        self.put(position, &end.handle.first, ChangeKind::Filled, values.clone(), changes)?;
                    }
                }
                (Ask::Some(given), side) if !(0..given.len()).all(|at| side.marked(at)) => {
                    for (number, end) in (0_u16..).zip(entry.ends) {
                        let mine = || entry.texts.iter().enumerate().filter(|(_, (_, at))| *at == number);
                        if mine().all(|(at, _)| side.marked(at)) {
                            continue;
                        }
                        let values =
                            mine().filter(|(at, _)| side.marked(*at)).map(|(_, (text, _))| (*text).into()).collect();
                        self.put(position, &end.handle.first, ChangeKind::Narrowed, values, changes)?;
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
        let named =
            at.and_then(|at| Some((self.asked.get(at)?.dimension, &self.entries.get(at)?.ends.first()?.handle.first)));
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
                    let place = entry.ends.get(usize::from(*at)).map(|end| &end.handle.first);
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
        let mut put = |shown: CompactString| {
            if values.len() < MOST_WANTED && !values.contains(&shown) {
                values.push(shown);
            }
        };
        for (end, place) in rule.ends().iter().flat_map(|end| end.handle.places().map(move |place| (end, place))) {
            let Ok(found) = view.values(place) else { continue };
            let kind = question.route.param(place).and_then(|rule| rule.kind.as_ref());
            let single = elements(place, &found, kind).unwrap_or_else(|_| found.as_slice().into());
            for value in single.into_iter().filter(|value| !value.is_empty()) {
                match end.lookup {
                    None => put(Detail::excerpt(question.app, place, value)),
                    Some(LookedUp { lookup, attribute }) => {
                        if let Some(Found::Values(told)) = question.facts.find(lookup, value).map(|fact| &fact.found) {
                            told.get(usize::from(attribute)).into_iter().for_each(|told| put(told.clone()));
                        }
                    }
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

/// What an end gives.
enum Taken {
    Values,
    Absent,
    Held,
}

/// The attribute of an object that is looked up; `None` where the answer will tell.
///
/// SECURITY: a fact that is missing refuses, whatever the reason that it is (`what_does_not_tell_refuses_with_a_reason_of_its_own`).
///
/// # Errors
/// A key in another spelling than the lookup's, an object that is not known, a fact that could not be found out.
fn attribute<'a>(
    question: &Question<'a>,
    looked_up: LookedUp,
    place: &Location,
    key: &str,
) -> Result<Option<&'a str>, Refusal> {
    let LookedUp { lookup: id, attribute } = looked_up;
    let Some(lookup) = question.app.lookup(id) else {
        return Err(Refusal::new(Reason::InternalFault, Detail::text("the rule names an unknown lookup")));
    };
    if let Err(misfit) = lookup.key.accept(key) {
        let detail = Detail::Key { lookup: id, app: question.app.name.clone(), misfit: Box::new(misfit) };
        return Err(Refusal::new(Reason::ParameterType, detail));
    }
    let facts = question.facts;
    let refuse = |reason: Reason, why: &str| {
        let text = format!("{} `{}`: {why}", lookup.name, Detail::excerpt(question.app, place, key));
        Err(Refusal::new(reason, Detail::text(text)))
    };
    match facts.find(id, key).map(|fact| &fact.found) {
        Some(Found::Values(values)) => match values.get(usize::from(attribute)) {
            Some(value) => Ok(Some(value.as_str())),
            None => refuse(Reason::LookupFailed, "the attribute was not looked up"),
        },
        Some(Found::Held) => Ok(None),
        Some(Found::Unknown(why)) => refuse(Reason::ObjectUnknown, why),
        Some(Found::Failed(reason, why)) => refuse(*reason, why),
        None => refuse(Reason::LookupFailed, "nothing is known of it"),
    }
}
