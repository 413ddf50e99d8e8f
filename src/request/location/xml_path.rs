//! Paths in XML: `/order/lines/line/@id`, `/o:order/*`, `/order/*:warehouse`; what they find, and what they cover.

pub(super) mod held;
mod name;
mod write;

use self::held::Held;
use self::name::Named;
use super::LocationError;
use crate::request::dialect::Dialect;
use crate::request::error::{ParamError, brief};
use crate::request::name::Match;
use crate::request::param::ParamValues;
use crate::request::xml::{Document, Element, Name, Spaces};
use compact_str::{CompactString, format_compact};
use smallvec::SmallVec;

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
