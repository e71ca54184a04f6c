//! What the engine knows of each descriptor.
//!
//! One rule: ten thousand idle connections have ten thousand of these, so what few of them need is
//! in a box of its own.

use super::sys::{Buffers, Chain, Key};
use crate::engine::table::Entry;
use bytes::{Buf, BytesMut};
use std::cell::Cell;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;

/// What a descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Stream,
    /// A stream whose connection attempt is under way, or has failed.
    Connecting,
    Listener,
    Datagram,
}

/// Where the operation stands that brings a descriptor's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// Not under way: nothing more will come, or what has come is to be pulled first.
    Idle,
    /// To be submitted at the next wait.
    Queued,
    /// Under way in the kernel.
    Armed,
    /// Being cancelled; its last completion is still to come.
    Cancelling,
    /// It ended for want of buffers, and is to be submitted when there are some.
    Starved,
}

/// How a stream's input ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The peer has finished sending.
    Finished,
    /// It broke, or could not be connected: the error's number.
    Failed(i32),
}

/// The state of one descriptor.
pub(super) struct Slot {
    pub(super) kind: Kind,
    pub(super) input: Input,
    /// The reactor was told that there is input, and has not been told since that there is none.
    pub(super) is_reported: bool,
    /// It is among those that may hold what others need.
    pub(super) is_holding: bool,
    /// Its input was pulled since the last wait.
    pub(super) is_pulled: bool,
    /// A poll is under way that tells of room, or of a connection.
    pub(super) is_polled: bool,
    /// Someone waits to be told that everything was sent.
    pub(super) is_awaited: Cell<bool>,
    pub(super) end: Option<End>,
    /// What was received and not yet pulled.
    pub(super) held: Chain,
    /// What is being sent.
    pub(super) sending: Option<Key>,
    extra: Option<Box<Extra>>,
}

/// What few descriptors have.
#[derive(Default)]
pub(super) struct Extra {
    /// Input that was moved out of provided buffers; older than what is held.
    pub(super) spill: BytesMut,
    /// Accepted connections that were not yet pulled.
    pub(super) accepted: VecDeque<OwnedFd>,
    /// Why accepting ended.
    pub(super) accept_error: Option<i32>,
    /// Why a send failed whose bytes were taken before.
    pub(super) send_error: Option<i32>,
}

impl Slot {
    pub(super) fn new(kind: Kind, input: Input) -> Self {
        Self {
            kind,
            input,
            is_reported: false,
            is_holding: false,
            is_pulled: false,
            is_polled: false,
            is_awaited: Cell::new(false),
            end: None,
            held: Chain::EMPTY,
            sending: None,
            extra: None,
        }
    }

    pub(super) fn extra(&self) -> Option<&Extra> {
        self.extra.as_deref()
    }

    pub(super) fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Whether there is input that was not yet pulled.
    pub(super) fn has_input(&self) -> bool {
        !self.held.is_empty() || self.extra().is_some_and(|extra| !extra.spill.is_empty())
    }

    /// What the end of the stream is: a send that was told of a reset leaves nothing to tell for the
    /// receive behind it.
    pub(super) fn end_of_stream(&self) -> End {
        match self.extra().and_then(|extra| extra.send_error) {
            Some(libc::ECONNRESET) => End::Failed(libc::ECONNRESET),
            _ => End::Finished,
        }
    }

    /// How many accepted connections were not yet pulled.
    pub(super) fn accepted(&self) -> usize {
        self.extra().map_or(0, |extra| extra.accepted.len())
    }

    /// Append what has come to `into`'s spare capacity, oldest first; returns how much that was.
    #[inline]
    pub(super) fn pull(&mut self, buffers: &mut Buffers, into: &mut BytesMut) -> usize {
        let before = into.len();
        self.is_pulled = true;
        if self.extra.is_some() {
            self.pull_spill(into);
        }
        loop {
            let front = buffers.front(&self.held);
            let count = front.len().min(into.capacity() - into.len());
            if count == 0 {
                return into.len() - before;
            }
            into.extend_from_slice(&front[..count]);
            buffers.consume(&mut self.held, count);
        }
    }

    #[cold]
    fn pull_spill(&mut self, into: &mut BytesMut) {
        let Some(extra) = &mut self.extra else { return };
        let count = extra.spill.len().min(into.capacity() - into.len());
        into.extend_from_slice(&extra.spill[..count]);
        extra.spill.advance(count);
        if extra.spill.is_empty() {
            extra.spill = BytesMut::new();
            if extra.send_error.is_none() {
                self.extra = None;
            }
        }
    }

    /// Move what is held to memory of its own, so that its buffers go back to the kernel.
    pub(super) fn spill(&mut self, buffers: &mut Buffers) {
        while !self.held.is_empty() {
            let front = buffers.front(&self.held);
            self.extra.get_or_insert_default().spill.extend_from_slice(front);
            let count = front.len();
            buffers.consume(&mut self.held, count);
        }
    }
}

const _: () = assert!(size_of::<Entry<Slot>>() <= 48, "ten thousand idle connections pay for this");
