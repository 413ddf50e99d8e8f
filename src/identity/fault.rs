//! What is wrong with an `identity:` section, each with the place in the YAML; never how it is shown.

use std::fmt;

/// One thing that is wrong, for the diagnostics of the rule files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Keys and list positions from `identity:` down to the value, for example `["jwt", "0", "algorithms"]`.
    pub path: Vec<String>,
    /// What is wrong, lower case, the user's words in backticks.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.join("."), self.message)
    }
}

/// Collects faults while a section is compiled, so that all are told at once.
#[derive(Debug, Default)]
pub struct Faults {
    prefix: Vec<String>,
    found: Vec<Fault>,
}

impl Faults {
    /// Runs `compile` one key deeper.
    pub fn within<T>(&mut self, key: impl fmt::Display, compile: impl FnOnce(&mut Self) -> T) -> T {
        self.prefix.push(key.to_string());
        let result = compile(self);
        self.prefix.pop();
        result
    }

    /// Notes a fault at the present place.
    pub fn push(&mut self, message: impl Into<String>) {
        self.found.push(Fault { path: self.prefix.clone(), message: message.into() });
    }

    /// Notes a fault at `key` below the present place.
    pub fn push_at(&mut self, key: &str, message: impl Into<String>) {
        self.within(key, |faults| faults.push(message));
    }

    /// Compiles the regular expression at `key`; a fault and `None` when it is none.
    pub fn regex(&mut self, key: &str, pattern: &str) -> Option<regex::Regex> {
        match regex::RegexBuilder::new(pattern).size_limit(1 << 20).build() {
            Ok(regex) => Some(regex),
            Err(error) => {
                let last = error.to_string();
                let line = last.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.push_at(key, format!("`{pattern}` is not a regular expression: {line}"));
                None
            }
        }
    }

    /// The faults found so far; empty when all is well.
    #[must_use]
    pub fn into_found(self) -> Vec<Fault> {
        self.found
    }

    /// Whether anything was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}
