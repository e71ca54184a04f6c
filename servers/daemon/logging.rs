//! Logs: to standard error, as text for people or as a line of JSON for each event.
//!
//! The one rule: standard output is for what the command was asked for, never for logs.

use clap::{Args, ValueEnum};
use std::io::{self, IsTerminal};
use tracing::level_filters::LevelFilter;

/// What is logged, and how.
#[derive(Clone, Debug, Args)]
pub(crate) struct Logging {
    /// The least important events that are logged
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = Level::Info)]
    log_level: Level,
    /// How they are written to standard error
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    log_format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    /// Nothing
    Off,
    /// What needs an operator
    Error,
    /// What may need one
    Warn,
    /// What happens to the server
    Info,
    /// What helps to find a fault
    Debug,
    /// Everything
    Trace,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A line for people
    Text,
    /// A JSON object a line
    Json,
}

impl Logging {
    /// Log from now on, for the rest of the process's life.
    pub(crate) fn start(&self) {
        let filter = match self.log_level {
            Level::Off => LevelFilter::OFF,
            Level::Error => LevelFilter::ERROR,
            Level::Warn => LevelFilter::WARN,
            Level::Info => LevelFilter::INFO,
            Level::Debug => LevelFilter::DEBUG,
            Level::Trace => LevelFilter::TRACE,
        };
        let logs = tracing_subscriber::fmt().with_max_level(filter).with_writer(io::stderr);
        match self.log_format {
            Format::Text => logs.with_ansi(io::stderr().is_terminal()).init(),
            Format::Json => logs.json().init(),
        }
    }
}
