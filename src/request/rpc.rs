//! Calls of JSON-RPC (1.0, 2.0) and XML-RPC: one method, its arguments as a JSON value, and no call inside of a call.

use super::error::BodyError;
use super::json::Json;
use super::location::Held;
use super::xml::{Document, Element, Node, Spaces};
use compact_str::CompactString;

/// The name of the method in a JSON-RPC call.
pub(crate) const METHOD: &str = "method";
/// The arguments.
pub(crate) const PARAMS: &str = "params";

/// The method by which servers run a list of calls.
pub const MULTICALL: &str = "system.multicall";

/// An XML-RPC call that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) method: CompactString,
    /// Always a list.
    pub(crate) arguments: Json,
}

/// Checks that a document is one JSON-RPC call.
///
/// # Errors
/// When it is a batch, lacks a method, has a member that is none of the protocol, or runs a list of calls.
pub(crate) fn check_json(root: &Json) -> Result<(), BodyError> {
    let wrong = |why| BodyError::Shape { kind: "JSON-RPC", why };
    let members = match root {
        Json::Object(members) => members,
        Json::Array(_) => return Err(wrong("a batch of calls; each is sent by itself")),
        _ => return Err(wrong("it is not a call")),
    };
    for (key, value) in members {
        let fits = match (key.as_str(), value) {
            ("jsonrpc", Json::String(version)) => version == "2.0",
            // JSON-RPC 1.1, a draft that clients speak
            ("version", Json::String(version)) => version == "1.1",
            (METHOD, Json::String(method)) => is_method(method),
            (PARAMS, Json::Object(_) | Json::Array(_)) => true,
            ("id", Json::String(_) | Json::Number(_) | Json::Null) => true,
            _ => false,
        };
        if !fits {
            return Err(wrong("a member that a call does not have, or not of this type"));
        }
    }
    match root.member(METHOD) {
        Some(Json::String(method)) if method == MULTICALL => Err(wrong("a list of calls; each is sent by itself")),
        Some(_) => Ok(()),
        None => Err(wrong("it names no method")),
    }
}

fn is_method(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:/-$".contains(&byte))
}

/// Whether the protocol itself has a value there: its version, the number of the call, no arguments.
pub(crate) fn is_protocol(path: &[Held]) -> bool {
    matches!(path, [Held::Member(member)] if matches!(member.as_str(), "jsonrpc" | "version" | "id" | PARAMS))
}

/// The arguments of a JSON-RPC call.
pub(crate) fn arguments(root: &Json) -> Option<&Json> {
    root.member(PARAMS)
}

/// The arguments of a JSON-RPC call, to be changed; an empty object is put in where there are none.
pub(crate) fn arguments_mut(root: &mut Json) -> Option<&mut Json> {
    let Json::Object(members) = root else { return None };
    if !members.iter().any(|(key, _)| key == PARAMS) {
        members.push((PARAMS.to_owned(), Json::Object(Vec::new())));
    }
    members.iter_mut().find(|(key, _)| key == PARAMS).map(|(_, value)| value)
}

fn wrong(why: &'static str) -> BodyError {
    BodyError::Shape { kind: "XML-RPC", why }
}

impl Call {
    /// Reads a call (XML-RPC specification, 1999).
    ///
    /// # Errors
    /// When the document is anything else, a member of a struct stands twice, or it runs a list of calls.
    pub(crate) fn read(document: &Document) -> Result<Self, BodyError> {
        let spaces = &document.spaces;
        check_plain(spaces, &document.root)?;
        let [name, params @ ..] = &parts(&document.root, "methodCall")?[..] else {
            return Err(wrong("it names no method"));
        };
        let method = text(name, "methodName")?;
        if !is_method(method) {
            return Err(wrong("it names no method"));
        }
        if method == MULTICALL {
            return Err(wrong("a list of calls; each is sent by itself"));
        }
        let arguments = match params {
            [] => Vec::new(),
            [params] => parts(params, "params")?
                .into_iter()
                .map(|param| value(only(param, "param")?))
                .collect::<Result<_, _>>()?,
            _ => return Err(wrong("something follows the arguments")),
        };
        Ok(Self { method: method.into(), arguments: Json::Array(arguments) })
    }
}

