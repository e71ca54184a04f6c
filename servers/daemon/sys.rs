//! The daemon's only unsafe code, but for the allocator's: forking, becoming another user, and what only the C
//! library knows.
//!
//! One rule: every function here is safe to call at any time, with any argument, and the reason why
//! each block is sound is found in the same function.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

/// Which side of a fork this is.
#[derive(Debug)]
pub(crate) enum Fork {
    /// The process that was there; the other one has this number.
    Parent(rustix::process::Pid),
    /// The new process.
    Child,
}

/// Make a second process that goes on from here.
///
/// # Errors
/// If this process has more than one thread (the child would have this one only, and whatever locks
/// the others held would stay locked for ever), or the system refuses.
pub(crate) fn fork() -> io::Result<Fork> {
    let threads = thread_count()?;
    if threads != 1 {
        return Err(io::Error::other(format!("a process with {threads} threads can't fork")));
    }
    // SAFETY: this is the only thread, so the child's copy of the memory is consistent.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        number => Ok(rustix::process::Pid::from_raw(number).map_or(Fork::Child, Fork::Parent)),
    }
}

#[cfg(target_os = "linux")]
fn thread_count() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

/// Elsewhere nobody counts; the one caller forks before it does anything else.
#[cfg(not(target_os = "linux"))]
fn thread_count() -> io::Result<usize> {
    Ok(1)
}

/// A user's number and its group's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

/// A user's entry is never longer than this; the system says how long it is by refusing less.
const ENTRY_BYTES_MAX: usize = 1024 * 1024;

/// Look a user up where the system is configured to, which need not be /etc/passwd.
///
/// # Errors
/// If the lookup fails; that there is no such user is `None`.
pub(crate) fn find_user(name: &CStr) -> io::Result<Option<Account>> {
    let mut text = vec![0; 1024];
    loop {
        let mut entry = MaybeUninit::<libc::passwd>::uninit();
        let mut found = ptr::null_mut();
        // SAFETY: all pointers are to live values of the right types, and the length is the buffer's.
        let code = unsafe {
            libc::getpwnam_r(name.as_ptr(), entry.as_mut_ptr(), text.as_mut_ptr(), text.len(), &raw mut found)
        };
        match code {
            0 if !found.is_null() => {
                // SAFETY: it was found, so the entry is filled in; its strings are not looked at.
                let entry = unsafe { entry.assume_init() };
                return Ok(Some(Account { user: entry.pw_uid, group: entry.pw_gid }));
            }
            0 | libc::ENOENT | libc::ESRCH => return Ok(None),
            libc::ERANGE if text.len() < ENTRY_BYTES_MAX => text.resize(text.len() * 2, 0),
            code => return Err(io::Error::from_raw_os_error(code)),
        }
    }
}

/// Become this user for good, with its groups and no others. It is true of all threads: unlike the
/// bare system calls, the C library's functions see to that (nptl(7)).
///
/// # Errors
/// If the system refuses, or would let us back. The process may be half changed then, and should end.
pub(crate) fn become_user(name: &CStr, account: Account) -> io::Result<()> {
    let Account { user, group } = account;
    // The groups first: without privileges they can't be changed any more.
    // SAFETY: the name is a C string; the others take numbers.
    check(unsafe { libc::initgroups(name.as_ptr(), group as _) })?;
    // SAFETY: it takes a number.
    check(unsafe { libc::setgid(group) })?;
    // SAFETY: it takes a number.
    check(unsafe { libc::setuid(user) })?;
    // SAFETY: it takes a number.
    if user != 0 && unsafe { libc::setuid(0) } == 0 {
        return Err(io::Error::other("the system lets this process become root again"));
    }
    Ok(())
}

fn check(outcome: libc::c_int) -> io::Result<()> {
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Whose processor time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// This process's, all threads of it.
    Process,
    /// That of processes which it started and which have ended.
    Children,
    /// This thread's; where the system can't tell, the process's.
    Thread,
}

