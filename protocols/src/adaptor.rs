//! What the adaptors share: the loop that hands over messages, and the callbacks that pass through.

use bytes::{Buf, BytesMut};
use ropewalk_reactor::Transport;

/// Let `take` take one message after the other off the front of `input`, until it returns false, or
/// a callback has paused reading, closed, or changed the protocol. The input is advanced once.
pub(crate) fn take_messages(
    transport: &Transport,
    input: &mut BytesMut,
    mut take: impl FnMut(&mut &[u8]) -> bool,
) {
    let mut rest = &input[..];
    while transport.is_reading() && take(&mut rest) {}
    let taken = input.len().saturating_sub(rest.len());
    input.advance(taken);
}

/// The callbacks of a receiver that are those of its connection, with what they do unless said.
macro_rules! connection_callbacks {
    () => {
        /// The connection is up. Called once, first.
        fn connection_made(&mut self, transport: &::ropewalk_reactor::Transport) {
            let _ = transport;
        }

        /// The peer will send no more; a message that has not come whole is lost. Unless said
        /// otherwise, what waits is sent and the connection closed.
        fn eof_received(&mut self, transport: &::ropewalk_reactor::Transport) -> ::ropewalk_reactor::Eof {
            let _ = transport;
            ::ropewalk_reactor::Eof::Close
        }

        /// The connection is gone. Called exactly once if `connection_made` was, and last.
        fn connection_lost(
            &mut self,
            transport: &::ropewalk_reactor::Transport,
            why: &::ropewalk_reactor::Reason,
        ) {
            let _ = (transport, why);
        }

        /// The time set by [`Transport::set_timeout`](::ropewalk_reactor::Transport::set_timeout) has
        /// passed. Unless said otherwise, the connection is closed.
        fn timed_out(&mut self, transport: &::ropewalk_reactor::Transport) {
            transport.close();
        }

        /// More waits to leave than the high watermark: stop producing.
        fn write_paused(&mut self, transport: &::ropewalk_reactor::Transport) {
            let _ = transport;
        }

        /// Less waits to leave than the low watermark: go on.
        fn write_resumed(&mut self, transport: &::ropewalk_reactor::Transport) {
            let _ = transport;
        }

        /// What logs call this receiver.
        fn name(&self) -> &'static str {
            ::std::any::type_name::<Self>()
        }
    };
}

/// Those callbacks in an adaptor's `Protocol`: each goes to the receiver in the field of this name.
macro_rules! pass_callbacks_to {
    ($receiver:ident) => {
        fn connection_made(&mut self, transport: &::ropewalk_reactor::Transport) {
            self.$receiver.connection_made(transport);
        }

        fn eof_received(&mut self, transport: &::ropewalk_reactor::Transport) -> ::ropewalk_reactor::Eof {
            self.$receiver.eof_received(transport)
        }

        fn connection_lost(
            &mut self,
            transport: &::ropewalk_reactor::Transport,
            why: &::ropewalk_reactor::Reason,
        ) {
            self.$receiver.connection_lost(transport, why);
        }

        fn timed_out(&mut self, transport: &::ropewalk_reactor::Transport) {
            self.$receiver.timed_out(transport);
        }

        fn write_paused(&mut self, transport: &::ropewalk_reactor::Transport) {
            self.$receiver.write_paused(transport);
        }

        fn write_resumed(&mut self, transport: &::ropewalk_reactor::Transport) {
            self.$receiver.write_resumed(transport);
        }

        fn name(&self) -> &'static str {
            self.$receiver.name()
        }
    };
}

pub(crate) use {connection_callbacks, pass_callbacks_to};
