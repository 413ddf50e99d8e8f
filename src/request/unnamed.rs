//! Which parameters of a request no rule names; never what becomes of them.

use super::body::{BodyState, JsonBody, XmlBody, XmlShape};
use super::json::Json;
use super::location::{Held, Location, RpcLocation, SoapLocation, XmlHeld, each_leaf, each_value, render, render_path};
use super::name::{Match, ParamName};
use super::noted::Noted;
use super::param::Value;
use super::rpc;
use super::view::{RequestView, Unnamed};
use compact_str::CompactString;
use std::collections::HashSet;

/// Lists the parameters of query and judged body that none of `named` names. Those of the query that were `noted` when the values
/// of some of `named` were read are known to be named.
#[inline]
pub(crate) fn collect<'a, I>(view: &RequestView<'_>, named: &I, noted: Noted) -> Vec<Unnamed>
where
    I: IntoIterator<Item = &'a Location> + Clone,
{
    let mut found = Vec::new();
    for (_, value) in view.target().query().iter().enumerate().filter(|(at, _)| !noted.has(*at)) {
        if !is_named(value, named, in_query) {
            found.push(Unnamed { place: "query", name: value.name().into() });
        }
    }
    if view.is_body_read() || !view.all_embedded().is_empty() {
        collect_beside(view, named, &mut found);
    }
    found
}

fn is_named<'a, I>(value: &Value, named: &I, name_at: fn(&'a Location) -> Option<&'a ParamName>) -> bool
where
    I: IntoIterator<Item = &'a Location> + Clone,
{
    named.clone().into_iter().filter_map(name_at).any(|name| value.matches(name) == Match::Same)
}

