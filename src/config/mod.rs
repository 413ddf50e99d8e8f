//! `config`: see src/docs/architecture.md.
