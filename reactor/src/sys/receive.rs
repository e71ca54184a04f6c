//! Receiving into the spare capacity of a buffer, which is never zeroed first.

use bytes::{BufMut, BytesMut};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SocketAddrAny, recv, recvfrom};
use std::os::fd::BorrowedFd;

/// One `recv(2)`, appended to `into`. Zero is the end of the stream, or no spare capacity.
///
/// # Errors
/// What the kernel says, but for `EINTR`, which is retried.
#[inline]
pub(crate) fn receive(socket: BorrowedFd<'_>, into: &mut BytesMut) -> Result<usize, Errno> {
    let spare = into.spare_capacity_mut();
    let ((received, _), _) = loop {
        match recv(socket, &mut *spare, RecvFlags::empty()) {
            Err(Errno::INTR) => {}
            outcome => break outcome?,
        }
    };
    let count = received.len();
    // SAFETY: the kernel has initialised the first `count` bytes of the spare capacity.
    unsafe { into.advance_mut(count) };
    Ok(count)
}

/// One `recvfrom(2)`, appended to `into`; what does not fit is lost.
///
/// # Errors
/// What the kernel says, but for `EINTR`, which is retried.
pub(crate) fn receive_from(
    socket: BorrowedFd<'_>,
    into: &mut BytesMut,
) -> Result<(usize, Option<SocketAddrAny>), Errno> {
    let spare = into.spare_capacity_mut();
    let ((received, _), _, from) = loop {
        match recvfrom(socket, &mut *spare, RecvFlags::empty()) {
            Err(Errno::INTR) => {}
            outcome => break outcome?,
        }
    };
    let count = received.len();
    // SAFETY: the kernel has initialised the first `count` bytes of the spare capacity.
    unsafe { into.advance_mut(count) };
    Ok((count, from))
}
