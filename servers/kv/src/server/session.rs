//! A connection: commands off its input, replies into its output. The one rule: what a client sends is executed in
//! its order, and what it may not have executed yet stays in its input.
//!
//! Commands are taken in batches. Before the first of a batch is executed, what looking up the keys of all will
//! touch is fetched, first the buckets of the table, then the entries: memory answers while we still parse.

use super::client::{Client, State};
use super::dispatch::Flow;
use super::{Server, Shared};
use crate::command::registry::CommandId;
use crate::store::database::Key;
use bytes::{Buf, BytesMut};
use ropewalk_protocols::resp::{Limits, ReplyWriter, RequestParser, Scratch, Stop, Version};
use ropewalk_reactor::buffer::BUFFER_SIZE;
use ropewalk_reactor::{Eof, Protocol, Reason, Transport};
use std::cell::Cell;
use std::rc::Rc;

/// How many commands are looked at together.
const BATCH: usize = 32;

/// For an argument that is under way, room for so many bytes at the most is made at once.
const ROOM_MAX: usize = 1024 * 1024;

/// A client that leaves so many bytes of replies unread is read no more until it has taken them.
const UNREAD_MAX: usize = 128 * 1024 * 1024;

/// A client that waits is read on, so that its leaving is seen: else it would be served when nobody is there to take
/// it. What it sends is left for later, and from so many bytes on it is read no more.
const WAITING_INPUT_MAX: usize = 64 * 1024;

/// A client that has not authenticated may leave so much unfinished, in bytes.
const UNKNOWN_INPUT_MAX: usize = 1024 * 1024;

/// More unfinished input than this is out of the ordinary, in bytes.
const LARGE_INPUT: usize = 1024 * 1024;

thread_local! {
    static SCRATCH: Cell<Scratch> = const { Cell::new(Scratch::new()) };
}

/// A connection to a client.
pub(crate) struct Session {
    server: Shared,
    /// None before the connection is made, and where it was turned away.
    client: Option<Rc<Client>>,
    parser: RequestParser,
}

impl Session {
    /// A session for whoever connects next.
    pub(crate) fn new(server: Shared) -> Self {
        Self { server, client: None, parser: RequestParser::new() }
    }

    /// Execute the commands of one batch. Returns how many bytes they take, and why there are no more.
    fn execute(
        &mut self,
        server: &mut Server,
        client: &Rc<Client>,
        input: &[u8],
        scratch: &mut Scratch,
    ) -> (usize, Stop) {
        let parser = &mut self.parser;
        let authenticated = client.is(State::AUTHENTICATED) || !server.needs_authentication();
        let limits = Limits { bulk_bytes_max: server.config.proto_max_bulk_len, authenticated };
        let batch = parser.parse(input, &limits, scratch, if authenticated { BATCH } else { 1 });
        let mut stop = batch.stop();
        let mut executed = 0usize;
        if !batch.is_empty() {
            client.heard_ms.set(server.clock.wall_ms());
            client.set(State::RUNNING, true);
            let (replies, unread) = client.transport.write_with(|out| {
                let before = out.len();
                let mut ahead = [Ahead::default(); BATCH];
                look_ahead(server, client, batch.iter(), &mut ahead);
                for (command, ahead) in batch.iter().zip(&ahead) {
                    let flow = server.execute(client, command, ahead.command, ahead.key, out);
                    executed += usize::from(flow != Flow::Postpone);
                    if flow != Flow::Next || out.len() > UNREAD_MAX {
                        break;
                    }
                }
                (out.len().saturating_sub(before), out.len())
            });
            client.set(State::RUNNING, false);
            server.share_time();
            server.after_batch(client, replies, unread);
        }
        if executed < batch.len() {
            stop = Stop::Full;
        }
        (parser.finish(batch, executed), stop)
    }
}

/// Have room for the bytes that are missing of an argument. A large one gets a buffer of its own size, in steps:
/// nobody is given more than twice what was sent, but for the first [`ROOM_MAX`].
fn make_room(input: &mut BytesMut, missing: usize) {
    if input.capacity().saturating_sub(input.len()) >= missing {
        return;
    }
    if missing <= BUFFER_SIZE {
        return input.reserve(missing);
    }
    let step = missing.min(ROOM_MAX.max(input.len()));
    // What is behind the argument has room too, so that the last byte does not double it all.
    let mut larger = BytesMut::with_capacity(input.len().saturating_add(step).saturating_add(BUFFER_SIZE));
    larger.extend_from_slice(input);
    *input = larger;
}

/// What is known of a command before its turn has come.
#[derive(Clone, Copy, Default)]
struct Ahead<'a> {
    command: Option<CommandId>,
    key: Option<Key<'a>>,
}

