//! The tree of a document. Prefixes are kept as they were sent; what counts is the namespace they stand for.

use crate::request::charset::Charset;
use compact_str::CompactString;

/// The place of "no namespace" among the namespaces of a document.
pub(super) const NO_SPACE: usize = 0;

/// A name of an element or attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(super) prefix: CompactString,
    pub(crate) local: CompactString,
    /// The namespace, as a place in [`Spaces`].
    pub(super) space: usize,
}

/// An attribute; declarations of namespaces are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) name: Name,
    pub(crate) value: CompactString,
}

/// An element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: Name,
    /// The namespaces that are declared here: prefix and place.
    pub(super) declared: Vec<(CompactString, usize)>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) children: Vec<Node>,
}

/// What stands in an element. Two texts never stand side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Element(Element),
    Text(CompactString),
}

impl Element {
    /// The child elements.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The text of an element without child elements, empty where it has none; `None` where it has child elements.
    pub(crate) fn text(&self) -> Option<&str> {
        match self.children.as_slice() {
            [] => Some(""),
            [Node::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The same element with this text in place of what stands in it.
    pub(crate) fn with_text(&self, text: &str) -> Self {
        Self {
            name: self.name.clone(),
            declared: self.declared.clone(),
            attributes: self.attributes.clone(),
            children: vec![Node::Text(text.into())],
        }
    }

    /// Whether text that is not blank stands beside child elements.
    pub(crate) fn is_mixed(&self) -> bool {
        self.text().is_none() && self.children.iter().any(|node| matches!(node, Node::Text(text) if !is_blank(text)))
    }
}

/// Whether there is only white space.
pub(crate) fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

/// Every namespace that is declared somewhere in a document, the empty one first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spaces(pub(super) Vec<CompactString>);

impl Spaces {
    /// The namespace of a name; empty where it has none.
    pub(crate) fn uri(&self, name: &Name) -> &str {
        self.at(name.space)
    }

    pub(super) fn at(&self, place: usize) -> &str {
        self.0.get(place).map_or("", CompactString::as_str)
    }

    /// Whether a name is this one.
    pub(crate) fn is(&self, name: &Name, uri: &str, local: &str) -> bool {
        name.local == local && self.uri(name) == uri
    }

    /// An empty element to be put into one whose name is `parent`: with the prefix of that one where it is of the same
    /// namespace, else with a declaration of its own, which is right whatever is declared around it.
    pub(crate) fn new_element(&mut self, uri: &str, local: &str, parent: &Name) -> Element {
        let at = self.0.iter().position(|known| known == uri).unwrap_or_else(|| {
            self.0.push(uri.into());
            self.0.len() - 1
        });
        let (prefix, declared) = if at == parent.space {
            (parent.prefix.clone(), Vec::new())
        } else {
            (CompactString::default(), vec![(CompactString::default(), at)])
        };
        let name = Name { prefix, local: local.into(), space: at };
        Element { name, declared, attributes: Vec::new(), children: Vec::new() }
    }
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) spaces: Spaces,
    pub(crate) root: Element,
    /// The character set in which it came and in which it is written.
    pub(crate) charset: Charset,
    /// Whether it began with a declaration.
    pub(super) is_declared: bool,
}

impl Attribute {
    /// An attribute without a namespace.
    pub(crate) fn new(local: &str, value: &str) -> Self {
        Self {
            name: Name { prefix: CompactString::default(), local: local.into(), space: NO_SPACE },
            value: value.into(),
        }
    }
}
