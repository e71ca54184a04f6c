//! `poll(2)`: which of many descriptors are ready, given as an array.

use std::io;
use std::time::Duration;

/// One descriptor of the array; a negative one is passed over by the kernel.
pub(crate) type Slot = libc::pollfd;

/// Fill in what is ready, blocking up to `timeout`, rounded up to milliseconds (`None`: until
/// something is). Returns how many slots are ready.
///
/// # Errors
/// `Interrupted` by a signal; `EINVAL` for more slots than RLIMIT_NOFILE.
pub(crate) fn poll(slots: &mut [Slot], timeout: Option<Duration>) -> io::Result<usize> {
    let timeout_ms = timeout.map_or(-1, whole_milliseconds);
    // SAFETY: the pointer and the length are those of a slice that is ours to write to.
    let ready = unsafe { libc::poll(slots.as_mut_ptr(), slots.len() as libc::nfds_t, timeout_ms) };
    usize::try_from(ready).map_err(|_| io::Error::last_os_error())
}

/// Rounded up, because a wait that ends a little early is repeated at once, with nothing to do.
fn whole_milliseconds(time: Duration) -> libc::c_int {
    time.as_nanos().div_ceil(1_000_000).try_into().unwrap_or(libc::c_int::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_rounded_up() {
        for (nanos, expected) in [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)] {
            assert_eq!(whole_milliseconds(Duration::from_nanos(nanos)), expected);
        }
        assert_eq!(whole_milliseconds(Duration::MAX), libc::c_int::MAX);
    }
}
