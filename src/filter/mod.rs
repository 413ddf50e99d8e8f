//! Answer filters: rows that the person may not see are taken out and fields are masked while the answer streams by, in bounded memory.
//!
//! It knows no people and no rule set: a [`Judge`] says of each row whether it is kept and which of its masked fields are shown.
//!
//! A kind of answer is one file that owns its YAML, its compile step, its runtime and its docs, one line in [`Kind`] and one
//! field of [`RawAnswer`]. What goes before a kind (a content coding, a character set) is a [`Stage`] before it in the chain.
//!
//! What is promised of every kind:
//! - a row is judged by the bytes that leave: what has two readings is judged by all of them, is written anew, or ends the answer;
//! - an answer that cannot be read ends with an error and never looks complete;
//! - memory is bounded by [`Bounds`] and does not grow with the answer.

mod begin;
mod chain;
mod charset;
mod coding;
mod csv;
mod error;
mod head;
mod html;
mod json;
mod judge;
mod mask;
mod plan;
mod raw;
mod reading;
mod tally;
mod utf8;
mod xlsx;

pub use begin::{Announced, Begun};
pub use chain::{Chain, Stage, Transform};
pub use coding::{Coding, decode};
pub use error::FilterError;
pub use head::{ACCEPT_ENCODING, belongs_to_the_unfiltered, is_asked_of_the_unfiltered};
pub use html::{RawHtml, RawRows, admit_watermark};
pub use judge::{DimensionNo, GrantNo, Judge, Occasion, Terms};
pub use mask::{Form, RawForm, Shown};
pub use plan::{Bounds, Keep, Kept, Kind, Mask, Plan};
pub use raw::{Names, RawAnswer, RawErrors, RawKeep, RawMask};
pub use reading::{RawPlace, RawReading, Reading};
pub use tally::Tally;
pub use xlsx::{MOST_FILE, RawXlsx, Xlsx};
