//! The process around a server, as the server sees it: files while it starts, and what only the process can
//! change later. The one rule: a server asks for nothing of the system but through here or its reactor.

use std::io;
use std::time::Duration;
use tracing::level_filters::LevelFilter;

/// What a server asks of the process that it runs in.
pub trait Host {
    /// All of a file: a configuration, or users. Asked for only while the server starts.
    ///
    /// # Errors
    /// What the system says.
    fn read(&mut self, path: &[u8]) -> io::Result<Vec<u8>>;

    /// The files that a pattern of the shell matches, sorted; none if there are none. Asked for only while the
    /// server starts.
    fn glob(&mut self, pattern: &[u8]) -> Vec<Vec<u8>>;

    /// All of standard input. Asked for only while the server starts.
    ///
    /// # Errors
    /// What the system says.
    fn standard_input(&mut self) -> io::Result<Vec<u8>>;

    /// Go to this directory, which relative paths are of from here on.
    ///
    /// # Errors
    /// What the system says.
    fn enter(&mut self, directory: &[u8]) -> io::Result<()>;

    /// The directory that relative paths are of, by its absolute path.
    ///
    /// # Errors
    /// What the system says.
    fn directory(&mut self) -> io::Result<Vec<u8>>;

    /// Log events of this level and those that matter more.
    fn log_from(&mut self, level: LevelFilter);

    /// See that so many descriptors may be open.
    ///
    /// # Errors
    /// How many may, if it is fewer.
    fn allow_descriptors(&mut self, count: u64) -> Result<(), u64>;

    /// Have the system kill this process sooner, or later, when memory runs out; `None` is as it was before the
    /// first wish.
    ///
    /// # Errors
    /// What the system says.
    fn adjust_oom_score(&mut self, score: Option<OomScore>) -> io::Result<()>;

    /// What the system says of itself and of the process. It does not change.
    fn facts(&mut self) -> Facts;

    /// How long the processor has worked for the process.
    fn processor_times(&mut self) -> ProcessorTimes;

    /// Fill this with bytes that nobody can guess: a password is made of them.
    ///
    /// # Errors
    /// If there is no source of them.
    fn secret(&mut self, into: &mut [u8]) -> io::Result<()>;
}

/// What the system says of itself and of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The system's name, its version, and the machine it is made for: `Linux 6.12.1 x86_64`.
    pub system: String,
    /// The process's number.
    pub process: u32,
    /// The program's absolute path.
    pub executable: Vec<u8>,
    /// How much memory the machine has, in bytes.
    pub memory_bytes: u64,
}

/// How long the processor has worked: for a program itself, and for what it asked of the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessorTime {
    /// For the program itself.
    pub user: Duration,
    /// For what it asked of the system.
    pub system: Duration,
}

/// How long the processor has worked for a process and its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessorTimes {
    /// For all of it.
    pub process: ProcessorTime,
    /// For processes that it started, and that have ended.
    pub children: ProcessorTime,
    /// For the thread that asks.
    pub thread: ProcessorTime,
}

/// What the system is told: `oom_score_adj` in proc(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OomScore {
    /// So much more than before the first wish.
    Relative(i32),
    /// This.
    Absolute(i32),
}

/// No process at all: no files, and every wish is granted. For servers that nobody has configured.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Nowhere;

impl Host for Nowhere {
    fn read(&mut self, _: &[u8]) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn glob(&mut self, _: &[u8]) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn standard_input(&mut self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn enter(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn directory(&mut self) -> io::Result<Vec<u8>> {
        Ok(b"/".to_vec())
    }

    fn log_from(&mut self, _: LevelFilter) {}

    fn allow_descriptors(&mut self, _: u64) -> Result<(), u64> {
        Ok(())
    }

    fn adjust_oom_score(&mut self, _: Option<OomScore>) -> io::Result<()> {
        Ok(())
    }

    fn facts(&mut self) -> Facts {
        Facts::default()
    }

    fn processor_times(&mut self) -> ProcessorTimes {
        ProcessorTimes::default()
    }

    fn secret(&mut self, _: &mut [u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
