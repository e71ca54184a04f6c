//! The adaptor: commands from a connection to a receiver of yours. The one rule: a command is
//! received when those before it have been, and while the receiver wants any; what it leaves stays
//! in the connection's input.

use super::request::{Limits, RequestError, RequestParser, Scratch, Stop};
use super::{ReplyWriter, Version};
use crate::adaptor::{connection_callbacks, pass_callbacks_to};
use bytes::{Buf, BytesMut};
use ropewalk_reactor::{Protocol, Transport};
use std::cell::Cell;

/// How many commands are looked for at a time.
const BATCH: usize = 32;

/// For an argument that is under way, room for so many bytes at the most is made at once.
const ROOM_MAX: usize = 1024 * 1024;

thread_local! {
    static SCRATCH: Cell<Scratch> = const { Cell::new(Scratch::new()) };
}

/// What you write to be given commands; [`Commands`] makes a protocol of it.
pub trait CommandReceiver {
    /// A command has come: its name, and its arguments.
    fn command_received(&mut self, transport: &Transport, command: &[&[u8]]);

    /// What the client may send now. This is asked again after each command.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// What has come is no command. Unless said otherwise, the client is told so; the connection is
    /// closed after this callback, for what follows cannot be understood.
    fn protocol_error(&mut self, transport: &Transport, error: RequestError) {
        send_reply(transport, Version::Resp2, |reply| reply.protocol_error(error));
    }

    connection_callbacks!();
}

/// A protocol that receives commands, for a server that Redis's clients can speak to.
///
/// ```
/// use ropewalk_protocols::resp::{CommandReceiver, Commands, Version, send_reply};
/// use ropewalk_reactor::{Transport, testing::StringTransport};
///
/// struct Greeter;
/// impl CommandReceiver for Greeter {
///     fn command_received(&mut self, transport: &Transport, command: &[&[u8]]) {
///         send_reply(transport, Version::Resp2, |reply| match command {
///             [b"HELLO", name] => reply.bulk([b"hello, ", *name].concat()),
///             _ => reply.error("ERR unknown command"),
///         });
///     }
/// }
///
/// let mut greeter = StringTransport::new(Commands::new(Greeter));
/// greeter.feed(b"*2\r\n$5\r\nHELLO\r\n$3\r\nann\r\nHELLO bob\r\n");
/// assert_eq!(greeter.output(), b"$10\r\nhello, ann\r\n$10\r\nhello, bob\r\n");
/// greeter.feed(b"*1\r\nfoo\r\n");
/// assert_eq!(greeter.output(), b"-ERR Protocol error: expected '$', got 'f'\r\n");
/// assert!(greeter.is_closing());
/// ```
///
/// A command stays in the connection's input until it has come whole, so
/// [`Transport::set_input_max`] is what bounds a large one, all its arguments together.
#[derive(Clone, Debug, Default)]
pub struct Commands<C> {
    receiver: C,
    parser: RequestParser,
}

impl<C: CommandReceiver> Commands<C> {
    /// Commands for this receiver.
    pub fn new(receiver: C) -> Self {
        Self { receiver, parser: RequestParser::new() }
    }

    /// Hand over the commands of one batch. Returns how many bytes they take, and whether there may
    /// be more behind them.
    fn deliver(&mut self, transport: &Transport, input: &[u8], scratch: &mut Scratch) -> (usize, Stop) {
        let Self { receiver, parser } = self;
        let limits = receiver.limits();
        let commands_max = if limits.authenticated { BATCH } else { 1 };
        let batch = parser.parse(input, &limits, scratch, commands_max);
        let mut executed = 0usize;
        for command in &batch {
            receiver.command_received(transport, command);
            executed = executed.saturating_add(1);
            if !transport.is_reading() || receiver.limits() != limits {
                break;
            }
        }
        let stop = if executed < batch.len() { Stop::Full } else { batch.stop() };
        (parser.finish(batch, executed), stop)
    }
}

impl<C: CommandReceiver> Protocol for Commands<C> {
    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        let mut scratch = SCRATCH.take();
        let mut taken = 0usize;
        let mut room = 0;
        while transport.is_reading() {
            let (more, stop) = self.deliver(transport, input.get(taken..).unwrap_or_default(), &mut scratch);
            taken = taken.saturating_add(more);
            match stop {
                Stop::Full => continue,
                Stop::Incomplete { missing } => room = missing.min(ROOM_MAX),
                Stop::Refused(error) if transport.is_reading() => {
                    self.receiver.protocol_error(transport, error);
                    transport.close();
                    taken = input.len();
                }
                Stop::Refused(_) => {}
            }
            break;
        }
        SCRATCH.set(scratch);
        input.advance(taken);
        if !input.is_empty() {
            input.reserve(room);
        }
    }

    pass_callbacks_to!(receiver);
}

