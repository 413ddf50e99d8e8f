//! The command line as somebody at a terminal drives it: every command, its forms of output, its exit codes, and what it says of
//! bad input.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::field_reassign_with_default,
    reason = "what stops here fails by stopping"
)]

#[path = "stories/support"]
mod support {
    #[allow(dead_code, reason = "the stories use the rest of it")]
    pub mod browser;
    #[allow(dead_code, reason = "the stories use the rest of it")]
    pub mod house;
}

#[path = "cli"]
mod cli {
    mod audit;
    mod certificate;
    mod demo;
    mod explain;
    mod propose;
    mod rules;
    mod run;
}

use std::path::Path;
use std::process::{Command, Stdio};

/// What came of a command.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    #[track_caller]
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts the exit code, and that standard output holds each of these.
    #[track_caller]
    fn says(&self, code: i32, texts: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{self:?}");
        for text in texts {
            assert!(self.out.contains(text), "`{text}` is not in\n{}\n{}", self.out, self.err);
        }
        self
    }

    /// Asserts that it could not do its work at all, and that standard error tells why with each of these.
    #[track_caller]
    fn fails(&self, texts: &[&str]) {
        assert_eq!((self.code, self.out.as_str()), (2, ""), "{self:?}");
        for text in texts {
            assert!(self.err.contains(text), "`{text}` is not in\n{}", self.err);
        }
        assert!(!self.err.contains("panicked") && !self.err.contains("Stack backtrace"), "{}", self.err);
    }
}

fn scopegate_in(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scopegate"));
    command.current_dir(folder).args(arguments).env("NO_COLOR", "1").stdin(Stdio::null());
    let output = command.env_remove("RUST_BACKTRACE").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// In the root of the repository.
fn scopegate(arguments: &[&str]) -> Ran {
    scopegate_in(Path::new(env!("CARGO_MANIFEST_DIR")), arguments)
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

const ROLES: &str = "permissions:\n  stock:view: {effect: none}\nroles:\n  keeper: {permissions: [stock:view]}\n";
const APP: &str = "app: shop\nhosts: [shop.test]\nupstream: {url: \"http://127.0.0.1:1\"}\nroutes:\n  - {id: stock, match: GET /stock, permission: stock:view}\n";

#[test]
fn output_that_nobody_reads_on_is_no_error() {
    for arguments in
        [&["schema", "app"][..], &["test"], &["matrix", "--routes", "routes/demo"], &["check", "--format", "json"]]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_scopegate"));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).stdin(Stdio::null()).stdout(writer);
        let output = command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{arguments:?}: {output:?}");
    }
}

#[test]
fn what_is_empty_says_what_is_missing() {
    let folder =
        folder(&[("routes/shop.yaml", "app: shop\nhosts: [shop.test]\nupstream: {url: \"http://127.0.0.1:1\"}\n")]);
    scopegate_in(folder.path(), &["test"]).says(0, &["no tests: ", "`*_test.yaml`", "`routes`"]);
    scopegate_in(folder.path(), &["matrix"]).says(0, &["no permissions: ", "`roles.yaml`"]);
}

#[test]
fn help_and_version_and_words_that_are_no_command() {
    scopegate(&["--version"]).says(0, &["scopegate 0."]);
    let help = scopegate(&["--help"]);
    help.says(0, &["run", "demo", "check", "test", "explain", "matrix", "schema", "audit", "certificate"]);
    for command in ["run", "demo", "check", "test", "explain", "matrix", "schema", "audit", "certificate"] {
        scopegate(&[command, "--help"]).says(0, &["Usage: scopegate"]);
    }
    scopegate(&["chekc"]).fails(&["unrecognized subcommand 'chekc'", "'check'"]);
    scopegate(&["check", "--formt", "json"]).fails(&["unexpected argument '--formt'", "--format"]);
}
