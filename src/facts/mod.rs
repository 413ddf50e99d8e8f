//! `facts`: see src/docs/architecture.md.
