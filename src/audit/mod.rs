//! `audit`: see src/docs/architecture.md.
