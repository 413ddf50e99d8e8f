//! The set-up of the log to standard error; never prints a secret, because nothing that holds one can be formatted.

use std::io::IsTerminal as _;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The form of log lines.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people where standard error is a terminal, else JSON.
    #[default]
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// How the log is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSettings {
    /// The form of its lines.
    pub format: LogFormat,
    /// What is logged, for example `info` or `warn,scopegate::upstream=debug`; the environment's `SCOPEGATE_LOG` goes first. `info` where empty.
    pub level: String,
}

/// Why the log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level cannot be read.
    #[error("`{0}` is not a log level: write for example `info` or `warn,scopegate::upstream=debug`")]
    Level(String),
    /// Somebody else has set up a log in this process.
    #[error("the log is set up already")]
    Twice,
}

/// Sets up the log of the process.
///
/// # Errors
/// When the level cannot be read, or the log was set up before.
pub fn install_log(settings: &LogSettings) -> Result<(), LogError> {
    let level = std::env::var("SCOPEGATE_LOG").ok().filter(|level| !level.is_empty());
    let filter = filter(level.as_deref().unwrap_or(&settings.level))?;
    let terminal = std::io::stderr().is_terminal();
    let json = match settings.format {
        LogFormat::Auto => !terminal,
        LogFormat::Human => false,
        LogFormat::Json => true,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let installed = if json {
        registry.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).try_init()
    } else {
        let ansi = terminal && std::env::var_os("NO_COLOR").is_none();
        registry.with(fmt::layer().with_ansi(ansi).with_writer(std::io::stderr)).try_init()
    };
    installed.map_err(|_| LogError::Twice)
}

fn filter(level: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(level)
        .map_err(|_| LogError::Level(level.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_cannot_be_read_is_told() {
        assert!(filter("warn,scopegate::upstream=debug").is_ok());
        assert_eq!(filter("").unwrap().to_string(), "info");
        assert!(matches!(filter("scopegate=loud"), Err(LogError::Level(level)) if level == "scopegate=loud"));
    }
}
