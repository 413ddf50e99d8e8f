//! XML documents (XML 1.0 with Namespaces 1.0) with exactly one reading: a tree, its strict reader and its writer; no entities, no DTD.

mod mark;
mod read;
mod tree;
mod write;

pub(crate) use mark::{XSI, is_name, is_text};
pub(crate) use read::Limits;
pub(crate) use tree::{Attribute, Document, Element, Name, Node, Spaces};
