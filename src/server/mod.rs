//! `server`: see src/docs/architecture.md.
