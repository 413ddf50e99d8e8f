//! A compiled lookup: the type of its keys, where the answer comes from, and what is taken out of it; holds no state.

use super::extract::{Attribute, Content, ExtractError, Extractor, Kind, Page, Pointer};
use super::fact::{Fact, Found, LookupId, Origin, Values};
use super::secret::Secret;
use super::template::{Query, Template};
use crate::request::{Json, ParamType};
use compact_str::CompactString;
use rustc_hash::FxHashMap;
use std::time::Duration;

/// How attributes of an object are found that a request only names.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The name in rules and records.
    pub name: CompactString,
    /// Its place among the lookups of its application.
    pub id: LookupId,
    /// The type of the key: one in which each object has one spelling.
    pub key: ParamType,
    /// Where the answer comes from.
    pub source: Source,
    /// Lists that pass through and tell, too.
    pub learned: Vec<Learned>,
    /// What is taken, in the order of [`Values`]. At least one.
    pub values: Vec<Attribute>,
    /// How long what was found is believed; zero asks anew each time.
    pub keep: Duration,
    /// How long finding it may take.
    pub within: Duration,
    /// Whether what was found in one person's session holds for everybody.
    pub shared: bool,
    /// The most bytes of an answer that are looked into.
    pub cap: usize,
}

/// Where the answer comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The application is asked.
    Request(Box<Request>),
    /// The answer to the request itself tells; it is held until then.
    Response(Response),
    /// The application's database is asked.
    Sql(Sql),
    /// Nowhere: only lists that passed through tell.
    Learned,
}

/// The application is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Path and query for one key.
    pub one: Template,
    /// How several are asked about at once.
    pub many: Option<Many>,
    /// In whose name.
    pub caller: Caller,
    /// How many requests may be under way for one request of a client.
    pub parallel: usize,
    /// The content type, where it is another than what is looked for suggests.
    pub content_type: Option<CompactString>,
}

/// In whose name the application is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// In the session of whoever asks.
    Caller,
    /// As a service account.
    Account {
        /// The header that carries the credential.
        header: CompactString,
        /// Where its value is.
        secret: Secret,
    },
}

/// Several objects with one request.
#[derive(Clone, Debug)]
pub struct Many {
    /// Path and query for several keys.
    pub template: Template,
    /// What stands between two keys.
    pub separator: char,
    /// How many keys one request may name.
    pub most: usize,
    /// The list in the answer.
    pub items: Items,
}

/// A list in a JSON answer.
#[derive(Clone, Debug)]
pub struct Items {
    /// The list.
    pub list: Pointer,
    /// The key inside of an element.
    pub key: Pointer,
}

/// The answer to the request itself.
#[derive(Clone, Debug)]
pub struct Response {
    /// The content type, where it is another than what is looked for suggests.
    pub content_type: Option<CompactString>,
}

/// The application's database.
#[derive(Clone, Debug)]
pub struct Sql {
    /// Where its address is.
    pub url: Secret,
    /// The query.
    pub query: Query,
}

/// A list that passes through.
#[derive(Clone, Debug)]
pub struct Learned {
    /// The id of the route whose answers hold it.
    pub route: CompactString,
    /// The list.
    pub items: Items,
}

impl Lookup {
    /// The place of the attribute that binds this dimension in [`Self::values`].
    #[must_use]
    pub fn attribute(&self, dimension: &str) -> Option<u16> {
        let binds = |attribute: &Attribute| attribute.name.as_ref().is_none_or(|name| name == dimension);
        self.values.iter().position(binds).and_then(|at| u16::try_from(at).ok())
    }

