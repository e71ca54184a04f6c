//! Two protocols that talk to each other without a network.

use super::StringTransport;
use crate::{Protocol, Reason};
use std::io;

/// Two protocols, each the other's peer: Twisted's IOPump. Nothing moves until it is [`pump`](Self::pump)ed.
///
/// ```
/// use ropewalk_reactor::prelude::*;
/// use ropewalk_reactor::testing::JoinedPair;
///
/// struct Asks(Vec<u8>);
/// impl Protocol for Asks {
///     fn connection_made(&mut self, transport: &Transport) {
///         transport.write(b"ping");
///     }
///     fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
///         self.0.extend_from_slice(&input.split());
///         transport.close();
///     }
/// }
///
/// struct Answers;
/// impl Protocol for Answers {
///     fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
///         input.clear();
///         transport.write(b"pong");
///     }
/// }
///
/// let mut pair = JoinedPair::new(Asks(Vec::new()), Answers);
/// pair.pump();
/// assert_eq!(pair.left().protocol().0, b"pong");
/// assert!(pair.is_over());
/// ```
pub struct JoinedPair<L: Protocol, R: Protocol> {
    left: StringTransport<L>,
    right: StringTransport<R>,
    /// Whether the left one's end was told to the right one, and the reverse.
    told: (bool, bool),
    over: bool,
}

impl<L: Protocol, R: Protocol> JoinedPair<L, R> {
    /// Two protocols, not connected yet.
    pub fn new(left: L, right: R) -> Self {
        let (left, right) = (StringTransport::new(left), StringTransport::new(right));
        Self { left, right, told: (false, false), over: false }
    }

    /// Move what each has written to the other, and tell each of the other's end, until both are quiet.
    /// Returns how many bytes were moved.
    pub fn pump(&mut self) -> usize {
        let mut moved = 0;
        self.left.connect();
        self.right.connect();
        while !self.over {
            let (rightward, leftward) = (self.left.output(), self.right.output());
            moved += rightward.len() + leftward.len();
            if !rightward.is_empty() {
                self.right.feed(&rightward);
            }
            if !leftward.is_empty() {
                self.left.feed(&leftward);
            }
            if rightward.is_empty() && leftward.is_empty() && !self.pass_ends() {
                break;
            }
        }
        moved
    }

    /// The left protocol, with its transport.
    pub fn left(&mut self) -> &mut StringTransport<L> {
        &mut self.left
    }

    /// The right protocol, with its transport.
    pub fn right(&mut self) -> &mut StringTransport<R> {
        &mut self.right
    }

    /// Whether the connection is gone for both.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Tell each of the other's end; whether there was something to tell.
    fn pass_ends(&mut self) -> bool {
        if self.left.is_aborting() || self.right.is_aborting() {
            let reset = || Reason::Lost(io::ErrorKind::ConnectionReset.into());
            let why = |aborting: bool| if aborting { Reason::Aborted } else { reset() };
            let (left, right) = (why(self.left.is_aborting()), why(self.right.is_aborting()));
            return self.end(left, right);
        }
        let left_done = self.left.is_closing() || self.left.is_half_closed();
        let right_done = self.right.is_closing() || self.right.is_half_closed();
        if left_done && !std::mem::replace(&mut self.told.0, left_done) {
            self.right.eof();
            return true;
        }
        if right_done && !std::mem::replace(&mut self.told.1, right_done) {
            self.left.eof();
            return true;
        }
        (self.left.is_closing() && right_done
            || self.right.is_closing() && left_done
            || left_done && right_done)
            && self.end(Reason::Done, Reason::Done)
    }

    fn end(&mut self, left: Reason, right: Reason) -> bool {
        self.over = true;
        self.left.lose(left);
        self.right.lose(right);
        true
    }
}
