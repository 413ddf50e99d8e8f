//! Writes and removes what stands at a path, where exactly one element could hold it.

use super::name::{Named, Space};
use super::{Step, XmlPath};
use crate::request::error::ParamError;
use crate::request::location::unwritable;
use crate::request::name::Match;
use crate::request::typed::ParamType;
use crate::request::xml::{Attribute, Document, Element, Node, Spaces, is_text};

impl XmlPath {
    /// Gives the place in the document these values.
    pub(in crate::request::location) fn set_in_document(
        &self,
        document: &mut Document,
        values: &[&str],
        kind: &ParamType,
    ) -> Result<(), ParamError> {
        let steps = self.below_root(document).ok_or_else(|| unwritable(&self.text))?;
        self.set(&mut document.spaces, &mut document.root, steps, values, kind)
    }

    /// Gives the place below `element` these values.
    pub(in crate::request::location) fn set_below(
        &self,
        spaces: &mut Spaces,
        element: &mut Element,
        values: &[&str],
        kind: &ParamType,
    ) -> Result<(), ParamError> {
        self.set(spaces, element, &self.steps, values, kind)
    }

    fn set(
        &self,
        spaces: &mut Spaces,
        element: &mut Element,
        steps: &[Step],
        values: &[&str],
        kind: &ParamType,
    ) -> Result<(), ParamError> {
        let refused = || unwritable(&self.text);
        let in_one_value = !matches!(kind, ParamType::List { separator: None, .. });
        if values.iter().any(|value| !is_text(value)) || (in_one_value && values.len() > 1) {
            return Err(refused());
        }
        let (last, parents) = steps.split_last().ok_or_else(refused)?;
        let parent = parent(spaces, element, parents).ok_or_else(refused)?;
        match (last, values) {
            (Step::Attribute(named), [value]) if named.space == Space::None => {
                match parent
                    .attributes
                    .iter_mut()
                    .find(|attribute| named.matches(spaces, &attribute.name) == Match::Same)
                {
                    Some(attribute) => attribute.value = (*value).into(),
                    None => parent.attributes.push(Attribute::new(&named.local, value)),
                }
                Ok(())
            }
            (Step::Child(named), _) => {
                let at = parent.children.iter().position(|node| is_named(spaces, named, node));
                let kept = at.and_then(|at| parent.children.get(at)).cloned();
                parent.children.retain(|node| !is_named(spaces, named, node));
                let new = match kept {
                    Some(Node::Element(element)) => element,
                    _ => spaces.new_element(named.uri().ok_or_else(refused)?, &named.local, &parent.name),
                };
                let with = |value: &&str| Node::Element(new.with_text(value));
                let at = at.unwrap_or(parent.children.len()).min(parent.children.len());
                parent.children.splice(at..at, values.iter().map(with).collect::<Vec<_>>());
                Ok(())
            }
            _ => Err(refused()),
        }
    }

    /// Removes what stands there in the document, where exactly one element could hold it.
    pub(in crate::request::location) fn remove_in_document(&self, document: &mut Document) {
        if let Some(steps) = self.below_root(document) {
            remove(&document.spaces, &mut document.root, steps);
        }
    }

    /// Removes what stands there below `element`.
    pub(in crate::request::location) fn remove_below(&self, spaces: &Spaces, element: &mut Element) {
        remove(spaces, element, &self.steps);
    }

    /// The steps below the root of a document, where its name is the first.
    fn below_root<'s>(&'s self, document: &Document) -> Option<&'s [Step]> {
        match self.steps.split_first()? {
            (Step::Child(named), rest) if named.matches(&document.spaces, &document.root.name) == Match::Same => {
                Some(rest)
            }
            _ => None,
        }
    }
}

/// The one element that `steps` lead to.
fn parent<'e>(spaces: &Spaces, element: &'e mut Element, steps: &[Step]) -> Option<&'e mut Element> {
    steps.iter().try_fold(element, |at, step| {
        let Step::Child(named) = step else { return None };
        let mut children = at.children.iter_mut().filter(|node| is_named(spaces, named, node));
        match (children.next(), children.next()) {
            (Some(Node::Element(child)), None) => Some(child),
            _ => None,
        }
    })
}

fn remove(spaces: &Spaces, element: &mut Element, steps: &[Step]) {
    let Some((last, parents)) = steps.split_last() else { return };
    let Some(parent) = parent(spaces, element, parents) else { return };
    match last {
        Step::Attribute(named) => {
            parent.attributes.retain(|attribute| named.matches(spaces, &attribute.name) != Match::Same);
        }
        Step::Child(named) => parent.children.retain(|node| !is_named(spaces, named, node)),
        Step::Every => {}
    }
}

fn is_named(spaces: &Spaces, named: &Named, node: &Node) -> bool {
    matches!(node, Node::Element(child) if named.matches(spaces, &child.name) == Match::Same)
}
