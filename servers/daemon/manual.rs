//! Completions and man pages, made from the same table as the parser and the help.
#![expect(clippy::disallowed_methods, reason = "writes files that were asked for; there is no reactor here")]

use crate::cli::Cli;
use crate::failed::Failed;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What `ropewalk completions` takes.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell that reads it, for example from ~/.zfunc/_ropewalk or by `source <(…)` in bash
    shell: Shell,
}

/// What `ropewalk man` takes.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write ropewalk.1, ropewalk-echo.1 and so on here; without it the first is printed
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Completions {
    /// Print the script.
    pub(crate) fn run(self) -> Result<(), Failed> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "ropewalk", &mut script);
        print(&script)
    }
}

impl Man {
    /// Print the page, or write all pages.
    pub(crate) fn run(self) -> Result<(), Failed> {
        match self.directory {
            Some(directory) => write_pages(&directory).map_err(|error| {
                Failed::doing(format_args!("can't write to {}", directory.display()), error)
            }),
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(Cli::command()).render(&mut page)?;
                print(&page)
            }
        }
    }
}

fn write_pages(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    clap_mangen::generate_to(Cli::command(), directory)
}

/// To standard output; that its reader has seen enough (`| head`) is no failure.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Failed> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failed::doing("can't write to standard output", error))
        }
        _ => Ok(()),
    }
}
