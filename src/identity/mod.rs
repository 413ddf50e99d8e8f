//! `identity`: see src/docs/architecture.md.
