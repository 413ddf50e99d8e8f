//! JSON pointers (RFC 6901) with `*` for every element of a list: finding, writing and covering values in one document.

use super::{LocationError, unwritable};
use crate::request::error::{ParamError, brief};
use crate::request::json::Json;
use crate::request::param::ParamValues;
use crate::request::typed::ParamType;
use compact_str::CompactString;
use smallvec::SmallVec;

/// One step of a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// A member of an object, or an element of a list where it is a number.
    Key(CompactString),
    /// Every element of a list.
    Every,
}

/// One step to a value that a document holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// The member of an object.
    Member(CompactString),
    /// The element of a list.
    Element(usize),
}

impl Step {
    fn leads_to(&self, held: &Held) -> bool {
        match (self, held) {
            (Self::Key(ours), Held::Member(theirs)) => ours == theirs,
            (Self::Key(ours), Held::Element(at)) => array_index(ours) == Some(*at),
            (Self::Every, Held::Element(_)) => true,
            (Self::Every, Held::Member(_)) => false,
        }
    }
}

/// A pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pointer {
    text: CompactString,
    steps: SmallVec<[Step; 4]>,
}

type Found<'a> = Vec<&'a str>;

impl Pointer {
    pub(super) fn compile(pointer: &str) -> Result<Self, LocationError> {
        let wrong = || LocationError::Pointer(pointer.to_owned());
        let mut steps = SmallVec::new();
        for token in pointer.strip_prefix('/').ok_or_else(wrong)?.split('/') {
            let tildes = token.matches('~').count();
            if tildes != token.matches("~0").count() + token.matches("~1").count() {
                return Err(wrong());
            }
            let step = match token {
                "*" => Step::Every,
                _ => Step::Key(token.replace("~1", "/").replace("~0", "~").into()),
            };
            steps.push(step);
        }
        Ok(Self { text: pointer.into(), steps })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pointer begins with the number of an element.
    pub(super) fn begins_with_number(&self) -> bool {
        matches!(self.steps.first(), Some(Step::Every))
            || matches!(self.steps.first(), Some(Step::Key(key)) if array_index(key).is_some())
    }

    /// Whether it stands for every element of a list.
    pub(super) fn is_every(&self) -> bool {
        self.steps.contains(&Step::Every)
    }

    /// The values that stand there in `root`.
    pub(super) fn values<'a>(&self, root: &'a Json) -> Result<ParamValues<'a>, ParamError> {
        let mut found = Found::new();
        let plural = self.collect(root, &self.steps, &mut found)?;
        Ok(if plural { ParamValues::Many(found) } else { ParamValues::collect(found, false) })
    }

    /// Collects the scalars at `steps`; gives whether a list was met, so that one element is still a list.
    fn collect<'a>(&self, at: &'a Json, steps: &[Step], found: &mut Found<'a>) -> Result<bool, ParamError> {
        let not_scalar = || ParamError::NotScalar { name: self.text.clone() };
        match (steps.split_first(), at) {
            (None, Json::Array(elements)) => {
                for element in elements {
                    found.push(element.as_scalar().ok_or_else(not_scalar)?);
                }
                Ok(true)
            }
            (None, Json::Null) => Ok(false),
            (None, scalar) => {
                found.push(scalar.as_scalar().ok_or_else(not_scalar)?);
                Ok(false)
            }
            (Some((Step::Every, rest)), Json::Array(elements)) => {
                for element in elements {
                    let before = found.len();
                    self.collect(element, rest, found)?;
                    if found.len() == before {
                        return Err(ParamError::Partial { name: self.text.clone() });
                    }
                }
                Ok(true)
            }
            (Some((Step::Key(key), rest)), Json::Object(members)) => {
                // SECURITY: some readers ignore letter case in keys (test `a_json_key_in_another_case_is_refused`)
                if let Some((sent, _)) = members.iter().find(|(k, _)| k != key && k.eq_ignore_ascii_case(key)) {
                    return Err(ParamError::Spelling { name: self.text.clone(), sent: brief(sent) });
                }
                match members.iter().find(|(k, _)| k == key) {
                    Some((_, value)) => self.collect(value, rest, found),
                    None => Ok(false),
                }
            }
            (Some((Step::Key(key), rest)), Json::Array(elements)) => match array_index(key) {
                Some(index) => elements.get(index).map_or(Ok(false), |value| self.collect(value, rest, found)),
                None => Err(not_scalar()),
            },
            (Some(_), Json::Null) => Ok(false),
            (Some(_), _) => Err(not_scalar()),
        }
    }

    pub(super) fn set(&self, root: &mut Json, values: &[&str], kind: &ParamType) -> Result<(), ParamError> {
        let refused = || unwritable(&self.text);
        let place = entry(root, &self.steps).ok_or_else(refused)?;
        let numeric = match place {
            Json::Number(_) => true,
            Json::String(_) => false,
            Json::Array(elements) => match elements.first() {
                Some(first) => matches!(first, Json::Number(_)),
                None => kind.is_number(),
            },
            _ => kind.is_number(),
        };
        let scalar =
            |value: &str| if numeric { Json::Number(value.to_owned()) } else { Json::String(value.to_owned()) };
        let in_one_value = !matches!(kind, ParamType::List { separator: None, .. });
        *place = match values {
            [value] if in_one_value => scalar(value),
            _ if in_one_value => return Err(refused()),
            _ => Json::Array(values.iter().map(|value| scalar(value)).collect()),
        };
        Ok(())
    }

    /// Removes a member of an object; an element of a list cannot go without moving those behind it.
    pub(super) fn remove(&self, root: &mut Json) -> Result<(), ParamError> {
        if let Some((Step::Key(last), parents)) = self.steps.split_last()
            && let Some(Json::Object(members)) = existing(root, parents)
        {
            members.retain(|(key, _)| key != last);
            return Ok(());
        }
        Err(unwritable(&self.text))
    }

    /// Whether `path` leads to this value or to something that would hold it.
    pub(crate) fn is_under(&self, path: &[Held]) -> bool {
        path.len() <= self.steps.len() && self.steps.iter().zip(path).all(|(ours, theirs)| ours.leads_to(theirs))
    }

    /// Whether the value at `path` is this one or lies under it.
    pub(crate) fn covers(&self, path: &[Held]) -> bool {
        self.steps.len() <= path.len() && self.steps.iter().zip(path).all(|(ours, theirs)| ours.leads_to(theirs))
    }
}

