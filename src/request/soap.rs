//! SOAP envelopes (1.1 and 1.2): one operation in the body, and nothing around it that names another.

use super::error::BodyError;
use super::header::folds_to;
use super::view::RequestView;
use super::xml::{Document, Element, Node, Spaces};
use compact_str::{CompactString, format_compact};

/// The envelope of SOAP 1.1.
const SOAP_1_1: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// The envelope of SOAP 1.2.
const SOAP_1_2: &str = "http://www.w3.org/2003/05/soap-envelope";

/// SOAP encoding of 1.1 and 1.2.
const ENCODINGS: [&str; 2] = ["http://schemas.xmlsoap.org/soap/encoding/", "http://www.w3.org/2003/05/soap-encoding"];

/// Attributes of SOAP encoding that say how long a list is and of what.
const HARMLESS: [&str; 4] = ["arrayType", "itemType", "arraySize", "nodeType"];

/// WS-Addressing 1.0 and the submission before it.
const ADDRESSING: [&str; 2] =
    ["http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing"];

/// An envelope that was read: where its operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// The place of the body among the children of the root.
    body: usize,
    /// The place of the operation among the children of the body.
    operation: usize,
}

/// What a request says of its envelope.
pub(crate) struct Asked<'a, 'h> {
    /// The content type without parameters.
    pub(crate) essence: &'a str,
    /// The `action=` of the content type.
    pub(crate) action: Option<&'a str>,
    /// The header fields.
    pub(crate) fields: &'a RequestView<'h>,
}

/// Where the action is told when the request is forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Where the client told it, or nowhere.
    Nothing,
    /// In the `SOAPAction` field of 1.1, with its quotes.
    Header(CompactString),
    /// In the content type of 1.2.
    Parameter(CompactString),
}

fn wrong(why: &'static str) -> BodyError {
    BodyError::Shape { kind: "SOAP", why }
}

/// A document that is not judged as SOAP must not be taken for it, because servers choose the operation by `SOAPAction`.
pub(crate) fn check_plain(document: &Document) -> Result<(), BodyError> {
    let is_envelope = [SOAP_1_1, SOAP_1_2].contains(&document.spaces.uri(&document.root.name));
    if is_envelope { Err(wrong("the route accepts `xml`; envelopes are judged by `soap`")) } else { Ok(()) }
}

impl Envelope {
    /// Reads the envelope and compares every name of the operation that is given.
    ///
    /// `template` is what the action must be, `{operation}` standing for the name; without it the usual spellings pass.
    ///
    /// # Errors
    /// When the envelope is not one of the version that the content type says, holds not exactly one operation, refers
    /// to parts elsewhere, is addressed to somebody else, brings credentials, or names another operation.
    pub(crate) fn read(
        document: &Document,
        asked: &Asked<'_, '_>,
        template: Option<&str>,
    ) -> Result<(Self, Said), BodyError> {
        let spaces = &document.spaces;
        let space = if asked.essence == "application/soap+xml" { SOAP_1_2 } else { SOAP_1_1 };
        if !spaces.is(&document.root.name, space, "Envelope") || asked.essence == "application/xml" {
            return Err(wrong("it is not an envelope of the version that the content type says"));
        }
        let parts: Vec<(usize, &Element)> = children(&document.root).collect();
        let (header, (at, body)) = match parts.as_slice() {
            [body] => (None, *body),
            [header, body] => (Some(header.1), *body),
            _ => return Err(wrong("it does not hold one header at most and one body")),
        };
        if !spaces.is(&body.name, space, "Body") || header.is_some_and(|h| !spaces.is(&h.name, space, "Header")) {
            return Err(wrong("it does not hold one header at most and one body"));
        }
        if document.root.is_mixed() || body.is_mixed() {
            return Err(wrong("a text beside the operation"));
        }
        let mut operations = children(body);
        let (Some((operation, element)), None) = (operations.next(), operations.next()) else {
            return Err(wrong("its body does not hold exactly one operation"));
        };
        check_references(spaces, element)?;
        let names = Names { uri: spaces.uri(&element.name), local: &element.name.local, template };
        for entry in header.into_iter().flat_map(Element::elements) {
            check_entry(spaces, entry, &names)?;
        }
        let said = if space == SOAP_1_1 { names.check_header(asked)? } else { names.check_parameter(asked)? };
        Ok((Self { body: at, operation }, said))
    }

    /// The element that names the operation.
    pub(crate) fn operation<'d>(&self, document: &'d Document) -> Option<&'d Element> {
        let Node::Element(body) = document.root.children.get(self.body)? else { return None };
        let Node::Element(operation) = body.children.get(self.operation)? else { return None };
        Some(operation)
    }

    /// The entries of the header that addressing does not have.
    pub(crate) fn foreign_entries<'d>(&self, document: &'d Document) -> impl Iterator<Item = &'d Element> {
        let header = document.root.elements().find(|child| child.name.local == "Header");
        let entries = header.into_iter().flat_map(Element::elements);
        entries.filter(|entry| !ADDRESSING.contains(&document.spaces.uri(&entry.name)))
    }

    /// The same, to be changed.
    pub(crate) fn operation_mut<'d>(&self, root: &'d mut Element) -> Option<&'d mut Element> {
        let Node::Element(body) = root.children.get_mut(self.body)? else { return None };
        let Node::Element(operation) = body.children.get_mut(self.operation)? else { return None };
        Some(operation)
    }
}

