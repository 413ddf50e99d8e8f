//! `policy`: see src/docs/architecture.md.
