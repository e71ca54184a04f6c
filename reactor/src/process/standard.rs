//! This process's standard input and output as one connection.
//!
//! They may be files, terminals or pipes, and no kernel interface serves all three: `epoll` refuses
//! files, and a descriptor that does not block is needed, yet O_NONBLOCK belongs to the open file, which
//! is shared with the shell and with every program in the pipeline. So two threads carry the bytes
//! between the streams, which stay as they are, and a socket pair, which works everywhere.
//!
//! ```text
//!   stdin  ──▶ thread ──▶ ┐ socket ┌ ──▶ protocol
//!   stdout ◀── thread ◀── ┘  pair  └ ◀── protocol
//! ```
//!
//! One rule: what was written is not done until it has been written to the stream.

use crate::deferred::Deferred;
use crate::engine::readiness::SEND_FLAGS;
use crate::policy::{Policy, Under};
use crate::protocol::{Protocol, Reason};
use crate::reactor::Reactor;
use crate::shared::Effect;
use crate::transport::Transport;
use crate::transport::gate::Gate;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, read, retry_on_intr, write};
use rustix::net::send;
use rustix::stdio::{stdin, stdout};
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;

/// How much a thread carries at once.
const LOAD_BYTES: usize = 32 * 1024;

impl Reactor {
    /// Speak `protocol` on this process's standard input and output.
    ///
    /// The end of the input is [`Protocol::eof_received`]; closing the transport ends the output,
    /// and leaves both descriptors open. What comes back fires when all that was written has been
    /// written to the standard output, or could not be; [`Reactor::run`] waits for that as its last thing,
    /// as long as [`Builder::shutdown_limit`](crate::Builder::shutdown_limit) allows, so a program may
    /// exit when `run` returns. Call it once: two protocols would share the input by chance.
    ///
    /// # Errors
    /// If no thread or descriptor is left. `Unsupported` in a simulation.
    pub fn standard_streams(&self, protocol: impl Protocol + 'static) -> io::Result<Deferred<()>> {
        self.need_a_kernel("standard streams")?;
        let (pair, theirs) = self.prepare_pair()?;
        #[cfg(target_vendor = "apple")]
        rustix::net::sockopt::set_socket_nosigpipe(&theirs, true)?;
        let theirs = Arc::new(theirs);
        let (resolver, done) = self.deferred();
        let (flushed, at_shutdown) = self.deferred();
        let output = theirs.clone();
        self.on_own_thread(
            "ropewalk-stdout",
            move || carry_out(&output),
            move |outcome| {
                resolver.resolve(outcome.map_err(Into::into));
                flushed.resolve(Ok(()));
            },
        )?;
        let input = theirs.clone();
        // Where this fails the pair is closed, which ends the other thread.
        self.on_own_thread("ropewalk-stdin", move || carry_in(&input), drop)?;
        self.0.push(Effect::AfterShutdown(Box::new(move || Some(at_shutdown))));
        pair.connect(Box::new(Under::with(Unplug(theirs), protocol)));
        Ok(done)
    }
}

/// What was written comes out of the pair and goes to the standard output, to the end.
fn carry_out(pair: &UnixStream) -> io::Result<()> {
    let mut load = vec![0; LOAD_BYTES];
    let mut failure = None;
    loop {
        let count = retry_on_intr(|| read(pair, &mut load))?;
        if count == 0 {
            return failure.map_or(Ok(()), |error: Errno| Err(error.into()));
        }
        if failure.is_none() {
            failure = write_all(&load[..count]).err();
            if failure.is_some() {
                // The protocol learns of it when it writes the next time. What is in the pair is
                // dropped, or whoever waits for room there would not write again.
                pair.shutdown(Shutdown::Read)?;
            }
        }
    }
}

/// Somebody else may have set O_NONBLOCK on the open file that we share: then wait for room.
fn write_all(mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match write(stdout(), bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let mut room = [PollFd::from_borrowed_fd(stdout(), PollFlags::OUT)];
                retry_on_intr(|| poll(&mut room, None))?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The standard input goes into the pair, until it ends or nobody wants it any more.
fn carry_in(pair: &UnixStream) {
    if let Err(error) = carry_until_unplugged(pair) {
        tracing::debug!(%error, "the standard input can't be read any more");
    }
    // It fails where the other end is gone already.
    let _ = pair.shutdown(Shutdown::Write);
}

fn carry_until_unplugged(pair: &UnixStream) -> io::Result<()> {
    let mut load = vec![0; LOAD_BYTES];
    loop {
        // Without asking first, a load would be taken from the terminal that nobody wants.
        let mut ready =
            [PollFd::from_borrowed_fd(stdin(), PollFlags::IN), PollFd::new(pair, PollFlags::empty())];
        retry_on_intr(|| poll(&mut ready, None))?;
        let (input, unplugged) = (ready[0].revents(), !ready[1].revents().is_empty());
        if unplugged {
            return Ok(());
        }
        if input.is_empty() {
            continue;
        }
        match read(stdin(), &mut load) {
            Ok(0) => return Ok(()),
            Ok(count) => match send_all(pair, &load[..count]) {
                Err(Errno::PIPE) => return Ok(()),
                sent => sent?,
            },
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn send_all(pair: &UnixStream, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let count = retry_on_intr(|| send(pair, bytes, SEND_FLAGS))?;
        bytes = &bytes[count..];
    }
    Ok(())
}

/// Ends the thread that reads, and tells the loop that nothing more will come, once the connection is
/// gone.
struct Unplug(Arc<UnixStream>);

impl Policy for Unplug {
    fn attach(&self, transport: &Transport) {
        transport.0.add_gate(Rc::new(Self(self.0.clone())));
    }
}

impl Gate for Unplug {
    fn closed(&self, _: &Transport, _: &Reason) {
        // It fails where that end is shut already.
        let _ = self.0.shutdown(Shutdown::Write);
    }
}
