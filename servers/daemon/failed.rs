//! Why a command failed, and what its process says and returns then.
//!
//! The one rule: standard error gets a text that says what to change, and the exit code whose turn
//! it is: 2 for whoever typed the command, 1 for everything else.

use crate::cli::Cli;
use clap::CommandFactory;
use clap::error::ErrorKind;
use ropewalk_reactor::Failure;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// What was typed makes no sense; reported with the usage of this command.
    Usage {
        /// The command's path, such as `["poetry", "serve"]`.
        command: &'static [&'static str],
        /// What is wrong.
        text: String,
    },
    /// It could not be done: the lines that say why.
    Work(String),
    /// The same, in lines that scripts know, to the letter.
    Said(String),
}

impl Failed {
    /// It could not be done, and `doing` is what could not.
    pub(crate) fn doing(doing: impl Display, error: impl Display) -> Self {
        Self::Work(format!("{doing}: {error}"))
    }

    /// Say it on standard error. Returns what the process returns.
    pub(crate) fn report(self) -> ExitCode {
        // Nobody is left to be told when standard error itself fails.
        let _ = match &self {
            Self::Usage { command, text } => usage_error(command, text).print(),
            Self::Said(text) => writeln!(io::stderr(), "{text}"),
            Self::Work(text) => text.lines().try_for_each(|line| writeln!(io::stderr(), "ropewalk: {line}")),
        };
        match self {
            Self::Usage { .. } => ExitCode::from(2),
            Self::Work(_) | Self::Said(_) => ExitCode::FAILURE,
        }
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self::Work(failure.to_string())
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Work(error.to_string())
    }
}

fn usage_error(path: &[&str], text: &str) -> clap::Error {
    let mut command = Cli::command();
    command.build();
    let mut command = &mut command;
    for name in path {
        command = command.find_subcommand_mut(name).expect("the path is written beside the command");
    }
    command.error(ErrorKind::ValueValidation, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usage_error_shows_the_usage_of_its_command() {
        let text = usage_error(&["poetry", "serve"], "no such file: nowhere").to_string();
        assert!(text.contains("no such file: nowhere"), "{text}");
        assert!(text.contains("Usage: ropewalk poetry serve"), "{text}");
    }
}
