//! Lookups: how an attribute of an object that the request only names is found; definitions, extraction and facts. Never a
//! decision, and never a socket.

mod compile;
mod definition;
mod extract;
mod fact;
mod raw;
mod secret;
mod template;

pub use compile::Fault;
pub use definition::{Caller, Items, Learned, Lookup, Many, Request, Response, Source, Sql};
pub use extract::{Attribute, ExtractError, Extractor, Kind, Page, Pointer};
pub use fact::{Fact, Facts, Found, LookupId, Origin, Values};
pub use raw::RawLookup;
pub use secret::{RawSecret, Secret, SecretError};
pub use template::{Query, Template, TemplateError};
