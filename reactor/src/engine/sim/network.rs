//! The simulated host and its network: the clock, the agenda of what is to come, the tokens, and who
//! is told what.
//!
//! ```text
//!   wait:   clock + 1 µs ─▶ run what is due ─▶ tell who has news ─▶ nothing? clock = next event
//! ```
//!
//! The rule: the state changes while `wait` runs the agenda, and in the calls themselves; whatever
//! may have changed for a token is *marked*, and `wait` looks at marked tokens only. Choices come
//! from one generator, in the order of the calls: the same calls give the same world.

use super::addresses::{Names, Ports};
use super::datagram::{Datagram, DatagramSocket};
use super::faults::Faults;
use super::stream::{Connection, ConnectionId, Side};
use super::trace::Trace;
use crate::address::Address;
use crate::engine::{News, Token, Wake, stale};
use crate::random::Random;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What a turn of the loop takes. Without it a loop that is always busy would stop time, and its
/// timers with it.
const TURN: Duration = Duration::from_micros(1);

pub(super) struct Network {
    /// Time since the beginning.
    pub(super) clock: Duration,
    pub(super) random: Random,
    pub(super) faults: Faults,
    pub(super) trace: Trace,
    pub(super) waker: Arc<Alarm>,
    agenda: Agenda,
    sockets: Sockets,
    marked: VecDeque<Token>,
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    pub(super) next_connection: ConnectionId,
    pub(super) listeners: Vec<Token>,
    pub(super) datagram_sockets: Vec<Token>,
    pub(super) ports: Ports,
    /// The local addresses of dialers.
    pub(super) dialers: std::collections::BTreeSet<SocketAddr>,
    pub(super) names: Names,
    /// Addresses that nothing comes from and nothing gets to.
    pub(super) cuts: Vec<Address>,
    pub(super) descriptors_max: Option<usize>,
    /// Until when nobody gets a descriptor.
    pub(super) exhausted_until: Duration,
    /// Until when `accept` gets none.
    pub(super) accept_exhausted_until: Duration,
}

/// What happens at a time of its own.
pub(super) enum Event {
    /// A dialer's question reaches the listener.
    Ask(ConnectionId),
    /// The answer reaches the dialer.
    Answer(ConnectionId, Result<(), io::ErrorKind>),
    /// A segment arrives at this side.
    Arrive(ConnectionId, Side),
    /// This many of this side's bytes were read by the other.
    Acknowledge(ConnectionId, Side, usize),
    /// A reset arrives at this side.
    Reset(ConnectionId, Side),
    /// A reset arrives at this side from where the other one was.
    Rebuff(ConnectionId, Side),
    /// This side's engine goes on with what it owns.
    Pump(ConnectionId, Side),
    /// This side has waited long enough, if it is still the same silence.
    GiveUp(ConnectionId, Side, u32),
    /// A datagram arrives.
    Datagram(Box<Datagram>),
}

/// What a token stands for.
pub(super) enum Socket {
    Listener(Listener),
    Stream(ConnectionId, Side),
    Datagram(DatagramSocket),
}

pub(super) struct Listener {
    pub(super) address: Address,
    pub(super) backlog: usize,
    pub(super) reuse_port: bool,
    /// Connections that nobody accepted yet.
    pub(super) pending: VecDeque<ConnectionId>,
}

impl Socket {
    /// What it is bound to, and whether it shares that with others who do.
    pub(super) fn bound(&self) -> Option<(&Address, bool)> {
        match self {
            Self::Listener(listener) => Some((&listener.address, listener.reuse_port)),
            Self::Datagram(socket) => Some((&socket.address, socket.reuse_port)),
            Self::Stream(..) => None,
        }
    }
}

/// Wakes the simulation; there is only one thread to do so, if the test is deterministic.
#[derive(Default)]
pub(super) struct Alarm(AtomicBool);

