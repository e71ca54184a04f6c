//! The waker: an eventfd that the ring watches, and a word that says whether anyone sleeps.
//!
//! Its rule: only a bell that wakes someone costs a system call. The loop says that it lies down
//! before it looks for the last time, and that it is up before it looks at what others left for it:
//!
//! ```text
//!              lie_down               wake: write to the eventfd
//!      Awake ────────────▶ Asleep ───────────────▶ Rung
//!        ▲ │                  │                     │
//!        │ └── wake ────▶ Rung│ rise                │ rise: was rung
//!        └────────────────────┴─────────────────────┘
//! ```
//!
//! The eventfd is never read: each write is an edge of its own to a poll that reports each time.

use crate::engine::Wake;
use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};

const AWAKE: u8 = 0;
const ASLEEP: u8 = 1;
const RUNG: u8 = 2;

/// What other threads ring.
pub(super) struct Bell {
    descriptor: OwnedFd,
    state: AtomicU8,
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        let descriptor = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { descriptor, state: AtomicU8::new(AWAKE) })
    }

    /// What to watch for something to read.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// From here on a wake-up is written. Whether the loop may sleep: not if it was rung before.
    pub(super) fn lie_down(&self) -> bool {
        self.state.compare_exchange(AWAKE, ASLEEP, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Whether it was rung since the loop was last up.
    pub(super) fn is_rung(&self) -> bool {
        self.state.load(Ordering::SeqCst) == RUNG
    }

    /// The loop is up again. Whether it was rung.
    pub(super) fn rise(&self) -> bool {
        self.state.swap(AWAKE, Ordering::SeqCst) == RUNG
    }
}

impl Wake for Bell {
    fn wake(&self) {
        if self.state.swap(RUNG, Ordering::SeqCst) == ASLEEP {
            // It cannot fail for want of room: a count of 2⁶⁴ is out of reach.
            let _ = rustix::io::write(&self.descriptor, &1u64.to_ne_bytes());
        }
    }
}
