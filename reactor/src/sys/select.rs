//! `select(2)`: which of up to 1,024 descriptors are ready, given as bitmaps.
//!
//! ```text
//! descriptor   0         63 64       127       …      1023
//! Bitmap      [ word 0     ][ word 1     ] … [ word 15    ]     (words of 64 bits; 32 where long is)
//! ```

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

/// How many descriptors a bitmap holds: a descriptor must be below this.
pub(crate) const FD_SETSIZE: usize = libc::FD_SETSIZE;

const WORD_BITS: usize = libc::c_ulong::BITS as usize;
const WORDS: usize = FD_SETSIZE / WORD_BITS;

/// A set of descriptors, laid out as the kernel's `fd_set`.
#[repr(transparent)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Bitmap([libc::c_ulong; WORDS]);

const _: () = assert!(size_of::<Bitmap>() == size_of::<libc::fd_set>(), "a bitmap is an fd_set");

impl Bitmap {
    /// Whether a descriptor can be a member at all.
    pub(crate) fn can_hold(descriptor: RawFd) -> bool {
        usize::try_from(descriptor).is_ok_and(|bit| bit < FD_SETSIZE)
    }

    /// # Panics
    /// Unless the bitmap [can hold](Self::can_hold) the descriptor.
    pub(crate) fn insert(&mut self, descriptor: RawFd) {
        let (word, bit) = place(descriptor);
        self.0[word] |= bit;
    }

    /// Harmless where the descriptor is no member, or cannot be one.
    pub(crate) fn remove(&mut self, descriptor: RawFd) {
        if Self::can_hold(descriptor) {
            let (word, bit) = place(descriptor);
            self.0[word] &= !bit;
        }
    }

    pub(crate) fn contains(&self, descriptor: RawFd) -> bool {
        Self::can_hold(descriptor) && {
            let (word, bit) = place(descriptor);
            self.0[word] & bit != 0
        }
    }

    /// What is in either.
    pub(crate) fn union(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }

    /// The members below `limit` (rounded up to a word), in order.
    pub(crate) fn members(&self, limit: RawFd) -> impl Iterator<Item = RawFd> + '_ {
        let words = usize::try_from(limit).unwrap_or(0).div_ceil(WORD_BITS);
        self.0
            .iter()
            .take(words)
            .enumerate()
            .flat_map(|(word, &bits)| Bits(bits).map(move |bit| (word * WORD_BITS) as RawFd + bit))
    }

    /// One more than the highest member; zero if there is none.
    pub(crate) fn limit(&self) -> RawFd {
        let highest = self.0.iter().rposition(|&bits| bits != 0);
        highest.map_or(0, |word| ((word + 1) * WORD_BITS) as RawFd - self.0[word].leading_zeros() as RawFd)
    }
}

fn place(descriptor: RawFd) -> (usize, libc::c_ulong) {
    let place = usize::try_from(descriptor).expect("a descriptor of a set is not negative");
    (place / WORD_BITS, 1 << (place % WORD_BITS))
}

/// The numbers of the bits that are set, from the lowest.
struct Bits(libc::c_ulong);

impl Iterator for Bits {
    type Item = RawFd;

    fn next(&mut self) -> Option<RawFd> {
        let lowest = (self.0 != 0).then(|| self.0.trailing_zeros() as RawFd)?;
        self.0 &= self.0 - 1;
        Some(lowest)
    }
}

/// Leave in `readable` and `writable` those below `limit` that are, blocking up to `timeout`,
/// rounded up to microseconds (`None`: until there are some). Returns how many there are in both;
/// after an error what the sets hold is unspecified.
///
/// # Errors
/// `Interrupted` by a signal; `EBADF` where a member has been closed.
pub(crate) fn select(
    limit: RawFd,
    readable: &mut Bitmap,
    writable: &mut Bitmap,
    timeout: Option<Duration>,
) -> io::Result<usize> {
    assert!((0..=FD_SETSIZE as RawFd).contains(&limit), "the kernel reads this many bits");
    let mut timeout = timeout.map(time_value);
    let timeout = timeout.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    // SAFETY: both sets are as large as an fd_set (asserted above) and ours to write to, and the
    // kernel touches no bit at or above `limit`, which is at most FD_SETSIZE; `timeout` is null or
    // points to a value that lives until the end of this function.
    let ready = unsafe {
        libc::select(
            limit,
            std::ptr::from_mut(readable).cast(),
            std::ptr::from_mut(writable).cast(),
            std::ptr::null_mut(),
            timeout,
        )
    };
    usize::try_from(ready).map_err(|_| io::Error::last_os_error())
}

/// Rounded up. Some kernels refuse more than 100 million seconds.
fn time_value(time: Duration) -> libc::timeval {
    const SECONDS_MAX: u128 = 100_000_000;
    let micros = time.as_nanos().div_ceil(1_000).min(SECONDS_MAX * 1_000_000);
    libc::timeval { tv_sec: (micros / 1_000_000) as _, tv_usec: (micros % 1_000_000) as _ }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_order_and_the_limit_is_above_the_last() {
        let mut set = Bitmap::default();
        assert_eq!((set.members(1024).count(), set.limit()), (0, 0));
        let members = [0, 1, 31, 32, 63, 64, 500, 1022, 1023];
        for member in members {
            set.insert(member);
            assert_eq!(set.limit(), member + 1);
        }
        assert!(set.members(set.limit()).eq(members));
        for member in members.into_iter().rev() {
            assert!(set.contains(member));
            assert_eq!(set.limit(), member + 1);
            set.remove(member);
            assert!(!set.contains(member));
        }
    }

    #[test]
    fn a_bitmap_agrees_with_the_kernels_fd_set() {
        let mut set = Bitmap::default();
        for member in [0, 7, 33, 64, 1023] {
            set.insert(member);
        }
        let kernels = std::ptr::from_ref(&set).cast::<libc::fd_set>();
        for descriptor in 0..FD_SETSIZE as RawFd {
            // SAFETY: a Bitmap is as large as an fd_set, any bits are valid there, and the
            // descriptor is below FD_SETSIZE.
            let there = unsafe { libc::FD_ISSET(descriptor, kernels) };
            assert_eq!(there, set.contains(descriptor), "descriptor {descriptor}");
        }
    }

    #[test]
    fn descriptors_outside_the_set_are_no_members() {
        let mut set = Bitmap::default();
        for descriptor in [-1, 1024, RawFd::MAX] {
            assert!(!Bitmap::can_hold(descriptor) && !set.contains(descriptor));
            set.remove(descriptor);
        }
    }

    #[test]
    fn microseconds_are_rounded_up() {
        for (nanos, seconds, micros) in [(0, 0, 0), (1, 0, 1), (1_000, 0, 1), (1_000_000_001, 1, 1)] {
            let value = time_value(Duration::from_nanos(nanos));
            assert_eq!((value.tv_sec, value.tv_usec), (seconds, micros));
        }
        assert_eq!(time_value(Duration::MAX).tv_sec, 100_000_000);
    }
}