impl Wake for Alarm {
    fn wake(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// The error of a wait that would never end: no timer, nothing on its way, and nobody who could still
/// act. It lists what is open.
#[derive(Debug, thiserror::Error)]
#[error("the simulation is idle for ever; open are {open}")]
pub struct IdleForEver {
    open: String,
}

impl Network {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        Self {
            clock: Duration::ZERO,
            random: Random::new(seed),
            faults,
            trace: Trace::default(),
            waker: Arc::default(),
            agenda: Agenda::default(),
            sockets: Sockets::default(),
            marked: VecDeque::new(),
            connections: BTreeMap::new(),
            next_connection: 0,
            listeners: Vec::new(),
            datagram_sockets: Vec::new(),
            ports: Ports::default(),
            dialers: std::collections::BTreeSet::new(),
            names: Names::default(),
            cuts: Vec::new(),
            descriptors_max: None,
            exhausted_until: Duration::ZERO,
            accept_exhausted_until: Duration::ZERO,
        }
    }

    // ----------------------------------------------------------------------------- time

    pub(super) fn wait(&mut self, until: Option<Duration>, news: &mut Vec<News>) -> Result<(), IdleForEver> {
        let first = news.len();
        self.clock += TURN;
        loop {
            while let Some(event) = self.agenda.due(self.clock) {
                self.happen(event);
            }
            self.tell(news);
            let woken = self.waker.0.swap(false, Ordering::Acquire);
            if woken || news.len() > first || until.is_some_and(|until| until <= self.clock) {
                break;
            }
            let next = [self.agenda.next(), until].into_iter().flatten().min();
            let next = next.ok_or_else(|| IdleForEver { open: self.describe() })?;
            self.clock = self.clock.max(next);
        }
        self.tell_nonsense(first, news);
        Ok(())
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Ask(id) => self.ask(id),
            Event::Answer(id, answer) => self.answer(id, answer),
            Event::Arrive(id, side) => self.arrive(id, side),
            Event::Acknowledge(id, side, bytes) => self.acknowledged(id, side, bytes),
            Event::Reset(id, side) => self.reset_arrives(id, side),
            Event::Rebuff(id, side) => self.die(id, side, io::ErrorKind::ConnectionReset),
            Event::Pump(id, side) => self.pump(id, side),
            Event::GiveUp(id, side, silence) => self.give_up(id, side, silence),
            Event::Datagram(datagram) => self.deliver(*datagram),
        }
    }

    pub(super) fn schedule(&mut self, at: Duration, event: Event) {
        debug_assert!(at >= self.clock, "the past is over");
        self.agenda.add(at, event);
    }

    /// How long what leaves now is on its way.
    pub(super) fn delay(&mut self) -> Duration {
        self.faults.latency + self.up_to(self.faults.jitter)
    }

    /// Any time up to this one.
    pub(super) fn up_to(&mut self, longest: Duration) -> Duration {
        // Five centuries are enough.
        Duration::from_nanos(self.random.below(longest.as_nanos() as u64 + 1))
    }

    // ----------------------------------------------------------------------------- tokens

    pub(super) fn socket(&self, token: Token) -> io::Result<&Socket> {
        self.sockets.entry(token).map(|entry| &entry.socket).ok_or_else(stale)
    }

    pub(super) fn socket_mut(&mut self, token: Token) -> io::Result<&mut Socket> {
        self.sockets.entry_mut(token).map(|entry| &mut entry.socket).ok_or_else(stale)
    }

