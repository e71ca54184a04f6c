//! A client in a line, as CLIENT LIST shows it. The one rule: the fields are Redis 7.0.15's, in its order, and the
//! figures are ours: what this server's buffers really hold.

use super::Server;
use super::client::{Client, State};
use super::pubsub::Kind;
use super::tracking::Mode;
use ropewalk_protocols::resp::Version;
use ropewalk_reactor::Address;
use std::io::Write;
use std::net::SocketAddr;
use std::rc::Rc;

/// What a client takes that does nothing, in bytes: the connection, the session and itself.
const IDLE_BYTES: usize = 512;

/// The part of the output that CLIENT LIST shows apart, as Redis's fixed buffer, in bytes.
const FIXED_OUTPUT: usize = 16 * 1024;

/// What CLIENT LIST and CLIENT KILL call a client's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// It sends commands.
    Normal,
    /// It is a replica, of which there are none.
    Replica,
    /// It is subscribed to something.
    PubSub,
    /// It is the master, which there is none.
    Master,
}

impl Class {
    /// What this client is.
    pub(crate) fn of(client: &Client) -> Self {
        if client.is(State::SUBSCRIBED) { Self::PubSub } else { Self::Normal }
    }
}

/// What was last seen of a client's buffers, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// What it had sent and was not executed.
    pub(crate) input: u32,
    /// What its input could hold.
    pub(crate) room: u32,
    /// What its last commands were answered, together.
    pub(crate) replies: u32,
}

impl Client {
    /// Note what its input is like.
    #[inline]
    pub(crate) fn saw_input(&self, waiting: usize, room: usize) {
        let mut figures = self.figures.get();
        figures.input = u32::try_from(waiting).unwrap_or(u32::MAX);
        figures.room = u32::try_from(room).unwrap_or(u32::MAX);
        self.figures.set(figures);
    }

    /// What its input could hold when it was last looked at, in bytes.
    pub(crate) fn input_room(&self) -> usize {
        self.figures.get().room as usize
    }

    /// Note how much it was answered.
    #[inline]
    pub(crate) fn saw_replies(&self, bytes: usize) {
        let mut figures = self.figures.get();
        figures.replies = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.figures.set(figures);
    }

    /// What the server holds for it, in bytes, about: what `maxmemory-clients` is about.
    pub(crate) fn memory(&self) -> usize {
        let figures = self.figures.get();
        let input = figures.input.max(figures.room) as usize;
        let extras = self.extras(super::client::Extras::heap_bytes).unwrap_or(0);
        IDLE_BYTES + input + extras + self.transport.buffered()
    }
}

/// The letters of the flags, in Redis's order.
const FLAGS: [(State, u8); 10] = [
    (State::MONITOR, b'O'),
    (State::SUBSCRIBED, b'P'),
    (State::MULTI, b'x'),
    (State::BLOCKED.union(State::POSTPONED), b'b'),
    (State::TRACKING, b't'),
    (State::DIRTY_CAS, b'd'),
    (State::CLOSING, b'c'),
    (State::UNIX, b'U'),
    (State::NO_EVICT, b'e'),
    (State::NO_TOUCH, b'T'),
];

fn flags(client: &Client) -> Vec<u8> {
    let mut letters = Vec::new();
    for (state, letter) in FLAGS {
        if client.is(state) {
            letters.push(letter);
        }
        if state == State::TRACKING {
            let mode = client.tracking(|options| options.mode).unwrap_or_default();
            letters.extend(mode.contains(Mode::BROKEN).then_some(b'R'));
            letters.extend(mode.contains(Mode::BCAST).then_some(b'B'));
        }
    }
    if letters.is_empty() {
        letters.push(b'N');
    }
    letters
}

impl Server {
    /// Where a client comes from; where both speak IPv4, an address of IPv4.
    pub(crate) fn address_of(&self, client: &Client) -> Vec<u8> {
        self.address(client.transport.peer())
    }

