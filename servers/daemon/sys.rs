//! The daemon's only unsafe code: forking, and becoming another user.
//!
//! One rule: every function here is safe to call at any time, with any argument, and the reason why
//! each block is sound is found in the same function.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name() {
        assert_eq!(find_user(c"root").unwrap(), Some(Account { user: 0, group: 0 }));
        assert_eq!(find_user(c"nobody of that name").unwrap(), None);
    }

    #[test]
    fn a_process_with_threads_does_not_fork() {
        // The test's own harness makes this the second thread at least.
        let error = fork().unwrap_err();
        assert!(error.to_string().contains("threads"), "{error}");
    }
}
