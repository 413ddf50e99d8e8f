//! `scopegate run`: the gateway itself, until it is told to end.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::app::{self, Inherit, Plan};
use crate::config::Settings;
use crate::telemetry::install_log;

/// Run the gateway.
#[derive(Debug, clap::Args)]
pub struct RunCommand {
    /// The settings file.
    #[arg(long, default_value = "gateway.yaml")]
    config: PathBuf,
    /// Take the listening sockets of the gateway that runs on the same state folder, then let it drain.
    #[arg(long)]
    take_over: bool,
}

impl RunCommand {
    /// Runs until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// When the gateway cannot start.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        raise_descriptors();
        let settings = Settings::load(&self.config)?;
        install_log(&settings.log)?;
        let inherit = if self.take_over { Inherit::Predecessor } else { Inherit::ServiceManager };
        let gateway = app::start(Plan { inherit, catch_signals: true, ..Plan::new(settings) })?;
        gateway.obey_signals()?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Lets the process open as many descriptors as the system allows it: shells and containers begin with 1,024, which are fewer than
/// the connections that the settings admit.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // What cannot be raised is told when a connection cannot be accepted.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
