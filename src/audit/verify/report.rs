//! What a verification found, for programs and for people; finds nothing itself.

use std::io::{self, Write};
use std::path::PathBuf;

/// Where and how the journal is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// The file or directory.
    pub file: PathBuf,
    /// The line in it, from 1, where it is one line.
    pub line: Option<u64>,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its process lives and writes.
    Living,
    /// Its last checkpoint closes it.
    Closed,
    /// Its process ended without closing it, and no other has recovered it yet.
    Crashed,
}

/// What was seen of a run.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RunReport {
    /// The node.
    pub node: String,
    /// The run.
    pub run: String,
    /// How it stands.
    pub state: State,
    /// Its series of records.
    pub series: usize,
    /// Records in them.
    pub records: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Records after the last checkpoint.
    pub unbound: u64,
    /// Bytes at the ends of series that no hash binds: writes that broke off.
    pub torn_bytes: u64,
}

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// The runs.
    pub runs: Vec<RunReport>,
    /// The first fault of each series. Empty when all is well.
    pub faults: Vec<Fault>,
    /// What a verification cannot show here.
    pub limits: Vec<String>,
}

impl Report {
    /// Whether everything that can be shown is well.
    #[must_use]
    pub fn sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// Writes the report for people.
    ///
    /// # Errors
    /// When `out` takes no more.
    pub fn render(&self, out: &mut dyn Write) -> io::Result<()> {
        for run in &self.runs {
            let state = match run.state {
                State::Living => "being written",
                State::Closed => "closed",
                State::Crashed => "ended without being closed (the next start recovers it)",
            };
            write!(out, "{}/{}: {} records in {} series, ", run.node, run.run, run.records, run.series)?;
            write!(out, "{} checkpoints, {state}", run.checkpoints)?;
            if run.unbound > 0 {
                write!(out, ", {} records after the last checkpoint", run.unbound)?;
            }
            if run.torn_bytes > 0 && run.state == State::Crashed {
                write!(out, ", {} bytes of writes that broke off", run.torn_bytes)?;
            }
            writeln!(out)?;
        }
        for fault in &self.faults {
            write!(out, "fault: {}", fault.file.display())?;
            if let Some(line) = fault.line {
                write!(out, ":{line}")?;
            }
            writeln!(out, ": expected {}, found {}", fault.expected, fault.found)?;
        }
        for limit in &self.limits {
            writeln!(out, "not shown: {limit}")?;
        }
        match self.faults.len() {
            0 => writeln!(out, "the journal is sound"),
            1 => writeln!(out, "the journal has been altered or damaged: 1 fault"),
            faults => writeln!(out, "the journal has been altered or damaged: {faults} faults"),
        }
    }
}
