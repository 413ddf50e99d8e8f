//! `store`: see src/docs/architecture.md.
