//! `gateway`: see src/docs/architecture.md.