fn array_index(key: &str) -> Option<usize> {
    let canonical = key == "0" || (!key.starts_with('0') && key.bytes().all(|b| b.is_ascii_digit()));
    key.parse().ok().filter(|_| canonical)
}

fn existing<'a>(root: &'a mut Json, steps: &[Step]) -> Option<&'a mut Json> {
    steps.iter().try_fold(root, |at, step| match (step, at) {
        (Step::Key(key), Json::Object(members)) => members.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v),
        (Step::Key(key), Json::Array(elements)) => elements.get_mut(array_index(key)?),
        _ => None,
    })
}

/// The place that `steps` lead to, with missing objects put in; `None` where something else is in the way.
fn entry<'a>(root: &'a mut Json, steps: &[Step]) -> Option<&'a mut Json> {
    steps.iter().try_fold(root, |at, step| {
        let Step::Key(key) = step else { return None };
        if matches!(at, Json::Null) {
            *at = Json::Object(Vec::new());
        }
        match at {
            Json::Object(members) => {
                if !members.iter().any(|(k, _)| k == key) {
                    members.push((key.to_string(), Json::Null));
                }
                members.iter_mut().find(|(k, _)| k == key).map(|(_, value)| value)
            }
            Json::Array(elements) => elements.get_mut(array_index(key)?),
            _ => None,
        }
    })
}

/// Calls `visit` with the path of every value that holds no other, and whether it is empty: null, or an object or list of
/// nothing.
pub(crate) fn each_leaf(root: &Json, visit: &mut impl FnMut(&[Held], bool)) {
    fn walk(at: &Json, path: &mut Vec<Held>, visit: &mut impl FnMut(&[Held], bool)) {
        match at {
            Json::Object(members) if !members.is_empty() => {
                for (key, value) in members {
                    path.push(Held::Member(key.as_str().into()));
                    walk(value, path, visit);
                    path.pop();
                }
            }
            Json::Array(elements) if !elements.is_empty() => {
                for (at, element) in elements.iter().enumerate() {
                    path.push(Held::Element(at));
                    walk(element, path, visit);
                    path.pop();
                }
            }
            Json::Null | Json::Array(_) | Json::Object(_) => visit(path, true),
            _ => visit(path, false),
        }
    }
    walk(root, &mut Vec::new(), visit);
}

/// The pointer of a path, `*` for list elements.
pub(crate) fn render(path: &[Held]) -> CompactString {
    let mut out = CompactString::default();
    for step in path {
        out.push('/');
        match step {
            Held::Element(_) => out.push('*'),
            Held::Member(key) => out.push_str(&key.replace('~', "~0").replace('/', "~1")),
        }
    }
    out
}