    /// Where it connected to.
    pub(crate) fn local_address_of(&self, client: &Client) -> Vec<u8> {
        client.transport.host().map(|address| self.address(&address)).unwrap_or_default()
    }

    fn address(&self, address: &Address) -> Vec<u8> {
        match address {
            Address::Internet(address) => {
                SocketAddr::new(address.ip().to_canonical(), address.port()).to_string().into_bytes()
            }
            Address::Unix(_) => [&self.config.unixsocket[..], b":0"].concat(),
        }
    }

    /// Append a client's line. `asking` is whose command shows it, and the command: of that client it is what is
    /// being executed.
    pub(crate) fn describe(
        &self,
        client: &Client,
        asking: Option<(&Rc<Client>, &[&[u8]])>,
        out: &mut Vec<u8>,
    ) {
        let args = asking.filter(|(asking, _)| std::ptr::eq(&***asking, client)).map(|(_, args)| args);
        let argument_bytes = match args {
            Some(args) => args.iter().map(|argument| argument.len()).sum(),
            None => client
                .extras(|extras| extras.waiter.as_ref().map_or(0, |waiter| waiter.argument_bytes()))
                .unwrap_or(0),
        };
        let figures = client.figures.get();
        let output = client.transport.buffered();
        let fixed = output.min(FIXED_OUTPUT);
        let queued = client
            .extras(|extras| extras.transaction.as_ref().map(|queued| (queued.commands.len(), queued.bytes)));
        let (queued, queued_bytes) = queued.flatten().unwrap_or_default();
        let in_multi = client.is(State::MULTI);
        let now_ms = self.clock.wall_ms();
        let seconds_since = |then_ms: i64| now_ms.saturating_sub(then_ms).max(0) / 1000;
        let command = client.last_command.get().map_or("NULL", |command| self.registry.name(command));
        // Writing into memory does not fail.
        let _ = write!(out, "id={} addr=", client.id);
        out.extend_from_slice(&self.address_of(client));
        out.extend_from_slice(b" laddr=");
        out.extend_from_slice(&self.local_address_of(client));
        let _ = write!(out, " fd={} name=", client.transport.id());
        client.extras(|extras| out.extend_from_slice(extras.name.as_deref().unwrap_or_default()));
        let _ = write!(
            out,
            " age={} idle={} flags=",
            seconds_since(client.since_ms),
            seconds_since(client.heard_ms.get())
        );
        out.extend_from_slice(&flags(client));
        let _ = write!(
            out,
            " db={} sub={} psub={} ssub={} multi={}",
            client.db.get(),
            client.subscriptions(Kind::Channel),
            client.subscriptions(Kind::Pattern),
            client.subscriptions(Kind::Shard),
            if in_multi { queued as i64 } else { -1 },
        );
        let _ = write!(
            out,
            " qbuf={} qbuf-free={} argv-mem={argument_bytes} multi-mem={queued_bytes} rbs={} rbp={}",
            figures.input,
            figures.room.saturating_sub(figures.input),
            if figures.replies > 1024 { FIXED_OUTPUT } else { 1024 },
            figures.replies,
        );
        let _ = write!(
            out,
            " obl={fixed} oll={} omem={} tot-mem={} events={} cmd={command} user=",
            (output - fixed).div_ceil(FIXED_OUTPUT),
            output - fixed,
            client.memory() + argument_bytes,
            if output > 0 { "rw" } else { "r" },
        );
        out.extend_from_slice(client.user.borrow().name());
        let version = if client.version.get() == Version::Resp3 { 3 } else { 2 };
        let _ = write!(out, " redir={} resp={version}", client.redirection());
        client.extras(|extras| {
            for (field, value) in [("lib-name", &extras.library), ("lib-ver", &extras.library_version)] {
                if let Some(value) = value {
                    let _ = write!(out, " {field}=");
                    out.extend_from_slice(value);
                }
            }
        });
        out.push(b'\n');
    }
}
