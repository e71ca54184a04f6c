//! The `ropewalk` command: one binary for every server, and for what goes with them.
//!
//! To add a server, write one file with a struct of its options and a `run` that hands
//! [`serve::serve`] a closure which opens its endpoints (`echo.rs` is the smallest), and give it a line
//! in [`cli::Command`]. Help, completions and man pages follow from that; daemonizing, the pid file,
//! privileges, logs, signals and systemd are the same for all, in `serve.rs`.
//!
//! ```text
//! main ─▶ cli ─▶ echo, poetry/serve, chat, proxy ─▶ serve ─▶ daemonize, logging, pidfile, user
//!          │                                                  └▶ the reactor, until a signal
//!          └──▶ poetry/get, manual, bench
//! ```

mod allocator;
mod bench;
mod chat;
mod cli;
mod daemonize;
mod echo;
mod failed;
mod kv;
mod logging;
mod manual;
mod pidfile;
mod poetry;
mod proxy;
mod runtime;
mod serve;
mod sys;
mod user;

use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

fn main() -> ExitCode {
    match cli::Cli::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.report(),
    }
}
