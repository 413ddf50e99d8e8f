//! What can be wrong with the settings file; renders nothing but plain text.

use std::path::PathBuf;

/// One thing that is wrong, with the place in the file where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting, dotted, for example `limits.head`; empty for the file as a whole.
    pub setting: String,
    /// Line in the file, counted from 1, when known.
    pub line: Option<usize>,
    /// Column in the line, counted from 1, when known.
    pub column: Option<usize>,
    /// What is wrong: lower case, the user's words in backticks.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "{line}:{column}: ")?;
        }
        if !self.setting.is_empty() {
            write!(f, "`{}`: ", self.setting)?;
        }
        f.write_str(&self.message)
    }
}

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
    #[error("{}", list(file, problems))]
    Invalid {
        /// The settings file.
        file: PathBuf,
        /// Every problem found.
        problems: Vec<Problem>,
    },
}

fn list(file: &std::path::Path, problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("{}:{problem}", file.display())).collect();
    lines.join("\n")
}
