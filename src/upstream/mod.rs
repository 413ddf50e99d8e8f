//! `upstream`: see src/docs/architecture.md.
