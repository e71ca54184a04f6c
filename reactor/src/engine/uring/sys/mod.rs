//! The ring: system calls and shared memory behind safe methods. The one unsafe module of this engine.
//!
//! Its rule: **memory that the kernel was told of belongs to this module until the kernel is done
//! with it.** Provided buffers live in [`Buffers`], bytes on their way out in [`Sends`]; whoever uses
//! the ring handles numbers and gets slices. So nothing outside can free or change what the kernel
//! reads or writes.
//!
//! ```text
//!            push                         enter                        next
//! engine ──────────▶ submission queue ──────────▶ kernel ──────────▶ completion queue ──────▶ engine
//!                                                   │ writes into, reads from
//!                                        Buffers (received)   Sends (to be sent)
//! ```
//!
//! The kernel runs deferred work only inside [`Ring::enter`] (DEFER_TASKRUN), in this thread. So
//! between two calls nothing here changes but the flags of the submission queue.

use crate::engine::Token;
use io_uring::{EnterFlags, IoUring, Probe, cqueue, opcode, squeue, types};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::time::Duration;

mod buffers;
mod memory;
mod sends;
mod tag;

pub(crate) use buffers::{Buffers, Chain, Filled};
pub(crate) use sends::{Key, Sends};
pub(crate) use tag::Operation;

use tag::Tag;

/// How large the two queues are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// How many submissions one system call takes; more are submitted by another call.
    pub(crate) submissions: u32,
    /// How many completions fit before the kernel queues them on its side.
    pub(crate) completions: u32,
}

impl Sizes {
    /// 64 KiB each.
    pub(crate) const USUAL: Self = Self { submissions: 1024, completions: 4096 };
}

/// One completed step of an operation. Errors are numbers, as the kernel gives them.
#[derive(Debug)]
pub(crate) enum Completion {
    /// A stream's input: a buffer with some, or how it ended. `more` will come without asking.
    Received { token: Token, outcome: Result<Option<Filled>, i32>, more: bool },
    /// Some of a record was sent; [`Sends::unsent`] tells how much is left.
    Sent { key: Key, outcome: Result<(), i32> },
    /// A listener's connection.
    Accepted { token: Token, outcome: Result<OwnedFd, i32>, more: bool },
    /// A polled descriptor has input, or room for output.
    Ready { token: Token, writable: bool },
    /// The watched bell was rung, and is watched on if there is `more`.
    Rung { more: bool },
    /// Of no interest.
    Ignored,
}

/// Why [`Ring::enter`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// It did what it was asked for, as far as it could.
    Done,
    /// The time was up.
    TimedOut,
    /// A signal came, or memory is short: try again later.
    Interrupted,
}

/// An io_uring and the memory it works on. It belongs to the thread that made it.
pub(crate) struct Ring {
    // Fields are dropped in this order: the ring is torn down before what it reads and writes.
    uring: IoUring,
    pub(crate) buffers: Buffers,
    pub(crate) sends: Sends,
    /// Waiting is not to be accounted as waiting for a disk, where the kernel knows the difference.
    wait_flags: EnterFlags,
}

impl Ring {
    /// Set up a ring for this thread.
    ///
    /// # Errors
    /// What the kernel lacks or forbids, in words.
    pub(crate) fn new(sizes: Sizes) -> io::Result<Self> {
        let uring = build(sizes)?;
        check(&uring)?;
        let buffers = Buffers::new(&uring)?;
        let wait_flags = match uring.params().is_feature_no_iowait() {
            true => EnterFlags::NO_IOWAIT,
            false => EnterFlags::empty(),
        };
        Ok(Self { uring, buffers, sends: Sends::default(), wait_flags })
    }

    /// Submit everything, run what the kernel deferred, and wait until `want` completions are there or
    /// `timeout` has passed (`None`: for ever).
    ///
    /// # Errors
    /// Only what cannot be mended by trying again later.
    pub(crate) fn enter(&mut self, want: u32, timeout: Option<Duration>) -> io::Result<Entered> {
        self.buffers.publish();
        let pending = self.uring.submission().len() as u32;
        let mut flags = EnterFlags::GETEVENTS;
        if want > 0 {
            flags |= self.wait_flags;
        }
        let submitter = self.uring.submitter();
        let entered = if let Some(timeout) = timeout.filter(|_| want > 0) {
            let timespec = types::Timespec::from(timeout);
            let arguments = types::SubmitArgs::new().timespec(&timespec);
            let flags = (flags | EnterFlags::EXT_ARG).bits();
            // SAFETY: the argument is the structure that EXT_ARG announces, and it and the time it
            // points to outlive the call. What the entries point to was checked when they were pushed.
            unsafe { submitter.enter(pending, want, flags, Some(&arguments)) }
        } else {
            // SAFETY: without EXT_ARG the argument is a signal mask, and none is given.
            unsafe { submitter.enter::<libc::sigset_t>(pending, want, flags.bits(), None) }
        };
        match entered {
            Ok(_) => Ok(Entered::Done),
            Err(error) => match error.raw_os_error() {
                Some(libc::ETIME) => Ok(Entered::TimedOut),
                // What was not taken stays queued.
                Some(libc::EINTR | libc::EAGAIN | libc::EBUSY | libc::ENOMEM) => Ok(Entered::Interrupted),
                _ => Err(error),
            },
        }
    }

