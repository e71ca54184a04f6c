//! A connection's state as a set of flags in one word.

use std::cell::Cell;

/// One bit of a connection's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Flag {
    /// There were news to receive, and nothing said since that all is received.
    Readable = 1,
    /// No send was refused since the last news of room.
    Writable = 1 << 1,
    /// The loop will look at it without being told.
    Queued = 1 << 2,
    /// The protocol paused its reading.
    Paused = 1 << 3,
    /// The consumer it produces for paused its reading.
    ProducerPaused = 1 << 4,
    /// It has paused its own producer.
    HoldsProducer = 1 << 5,
    /// The input at hand is to be delivered although nothing new has come.
    Redeliver = 1 << 6,
    /// To be closed once everything was sent.
    Closing = 1 << 7,
    /// To be reset.
    Aborting = 1 << 8,
    /// To be shut for writing once everything was sent.
    HalfClosing = 1 << 9,
    /// Shut for writing.
    HalfClosed = 1 << 10,
    /// The peer has finished sending.
    EofSeen = 1 << 11,
    /// The protocol knows that the peer has finished sending.
    EofTold = 1 << 12,
    /// The protocol knows that it is connected.
    Made = 1 << 13,
    /// More waits to leave than the high watermark.
    Full = 1 << 14,
    /// The protocol knows that the transport is full.
    FullTold = 1 << 15,
    /// Something new came in this turn.
    Fresh = 1 << 16,
    /// It is being closed because the reactor stops.
    Stopping = 1 << 17,
    /// The time set by the protocol is up, and it is to be told.
    TimedOut = 1 << 18,
    /// The linger deadline of its closing is running.
    Lingering = 1 << 19,
    /// Bytes have left since the linger deadline was set.
    Progress = 1 << 20,
    /// Another protocol or a layer takes over in the next turn: until then nothing is delivered.
    Switching = 1 << 21,
    /// A layer stands between the wire and the protocol, or is about to.
    Layered = 1 << 23,
    /// Gone: `connection_lost` was or is about to be called.
    Dead = 1 << 22,
    /// Gates stand at it (see `gate`).
    Gated = 1 << 24,
    /// A gate has paused its reading.
    Held = 1 << 25,
    /// A gate lets none of its output pass for now.
    Withheld = 1 << 26,
    /// Sending failed: it is over once everything that came before was delivered.
    Broken = 1 << 27,
}

/// A set of flags, in a cell.
#[derive(Debug)]
pub(crate) struct Flags(Cell<u32>);

impl Flags {
    pub(crate) fn new(flags: &[Flag]) -> Self {
        Self(Cell::new(mask(flags)))
    }

    /// Whether the flag is up.
    #[inline]
    pub(crate) fn has(&self, flag: Flag) -> bool {
        self.0.get() & flag as u32 != 0
    }

    /// Whether one of these is up.
    #[inline]
    pub(crate) fn any(&self, flags: &[Flag]) -> bool {
        self.0.get() & mask(flags) != 0
    }

    /// Raise it; whether it was down.
    #[inline]
    pub(crate) fn set(&self, flag: Flag) -> bool {
        let before = self.0.get();
        self.0.set(before | flag as u32);
        before & flag as u32 == 0
    }

    /// Lower it; whether it was up.
    #[inline]
    pub(crate) fn clear(&self, flag: Flag) -> bool {
        let before = self.0.get();
        self.0.set(before & !(flag as u32));
        before & flag as u32 != 0
    }
}

#[inline]
fn mask(flags: &[Flag]) -> u32 {
    flags.iter().fold(0, |mask, flag| mask | *flag as u32)
}
