//! What is known of the objects that a request names: found before the decision, given to it with the question; never found here.

use crate::model::Reason;
use compact_str::CompactString;
use smallvec::SmallVec;

/// The place of a lookup among those of its application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LookupId(pub u16);

/// The attributes of one object, in the order of [`super::Lookup::values`].
pub type Values = SmallVec<[CompactString; 1]>;

/// Where a fact comes from, as records name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// It was found earlier and is still believed.
    Hit,
    /// It stood in a list that passed through, and is still believed.
    Learned,
    /// The application was asked.
    Request,
    /// The application's database was asked.
    Sql,
    /// It stands in the answer that is held.
    Response,
    /// A policy test or an explanation gave it.
    Given,
}

impl Origin {
    /// Every origin that a running gateway has.
    pub const ALL: [Self; 5] = [Self::Hit, Self::Learned, Self::Request, Self::Sql, Self::Response];

    /// The name in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Learned => "learned",
            Self::Request => "request",
            Self::Sql => "sql",
            Self::Response => "response",
            Self::Given => "given",
        }
    }
}

/// What a lookup came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The object has these attributes.
    Values(Values),
    /// There is no such object, or whoever asked may not see it; in words for the record.
    Unknown(Box<str>),
    /// It could not be told, for this reason; in words for the record.
    Failed(Reason, Box<str>),
    /// The answer tells: it is held until then.
    Held,
}

/// What is known of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The lookup.
    pub lookup: LookupId,
    /// The object, as the request names it.
    pub key: CompactString,
    /// What it came to.
    pub found: Found,
    /// Where that is from.
    pub origin: Origin,
}

/// What is known of the objects that a request names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(Vec<Fact>);

impl Facts {
    /// Nothing is known.
    pub const NONE: &'static Self = &Self(Vec::new());

    /// Adds a fact; the first about an object counts.
    pub fn push(&mut self, fact: Fact) {
        self.0.push(fact);
    }

    /// What is known of one object.
    #[must_use]
    pub fn find(&self, lookup: LookupId, key: &str) -> Option<&Fact> {
        self.0.iter().find(|fact| fact.lookup == lookup && fact.key == key)
    }

    /// Every fact, in the order in which the request names the objects.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Fact> {
        self.0.iter()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Fact> for Facts {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Self {
        Self(facts.into_iter().collect())
    }
}
