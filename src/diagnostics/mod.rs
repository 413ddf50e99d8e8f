//! `diagnostics`: see src/docs/architecture.md.