    /// The kind of answer that is read.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.values.first().map_or(Kind::Text, |value| value.extractor.kind())
    }

    /// The content type of the answer, where it is another than its kind suggests.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        match &self.source {
            Source::Request(request) => request.content_type.as_deref(),
            Source::Response(response) => response.content_type.as_deref(),
            Source::Sql(_) | Source::Learned => None,
        }
    }

    /// The attributes of the one object that a page tells of; `None` where one is missing.
    ///
    /// # Errors
    /// When the page tells two things, or something that is no value.
    pub fn of_page(&self, page: &Page) -> Result<Option<Values>, ExtractError> {
        self.values.iter().map(|attribute| attribute.of(page)).collect()
    }

    /// What somebody gives as found of an object: its values in their order, or `unknown` alone. `None` where there are more or fewer.
    #[must_use]
    pub fn given(&self, key: &str, values: &[&str]) -> Option<Fact> {
        let found = match values {
            ["unknown"] => Found::Unknown("it was given so".into()),
            values if values.len() == self.values.len() => {
                Found::Values(values.iter().map(|value| CompactString::from(*value)).collect())
            }
            _ => return None,
        };
        Some(Fact { lookup: self.id, key: key.into(), found, origin: Origin::Given })
    }

    /// The attributes of the one object that the rows of a query tell of, whose values stand in the order of [`Self::values`]; `None`
    /// where one is missing.
    ///
    /// # Errors
    /// When the rows tell two things, or something that is no value.
    pub fn of_rows(&self, rows: &[Vec<Option<String>>]) -> Result<Option<Values>, ExtractError> {
        let of = |(at, attribute): (usize, &Attribute)| {
            let cells: Vec<Option<&String>> = rows.iter().map(|row| row.get(at).and_then(Option::as_ref)).collect();
            if cells.iter().all(Option::is_none) {
                return Ok(None);
            }
            // a row without the value says something else than one with it
            attribute.agreed(cells.into_iter().map(|cell| cell.cloned().unwrap_or_default()).collect())
        };
        self.values.iter().enumerate().map(of).collect()
    }

    /// The objects of a list in a page: each key that has one spelling, with its attributes. What tells nothing of itself, or tells
    /// two things, is left out, together with every other mention of it.
    #[must_use]
    pub fn of_list(&self, items: &Items, page: &Page) -> Vec<(CompactString, Values)> {
        let Content::Json(root) = &page.0 else { return Vec::new() };
        let Some(Json::Array(elements)) = items.list.find(root) else { return Vec::new() };
        let mut found: Vec<(CompactString, Option<Values>)> = Vec::with_capacity(elements.len());
        let mut places: FxHashMap<CompactString, usize> = FxHashMap::default();
        for element in elements {
            let Some(key) = self.key_of(items, element) else { continue };
            let values = self.of_element(element).ok().flatten();
            match places.get(key).and_then(|at| found.get_mut(*at)) {
                Some((_, known)) if *known == values => {}
                Some((_, known)) => *known = None,
                None => {
                    places.insert(key.into(), found.len());
                    found.push((key.into(), values));
                }
            }
        }
        found.into_iter().filter_map(|(key, values)| Some((key, values?))).collect()
    }

    /// The keys of a list in a page, those that have one spelling.
    pub fn keys_of_list<'p>(&'p self, items: &'p Items, page: &'p Page) -> impl Iterator<Item = CompactString> + 'p {
        let list = if let Content::Json(root) = &page.0 { items.list.find(root) } else { None };
        let elements = if let Some(Json::Array(elements)) = list { elements.as_slice() } else { &[] };
        elements.iter().filter_map(|element| self.key_of(items, element).map(CompactString::from))
    }

    fn key_of<'j>(&self, items: &Items, element: &'j Json) -> Option<&'j str> {
        items.key.find(element).and_then(Json::as_scalar).filter(|key| self.key.accept(key).is_ok())
    }

    fn of_element(&self, element: &Json) -> Result<Option<Values>, ExtractError> {
        let value = |attribute: &Attribute| match &attribute.extractor {
            Extractor::Json(pointer) => attribute.of_json(pointer, element),
            _ => Ok(None),
        };
        self.values.iter().map(value).collect()
    }
}
