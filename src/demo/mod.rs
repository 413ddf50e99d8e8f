//! `demo`: see src/docs/architecture.md.
