//! `scopegate schema`: JSON Schema of the files that people write, so that editors complete and check them.

use crate::rules::raw::{RawApp, RawPeople, RawRoles, RawTests};
use anyhow::Result;
use clap::{Args, ValueEnum};
use schemars::{Schema, schema_for};
use std::io::Write;
use std::process::ExitCode;

/// Print the JSON Schema of a kind of file, for editors
#[derive(Args, Clone, Debug)]
pub struct SchemaCommand {
    /// The kind of file
    #[arg(value_enum, default_value_t = Kind::App)]
    pub kind: Kind,
}

/// The kinds of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// An application: hosts, upstream, identity, routes
    App,
    /// roles.yaml
    Roles,
    /// people.yaml
    People,
    /// *_test.yaml
    Tests,
    /// gateway.yaml
    Gateway,
}

impl SchemaCommand {
    /// Writes the schema to `out`.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn run(self, out: &mut dyn Write) -> Result<ExitCode> {
        writeln!(out, "{:#}", schema(self.kind).as_value())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The schema of a kind of file.
#[must_use]
pub fn schema(kind: Kind) -> Schema {
    let (mut schema, title) = match kind {
        Kind::App => (schema_for!(RawApp), "scopegate application"),
        Kind::Roles => (schema_for!(RawRoles), "scopegate roles.yaml"),
        Kind::People => (schema_for!(RawPeople), "scopegate people.yaml"),
        Kind::Tests => (schema_for!(RawTests), "scopegate policy tests"),
        Kind::Gateway => (schema_for!(crate::config::RawSettings), "scopegate gateway.yaml"),
    };
    schema.insert("title".to_owned(), title.into());
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_schema_names_the_fields_that_the_file_may_have() {
        for (kind, fields) in [
            (Kind::App, vec!["app", "hosts", "upstream", "identity", "routes", "dialect"]),
            (Kind::Roles, vec!["dimensions", "permissions", "roles"]),
            (Kind::People, vec!["people"]),
            (Kind::Tests, vec!["now", "tests", "table"]),
        ] {
            let schema = schema(kind);
            for field in fields {
                assert!(schema.as_value()["properties"][field].is_object(), "{kind:?} lacks {field}");
            }
            assert_eq!(schema.as_value()["additionalProperties"], false, "{kind:?}");
        }
    }
}
