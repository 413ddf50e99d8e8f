//! `wire`: see src/docs/architecture.md.

pub mod connection;
