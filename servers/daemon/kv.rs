//! `ropewalk kv`: a key-value server that speaks Redis's protocol.

use crate::failed::Failed;
use crate::serve::{self, Process};
use clap::Args;
use ropewalk_kv::Kv;
use ropewalk_reactor::endpoint::Endpoint;
use ropewalk_reactor::random::Random;

/// What `ropewalk kv` takes.
#[derive(Debug, Args)]
pub(crate) struct KeyValue {
    /// The port to listen on, on this machine only
    #[arg(long, value_name = "N", default_value_t = 6379)]
    port: u16,
    #[command(flatten)]
    process: Process,
}

impl KeyValue {
    /// Serve until stopped.
    pub(crate) fn run(self) -> Result<(), Failed> {
        serve::serve("kv", &self.process, |setup| {
            Kv::seed_hashes(setup.reactor.random(Random::next_u64));
            let kv = Kv::new(setup.reactor);
            let endpoint = Endpoint::listen(&format!("tcp:{}:interface=127.0.0.1", self.port))?;
            setup.listen(&endpoint, kv.factory())
        })
    }
}
