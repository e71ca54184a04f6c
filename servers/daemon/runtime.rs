//! What every command that runs a reactor can be told: which backend, how to wait, what to log.

use crate::failed::Failed;
use crate::logging::Logging;
use clap::Args;
use clap::builder::PossibleValuesParser;
use ropewalk_reactor::Reactor;
use ropewalk_reactor::engine::backend;
use std::time::Duration;

/// What a reactor is made of.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Reactor and logs")]
pub(crate) struct Runtime {
    /// What tells the reactor of news [default: the environment's ROPEWALK_BACKEND, or auto]
    ///
    /// `auto` is the fastest one that works here.
    #[arg(long, value_parser = backends())]
    backend: Option<String>,
    /// Poll up to this long before sleeping, while traffic flows; 50 is about right, 0 is off
    ///
    /// It makes a request on one or a few busy connections about twice as fast, and burns a core
    /// meanwhile.
    #[arg(long, value_name = "MICROSECONDS", default_value_t = 0)]
    spin: u64,
    #[command(flatten)]
    logging: Logging,
}

fn backends() -> PossibleValuesParser {
    PossibleValuesParser::new(["auto"].iter().chain(backend::NAMES).copied())
}

impl Runtime {
    /// Start logging, and make the reactor.
    pub(crate) fn start(&self) -> Result<Reactor, Failed> {
        self.logging.start();
        let mut builder = Reactor::builder().spin(Duration::from_micros(self.spin));
        if let Some(backend) = &self.backend {
            builder = builder.backend(backend);
        }
        Ok(builder.build()?)
    }
}