/// Send a reply, or several: `write` writes them.
pub fn send_reply(transport: &Transport, version: Version, write: impl FnOnce(&mut ReplyWriter<'_>)) {
    transport.write_with(|out| write(&mut ReplyWriter::new(out, version)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use ropewalk_reactor::testing::StringTransport;
    use ropewalk_reactor::{Eof, Reason};

    /// Keeps what it gets; `pause`, `close`, `switch`, `auth` and `lower` do what they say.
    #[derive(Default)]
    struct Recorder {
        seen: Vec<String>,
        authenticated: bool,
        bulk_bytes_max: Option<usize>,
    }

    impl CommandReceiver for Recorder {
        fn command_received(&mut self, transport: &Transport, command: &[&[u8]]) {
            self.seen.push(command.join(&b' ').escape_ascii().to_string());
            match command {
                [b"pause"] => transport.pause_reading(),
                [b"close"] => transport.close(),
                [b"switch"] => transport.set_protocol(Commands::new(Self::default())),
                [b"auth"] => self.authenticated = true,
                [b"lower"] => self.bulk_bytes_max = Some(2),
                _ => send_reply(transport, Version::Resp2, |reply| reply.ok()),
            }
        }

        fn limits(&self) -> Limits {
            let usual = Limits::default();
            let bulk_bytes_max = self.bulk_bytes_max.unwrap_or(usual.bulk_bytes_max);
            Limits { authenticated: self.authenticated, bulk_bytes_max }
        }

        fn connection_lost(&mut self, _: &Transport, why: &Reason) {
            self.seen.push(format!("lost: {why}"));
        }

        fn eof_received(&mut self, _: &Transport) -> Eof {
            Eof::KeepOpen
        }
    }

    fn recorder(authenticated: bool) -> StringTransport<Commands<Recorder>> {
        StringTransport::new(Commands::new(Recorder { authenticated, ..Recorder::default() }))
    }

    fn seen(connection: &mut StringTransport<Commands<Recorder>>) -> String {
        connection.protocol().receiver.seen.split_off(0).join(", ")
    }

    #[test]
    fn commands_come_one_after_the_other() {
        for authenticated in [false, true] {
            let mut connection = recorder(authenticated);
            connection.feed(b"a b\r\n*2\r\n$1\r\nc\r\n$1\r\nd\r\ne\r\n*1\r\n$3\r\nxy");
            assert_eq!(seen(&mut connection), "a b, c d, e");
            connection.feed(b"z\r\n");
            assert_eq!(seen(&mut connection), "xyz");
            assert_eq!(connection.output(), b"+OK\r\n".repeat(4));
            connection.feed_bytewise(b"*1\r\n$3\r\nxyz\r\n");
            assert_eq!(seen(&mut connection), "xyz");
        }
    }

    #[test]
    fn a_batch_may_be_longer_than_what_is_looked_for_at_a_time() {
        let mut connection = recorder(true);
        connection.feed(&b"a\n".repeat(10 * BATCH + 1));
        assert_eq!(connection.output().len(), 5 * (10 * BATCH + 1));
        assert_eq!(connection.input(), b"");
    }

    #[test]
    fn a_pause_between_commands_leaves_the_rest_where_it_is() {
        for authenticated in [false, true] {
            let mut connection = recorder(authenticated);
            connection.feed(b"a\npause\nb\npause\nc");
            assert_eq!(seen(&mut connection), "a, pause");
            assert_eq!(connection.input(), b"b\npause\nc");
            connection.transport().resume_reading();
            connection.feed(b"\n");
            assert_eq!(seen(&mut connection), "b, pause");
            connection.transport().resume_reading();
            connection.feed(b"");
            assert_eq!(seen(&mut connection), "c");
        }
    }

    #[test]
    fn an_error_behind_a_pause_waits_for_its_turn() {
        let mut connection = recorder(true);
        connection.feed(b"pause\n*x\r\n");
        assert_eq!((seen(&mut connection), connection.is_closing()), ("pause".to_owned(), false));
        connection.transport().resume_reading();
        connection.feed(b"");
        assert_eq!(connection.output(), b"-ERR Protocol error: invalid multibulk length\r\n");
        assert!(connection.is_closing());
    }

    #[test]
    fn what_stands_behind_an_error_is_dropped() {
        let mut connection = recorder(true);
        connection.feed(b"a\n\"\nb\n");
        assert_eq!(seen(&mut connection), "a");
        assert_eq!(connection.output(), b"+OK\r\n-ERR Protocol error: unbalanced quotes in request\r\n");
        assert!(connection.is_closing());
        assert_eq!(connection.input(), b"");
        let mut connection = recorder(true);
        connection.feed(b"close\n\"\n");
        assert_eq!((seen(&mut connection), connection.output()), ("close".to_owned(), Vec::new()));
    }

    #[test]
    fn what_follows_a_change_of_protocol_is_for_the_next_one() {
        let mut connection = recorder(true);
        connection.feed(b"switch\na\n*1\r\n$1\r\nb");
        connection.feed(b"\r\n");
        assert_eq!(seen(&mut connection), "switch");
        assert_eq!(connection.output(), b"+OK\r\n+OK\r\n");
    }

    #[test]
    fn who_has_authenticated_may_send_more_at_once() {
        let eleven = format!("*11\r\n{}", "$1\r\na\r\n".repeat(11));
        let mut connection = recorder(false);
        connection.feed(format!("auth\n{eleven}").as_bytes());
        assert_eq!(seen(&mut connection), "auth, a a a a a a a a a a a");
        let mut connection = recorder(false);
        connection.feed(format!("a\n{eleven}").as_bytes());
        let refusal = b"+OK\r\n-ERR Protocol error: unauthenticated multibulk length\r\n";
        assert_eq!(connection.output(), refusal);
    }

    #[test]
    fn limits_that_a_command_changes_hold_for_the_next() {
        let mut connection = recorder(true);
        connection.feed(b"*1\r\n$3\r\nxyz\r\nlower\n*1\r\n$3\r\nxyz\r\n");
        assert_eq!(connection.output(), b"+OK\r\n-ERR Protocol error: invalid bulk length\r\n");
        assert_eq!(seen(&mut connection), "xyz, lower");
    }

    #[test]
    fn the_callbacks_of_the_connection_pass_through() {
        let mut connection = recorder(true);
        connection.eof();
        assert!(!connection.is_closing(), "the receiver wants to keep it open");
        connection.lose(Reason::Done);
        assert_eq!(seen(&mut connection), "lost: closed cleanly");
        assert!(connection.protocol().name().ends_with("Recorder"));
    }
}
