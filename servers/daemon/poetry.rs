//! `ropewalk poetry`: the fast poetry server of the Twisted tutorial, and its client.

mod get;
mod serve;

use crate::failed::Failed;
use clap::Subcommand;

/// What `ropewalk poetry` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Poetry {
    /// Send a poem to everybody who connects
    Serve(serve::Serve),
    /// Get poems from all servers at once, and print them when all have come
    Get(get::Get),
}

impl Poetry {
    /// Do it; returns when it is done.
    pub(crate) fn run(self) -> Result<(), Failed> {
        match self {
            Self::Serve(serve) => serve.run(),
            Self::Get(get) => get.run(),
        }
    }
}