/// Find out which commands these are, and fetch what their keys will touch.
fn look_ahead<'b, 'a: 'b>(
    server: &Server,
    client: &Client,
    commands: impl Iterator<Item = &'b [&'a [u8]]>,
    ahead: &mut [Ahead<'a>; BATCH],
) {
    let database = server.database(client.db.get() as usize);
    let mut count = 0;
    for (command, ahead) in commands.zip(ahead.iter_mut()) {
        let name = command.first().copied().unwrap_or_default();
        ahead.command = server.registry.find(name);
        let is_keyed = ahead.command.is_some_and(|id| server.registry.entry(id).row.has_key_first());
        if let (true, Some(name)) = (is_keyed, command.get(1)) {
            let key = Key::new(name);
            ahead.key = Some(key);
            database.prefetch_bucket(key);
        }
        count += 1;
    }
    if count > 1 {
        ahead.iter().filter_map(|ahead| ahead.key).for_each(|key| database.prefetch_entry(key));
    }
}

impl Protocol for Session {
    fn connection_made(&mut self, transport: &Transport) {
        let server = &mut *self.server.borrow_mut();
        server.clock.advance(server.reactor.now());
        self.client = server.client_came(transport);
    }

    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        let Some(client) = self.client.clone() else { return input.clear() };
        if client.is(State::BLOCKED | State::POSTPONED) {
            if input.len() > WAITING_INPUT_MAX {
                transport.pause_reading();
            }
            return;
        }
        let server = self.server.clone();
        let server = &mut *server.borrow_mut();
        server.clock.advance(server.reactor.now());
        client.saw_input(input.len(), input.capacity());
        let mut scratch = SCRATCH.take();
        let mut taken = 0usize;
        let mut room = 0;
        let may_go_on = || transport.is_reading() && !client.is(State::BLOCKED | State::POSTPONED);
        while may_go_on() {
            let rest = input.get(taken..).unwrap_or_default();
            let (more, stop) = self.execute(server, &client, rest, &mut scratch);
            taken = taken.saturating_add(more);
            match stop {
                Stop::Full => continue,
                Stop::Incomplete { missing } => room = missing,
                Stop::Refused(error) if may_go_on() => {
                    server.protocol_error(&client, error);
                    taken = input.len();
                }
                Stop::Refused(_) => {}
            }
            break;
        }
        SCRATCH.set(scratch);
        server.stats.reads += 1;
        server.stats.input_bytes += taken as u64;
        input.advance(taken);
        if !input.is_empty() {
            make_room(input, room);
        }
        server.after_input(&client, input);
        server.end_turn();
    }

    fn eof_received(&mut self, _: &Transport) -> Eof {
        Eof::Close
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        if let Some(client) = self.client.take() {
            self.server.borrow_mut().client_left(&client);
        }
    }

    fn timed_out(&mut self, _: &Transport) {
        let Some(client) = &self.client else { return };
        let server = &mut *self.server.borrow_mut();
        server.clock.advance(server.reactor.now());
        server.time_out(client);
        server.end_turn();
    }
}

impl Server {
    /// Commands of a client were executed, and answered with so many bytes; so many wait for it, or more.
    fn after_batch(&mut self, client: &Rc<Client>, replies: usize, unread: usize) {
        client.saw_replies(replies);
        self.stats.output_bytes += replies as u64;
        self.stats.writes += u64::from(replies > 0);
        if unread > UNREAD_MAX {
            client.transport.set_watermarks(UNREAD_MAX, UNREAD_MAX / 2);
            client.transport.register_producer(&client.transport);
        }
        self.close_if_overfull(client);
        if client.is(State::CLOSING) {
            // Its last reply is still to be sent, but it is nobody any more.
            self.client_left(client);
        }
    }

    /// A client's input was read, and this is left of it.
    fn after_input(&mut self, client: &Rc<Client>, left: &BytesMut) {
        client.saw_input(left.len(), left.capacity().max(client.input_room()));
        let queued = client.extras(|extras| extras.transaction.as_ref().map_or(0, |queued| queued.bytes));
        let unfinished = left.len().saturating_add(queued.unwrap_or(0));
        let limit = self.config.client_query_buffer_limit;
        let unknown = !client.is(State::AUTHENTICATED) && self.needs_authentication();
        if unfinished > limit || (unknown && unfinished > UNKNOWN_INPUT_MAX) {
            tracing::warn!(client = client.id, unfinished, "a client is closed: its command is too long");
            return self.drop_client(client);
        }
        if left.len() > LARGE_INPUT {
            // The reactor's own limit is lower.
            client.transport.set_input_max(limit.saturating_add(LARGE_INPUT));
        }
        self.weigh(client);
    }

    /// What is done once for all that was done since the last time.
    pub(crate) fn end_turn(&mut self) {
        self.broadcast_changes();
        self.evict_clients();
    }

    /// What a client sent is no command: it is told so, and the connection is closed.
    fn protocol_error(&mut self, client: &Rc<Client>, error: ropewalk_protocols::resp::RequestError) {
        self.stats.count_error(b"ERR");
        client.transport.write_with(|out| {
            ReplyWriter::new(out, Version::Resp2).protocol_error(error);
        });
        client.close_after_reply();
    }
}
