//! What is wrong with files that people write, where exactly, and what to write instead; never what the files mean.

mod place;
mod render;
mod report;
mod suggest;
pub mod yaml;

pub use place::{Mark, Place};
pub use render::{Style, columns};
pub use report::{Diagnostic, Report, Severity};
pub use suggest::suggest;
