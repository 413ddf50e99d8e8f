//! The command line: one file a command; each writes to what it is given and returns its exit code.

pub mod audit;
pub mod certificate;
pub mod check;
pub mod demo;
pub mod explain;
pub mod matrix;
pub mod run;
pub mod schema;
pub mod test;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A reverse-proxy enforcement gateway: who, which permission, which data, decided and recorded for every request.
#[derive(Debug, Parser)]
#[command(name = "scopegate", version, propagate_version = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunCommand),
    Demo(demo::DemoCommand),
    Check(check::CheckCommand),
    Test(test::TestCommand),
    Explain(explain::ExplainCommand),
    Matrix(matrix::MatrixCommand),
    Schema(schema::SchemaCommand),
    Audit(audit::AuditCommand),
    Certificate(certificate::CertificateCommand),
}

impl Arguments {
    /// Runs the command that was given.
    ///
    /// # Errors
    /// Whatever kept it from doing its work.
    pub fn run(self, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Run(command) => command.run(),
            Command::Demo(command) => command.run(out),
            Command::Check(command) => command.run(out),
            Command::Test(command) => command.run(out),
            Command::Explain(command) => command.run(out),
            Command::Matrix(command) => command.run(out),
            Command::Schema(command) => command.run(out),
            Command::Audit(command) => command.run(out),
            Command::Certificate(command) => command.run(out),
        }
    }
}

/// Reads the arguments, runs the command and gives the exit code; errors go to standard error, 2 being a failure to work at all.
#[must_use]
pub fn main() -> ExitCode {
    let mut out = anstream::stdout();
    match Arguments::parse().run(&mut out) {
        Ok(code) => code,
        // whoever read the output has read enough, as `head` does
        Err(error) if is_unread(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to tell it to when standard error is closed.
            let _ = writeln!(anstream::stderr(), "error: {}", format!("{error:#}").trim_end());
            ExitCode::from(2)
        }
    }
}

/// Whether nobody reads on at the other end of a pipe.
fn is_unread(error: &anyhow::Error) -> bool {
    let pipe = |cause: &(dyn std::error::Error + 'static)| {
        let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        kind.or(json) == Some(std::io::ErrorKind::BrokenPipe)
    };
    error.chain().any(pipe)
}
