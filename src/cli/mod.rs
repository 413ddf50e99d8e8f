//! `cli`: see src/docs/architecture.md.

pub mod audit;
pub mod check;
pub mod matrix;
pub mod schema;
