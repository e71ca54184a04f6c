//! `ropewalk kv`: a key-value server that speaks Redis's protocol, started as redis-server is.
//!
//! ```text
//! ropewalk kv redis.conf --port 7777 ─▶ Startup::read ─▶ fork, logs, pid file, reactor ─▶ Kv ─▶ listen
//! ```
//!
//! Its one rule: the command line is redis-server's, to the letter, so that whoever starts that can start this.

mod host;
mod log;

use crate::allocator;
use crate::failed::Failed;
use crate::serve::{self, Plan, Setup};
use clap::Args;
use host::Machine;
use log::Log;
use ropewalk_kv::{Kv, MemorySource, Process, Startup};
use ropewalk_reactor::random::Random;
use ropewalk_reactor::service::{Progress, Service};
use ropewalk_reactor::{Reactor, Result};
use std::ffi::OsString;
use std::future::ready;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

/// Where a server in the background writes its number if nothing is said.
const PIDFILE: &str = "/var/run/redis.pid";

/// How long a server that stops waits for its clients to take what was written and to close; redis-server doesn't.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// What `ropewalk kv` takes.
#[derive(Debug, Args)]
#[command(disable_help_flag = true, disable_version_flag = true)]
pub(crate) struct KeyValue {
    /// As redis-server: `[/path/to/redis.conf] [--directive value ...] [-]`; `-` reads standard input
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    arguments: Vec<OsString>,
}

const USAGE: &str = "\
Usage: ropewalk kv [/path/to/redis.conf] [options] [-]
       ropewalk kv - (read config from stdin)
       ropewalk kv -v or --version
       ropewalk kv -h or --help

Examples:
       ropewalk kv (run the server with default conf)
       echo 'maxmemory 128mb' | ropewalk kv -
       ropewalk kv /etc/redis/6379.conf
       ropewalk kv --port 7777
       ropewalk kv /etc/myredis.conf --loglevel verbose -
       ropewalk kv /etc/myredis.conf --loglevel verbose

Each option is a directive of redis.conf. The environment's ROPEWALK_BACKEND chooses
what tells the server of news: auto, io_uring, epoll, poll or select.
";

const MEMORY: MemorySource = MemorySource {
    used: allocator::used,
    peak: allocator::peak,
    resident: host::resident_bytes,
    purge: allocator::purge,
    allocator: "mimalloc-2",
};

impl KeyValue {
    /// Serve until stopped.
    pub(crate) fn run(self) -> std::result::Result<(), Failed> {
        match self.arguments.first().and_then(|first| first.to_str()) {
            Some("-h" | "--help") => return Ok(io::stdout().write_all(USAGE.as_bytes())?),
            Some("-v" | "--version") => return Ok(io::stdout().write_all(version().as_bytes())?),
            _ => {}
        }
        let mut machine = Machine::default();
        let startup =
            Startup::read(&self.arguments, &mut machine).map_err(|error| Failed::Said(error.to_string()))?;
        let process = startup.process();
        let log = Log::open(&process).map_err(Failed::Said)?;
        machine.log = Some(log.clone());
        let start = || {
            log.start();
            prepare(&process);
            Ok(Reactor::builder().build()?)
        };
        // As redis-server, it goes on though the terminal is gone.
        let plan = Plan {
            user: None,
            daemonize: process.daemonize,
            pidfile: None,
            start: &start,
            on_hangup: |_| {},
        };
        let has_arguments = !self.arguments.is_empty();
        serve::carry_out("kv", plan, |setup| {
            let number = process.pidfile.clone().or_else(|| process.daemonize.then(|| PIDFILE.into()));
            if let Some(path) = number {
                setup.services.add(Number(path));
            }
            open(setup, startup, machine, has_arguments)
        })
    }
}

fn version() -> String {
    format!(
        "Redis server v=7.0.15 sha=00000000:0 malloc={} bits={} build=ropewalk-{}\n",
        MEMORY.allocator,
        usize::BITS,
        env!("CARGO_PKG_VERSION")
    )
}

/// What there is to do about the process itself.
fn prepare(process: &Process) {
    if process.no_huge_pages {
        #[cfg(target_os = "linux")]
        if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
            tracing::warn!(%error, "huge pages stay");
        }
    }
}

fn open(setup: &mut Setup<'_>, startup: Startup, machine: Machine, has_arguments: bool) -> Result<()> {
    let number = std::process::id();
    let (version, backend) = (env!("CARGO_PKG_VERSION"), setup.reactor.backend());
    tracing::warn!("Ropewalk {version} is starting as Redis 7.0.15, on {backend}, PID: {number}");
    if !has_arguments {
        tracing::warn!("Warning: no config file specified, using the default config.");
    }
    Kv::seed_hashes(setup.reactor.random(Random::next_u64));
    let kv = Kv::configured(setup.reactor, startup, Box::new(machine), MEMORY)?;
    for address in kv.listen()? {
        tracing::info!("Listening on {address}");
    }
    setup.services.add(Ready);
    Ok(())
}

/// The file with the process's number in it. As redis-server's it is no lock: it replaces what is there, and does
/// without if it can't be written.
struct Number(PathBuf);

impl Service for Number {
    fn name(&self) -> &str {
        "pid file"
    }

    #[expect(clippy::disallowed_methods, reason = "a file of the process, not of the server")]
    fn start<'a>(&'a mut self, _: &'a Reactor) -> Progress<'a> {
        if let Err(error) = std::fs::write(&self.0, format!("{}\n", std::process::id())) {
            tracing::warn!("Failed to write PID file: {error}");
        }
        Box::pin(ready(Ok(())))
    }

    #[expect(clippy::disallowed_methods, reason = "a file of the process, not of the server")]
    fn stop<'a>(&'a mut self, _: &'a Reactor) -> Progress<'a> {
        // Whoever removed it before has done our work.
        let _ = std::fs::remove_file(&self.0);
        Box::pin(ready(Ok(())))
    }
}

/// Says that clients are served from here on, in the words that scripts wait for.
struct Ready;

impl Service for Ready {
    fn name(&self) -> &str {
        "clients"
    }

    fn start<'a>(&'a mut self, _: &'a Reactor) -> Progress<'a> {
        tracing::info!("Ready to accept connections");
        Box::pin(ready(Ok(())))
    }

    fn stop<'a>(&'a mut self, reactor: &'a Reactor) -> Progress<'a> {
        tracing::warn!("Redis is now ready to exit, bye bye...");
        let stopper = reactor.clone();
        reactor.call_later(LAST_WORDS, move || stopper.stop_now());
        Box::pin(ready(Ok(())))
    }
}