    pub(super) fn listener(&mut self, token: Token) -> io::Result<&mut Listener> {
        match self.socket_mut(token)? {
            Socket::Listener(listener) => Ok(listener),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// A fresh token, armed in both directions.
    pub(super) fn open(&mut self, socket: Socket) -> Token {
        let token = self.sockets.insert(socket);
        self.mark(token);
        token
    }

    pub(super) fn forget(&mut self, token: Token) -> Option<Socket> {
        self.sockets.remove(token)
    }

    pub(super) fn open_tokens(&self) -> usize {
        self.sockets.open
    }

    /// Whether there is a descriptor for one more.
    pub(super) fn check_descriptors(&self) -> io::Result<()> {
        let full = self.descriptors_max.is_some_and(|most| self.sockets.open >= most);
        if full || self.clock < self.exhausted_until {
            return Err(io::Error::from_raw_os_error(libc::EMFILE));
        }
        Ok(())
    }

    /// What is open, for people to read.
    pub(super) fn describe(&self) -> String {
        let open: Vec<String> = self.sockets.tokens().map(|token| self.describe_one(token)).collect();
        if open.is_empty() { "no sockets".into() } else { open.join(", ") }
    }

    fn describe_one(&self, token: Token) -> String {
        match self.socket(token) {
            Ok(Socket::Listener(listener)) => format!("a listener on {}", listener.address),
            Ok(Socket::Datagram(socket)) => format!("a datagram socket on {}", socket.address),
            Ok(Socket::Stream(id, side)) => match self.connections.get(id) {
                Some(connection) => {
                    format!("{} -> {}", connection.end(*side).local, connection.end(side.other()).local)
                }
                None => "a lost connection".into(),
            },
            Err(_) => "nothing".into(),
        }
    }

    // ----------------------------------------------------------------------------- news

    /// Something may have changed for this token.
    pub(super) fn mark(&mut self, token: Token) {
        if let Some(entry) = self.sockets.entry_mut(token)
            && !std::mem::replace(&mut entry.marked, true)
        {
            self.marked.push_back(token);
        }
    }

    /// Nothing is left to read: tell when there is.
    pub(super) fn arm_readable(&mut self, token: Token) {
        if let Some(entry) = self.sockets.entry_mut(token) {
            entry.armed.readable = true;
        }
        self.mark(token);
    }

    /// Nothing more can be written: tell when it can.
    pub(super) fn arm_writable(&mut self, token: Token) {
        if let Some(entry) = self.sockets.entry_mut(token) {
            entry.armed.writable = true;
        }
        self.mark(token);
    }

    /// `WouldBlock` for a read, with news to follow.
    pub(super) fn nothing_to_read<T>(&mut self, token: Token) -> io::Result<T> {
        self.arm_readable(token);
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// `WouldBlock` for a write, with news to follow.
    pub(super) fn no_room<T>(&mut self, token: Token) -> io::Result<T> {
        self.arm_writable(token);
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Whether this call shall say `WouldBlock` although it could do something.
    pub(super) fn balks(&mut self) -> bool {
        self.random.chance(self.faults.would_block)
    }

    fn tell(&mut self, news: &mut Vec<News>) {
        let mut marked = std::mem::take(&mut self.marked);
        if marked.len() > 1 && self.random.chance(self.faults.shuffled_news) {
            self.random.shuffle(marked.make_contiguous());
        }
        let mut told = false;
        for token in marked {
            let Some(item) = self.news_of(token) else { continue };
            if told && self.random.chance(self.faults.shuffled_news) {
                self.mark(token);
                continue;
            }
            told = true;
            if let Some(entry) = self.sockets.entry_mut(token) {
                entry.armed.readable &= !item.readable;
                entry.armed.writable &= !item.writable;
            }
            news.push(item);
        }
    }

    /// What a marked token's user is to be told, if anything. It is not marked any more.
    fn news_of(&mut self, token: Token) -> Option<News> {
        let entry = self.sockets.entry_mut(token)?;
        entry.marked = false;
        let armed = entry.armed;
        let news = News {
            token,
            readable: armed.readable && self.is_readable(token),
            writable: armed.writable && self.is_writable(token),
        };
        (news.readable || news.writable).then_some(news)
    }

    fn is_readable(&self, token: Token) -> bool {
        match self.socket(token) {
            Ok(Socket::Listener(listener)) => !listener.pending.is_empty(),
            Ok(Socket::Stream(id, side)) => self.connections.get(id).is_some_and(|it| it.is_readable(*side)),
            Ok(Socket::Datagram(socket)) => socket.is_readable(),
            Err(_) => false,
        }
    }

    fn is_writable(&self, token: Token) -> bool {
        match self.socket(token) {
            Ok(Socket::Listener(_)) | Err(_) => false,
            Ok(Socket::Stream(id, side)) => self.connections.get(id).is_some_and(|it| it.is_writable(*side)),
            Ok(Socket::Datagram(socket)) => self.has_room_for(socket),
        }
    }

    /// News of something that has none: legal, and sometimes seen in real kernels.
    fn tell_nonsense(&mut self, first: usize, news: &mut Vec<News>) {
        if !self.random.chance(self.faults.spurious_news) {
            return;
        }
        let Some(token) = self.sockets.any(&mut self.random) else { return };
        if news[first..].iter().all(|item| item.token != token) {
            let readable = self.random.chance(0.5);
            news.push(News { token, readable, writable: !readable || self.random.chance(0.5) });
        }
    }
}

/// Events by time, and those of one time in the order in which they were planned.
#[derive(Default)]
struct Agenda {
    events: BTreeMap<(Duration, u64), Event>,
    planned: u64,
}

impl Agenda {
    fn add(&mut self, at: Duration, event: Event) {
        self.planned += 1;
        self.events.insert((at, self.planned), event);
    }

    fn next(&self) -> Option<Duration> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    fn due(&mut self, now: Duration) -> Option<Event> {
        self.events.first_entry().filter(|entry| entry.key().0 <= now).map(|entry| entry.remove())
    }
}

/// The table of tokens. A freed index is the next to be used again, so that stale tokens meet
/// strangers as often as possible.
#[derive(Default)]
struct Sockets {
    slots: Vec<Slot>,
    free: Vec<u32>,
    open: usize,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    entry: Option<Entry>,
}

struct Entry {
    socket: Socket,
    armed: Armed,
    marked: bool,
}

/// The directions whose news would be told.
#[derive(Clone, Copy)]
struct Armed {
    readable: bool,
    writable: bool,
}

impl Sockets {
    fn insert(&mut self, socket: Socket) -> Token {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            u32::try_from(self.slots.len() - 1).expect("a simulation has fewer than four billion sockets")
        });
        let slot = &mut self.slots[index as usize];
        slot.generation = slot.generation.wrapping_add(1);
        slot.entry = Some(Entry { socket, armed: Armed { readable: true, writable: true }, marked: false });
        self.open += 1;
        Token { index, generation: slot.generation }
    }

    fn entry(&self, token: Token) -> Option<&Entry> {
        let slot = self.slots.get(token.index as usize)?;
        slot.entry.as_ref().filter(|_| slot.generation == token.generation)
    }

    fn entry_mut(&mut self, token: Token) -> Option<&mut Entry> {
        let slot = self.slots.get_mut(token.index as usize)?;
        slot.entry.as_mut().filter(|_| slot.generation == token.generation)
    }

    fn remove(&mut self, token: Token) -> Option<Socket> {
        self.entry(token)?;
        let entry = self.slots[token.index as usize].entry.take()?;
        self.free.push(token.index);
        self.open -= 1;
        Some(entry.socket)
    }

    fn tokens(&self) -> impl Iterator<Item = Token> {
        let occupied = self.slots.iter().enumerate().filter(|(_, slot)| slot.entry.is_some());
        occupied.map(|(index, slot)| Token { index: index as u32, generation: slot.generation })
    }

    /// Perhaps a token: the fewer slots are free, the likelier.
    fn any(&self, random: &mut Random) -> Option<Token> {
        if self.slots.is_empty() {
            return None;
        }
        let index = random.index(self.slots.len());
        let slot = &self.slots[index];
        slot.entry.is_some().then_some(Token { index: index as u32, generation: slot.generation })
    }
}
