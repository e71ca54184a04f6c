//! The waker of pollers that know nothing but descriptors: a byte written to a socket pair whose
//! other end is watched like any descriptor.
//!
//! One rule: the flag that saves the second write is set before the byte is written, and cleared
//! after the byte was read but before the reactor drains what it was woken for. Were it cleared
//! before the read, a wake-up between the two would have its byte swallowed and leave the flag set,
//! and no wake-up would ever be written again.

use crate::engine::Wake;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The end that the poller watches.
pub(super) struct SelfPipe {
    receiver: UnixStream,
    sender: Arc<Sender>,
}

struct Sender {
    stream: UnixStream,
    written: AtomicBool,
}

impl SelfPipe {
    pub(super) fn new() -> io::Result<Self> {
        let (receiver, stream) = UnixStream::pair()?;
        receiver.set_nonblocking(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { receiver, sender: Arc::new(Sender { stream, written: AtomicBool::new(false) }) })
    }

    /// The descriptor to watch for something to read.
    pub(super) fn descriptor(&self) -> RawFd {
        self.receiver.as_raw_fd()
    }

    /// It was readable: make it silent again.
    pub(super) fn drain(&self) {
        // There is one byte at the most, because the flag is still set.
        let _ = (&self.receiver).read(&mut [0; 8]);
        self.sender.written.store(false, Ordering::SeqCst);
    }

    pub(super) fn waker(&self) -> Arc<dyn Wake> {
        self.sender.clone()
    }
}

impl Wake for Sender {
    fn wake(&self) {
        if !self.written.swap(true, Ordering::SeqCst) {
            // It cannot fail for want of room, and otherwise only once the poller is gone.
            let _ = (&self.stream).write(&[1]);
        }
    }
}
