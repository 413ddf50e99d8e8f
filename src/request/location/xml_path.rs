//! Paths in XML: `/order/lines/line/@id`, `/o:order/*`, `/order/*:warehouse`; finding, writing and covering values.

use super::{LocationError, unwritable};
use crate::request::dialect::Dialect;
use crate::request::error::{ParamError, brief};
use crate::request::name::{Match, fold_case};
use crate::request::param::ParamValues;
use crate::request::typed::ParamType;
use crate::request::xml::{Attribute, Document, Element, Name, Node, Spaces, XSI, is_name, is_text};
use compact_str::{CompactString, format_compact};
use smallvec::SmallVec;

/// The namespace that a step asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Space {
    /// None at all.
    None,
    /// This one.
    Uri(CompactString),
    /// Whichever: the application looks at local names only.
    Any,
}

/// A named step.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    space: Space,
    local: CompactString,
}

impl Named {
    fn compile(text: &str, dialect: &Dialect) -> Result<Self, LocationError> {
        let (space, local) = match text.split_once(':') {
            None => (Space::None, text),
            Some(("*", local)) => (Space::Any, local),
            Some((prefix, local)) => {
                let declared = dialect.namespaces.iter().find(|(known, _)| known == prefix);
                let uri = declared.ok_or_else(|| LocationError::Prefix(prefix.to_owned()))?.1.clone();
                (Space::Uri(uri), local)
            }
        };
        if !is_name(local) {
            return Err(LocationError::XmlPath(text.to_owned()));
        }
        Ok(Self { space, local: local.into() })
    }

    /// What a name in a document is to this one.
    fn matches(&self, spaces: &Spaces, name: &Name) -> Match {
        let space = match &self.space {
            Space::None => spaces.uri(name).is_empty(),
            Space::Uri(uri) => spaces.uri(name) == uri,
            Space::Any => true,
        };
        if space && name.local == self.local {
            return Match::Same;
        }
        // SECURITY: readers that ignore namespaces or letter case take it for this one, others see nothing there
        // (`an_element_in_another_namespace_or_case_is_refused`)
        if self.is_alike(&name.local) { Match::Overlaps } else { Match::Other }
    }

    fn is_alike(&self, local: &str) -> bool {
        fold_case(local) == fold_case(&self.local)
    }

    /// The namespace of what is put in; `None` where it cannot be told.
    fn uri(&self) -> Option<&str> {
        match &self.space {
            Space::None => Some(""),
            Space::Uri(uri) => Some(uri),
            Space::Any => None,
        }
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Elements of this name.
    Child(Named),
    /// Every element, whatever its name.
    Every,
    /// The attribute of this name; the last step.
    Attribute(Named),
}

/// A path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct XmlPath {
    text: CompactString,
    steps: Vec<Step>,
}

type Found<'a> = SmallVec<[&'a str; 4]>;

