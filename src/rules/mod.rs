//! `rules`: see src/docs/architecture.md.
