//! `request`: see src/docs/architecture.md.