    /// Take the oldest completion.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Completion> {
        let entry = self.uring.completion().next()?;
        let (tag, more) = (Tag(entry.user_data()), cqueue::more(entry.flags()));
        let outcome = match entry.result() {
            error if error < 0 => Err(-error),
            count => Ok(count),
        };
        let token = tag.token();
        Some(match tag.operation() {
            Operation::Receive => {
                let buffer = cqueue::buffer_select(entry.flags());
                let filled = buffer.and_then(|id| self.buffers.filled(id, outcome.unwrap_or(0)));
                Completion::Received { token, outcome: outcome.map(|_| filled), more }
            }
            Operation::Send => {
                let key = Key::from(token);
                self.sends.settle(key, outcome.map_or(0, |count| count as usize));
                Completion::Sent { key, outcome: outcome.map(drop) }
            }
            Operation::Accept => {
                // SAFETY: a successful accept brings a new descriptor that nobody else knows, once.
                let outcome = outcome.map(|number| unsafe { OwnedFd::from_raw_fd(number) });
                Completion::Accepted { token, outcome, more }
            }
            Operation::PollRead => Completion::Ready { token, writable: false },
            Operation::PollWrite => Completion::Ready { token, writable: true },
            Operation::Wake => Completion::Rung { more },
            Operation::Ignored => Completion::Ignored,
        })
    }

    /// Take a record of which silence tells that it was sent, once every completion was taken.
    #[inline]
    pub(crate) fn next_silent(&mut self) -> Option<Key> {
        if !self.sends.has_silent() || !self.is_reaped() {
            return None;
        }
        self.sends.next_silent()
    }

    /// Whether the kernel holds completions back because the queue was full: entering brings them.
    pub(crate) fn is_overflowing(&mut self) -> bool {
        self.uring.submission().cq_overflow()
    }

    /// Whether the kernel has work for this thread, which entering would do.
    pub(crate) fn has_work(&mut self) -> bool {
        self.has_deferred() || self.is_overflowing()
    }

    /// Whether the kernel has deferred work for this thread.
    pub(crate) fn has_deferred(&mut self) -> bool {
        self.uring.submission().taskrun()
    }

    /// Whether entering now, without waiting, could bring or change nothing.
    pub(crate) fn is_idle(&mut self) -> bool {
        self.is_reaped() && !self.has_work()
    }

    /// Whether the kernel has taken every submission, and everything it tells of them was taken here.
    fn is_reaped(&mut self) -> bool {
        self.is_submitted() && self.uring.completion().is_empty() && !self.is_overflowing()
    }

    /// Whether the kernel has taken every entry that was pushed.
    pub(crate) fn is_submitted(&mut self) -> bool {
        self.uring.submission().is_empty()
    }

    /// Accept connections from a listener until it fails or is cancelled.
    pub(crate) fn accept(&mut self, listener: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        let entry = opcode::AcceptMulti::new(types::Fd(listener.as_raw_fd())).flags(flags).build();
        self.push_plain(entry, Tag::of(Operation::Accept, token))
    }

    /// Receive from a stream into provided buffers until it ends, fails or is cancelled, or until
    /// there is no buffer.
    pub(crate) fn receive(&mut self, stream: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        let entry = opcode::RecvMulti::new(types::Fd(stream.as_raw_fd()), Buffers::GROUP).build();
        self.push_plain(entry, Tag::of(Operation::Receive, token))
    }

    /// Tell once when there is something to read.
    pub(crate) fn poll_read(&mut self, what: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        self.poll(what, libc::POLLIN, false, Tag::of(Operation::PollRead, token))
    }

    /// Tell once when there is room to write.
    pub(crate) fn poll_write(&mut self, what: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        self.poll(what, libc::POLLOUT, false, Tag::of(Operation::PollWrite, token))
    }

    /// Tell each time that the bell is rung.
    pub(crate) fn watch(&mut self, bell: BorrowedFd<'_>) -> io::Result<()> {
        self.poll(bell, libc::POLLIN, true, Tag::WAKE)
    }

    fn poll(&mut self, what: BorrowedFd<'_>, mask: i16, forever: bool, tag: Tag) -> io::Result<()> {
        let entry = opcode::PollAdd::new(types::Fd(what.as_raw_fd()), mask as u32).multi(forever).build();
        self.push_plain(entry, tag)
    }

    /// Send what a record of [`Sends`] holds. If `told`, a success is reported like a failure.
    pub(crate) fn send(&mut self, key: Key, to: BorrowedFd<'_>, told: bool) -> io::Result<()> {
        let attempt = self.sends.next_attempt(key, told);
        let entry = self.sends.entry(key, to.as_raw_fd(), attempt);
        // SAFETY: the entry points to bytes (and a message header) that the record owns; it neither
        // changes nor frees them while it is under way, and that is from `begin` to its completion.
        unsafe { self.push(entry, Tag::of(Operation::Send, key.into()))? };
        self.sends.begin(key, attempt);
        Ok(())
    }

    /// Cancel an operation. It then completes with ECANCELED, if it had not before.
    pub(crate) fn cancel(&mut self, operation: Operation, token: Token) -> io::Result<()> {
        let entry = opcode::AsyncCancel::new(Tag::of(operation, token).0).build();
        self.push_plain(entry.flags(squeue::Flags::SKIP_SUCCESS), Tag::IGNORED)
    }

    /// Cancel everything that is under way.
    pub(crate) fn cancel_all(&mut self) -> io::Result<()> {
        let entry = opcode::AsyncCancel2::new(types::CancelBuilder::any().all()).build();
        self.push_plain(entry, Tag::IGNORED)
    }

    /// Close a descriptor, after all that was pushed before has been submitted.
    pub(crate) fn close(&mut self, descriptor: OwnedFd) -> io::Result<()> {
        let entry = opcode::Close::new(types::Fd(descriptor.as_raw_fd())).build();
        self.push_plain(entry.flags(squeue::Flags::SKIP_SUCCESS), Tag::IGNORED)?;
        // From here on the kernel closes it.
        let _ = descriptor.into_raw_fd();
        Ok(())
    }

    fn push_plain(&mut self, entry: squeue::Entry, tag: Tag) -> io::Result<()> {
        // SAFETY: the callers' entries hold no pointer; buffers that are selected by their group are
        // found by its registration, and live as long as the ring.
        unsafe { self.push(entry, tag) }
    }

    /// # Safety
    /// What `entry` points to is valid, and nobody else's, until the operation is done.
    unsafe fn push(&mut self, entry: squeue::Entry, tag: Tag) -> io::Result<()> {
        let entry = entry.user_data(tag.0);
        // SAFETY: by this function's own contract.
        while unsafe { self.uring.submission().push(&entry) }.is_err() {
            let before = self.uring.submission().len();
            self.enter(0, None)?;
            if self.uring.submission().len() == before {
                return Err(io::ErrorKind::OutOfMemory.into());
            }
        }
        Ok(())
    }
}

