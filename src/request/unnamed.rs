//! Which parameters of a request no rule names; never what becomes of them.

use super::location::{Location, each_leaf, render};
use super::name::{Match, ParamName};
use super::param::Value;
use super::view::{BodyState, RequestView, Unnamed};
use std::collections::HashSet;

/// Lists the parameters of query and judged body that none of `named` names.
pub(crate) fn collect<'a, I>(view: &RequestView<'_>, named: &I) -> Vec<Unnamed>
where
    I: IntoIterator<Item = &'a Location> + Clone,
{
    let mut found = Vec::new();
    let in_query = |location: &'a Location| match location {
        Location::Query(location) => Some(&location.0),
        Location::Param(location) => Some(&location.0),
        _ => None,
    };
    let in_form = |location: &'a Location| match location {
        Location::Form(location) => Some(&location.0),
        Location::Multipart(location) => Some(&location.0),
        Location::Param(location) => Some(&location.0),
        _ => None,
    };
    let is_named = |value: &Value, name_at: &dyn Fn(&'a Location) -> Option<&'a ParamName>| {
        named.clone().into_iter().filter_map(name_at).any(|name| value.matches(name) == Match::Same)
    };
    for value in view.target().query().iter().filter(|value| !is_named(value, &in_query)) {
        found.push(Unnamed { place: "query", name: value.name().into() });
    }
    match view.body_state() {
        BodyState::Absent | BodyState::Unread => {}
        BodyState::Form { list, .. } => {
            for value in list.iter().filter(|value| !is_named(value, &in_form)) {
                found.push(Unnamed { place: "form", name: value.name().into() });
            }
        }
        BodyState::Multipart(multipart) => {
            for (at, name) in multipart.names().enumerate() {
                if !named.clone().into_iter().filter_map(in_form).any(|named| multipart.is_named(at, named)) {
                    found.push(Unnamed { place: "multipart", name: name.into() });
                }
            }
        }
        BodyState::Json { root, .. } => {
            let mut seen = HashSet::new();
            each_leaf(root, &mut |path, empty| {
                let covered = named.clone().into_iter().any(|location| match location {
                    Location::Json(location) => location.covers(path) || (empty && location.is_under(path)),
                    _ => false,
                });
                if !covered {
                    let name = render(path);
                    if seen.insert(name.clone()) {
                        found.push(Unnamed { place: "json", name });
                    }
                }
            });
        }
    }
    found
}
