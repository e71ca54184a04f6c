//! The command line: the one table that parsing, help, completions and man pages are made from.
//!
//! Its one rule: nothing is said twice. Each command's options stand with the command, in its file.

use crate::bench::Bench;
use crate::chat::Chat;
use crate::echo::Echo;
use crate::failed::Failed;
use crate::kv::KeyValue;
use crate::manual::{Completions, Man};
use crate::poetry::Poetry;
use crate::proxy::Proxy;
use clap::{Parser, Subcommand};

/// Network servers on one event loop
#[derive(Debug, Parser)]
#[command(name = "ropewalk", version, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit code: 0 after a clean stop, 2 on bad usage, 1 on failure.";

/// What `ropewalk` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send back whatever comes, by connection or by datagram
    Echo(Echo),
    /// Serve a poem, or get poems
    #[command(subcommand)]
    Poetry(Poetry),
    /// Let everybody who connects talk with everybody
    Chat(Chat),
    /// Pass connections on to another address
    Proxy(Proxy),
    /// Keep data in memory, and speak Redis's protocol
    Kv(KeyValue),
    /// Measure servers: the same one on each backend
    Bench(Bench),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Print the manual page, or write those of all commands into a directory
    Man(Man),
}

impl Command {
    /// Do it; returns when it is done.
    pub(crate) fn run(self) -> Result<(), Failed> {
        match self {
            Self::Echo(echo) => echo.run(),
            Self::Poetry(poetry) => poetry.run(),
            Self::Chat(chat) => chat.run(),
            Self::Proxy(proxy) => proxy.run(),
            Self::Kv(kv) => kv.run(),
            Self::Bench(bench) => Ok(bench.run()?),
            Self::Completions(completions) => completions.run(),
            Self::Man(man) => man.run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_table_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_every_option_is_explained() {
        fn check(command: &clap::Command) {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name}");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{name} {}", argument.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        let mut command = Cli::command();
        command.build();
        check(&command);
    }
}