/// A ring with every flag that this engine is built on; the one that is younger may be missing.
fn build(sizes: Sizes) -> io::Result<IoUring> {
    let mut builder = IoUring::builder();
    builder
        .setup_cqsize(sizes.completions)
        .setup_submit_all()
        .setup_coop_taskrun()
        .setup_taskrun_flag()
        .setup_single_issuer()
        .setup_defer_taskrun();
    // NO_SQARRAY came with 6.6, and the kernel refuses what it does not know.
    let newest = builder.clone().setup_no_sqarray().build(sizes.submissions);
    newest.or_else(|_| builder.build(sizes.submissions)).map_err(explain)
}

/// What a failure to set up a ring means.
fn explain(error: io::Error) -> io::Error {
    let meaning = match error.raw_os_error() {
        Some(libc::ENOSYS) => "the kernel has no io_uring",
        Some(libc::EPERM | libc::EACCES) => {
            "io_uring is forbidden here (kernel.io_uring_disabled or a system call filter)"
        }
        Some(libc::EINVAL) => "the kernel's io_uring has no deferred task work (Linux 6.1 has)",
        Some(libc::ENOMEM) => "not enough memory may be locked for an io_uring (RLIMIT_MEMLOCK)",
        _ => return error,
    };
    io::Error::new(io::ErrorKind::Unsupported, meaning)
}

/// Refuse a ring that lacks what this engine uses.
fn check(uring: &IoUring) -> io::Result<()> {
    let parameters = uring.params();
    let features = [
        (parameters.is_feature_nodrop(), "completions that are never dropped"),
        (parameters.is_feature_submit_stable(), "stable submissions"),
        (parameters.is_feature_fast_poll(), "fast polling"),
        (parameters.is_feature_ext_arg(), "waiting with a timeout"),
        (parameters.is_feature_skip_cqe_on_success(), "silent successes"),
    ];
    let mut probe = Probe::new();
    uring.submitter().register_probe(&mut probe)?;
    let operations = [
        (opcode::AcceptMulti::CODE, "accept"),
        (opcode::RecvMulti::CODE, "receive"),
        (opcode::Send::CODE, "send"),
        (opcode::SendMsg::CODE, "sendmsg"),
        (opcode::PollAdd::CODE, "poll"),
        (opcode::AsyncCancel::CODE, "cancel"),
        (opcode::Close::CODE, "close"),
    ];
    let operations = operations.map(|(code, name)| (probe.is_supported(code), name));
    match features.iter().chain(&operations).find(|(there, _)| !there) {
        None => Ok(()),
        Some((_, name)) => {
            let meaning = format!("the kernel's io_uring lacks: {name}");
            Err(io::Error::new(io::ErrorKind::Unsupported, meaning))
        }
    }
}
