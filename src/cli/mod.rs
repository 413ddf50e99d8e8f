//! `cli`: see src/docs/architecture.md.

pub mod audit;
