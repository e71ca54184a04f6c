//! As many random elements as a client asks for. The one rule: however many that are, it ends.
//!
//! A negative count of SRANDMEMBER, HRANDFIELD or ZRANDMEMBER is not bounded by what there is to draw from: Redis would
//! draw until its memory ends.

use super::call::Call;
use super::error::Error;
use ropewalk_protocols::resp::ReplyWriter;
use std::ops::ControlFlow;

/// The most elements that are drawn with one command: a second's work, about.
const DRAWS_MAX: usize = 1 << 24;

/// How many elements are still to be drawn, of which any may come again.
#[derive(Debug)]
pub(crate) struct Draws {
    left: usize,
}

impl Draws {
    /// So many draws.
    ///
    /// # Errors
    /// If they are more than a server does at a time.
    pub(crate) fn new(count: u64) -> Result<Self, Error> {
        let left = usize::try_from(count).ok().filter(|count| *count <= DRAWS_MAX);
        Ok(Self { left: left.ok_or(Error::OutOfRange)? })
    }

    /// How many are still to be drawn.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// An element was drawn, and written: whether to go on. A reply that has become too long is not sent anyway.
    pub(crate) fn drew(&mut self, reply: &ReplyWriter<'_>) -> ControlFlow<()> {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || reply.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
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
    use bytes::BytesMut;
    use ropewalk_protocols::resp::Version;

    #[test]
    fn drawing_ends_with_the_count_or_with_the_room_for_a_reply() {
        assert_eq!(Draws::new(i64::MAX as u64).unwrap_err(), Error::OutOfRange);
        let mut out = BytesMut::new();
        let mut reply = ReplyWriter::bounded(&mut out, Version::Resp2, 1000);
        let mut draws = Draws::new(2).unwrap();
        assert_eq!(draws.drew(&reply), ControlFlow::Continue(()));
        assert_eq!(draws.drew(&reply), ControlFlow::Break(()));
        let mut draws = Draws::new(2).unwrap();
        reply.bulk([b'x'; 2000]);
        assert_eq!(draws.drew(&reply), ControlFlow::Break(()));
    }
}