/// How long the processor has worked for us: for the program itself, and for what it asked of the system.
pub(crate) fn processor_time(whose: Whose) -> (Duration, Duration) {
    let whose = match whose {
        Whose::Process => libc::RUSAGE_SELF,
        Whose::Children => libc::RUSAGE_CHILDREN,
        #[cfg(target_os = "linux")]
        Whose::Thread => libc::RUSAGE_THREAD,
        #[cfg(not(target_os = "linux"))]
        Whose::Thread => libc::RUSAGE_SELF,
    };
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a live value of the right type.
    let _ = unsafe { libc::getrusage(whose, usage.as_mut_ptr()) };
    // SAFETY: all of its fields are numbers, which were zero before, if it has failed.
    let usage = unsafe { usage.assume_init() };
    let duration = |time: libc::timeval| {
        Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0))
            + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
    };
    (duration(usage.ru_utime), duration(usage.ru_stime))
}

/// A moment on the clock on the wall here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalTime {
    pub(crate) year: i32,
    /// From 0 to 11.
    pub(crate) month: usize,
    pub(crate) day: i32,
    pub(crate) hour: i32,
    pub(crate) minute: i32,
    pub(crate) second: i32,
}

/// What the clock on the wall shows so many seconds after 1970 began in Greenwich. UTC if the system can't tell.
pub(crate) fn local_time(seconds: i64) -> LocalTime {
    let mut time = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are to live values of the right types. If it fails, the zeros are a time too.
    let time = unsafe {
        libc::localtime_r(&(seconds as libc::time_t), time.as_mut_ptr());
        time.assume_init()
    };
    LocalTime {
        year: time.tm_year.saturating_add(1900),
        month: usize::try_from(time.tm_mon).unwrap_or(0),
        day: time.tm_mday,
        hour: time.tm_hour,
        minute: time.tm_min,
        second: time.tm_sec,
    }
}

/// The paths that a pattern matches as a shell would have it, sorted; none if the system can't tell.
pub(crate) fn glob(pattern: &CStr) -> Vec<Vec<u8>> {
    let mut found = MaybeUninit::<libc::glob_t>::zeroed();
    // SAFETY: the pattern is a C string, zeros are a proper start for the result, and there is no callback.
    let code = unsafe { libc::glob(pattern.as_ptr(), 0, None, found.as_mut_ptr()) };
    // SAFETY: it began as zeros, which are a proper value, and was filled in or left alone.
    let mut found = unsafe { found.assume_init() };
    let mut paths = Vec::new();
    if code == 0 {
        for index in 0..found.gl_pathc {
            // SAFETY: it was found, so there are so many pointers, each to a C string.
            let path = unsafe { CStr::from_ptr(*found.gl_pathv.add(index)) };
            paths.push(path.to_bytes().to_vec());
        }
    }
    // SAFETY: it came from `glob`, and nothing points into it any more.
    unsafe { libc::globfree(&raw mut found) };
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name() {
        assert_eq!(find_user(c"root").unwrap(), Some(Account { user: 0, group: 0 }));
        assert_eq!(find_user(c"nobody of that name").unwrap(), None);
    }

    #[test]
    fn the_epoch_is_found_on_the_wall() {
        let time = local_time(0);
        assert!(time.year == 1970 || (time.year, time.month, time.day) == (1969, 11, 31), "{time:?}");
    }

    #[test]
    fn patterns_find_files_in_order() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b.conf", "a.conf", ".c.conf", "d.txt"] {
            std::fs::File::create_new(directory.path().join(name)).unwrap();
        }
        let path = directory.path().to_str().unwrap();
        let pattern = std::ffi::CString::new(format!("{path}/*.conf")).unwrap();
        let expected = ["a.conf", "b.conf"].map(|name| format!("{path}/{name}").into_bytes());
        assert_eq!(glob(&pattern), expected);
        assert!(glob(c"/nowhere/*").is_empty());
    }

    #[test]
    fn a_process_with_threads_does_not_fork() {
        // The test's own harness makes this the second thread at least.
        let error = fork().unwrap_err();
        assert!(error.to_string().contains("threads"), "{error}");
    }
}