/// No attribute, no namespace anywhere.
fn check_plain(spaces: &Spaces, element: &Element) -> Result<(), BodyError> {
    if !element.attributes.is_empty() || !spaces.uri(&element.name).is_empty() {
        return Err(wrong("an attribute or a namespace"));
    }
    element.elements().try_for_each(|child| check_plain(spaces, child))
}

/// The child elements of an element of this name, beside which only white space stands.
fn parts<'e>(element: &'e Element, name: &str) -> Result<Vec<&'e Element>, BodyError> {
    let blank = element.text().is_none_or(|text| text.trim_ascii().is_empty());
    if element.name.local != name || element.is_mixed() || !blank {
        return Err(wrong("an element stands where another is expected"));
    }
    Ok(element.elements().collect())
}

fn only<'e>(element: &'e Element, name: &str) -> Result<&'e Element, BodyError> {
    match parts(element, name)?[..] {
        [one] => Ok(one),
        _ => Err(wrong("an element does not hold exactly one value")),
    }
}

fn text<'e>(element: &'e Element, name: &str) -> Result<&'e str, BodyError> {
    let text = element.text().filter(|_| element.name.local == name);
    text.ok_or_else(|| wrong("an element stands where another is expected"))
}

/// A `<value>` as JSON. What is encoded once more (`base64`) becomes an object, so that it is never a plain value.
fn value(element: &Element) -> Result<Json, BodyError> {
    if element.name.local != "value" {
        return Err(wrong("an element stands where another is expected"));
    }
    // without a type it is a string
    if let Some(text) = element.text() {
        return Ok(Json::String(text.to_owned()));
    }
    let typed = only(element, "value")?;
    let plain = || text(typed, &typed.name.local).map(ToOwned::to_owned);
    Ok(match typed.name.local.as_str() {
        "string" | "dateTime.iso8601" => Json::String(plain()?),
        "int" | "i4" | "i8" | "double" => Json::Number(plain()?),
        "boolean" => match plain()?.as_str() {
            "0" => Json::Bool(false),
            "1" => Json::Bool(true),
            _ => return Err(wrong("a boolean is neither 0 nor 1")),
        },
        "nil" if typed.children.is_empty() => Json::Null,
        "base64" => Json::Object(vec![("base64".to_owned(), Json::String(plain()?))]),
        "array" => Json::Array(parts(only(typed, "array")?, "data")?.into_iter().map(value).collect::<Result<_, _>>()?),
        "struct" => members(typed)?,
        _ => return Err(wrong("a type that XML-RPC does not have")),
    })
}

fn members(element: &Element) -> Result<Json, BodyError> {
    let mut members: Vec<(String, Json)> = Vec::new();
    for member in parts(element, "struct")? {
        let [name, held] = parts(member, "member")?[..] else {
            return Err(wrong("a member is not a name and a value"));
        };
        let name = text(name, "name")?;
        if members.iter().any(|(known, _)| known == name) {
            return Err(wrong("a member stands twice in a struct"));
        }
        members.push((name.to_owned(), value(held)?));
    }
    Ok(Json::Object(members))
}

impl Document {
    /// Takes the white space between the elements of a call away, which readers differ on.
    pub(crate) fn tidy(&mut self) {
        fn walk(element: &mut Element) {
            if element.text().is_none() {
                element.children.retain(|node| matches!(node, Node::Element(_)));
            }
            for node in &mut element.children {
                if let Node::Element(child) = node {
                    walk(child);
                }
            }
        }
        walk(&mut self.root);
    }
}
