//! `cli`: see src/docs/architecture.md.
