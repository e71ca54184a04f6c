//! As many random elements as a client asks for. The one rule: however many that are, the reply is bounded.
//!
//! A negative count of SRANDMEMBER, HRANDFIELD or ZRANDMEMBER is no longer bounded by what there is to draw
//! from: Redis would write such a reply until its memory ends.

use super::call::Call;
use super::error::Error;
use std::ops::ControlFlow;

/// The most bytes of drawn elements in a reply.
const BYTES_MAX: usize = 256 * 1024 * 1024;
/// The bytes of an empty element: `$0`, and two line ends.
const EMPTY_BYTES: usize = 6;

/// How many elements are to be drawn, with their length each time.
#[derive(Debug)]
pub(crate) struct Draws {
    left: usize,
    room: usize,
}

impl Draws {
    /// So many draws.
    ///
    /// # Errors
    /// If even empty elements would exceed the bound.
    pub(crate) fn new(count: u64) -> Result<Self, Error> {
        let left = usize::try_from(count).ok().filter(|count| *count <= BYTES_MAX / EMPTY_BYTES);
        Ok(Self { left: left.ok_or(Error::OutOfRange)?, room: BYTES_MAX })
    }

    /// How many are still to be drawn.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// An element of so many bytes was drawn: whether to go on.
    pub(crate) fn drew(&mut self, bytes: usize) -> ControlFlow<()> {
        self.left = self.left.saturating_sub(1);
        let room = self.room.checked_sub(bytes.saturating_add(EMPTY_BYTES));
        self.room = room.unwrap_or(0);
        if self.left == 0 || room.is_none() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// If the reply has become too long, the client does not get it, and is disconnected.
    pub(crate) fn end(self, call: &Call<'_>) {
        if self.left > 0 {
            call.client.kill();
        }
    }
}

/// The count of a command that draws: any but the least integer, whose magnitude is none.
pub(crate) fn count(call: &Call<'_>, index: usize) -> Result<i64, Error> {
    match call.integer(index)? {
        i64::MIN => Err(Error::Between(-i64::MAX, i64::MAX)),
        count => Ok(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_fit_is_refused_and_what_does_not_fit_ends() {
        assert_eq!(Draws::new(i64::MAX as u64).unwrap_err(), Error::OutOfRange);
        let mut draws = Draws::new(3).unwrap();
        assert_eq!(draws.drew(100), ControlFlow::Continue(()));
        assert_eq!(draws.drew(BYTES_MAX), ControlFlow::Break(()));
        assert_eq!(draws.left(), 1);
        let mut draws = Draws::new(1).unwrap();
        assert_eq!(draws.drew(0), ControlFlow::Break(()));
        assert_eq!(draws.left(), 0);
    }
}
