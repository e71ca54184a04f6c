//! What the machine says of itself and of a process: cores, names, limits, CPU time, memory.
//!
//! The one rule: whatever a system does not tell is `None`, and the report leaves it out. CPU time
//! and memory of another process, and pinning, are known on Linux only.
#![expect(clippy::disallowed_methods, reason = "reads /proc of other processes: there is no reactor here")]

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs;
use std::time::SystemTime;

/// The two cores that the server and the load get, where there are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cores {
    pub(crate) server: usize,
    pub(crate) load: usize,
}

/// The first core that this process may use, and the next that is not its sibling thread.
#[cfg(target_os = "linux")]
pub(crate) fn two_cores() -> Option<Cores> {
    use rustix::thread::{CpuSet, sched_getaffinity};

    let allowed = sched_getaffinity(None).ok()?;
    let mut usable = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
    let server = usable.next()?;
    let path = format!("/sys/devices/system/cpu/cpu{server}/topology/thread_siblings_list");
    let siblings = fs::read_to_string(path).map(|list| core_list(&list)).unwrap_or_default();
    let others: Vec<usize> = usable.collect();
    let load = others.iter().find(|core| !siblings.contains(core)).or(others.first()).copied()?;
    Some(Cores { server, load })
}

/// The cores of a list as the kernel writes it: `0-1,4`.
#[cfg(target_os = "linux")]
fn core_list(list: &str) -> Vec<usize> {
    list.trim()
        .split(',')
        .filter_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.parse::<usize>().ok()?..=last.parse::<usize>().ok()?)
        })
        .flatten()
        .collect()
}

/// Keeps this thread, and all that it starts from now on, on one core.
#[cfg(target_os = "linux")]
pub(crate) fn pin(core: usize) -> std::io::Result<()> {
    use rustix::thread::{CpuSet, sched_setaffinity};

    if core >= CpuSet::MAX_CPU {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            format!("there is no core {core}"),
        ));
    }
    let mut only = CpuSet::new();
    only.set(core);
    Ok(sched_setaffinity(None, &only)?)
}

/// Has this process killed when the one that started it ends, however that ends.
#[cfg(target_os = "linux")]
pub(crate) fn die_with_parent() -> std::io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn two_cores() -> Option<Cores> {
    None
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn pin(_core: usize) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn die_with_parent() -> std::io::Result<()> {
    Ok(())
}

/// CPU time, in nanoseconds, that all threads of a process have used.
pub(crate) fn cpu_ns(pid: u32) -> Option<u64> {
    let mut sum = None;
    for task in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        // A thread that ended since the listing has nothing left to read.
        let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else { continue };
        let used: u64 = text.split(' ').next()?.parse().ok()?;
        sum = Some(sum.unwrap_or(0) + used);
    }
    sum
}

/// Resident memory of a process in bytes. From `smaps_rollup`, which counts the pages: `statm` keeps
/// a rough count for each core that may be wrong by hundreds of KiB.
pub(crate) fn resident_bytes(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find(|line| line.starts_with("Rss:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Raises the soft limit of open descriptors to the hard one; returns what holds now.
pub(crate) fn raise_descriptor_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    current.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// The processor's name, such as `AMD EPYC`.
pub(crate) fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The kernel's name and release, such as `Linux 6.12.1`.
pub(crate) fn kernel() -> String {
    let name = rustix::system::uname();
    format!("{} {}", name.sysname().to_string_lossy(), name.release().to_string_lossy())
}

/// Today's date in UTC, as `2026-01-31`.
pub(crate) fn today() -> String {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    date_of(since_epoch.as_secs() / 86_400)
}

/// The Gregorian date a number of days after 1970-01-01. Years are counted from March, so that the
/// leap day comes last and the months before it have a fixed rhythm of 153 days in five.
fn date_of(days: u64) -> String {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days_and_ends_of_years() {
        let cases = [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (11_322, "2000-12-31"),
            (19_782, "2024-02-29"),
            (20_454, "2026-01-01"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ];
        for (days, date) in cases {
            assert_eq!(date_of(days), date, "day {days}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn lists_of_cores_are_read_as_the_kernel_writes_them() {
        assert_eq!(core_list("0\n"), [0]);
        assert_eq!(core_list("0,32\n"), [0, 32]);
        assert_eq!(core_list("2-4,9"), [2, 3, 4, 9]);
        assert!(core_list("").is_empty());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_s_time_and_memory_are_known_and_grow() {
        let pid = std::process::id();
        let (time, memory) = (cpu_ns(pid).unwrap(), resident_bytes(pid).unwrap());
        let touched = std::hint::black_box(vec![1_u8; 64 << 20]);
        let grown = resident_bytes(pid).unwrap() - memory;
        assert!(grown >= touched.len() as u64 / 2, "resident memory grew by {grown}");
        // A running thread's time is brought up to date at every tick, so it may lag a little.
        assert!((0..1_000_000).any(|_| cpu_ns(pid).unwrap() > time));
    }

    #[test]
    fn a_process_that_does_not_exist_has_no_figures() {
        assert_eq!((cpu_ns(u32::MAX), resident_bytes(u32::MAX)), (None, None));
    }
}
