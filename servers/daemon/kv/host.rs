//! The machine that the server runs on: what only its process can do. The one rule: nothing here knows a command.
#![expect(
    clippy::disallowed_methods,
    reason = "files that are read before the reactor runs, and those of the system"
)]

use super::log::Log;
use crate::sys::{self, Whose};
use ropewalk_kv::{Facts, Host, OomScore, ProcessorTime, ProcessorTimes};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::rand::{GetRandomFlags, getrandom};
use std::ffi::{CString, OsStr};
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use tracing::level_filters::LevelFilter;

const OOM_SCORE: &str = "/proc/self/oom_score_adj";

/// This machine.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    /// Where events are logged, once that is known.
    pub(super) log: Option<Log>,
    /// What the system was told by others, while it is told by us.
    oom_score_before: Option<i32>,
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

impl Host for Machine {
    fn read(&mut self, file: &[u8]) -> io::Result<Vec<u8>> {
        fs::read(path(file))
    }

    fn glob(&mut self, pattern: &[u8]) -> Vec<Vec<u8>> {
        CString::new(pattern).map(|pattern| sys::glob(&pattern)).unwrap_or_default()
    }

    fn standard_input(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        io::stdin().lock().read_to_end(&mut text)?;
        Ok(text)
    }

    fn enter(&mut self, directory: &[u8]) -> io::Result<()> {
        std::env::set_current_dir(path(directory))
    }

    fn directory(&mut self) -> io::Result<Vec<u8>> {
        Ok(std::env::current_dir()?.into_os_string().into_vec())
    }

    fn log_from(&mut self, level: LevelFilter) {
        if let Some(log) = &self.log {
            log.log_from(level);
        }
    }

    fn allow_descriptors(&mut self, count: u64) -> Result<(), u64> {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        if current.is_none_or(|current| current >= count) {
            return Ok(());
        }
        let raised = maximum.map_or(count, |maximum| maximum.max(count));
        let attempts = [(count, raised), (maximum.unwrap_or(count), maximum.unwrap_or(count))];
        for (current, maximum) in attempts {
            let limit = Rlimit { current: Some(current), maximum: Some(maximum) };
            if setrlimit(Resource::Nofile, limit).is_ok() {
                return if current >= count { Ok(()) } else { Err(current) };
            }
        }
        Err(current.unwrap_or(0))
    }

    fn adjust_oom_score(&mut self, score: Option<OomScore>) -> io::Result<()> {
        let Some(score) = score else {
            return match self.oom_score_before.take() {
                Some(before) => fs::write(OOM_SCORE, before.to_string()),
                None => Ok(()),
            };
        };
        let before = match self.oom_score_before {
            Some(before) => before,
            None => fs::read_to_string(OOM_SCORE)?.trim().parse().map_err(io::Error::other)?,
        };
        self.oom_score_before = Some(before);
        let score = match score {
            OomScore::Relative(more) => before.saturating_add(more),
            OomScore::Absolute(score) => score,
        };
        fs::write(OOM_SCORE, score.clamp(-1000, 1000).to_string())
    }

    fn facts(&mut self) -> Facts {
        let system = rustix::system::uname();
        let parts = [system.sysname(), system.release(), system.machine()];
        let executable = std::env::current_exe().map(|path| path.into_os_string().into_vec());
        Facts {
            system: parts.map(|part| part.to_string_lossy().into_owned()).join(" "),
            process: std::process::id(),
            executable: executable.unwrap_or_default(),
            memory_bytes: memory_bytes(),
        }
    }

    fn processor_times(&mut self) -> ProcessorTimes {
        let time = |whose| {
            let (user, system) = sys::processor_time(whose);
            ProcessorTime { user, system }
        };
        ProcessorTimes {
            process: time(Whose::Process),
            children: time(Whose::Children),
            thread: time(Whose::Thread),
        }
    }

    fn secret(&mut self, into: &mut [u8]) -> io::Result<()> {
        let mut rest = into;
        while !rest.is_empty() {
            let filled = getrandom(&mut *rest, GetRandomFlags::empty())?;
            rest = rest.get_mut(filled..).unwrap_or_default();
        }
        Ok(())
    }
}

/// How many bytes this process occupies; 0 where the system can't tell.
pub(super) fn resident_bytes() -> usize {
    let pages = fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()));
    pages.unwrap_or(0).saturating_mul(rustix::param::page_size())
}

/// How much memory the machine has; 0 where the system can't tell.
fn memory_bytes() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim_end().parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ() {
        let (mut one, mut other) = ([0; 64], [0; 64]);
        Machine::default().secret(&mut one).unwrap();
        Machine::default().secret(&mut other).unwrap();
        assert_ne!(one, other);
    }

    #[test]
    fn what_is_allowed_already_is_allowed_again() {
        let current = getrlimit(Resource::Nofile).current.unwrap_or(1);
        assert_eq!(Machine::default().allow_descriptors(current), Ok(()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_occupies_something() {
        assert!(resident_bytes() > 4096);
    }
}
