//! `wire`: see src/docs/architecture.md.
