//! What can be wrong with the settings file; what exactly is told by the report.

use std::path::PathBuf;

use crate::diagnostics::{Report, Style};

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file could not be read.
    #[error("cannot read `{}`: {error}", file.display())]
    Read {
        /// The settings file.
        file: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file was read, and these things are wrong with it; all of them, sorted by place.
    #[error("{}", .0.render(Style::Plain))]
    Invalid(Report),
}