impl XmlPath {
    pub(super) fn compile(text: &str, dialect: &Dialect) -> Result<Self, LocationError> {
        let wrong = || LocationError::XmlPath(text.to_owned());
        let mut steps = Vec::new();
        for step in text.strip_prefix('/').ok_or_else(wrong)?.split('/') {
            if matches!(steps.last(), Some(Step::Attribute(_))) {
                return Err(wrong());
            }
            steps.push(match step.strip_prefix('@') {
                Some(name) => Step::Attribute(Named::compile(name, dialect)?),
                None if step == "*" => Step::Every,
                None => Step::Child(Named::compile(step, dialect)?),
            });
        }
        Ok(Self { text: text.into(), steps })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    fn spelling(&self, spaces: &Spaces, name: &Name) -> ParamError {
        let space = spaces.uri(name);
        let sent = if space.is_empty() { name.local.clone() } else { format_compact!("{{{space}}}{}", name.local) };
        ParamError::Spelling { name: self.text.clone(), sent: brief(&sent) }
    }

    /// The values that stand there, the first step being the root element.
    pub(super) fn in_document<'a>(&self, document: &'a Document) -> Result<ParamValues<'a>, ParamError> {
        let mut found = Found::new();
        let plural = match self.steps.split_first() {
            Some((step, rest)) => self.enter(&document.spaces, [&document.root], step, rest, &mut found)?,
            None => false,
        };
        Ok(ParamValues::collect(found, plural))
    }

    /// The values that stand there, the first step being a child of `element`.
    pub(super) fn below<'a>(&self, spaces: &Spaces, element: &'a Element) -> Result<ParamValues<'a>, ParamError> {
        let mut found = Found::new();
        let plural = self.collect(spaces, element, &self.steps, &mut found)?;
        Ok(ParamValues::collect(found, plural))
    }

    /// Collects the texts at `steps` below `at`; gives whether several could have been there.
    fn collect<'a>(
        &self,
        spaces: &Spaces,
        at: &'a Element,
        steps: &[Step],
        found: &mut Found<'a>,
    ) -> Result<bool, ParamError> {
        match steps.split_first() {
            None => {
                found.push(at.text().ok_or_else(|| ParamError::NotScalar { name: self.text.clone() })?);
                Ok(false)
            }
            Some((Step::Attribute(named), _)) => {
                self.check_twin(spaces, named, at.elements().map(|child| &child.name))?;
                for attribute in &at.attributes {
                    match named.matches(spaces, &attribute.name) {
                        Match::Same => found.push(&attribute.value),
                        Match::Overlaps => return Err(self.spelling(spaces, &attribute.name)),
                        Match::Other => {}
                    }
                }
                Ok(false)
            }
            Some((step, rest)) => {
                if let Step::Child(named) = step {
                    self.check_twin(spaces, named, at.attributes.iter().map(|attribute| &attribute.name))?;
                }
                self.enter(spaces, at.elements(), step, rest, found)
            }
        }
    }

    /// SECURITY: readers that map a document onto an object take an attribute and an element of one name for the same
    /// (`an_attribute_and_an_element_of_one_name_are_refused`).
    fn check_twin<'n>(
        &self,
        spaces: &Spaces,
        named: &Named,
        mut names: impl Iterator<Item = &'n Name>,
    ) -> Result<(), ParamError> {
        names.find(|name| named.is_alike(&name.local)).map_or(Ok(()), |name| Err(self.spelling(spaces, name)))
    }

    /// Goes into those of `elements` that `step` names.
    fn enter<'a>(
        &self,
        spaces: &Spaces,
        elements: impl IntoIterator<Item = &'a Element>,
        step: &Step,
        rest: &[Step],
        found: &mut Found<'a>,
    ) -> Result<bool, ParamError> {
        let mut same = SmallVec::<[&Element; 4]>::new();
        let mut plural = matches!(step, Step::Every);
        for element in elements {
            let matched = match step {
                Step::Child(named) => named.matches(spaces, &element.name),
                Step::Every => Match::Same,
                Step::Attribute(_) => Match::Other,
            };
            match matched {
                Match::Same => same.push(element),
                Match::Overlaps => return Err(self.spelling(spaces, &element.name)),
                Match::Other => {}
            }
        }
        plural |= same.len() > 1;
        for element in same {
            let before = found.len();
            plural |= self.collect(spaces, element, rest, found)?;
            if plural && found.len() == before {
                return Err(ParamError::Partial { name: self.text.clone() });
            }
        }
        Ok(plural)
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

    /// Gives the place in the document these values.
    pub(super) fn set_in_document(
        &self,
        document: &mut Document,
        values: &[&str],
        kind: &ParamType,
    ) -> Result<(), ParamError> {
        let steps = self.below_root(document).ok_or_else(|| unwritable(&self.text))?;
        self.set(&mut document.spaces, &mut document.root, steps, values, kind)
    }

    /// Gives the place below `element` these values.
    pub(super) fn set_below(
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
    pub(super) fn remove_in_document(&self, document: &mut Document) {
        if let Some(steps) = self.below_root(document) {
            remove(&document.spaces, &mut document.root, steps);
        }
    }

    /// Removes what stands there below `element`.
    pub(super) fn remove_below(&self, spaces: &Spaces, element: &mut Element) {
        remove(spaces, element, &self.steps);
    }

    /// Whether the path leads to exactly this leaf.
    pub(crate) fn covers(&self, spaces: &Spaces, path: &[Held<'_>]) -> bool {
        self.steps.len() == path.len() && self.leads(spaces, path)
    }

    /// Whether the path leads to this leaf or below it.
    pub(crate) fn is_under(&self, spaces: &Spaces, path: &[Held<'_>]) -> bool {
        path.len() <= self.steps.len() && self.leads(spaces, path)
    }

    fn leads(&self, spaces: &Spaces, path: &[Held<'_>]) -> bool {
        self.steps.iter().zip(path).all(|(step, held)| match (step, held) {
            (Step::Child(named), Held::Child(name)) | (Step::Attribute(named), Held::Attribute(name)) => {
                named.matches(spaces, name) == Match::Same
            }
            (Step::Every, Held::Child(_)) => true,
            _ => false,
        })
    }
}

fn is_named(spaces: &Spaces, named: &Named, node: &Node) -> bool {
    matches!(node, Node::Element(child) if named.matches(spaces, &child.name) == Match::Same)
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

/// One step to a value that a document holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Held<'a> {
    Child(&'a Name),
    Attribute(&'a Name),
    /// Text beside child elements.
    Text,
}

/// Calls `visit` with the path of every value below `element`, and whether it is empty: elements without child elements,
/// attributes, and texts beside child elements. `path` leads to `element`. What says how a text is spelled is no value.
pub(crate) fn each_value<'a>(
    spaces: &Spaces,
    element: &'a Element,
    path: &mut Vec<Held<'a>>,
    visit: &mut impl FnMut(&[Held<'a>], bool),
) {
    for attribute in element.attributes.iter().filter(|attribute| spaces.uri(&attribute.name) != XSI) {
        path.push(Held::Attribute(&attribute.name));
        visit(path, false);
        path.pop();
    }
    if let Some(text) = element.text() {
        return visit(path, text.is_empty());
    }
    if element.is_mixed() {
        path.push(Held::Text);
        visit(path, false);
        path.pop();
    }
    for child in element.elements() {
        path.push(Held::Child(&child.name));
        each_value(spaces, child, path, visit);
        path.pop();
    }
}

/// The path as a rule would spell it, without prefixes.
pub(crate) fn render(path: &[Held<'_>]) -> CompactString {
    let mut out = CompactString::default();
    for held in path {
        match held {
            Held::Child(name) => out.push_str(&format_compact!("/{}", name.local)),
            Held::Attribute(name) => out.push_str(&format_compact!("/@{}", name.local)),
            Held::Text => out.push_str("/text()"),
        }
    }
    out
}
