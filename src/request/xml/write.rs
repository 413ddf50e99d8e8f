//! Writes a document: one spelling of everything, no comment, no CDATA section, no reference but those that are needed.

use super::tree::{Attribute, Document, Element, Node};
use crate::request::charset::Charset;
use std::fmt::Write;

impl Document {
    /// Appends the document in its character set.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut text = String::new();
        if self.is_declared || self.charset != Charset::Utf8 {
            text.push_str("<?xml version=\"1.0\" encoding=\"");
            text.push_str(self.charset.as_str());
            text.push_str("\"?>");
        }
        self.element(&self.root, &mut text);
        match self.charset.encode(&text) {
            Some(bytes) => out.extend_from_slice(&bytes),
            None => self.encode(&text, out),
        }
    }

    /// Writes what the character set lacks as references. Names came in this character set, so it is never they.
    fn encode(&self, text: &str, out: &mut Vec<u8>) {
        for c in text.chars() {
            match self.charset.encode(c.encode_utf8(&mut [0; 4])) {
                Some(bytes) => out.extend_from_slice(&bytes),
                None => out.extend_from_slice(format!("&#{};", u32::from(c)).as_bytes()),
            }
        }
    }

    fn element(&self, element: &Element, out: &mut String) {
        out.push('<');
        let begin = out.len();
        push_name(&element.name.prefix, &element.name.local, out);
        let name = begin..out.len();
        for (prefix, space) in &element.declared {
            out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            out.push_str(prefix);
            push_value(self.spaces.at(*space), out);
        }
        for Attribute { name, value } in &element.attributes {
            out.push(' ');
            push_name(&name.prefix, &name.local, out);
            push_value(value, out);
        }
        if element.children.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for node in &element.children {
            match node {
                Node::Element(child) => self.element(child, out),
                Node::Text(text) => push_text(text, out),
            }
        }
        out.push_str("</");
        out.extend_from_within(name);
        out.push('>');
    }
}

fn push_name(prefix: &str, local: &str, out: &mut String) {
    if !prefix.is_empty() {
        out.push_str(prefix);
        out.push(':');
    }
    out.push_str(local);
}

/// ` ="value"`, with white space as references so that no reader folds it (XML 1.0 section 3.3.3).
fn push_value(value: &str, out: &mut String) {
    out.push_str("=\"");
    for c in value.chars() {
        match c {
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => drop(write!(out, "&#{};", u32::from(c))),
            _ => push_char(c, out),
        }
    }
    out.push('"');
}

fn push_text(text: &str, out: &mut String) {
    text.chars().for_each(|c| push_char(c, out));
}

fn push_char(c: char, out: &mut String) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '\r' => out.push_str("&#13;"),
        _ => out.push(c),
    }
}
