//! Which permission a request asks for by its parameters; never whether anybody has it.

use super::decide::Refusal;
use super::detail::Detail;
use crate::model::Reason;
use crate::request::{Location, ParamValues, RequestView};
use crate::rules::{App, Button, By, Choice, PermissionId, Selector};
use smallvec::SmallVec;

/// What a selector comes to.
enum Selected<'a> {
    /// This case.
    Case(&'a Choice),
    /// Nothing selects.
    Nothing,
    /// A value that no case lists.
    Unlisted(Detail),
}

/// The permission that the request selects, and the last place that was looked at.
///
/// # Errors
/// A value that is not listed, several where one is meant, none where one is needed, or one that only another case asks for.
pub(super) fn select<'a>(
    selector: &'a Selector,
    app: &App,
    view: &RequestView<'_>,
) -> Result<(&'a Location, PermissionId), Refusal> {
    let mut asked = SmallVec::new();
    let selected = descend(selector, app, view, &mut asked)?;
    if asked.len() > 1 || selector.is_nested() {
        check_unasked(selector, &asked, app, view)?;
    }
    Ok(selected)
}

/// SECURITY: a parameter that selects in another case selects perhaps here too, since each application asks in an order of
/// its own (`a_selector_of_another_case_is_refused`).
fn check_unasked(selector: &Selector, asked: &[&Selector], app: &App, view: &RequestView<'_>) -> Result<(), Refusal> {
    let is_asked = |place: &Location| asked.iter().any(|selector| selector.places().any(|known| known == place));
    for place in selector.places().filter(|place| !is_asked(place)) {
        let values = view.values(place).map_err(|error| Refusal::parameter(place, error))?;
        let counts = if selector.is_button(place) { values != ParamValues::Absent } else { !values.is_absent() };
        if counts {
            let value = values.as_slice().first().map(|value| Detail::excerpt(app, place, value));
            let detail = Detail::Operation { place: Box::new(place.clone()), value };
            return Err(Refusal::new(Reason::UnknownOperation, detail));
        }
    }
    selector.nested().try_for_each(|nested| check_unasked(nested, asked, app, view))
}

fn descend<'a>(
    selector: &'a Selector,
    app: &App,
    view: &RequestView<'_>,
    asked: &mut SmallVec<[&'a Selector; 2]>,
) -> Result<(&'a Location, PermissionId), Refusal> {
    let mut selector = selector;
    loop {
        asked.push(selector);
        let nowhere = || Refusal::new(Reason::InternalFault, Detail::text("the rule selects by nothing"));
        let place = selector.place().ok_or_else(nowhere)?;
        let selected = match &selector.by {
            By::Value { location, .. } => by_value(selector, location, app, view)?,
            By::Name(buttons) => by_name(buttons, view)?,
        };
        let detail = match (selected, selector.absent) {
            (Selected::Case(Choice::Permission(permission)), _) => return Ok((place, *permission)),
            (Selected::Nothing, Some(permission)) => return Ok((place, permission)),
            (Selected::Case(Choice::Selector(nested)), _) => {
                selector = nested;
                continue;
            }
            (Selected::Nothing, None) => Detail::Operation { place: Box::new(place.clone()), value: None },
            (Selected::Unlisted(detail), _) => detail,
        };
        return Err(Refusal::new(Reason::UnknownOperation, detail));
    }
}

fn by_value<'a>(
    selector: &'a Selector,
    place: &Location,
    app: &App,
    view: &RequestView<'_>,
) -> Result<Selected<'a>, Refusal> {
    let By::Value { cases, .. } = &selector.by else { return Ok(Selected::Nothing) };
    match view.values(place).map_err(|error| Refusal::parameter(place, error))? {
        ParamValues::Many(_) => Err(Refusal::repeated(place)),
        values if values.is_absent() => Ok(Selected::Nothing),
        ParamValues::Absent => Ok(Selected::Nothing),
        ParamValues::One(value) => Ok(cases.get(value).map_or_else(
            || {
                let value = Some(Detail::excerpt(app, place, value));
                Selected::Unlisted(Detail::Operation { place: Box::new(place.clone()), value })
            },
            Selected::Case,
        )),
    }
}

/// SECURITY: of two buttons each application takes the one that it asks for first, and of an image that is there by half
/// none at all (`two_buttons_at_once_are_refused`).
fn by_name<'a>(buttons: &'a [Button], view: &RequestView<'_>) -> Result<Selected<'a>, Refusal> {
    let mut pressed = Selected::Nothing;
    for button in buttons {
        let mut there = 0;
        for place in &button.places {
            match view.values(place).map_err(|error| Refusal::parameter(place, error))? {
                ParamValues::Absent => {}
                ParamValues::One(_) => there += 1,
                ParamValues::Many(_) => return Err(Refusal::repeated(place)),
            }
        }
        let Some(place) = button.places.first().filter(|_| there > 0) else { continue };
        if there < button.places.len() || !matches!(pressed, Selected::Nothing) {
            return Err(Refusal::repeated(place));
        }
        pressed = Selected::Case(&button.choice);
    }
    Ok(pressed)
}