/// Lists the parameters that do not stand in the query as they are.
fn collect_beside<'a, I>(view: &RequestView<'_>, named: &I, found: &mut Vec<Unnamed>)
where
    I: IntoIterator<Item = &'a Location> + Clone,
{
    match view.body_state() {
        BodyState::Absent | BodyState::Unread => {}
        BodyState::Form { list, .. } => {
            for value in list.iter().filter(|value| !is_named(value, named, in_form)) {
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
        BodyState::Json(body) => in_json(body, named, found),
        BodyState::Xml(body) => in_xml(body, named, found),
    }
    for (holder, root) in view.all_embedded() {
        let covered = |path: &[Held], empty: bool| {
            named.clone().into_iter().any(|location| match location {
                Location::JsonIn(location) if *location.holder == *holder => {
                    location.pointer.covers(path) || (empty && location.pointer.is_under(path))
                }
                _ => false,
            })
        };
        let place = match holder {
            Location::Query(_) => "json-in.query",
            Location::Form(_) => "json-in.form",
            Location::Multipart(_) => "json-in.multipart",
            _ => "json-in.param",
        };
        let holder = holder.name();
        push_leaves(root, place, covered, |path| [holder, &render(path)].concat().into(), found);
    }
}

fn in_query(location: &Location) -> Option<&ParamName> {
    match location {
        Location::Query(location) => Some(&location.0),
        Location::Param(location) => Some(&location.0),
        Location::JsonIn(location) => in_query(&location.holder),
        _ => None,
    }
}

fn in_form(location: &Location) -> Option<&ParamName> {
    match location {
        Location::Form(location) => Some(&location.0),
        Location::Multipart(location) => Some(&location.0),
        Location::FileName(location) => Some(&location.0),
        Location::Param(location) => Some(&location.0),
        Location::JsonIn(location) => in_form(&location.holder),
        _ => None,
    }
}

/// Lists every leaf that is not covered, each name once.
fn push_leaves(
    root: &Json,
    place: &'static str,
    covered: impl Fn(&[Held], bool) -> bool,
    name: impl Fn(&[Held]) -> CompactString,
    found: &mut Vec<Unnamed>,
) {
    let mut seen = HashSet::new();
    each_leaf(root, &mut |path, empty| {
        if !covered(path, empty) {
            let name = name(path);
            if seen.insert(name.clone()) {
                found.push(Unnamed { place, name });
            }
        }
    });
}

fn in_json<'a, I>(body: &JsonBody, named: &I, found: &mut Vec<Unnamed>)
where
    I: IntoIterator<Item = &'a Location> + Clone,
{
    let covered = |path: &[Held], empty: bool| {
        named.clone().into_iter().any(|location| match location {
            Location::Json(location) => location.0.covers(path) || (empty && location.0.is_under(path)),
            Location::Rpc(location) if body.is_call => covers_call(location, path, empty),
            _ => false,
        }) || (body.is_call && rpc::is_protocol(path))
    };
    push_leaves(&body.root, "json", covered, render, found);
}

/// Whether a part of a call is, or holds, what stands at `path` in the JSON-RPC document.
fn covers_call(location: &RpcLocation, path: &[Held], empty: bool) -> bool {
    let Some((Held::Member(member), rest)) = path.split_first() else { return false };
    match location {
        RpcLocation::Method => member == rpc::METHOD,
        RpcLocation::Argument(argument) => {
            member == rpc::PARAMS && (argument.0.covers(rest) || (empty && argument.0.is_under(rest)))
        }
    }
}

fn in_xml<'a, I>(body: &XmlBody, named: &I, found: &mut Vec<Unnamed>)
where
    I: IntoIterator<Item = &'a Location> + Clone,
{
    let document = &body.document;
    let mut seen = HashSet::new();
    let mut push = |place, name: CompactString| {
        if seen.insert(name.clone()) {
            found.push(Unnamed { place, name });
        }
    };
    match &body.shape {
        XmlShape::Plain => {
            let mut path = vec![XmlHeld::Child(&document.root.name)];
            each_value(&document.spaces, &document.root, &mut path, &mut |path, empty| {
                let covered = named.clone().into_iter().any(|location| match location {
                    Location::Xml(location) => {
                        location.0.covers(&document.spaces, path)
                            || (empty && location.0.is_under(&document.spaces, path))
                    }
                    _ => false,
                });
                if !covered {
                    push("xml", render_path(path));
                }
            });
        }
        XmlShape::Soap(envelope) => {
            let arguments = || {
                named.clone().into_iter().filter_map(|location| match location {
                    Location::Soap(SoapLocation::Argument(argument)) => Some(&argument.0),
                    _ => None,
                })
            };
            if !named.clone().into_iter().any(|location| matches!(location, Location::Soap(SoapLocation::Operation))) {
                push("soap", "operation".into());
            }
            if let Some(element) = envelope.operation(document) {
                each_value(&document.spaces, element, &mut Vec::new(), &mut |path, empty| {
                    let is_call = path.is_empty() && empty;
                    let covered = |argument: &super::location::XmlPath| {
                        argument.covers(&document.spaces, path) || (empty && argument.is_under(&document.spaces, path))
                    };
                    if !is_call && !arguments().any(covered) {
                        push("soap", render_path(path));
                    }
                });
            }
            for entry in envelope.foreign_entries(document) {
                push("soap", ["Header/", &entry.name.local].concat().into());
            }
        }
        XmlShape::Rpc(call) => {
            if !named.clone().into_iter().any(|location| matches!(location, Location::Rpc(RpcLocation::Method))) {
                push("rpc", rpc::METHOD.into());
            }
            let covered = |path: &[Held], empty: bool| {
                // a call without arguments has an empty list of them
                (path.is_empty() && empty)
                    || named.clone().into_iter().any(|location| match location {
                        Location::Rpc(RpcLocation::Argument(argument)) => {
                            argument.0.covers(path) || (empty && argument.0.is_under(path))
                        }
                        _ => false,
                    })
            };
            push_leaves(&call.arguments, "rpc", covered, render, found);
        }
    }
}
