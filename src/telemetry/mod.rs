//! `telemetry`: see src/docs/architecture.md.
