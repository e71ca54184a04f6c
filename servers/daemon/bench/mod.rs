//! `ropewalk bench`: the same echo server on each of the kernel's interfaces, measured from outside.
//!
//! The one rule: nothing here runs in the server that is measured. `bench backends` starts two
//! processes for each step, a server and a load, each on a core of its own, and only waits:
//!
//! ```text
//! bench backends ──starts──▶ bench exec --core 0 ──becomes──▶ ropewalk echo --backend B
//!        ▲      └──starts──▶ bench load --core 1 ─────bytes──────▲
//!        └──── JSON lines ───────────┘      └── CPU time, memory ┘
//! ```

use crate::failed::Failed;
use clap::{Args, Subcommand};
use std::io::{self, Write};
use std::path::PathBuf;

mod backends;
mod child;
mod histogram;
mod load;
mod machine;
mod report;
mod talk;

/// What `ropewalk bench` takes.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compare the backends: the same echo server on each, beside more and more idle connections
    Backends(backends::Options),
    /// Load an echo server on this machine and print figures as lines of JSON
    #[command(hide = true)]
    Load(load::Options),
    /// Become another program that stays on one core and ends with the process that started it
    #[command(hide = true)]
    Exec(Exec),
}

/// What `ropewalk bench exec` takes.
#[derive(Debug, Args)]
struct Exec {
    /// Stay on this core
    #[arg(long)]
    core: Option<usize>,
    /// The program
    program: PathBuf,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Why a measurement did not come about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A process that was needed did not say what it should.
    #[error(transparent)]
    Silence(#[from] child::Silence),
    /// No backend gave a single figure.
    #[error("no backend could be measured: {0}")]
    Nothing(String),
    /// The system refused.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: String,
        /// What it said.
        source: io::Error,
    },
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Work(error.to_string())
    }
}

impl Error {
    /// For `map_err`: what was being done when the system refused.
    fn while_doing(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { doing: doing.into(), source }
    }
}

/// A number of seconds on the command line: up to an hour, or none at all.
fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=3_600.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds up to 3600 is needed".to_owned()),
    }
}

/// A number of connections or messages on the command line.
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=MANY).contains(&number) => Ok(number),
        _ => Err(format!("a number between 1 and {MANY} is needed")),
    }
}

/// More than this is a slip of the finger.
const MANY: usize = 1_000_000;

impl Bench {
    /// Does what the command line asked for; returns when it is done.
    pub(crate) fn run(self) -> Result<(), Error> {
        match self.command {
            Command::Backends(options) => backends::run(&options),
            Command::Load(options) => run_load(&options),
            Command::Exec(exec) => Err(exec.become_it()),
        }
    }
}

fn run_load(options: &load::Options) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    let mut told = Ok(());
    load::run(options, |report| {
        let line = serde_json::to_string(report).expect("a report has only numbers and names");
        told = writeln!(out, "{line}").and_then(|()| out.flush());
    })?;
    told.map_err(Error::while_doing("cannot write figures"))
}

impl Exec {
    /// Replaces this process; returns only when that fails.
    fn become_it(self) -> Error {
        use std::os::unix::process::CommandExt;

        let prepared = self.core.map_or(Ok(()), machine::pin).and_then(|()| machine::die_with_parent());
        if let Err(source) = prepared {
            return Error::while_doing("cannot prepare the process")(source);
        }
        let source = std::process::Command::new(&self.program).args(&self.arguments).exec();
        Error::while_doing(format!("cannot run {}", self.program.display()))(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::FromArgMatches;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        let command = Bench::augment_args(clap::Command::new("bench").no_binary_name(true));
        let matches = command.try_get_matches_from(line.split_whitespace())?;
        Ok(Bench::from_arg_matches(&matches)?.command)
    }

    #[test]
    fn the_program_s_own_options_are_left_to_it() {
        let Command::Exec(exec) = parse("exec --core 1 /bin/true echo --core 2 -v").unwrap() else {
            panic!("another command")
        };
        assert_eq!((exec.core, exec.program), (Some(1), PathBuf::from("/bin/true")));
        assert_eq!(exec.arguments, ["echo", "--core", "2", "-v"]);
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let Command::Exec(exec) = parse("exec /nowhere/at-all").unwrap() else { panic!("another command") };
        let error = exec.become_it();
        assert!(error.to_string().starts_with("cannot run /nowhere/at-all"), "{error}");
    }

    #[test]
    fn a_command_is_needed() {
        assert!(parse("").is_err());
        assert!(parse("engines").is_err());
    }
}
