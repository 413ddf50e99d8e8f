//! HTML pages: rows of tables and lists kept or taken out, elements masked or removed; what a browser would show must be what was judged.
//!
//! ```yaml
//! answer:
//!   html:
//!     rows:
//!       - in: table#orders
//!         keep: {warehouse: Warehouse}                       # the column with this title
//!         mask: [{fields: [Cost], unless: cost:view}]
//!       - in: ul.parcels
//!         keep: {warehouse: "@data-warehouse"}               # an attribute of the item
//!     mask:
//!       - {fields: ["a.finance", "td.phone"], unless: cost:view}
//! ```
//!
//! The page is cut into tags by [`token`] and the stack of open elements is kept by [`tree`], both as the HTML standard says; what
//! browsers read in different ways ends the answer. What leaves are the bytes that came, less what was taken out, so nothing is
//! written anew that was not judged. Comments and `noscript` never leave: no browser of today shows them.
//!
//! At hand is one row or masked element at a time, and, until the first table or list of the rule has begun, the beginning of the page;
//! neither may be longer than [`crate::filter::Bounds::row`].

mod charset;
mod element;
mod fault;
mod gap;
mod hold;
mod link;
mod place;
mod plan;
mod reference;
mod selector;
mod stage;
mod table;
mod token;
mod tree;
mod watermark;

#[cfg(test)]
mod tests;

pub use plan::{Html, RawHtml, RawRows};
pub use stage::HtmlStage;
pub use watermark::admit as admit_watermark;