fn children(element: &Element) -> impl Iterator<Item = (usize, &Element)> {
    element.children.iter().enumerate().filter_map(|(at, node)| match node {
        Node::Element(child) => Some((at, child)),
        Node::Text(_) => None,
    })
}

/// SECURITY: `href` and `ref` of SOAP encoding put what stands elsewhere in place of an argument, `offset` and `position`
/// number the elements of a list anew (`an_argument_that_stands_elsewhere_is_refused`).
fn check_references(spaces: &Spaces, element: &Element) -> Result<(), BodyError> {
    let refers = element.attributes.iter().any(|attribute| match spaces.uri(&attribute.name) {
        "" => {
            attribute.name.local == "href" && (attribute.value.starts_with('#') || attribute.value.starts_with("cid:"))
        }
        uri if ENCODINGS.contains(&uri) => !HARMLESS.contains(&attribute.name.local.as_str()),
        _ => false,
    });
    if refers {
        return Err(wrong("an argument stands elsewhere (`href`, `ref`) or is numbered anew"));
    }
    element.elements().try_for_each(|child| check_references(spaces, child))
}

/// An entry of the header: addressing agrees, credentials are refused, anything else is a value that a rule may name.
fn check_entry(spaces: &Spaces, entry: &Element, names: &Names<'_>) -> Result<(), BodyError> {
    let uri = spaces.uri(&entry.name);
    if entry.name.local == "Security" {
        return Err(wrong("it brings a credential in its header"));
    }
    if !ADDRESSING.contains(&uri) {
        return Ok(());
    }
    match (entry.name.local.as_str(), entry.text()) {
        ("Action", Some(action)) if names.accept(action.trim()) => Ok(()),
        ("Action", _) => Err(wrong("its action is not that of the operation in its body")),
        ("MessageID", Some(_)) => Ok(()),
        ("ReplyTo", None) if is_anonymous(entry) => Ok(()),
        _ => Err(wrong("it is addressed to somebody else")),
    }
}

fn is_anonymous(entry: &Element) -> bool {
    let mut parts = entry.elements();
    let address = parts.next().and_then(Element::text).unwrap_or_default().trim();
    parts.next().is_none()
        && ADDRESSING.iter().any(|space| {
            address.strip_prefix(space).is_some_and(|rest| matches!(rest, "/anonymous" | "/role/anonymous"))
        })
}

/// The names of the operation in the body.
struct Names<'a> {
    uri: &'a str,
    local: &'a str,
    template: Option<&'a str>,
}

impl Names<'_> {
    fn expected(&self) -> Option<CompactString> {
        self.template.map(|template| template.replace("{operation}", self.local).into())
    }

    /// Whether an action names the operation: as the rule says, or in one of the spellings that tool kits make of
    /// namespace and name.
    fn accept(&self, action: &str) -> bool {
        if let Some(expected) = self.expected() {
            return action == expected;
        }
        let Self { uri, local, .. } = self;
        let Some(before) = action.strip_suffix(local) else { return false };
        before.is_empty()
            || before == "urn:"
            || (!uri.is_empty() && before.strip_prefix(uri).is_some_and(|rest| matches!(rest, "" | "/" | "#" | ":")))
    }

    /// `SOAPAction` (SOAP 1.1 section 6.1.1).
    fn check_header(&self, asked: &Asked<'_, '_>) -> Result<Said, BodyError> {
        if asked.action.is_some() {
            return Err(wrong("SOAP 1.1 has no `action` in its content type"));
        }
        let mut fields = asked.fields.fields().filter(|(name, _)| folds_to(name, "soapaction"));
        let (sent, more) = (fields.next(), fields.next());
        if more.is_some() {
            return Err(wrong("`SOAPAction` is given more than once"));
        }
        let sent = sent.map_or(Some(""), |(_, value)| std::str::from_utf8(value).ok());
        let sent = sent.ok_or_else(|| wrong("`SOAPAction` is not plain text"))?.trim();
        let bare = sent.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(sent);
        match (bare, self.expected()) {
            // an empty action leaves it to the body
            ("", None) => Ok(Said::Nothing),
            ("", Some(expected)) => Ok(Said::Header(format_compact!("\"{expected}\""))),
            (bare, _) if self.accept(bare) => Ok(Said::Header(format_compact!("\"{bare}\""))),
            _ => Err(wrong("`SOAPAction` is not that of the operation in its body")),
        }
    }

    /// `action=` (SOAP 1.2 part 2 section A.2); a `SOAPAction` beside it is one too many.
    fn check_parameter(&self, asked: &Asked<'_, '_>) -> Result<Said, BodyError> {
        if asked.fields.fields().any(|(name, _)| folds_to(name, "soapaction")) {
            return Err(wrong("SOAP 1.2 has no `SOAPAction`"));
        }
        match (asked.action.unwrap_or_default(), self.expected()) {
            ("", None) => Ok(Said::Nothing),
            ("", Some(expected)) => Ok(Said::Parameter(expected)),
            (action, _) if self.accept(action) => Ok(Said::Parameter(action.into())),
            _ => Err(wrong("`action` is not that of the operation in its body")),
        }
    }
}
