//! The handle a protocol writes through, and the half of a connection that handles can reach.
//!
//! A connection has two halves. `Connection` is shared with every clone of the [`Transport`]:
//! output, flags and wishes, in cells. The other half, the protocol and its input, belongs to the
//! loop alone (`core::Entry`). A handle's method changes the shared half, and where the loop has to
//! act it queues one effect; it never calls user code. That is law 1, and why shared state may stay
//! borrowed while you write to any transport.

use crate::address::Address;
use crate::buffer::Output;
use crate::deferred::{Deferred, Resolver};
use crate::endpoint::Host;
use crate::engine::Token;
use crate::protocol::Protocol;
use crate::shared::{Effect, Shared};
use bytes::{Bytes, BytesMut};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};
use tls::TlsConfigError;

mod flags;
pub(crate) mod gate;
pub mod layer;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(not(feature = "tls"))]
#[path = "tls_absent.rs"]
pub mod tls;
pub mod udp;

pub(crate) use flags::{Flag, Flags};

/// More than this many bytes waiting to leave makes a transport full, unless it was told otherwise.
pub const HIGH_WATERMARK: usize = 64 * 1024;

/// How many untaken bytes of input a connection may hold, unless it was told otherwise.
pub const INPUT_MAX: usize = 16 * 1024 * 1024;

/// A handle to a connection: cheap to clone, valid for ever, and silent once the connection is gone.
///
/// All methods take `&self`, return at once and never call back: they record what is wanted, and
/// the loop does it at the end of the turn.
#[derive(Clone)]
pub struct Transport(pub(crate) Rc<Connection>);

/// The half of a connection that handles reach.
pub(crate) struct Connection {
    pub(crate) id: u64,
    pub(crate) token: Cell<Token>,
    pub(crate) peer: Address,
    pub(crate) home: Weak<Shared>,
    pub(crate) flags: Flags,
    pub(crate) output: RefCell<Output>,
    /// Whose reading fills our output, to be paused while we are full.
    producer: RefCell<Option<Transport>>,
    /// What most connections never need, in a box of its own.
    extras: RefCell<Option<Box<Extras>>>,
}

/// Wishes and settings that few connections have.
pub(crate) struct Extras {
    pub(crate) high_watermark: usize,
    pub(crate) low_watermark: usize,
    pub(crate) input_max: usize,
    /// The protocol to go on with.
    pub(crate) successor: Option<Box<dyn Protocol>>,
    /// When the protocol's time is up.
    pub(crate) deadline: Option<Instant>,
    /// When the loop's timer for it will look; never later than the deadline.
    pub(crate) alarm: Option<Instant>,
    /// A layer to put between the wire and the protocol, and what must leave before it applies.
    pub(crate) layer: Option<(Box<dyn layer::Layer>, Output)>,
    /// What policies have set up here.
    pub(crate) gates: Option<Box<gate::Gates>>,
    /// Told when the connection is gone.
    pub(crate) closed: Vec<Resolver<()>>,
    /// What the layer's handshake agreed on.
    pub(crate) session: Option<Rc<layer::TlsSession>>,
}

impl Default for Extras {
    fn default() -> Self {
        Self {
            high_watermark: HIGH_WATERMARK,
            low_watermark: HIGH_WATERMARK / 4,
            input_max: INPUT_MAX,
            successor: None,
            deadline: None,
            alarm: None,
            layer: None,
            gates: None,
            closed: Vec::new(),
            session: None,
        }
    }
}

impl Transport {
    /// Send a copy of `data`, in order, after what was written before. Ignored after
    /// [`close`](Self::close), [`half_close`](Self::half_close) or [`abort`](Self::abort).
    pub fn write(&self, data: &[u8]) {
        if self.0.takes_output() {
            self.0.output.borrow_mut().push_slice(data);
            self.0.output_grew();
        }
    }

    /// Send `data` without copying it where it is large (4 KiB and more).
    pub fn write_bytes(&self, data: impl Into<Bytes>) {
        if self.0.takes_output() {
            self.0.output.borrow_mut().push(data.into());
            self.0.output_grew();
        }
    }

    /// Encode straight into the output: `encode` may only append, and must not write to this same
    /// transport. This is the way without a copy for protocols that build replies from parts.
    pub fn write_with<R: Default>(&self, encode: impl FnOnce(&mut BytesMut) -> R) -> R {
        if !self.0.takes_output() {
            return R::default();
        }
        // The buffer is lifted out while `encode` runs, so that nothing stays borrowed then.
        let mut tail = std::mem::take(self.0.output.borrow_mut().tail());
        let result = encode(&mut tail);
        self.0.output.borrow_mut().restore_tail(tail);
        self.0.output_grew();
        result
    }

    /// How many written bytes the kernel has not taken yet.
    pub fn buffered(&self) -> usize {
        let unsent = match self.0.home.upgrade() {
            Some(home) => home.engine.borrow().unsent(self.0.token.get()),
            None => 0,
        };
        self.0.output.borrow().len() + unsent
    }

    /// Whether more waits to leave than the high watermark: better to wait for
    /// [`Protocol::write_resumed`] before writing more.
    pub fn is_full(&self) -> bool {
        self.0.flags.has(Flag::Full)
    }

    /// When to call the transport full, and when to call it so no more, in bytes. The default is
    /// 64 KiB and a quarter of it.
    pub fn set_watermarks(&self, high: usize, low: usize) {
        self.0.with_extras(|extras| {
            extras.high_watermark = high;
            extras.low_watermark = low.min(high);
        });
        self.0.output_grew();
    }

    /// How many bytes of input may wait untaken; a peer that sends more loses the connection with
    /// [`Reason::InputOverflow`](crate::Reason::InputOverflow). The default is 16 MiB.
    pub fn set_input_max(&self, bytes: usize) {
        self.0.with_extras(|extras| extras.input_max = bytes);
    }

    /// Send what waits, then close: Twisted's loseConnection. If nothing can be sent for
    /// [`Builder::linger`](crate::Builder::linger), what is left is given up.
    pub fn close(&self) {
        self.0.flags.set(Flag::Closing);
        self.0.queue();
    }

    /// Send what waits, then tell the peer that no more will come; go on reading. When the peer has
    /// finished too, the connection is done.
    pub fn half_close(&self) {
        self.0.flags.set(Flag::HalfClosing);
        self.0.queue();
    }

    /// Drop what waits and reset the connection.
    pub fn abort(&self) {
        self.0.flags.set(Flag::Aborting);
        self.0.queue();
    }

    /// Whether it is closed, or on its way there.
    pub fn is_closing(&self) -> bool {
        self.0.flags.any(&[Flag::Closing, Flag::Aborting, Flag::Dead])
    }

    /// Deliver no more input until [`resume_reading`](Self::resume_reading). What has come stays
    /// where it is, and soon the peer can send no more: that is backpressure.
    pub fn pause_reading(&self) {
        self.0.flags.set(Flag::Paused);
    }

    /// Deliver input again, beginning with what was left.
    pub fn resume_reading(&self) {
        if self.0.flags.clear(Flag::Paused) {
            self.0.redeliver();
        }
    }

    /// Whether input is being delivered: not paused by the protocol, nor by the consumer that it
    /// produces for, nor by a policy, nor closing. A loop over messages asks this after each.
    pub fn is_reading(&self) -> bool {
        self.0.is_reading()
    }

    /// What this transport sends comes from reading `source`: pause that while this one is full.
    /// An echo server registers a transport with itself, a proxy each of two with the other.
    pub fn register_producer(&self, source: &Self) {
        self.unregister_producer();
        self.0.producer.replace(Some(source.clone()));
        self.0.output_grew();
    }

    /// Forget the producer; it reads again if it was paused for us.
    pub fn unregister_producer(&self) {
        let producer = self.0.producer.take();
        if let Some(producer) = producer {
            self.0.release(&producer);
        }
    }

    /// Go on with another protocol: it gets `connection_made`, then the input that is left. The old
    /// one is dropped without `connection_lost`.
    pub fn set_protocol(&self, protocol: impl Protocol + 'static) {
        let protocol: Box<dyn Protocol> = Box::new(protocol);
        let replaced = self.0.with_extras(|extras| extras.successor.replace(protocol));
        drop(replaced);
        self.0.flags.set(Flag::Switching);
        self.0.redeliver();
    }

    /// Call [`Protocol::timed_out`] once, after this much time from now, unless it is set again or
    /// taken back (`None`) before. Setting it again costs next to nothing, so an idle timeout is
    /// this, set at each input.
    pub fn set_timeout(&self, timeout: Option<Duration>) {
        let Some(home) = self.0.home.upgrade() else { return };
        let deadline = timeout.and_then(|timeout| home.now().checked_add(timeout));
        if deadline.is_none() && self.0.extras.borrow().is_none() {
            return;
        }
        let arm = self.0.with_extras(|extras| {
            extras.deadline = deadline;
            let arm = deadline.filter(|deadline| extras.alarm.is_none_or(|alarm| *deadline < alarm));
            extras.alarm = arm.or(extras.alarm);
            arm
        });
        if let Some(at) = arm {
            home.push(Effect::Alarm(at, self.0.clone()));
        }
    }

    /// Where the peer is.
    pub fn peer(&self) -> &Address {
        &self.0.peer
    }

    /// The local end's address, while the connection lives.
    pub fn host(&self) -> Option<Address> {
        if self.0.flags.has(Flag::Dead) {
            return None;
        }
        let home = self.0.home.upgrade()?;
        let address = home.engine.borrow().local_address(self.0.token.get());
        address.ok()
    }

    /// A number that no other connection of this reactor has, ever.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// A deferred that fires when the connection is gone; at once if it is already.
    pub fn closed(&self) -> Deferred<()> {
        let (resolver, deferred) = crate::deferred::pair(self.0.home.clone());
        if self.0.flags.has(Flag::Dead) {
            resolver.resolve(Ok(()));
        } else {
            self.0.with_extras(|extras| extras.closed.push(resolver));
        }
        deferred
    }

    /// What the TLS handshake agreed on, once it has; `None` on a plain connection.
    pub fn tls_session(&self) -> Option<Rc<layer::TlsSession>> {
        self.0.extras.borrow().as_ref().and_then(|extras| extras.session.clone())
    }

    /// From here on speak TLS, as its server. What was written before leaves in the clear first; what is
    /// written after waits for the handshake. Input not yet taken is read as TLS, so that whatever
    /// somebody in the middle has added in the clear ends the connection. Nothing is delivered before the
    /// handshake is done; if it fails, or takes longer than
    /// [`Builder::handshake_limit`](crate::Builder::handshake_limit), the connection is lost.
    ///
    /// Ignored, with a warning in the log, where TLS is spoken already.
    pub fn start_tls(&self, server: &tls::TlsServer) {
        if let Some(home) = self.0.home.upgrade() {
            self.start_layer(server.layer(home.wall_clock()));
        }
    }

    /// From here on speak TLS, as its client: the peer's certificate must be for `host`, or for the name
    /// that the client was configured with. All else is as with [`start_tls`](Self::start_tls).
    ///
    /// # Errors
    /// If there is no name to check the certificate against, or none that can be.
    pub fn start_tls_as_client(
        &self,
        client: &tls::TlsClient,
        host: Option<&Host>,
    ) -> Result<(), TlsConfigError> {
        if let Some(home) = self.0.home.upgrade() {
            self.start_layer(client.layer(host, home.wall_clock())?);
        }
        Ok(())
    }

    fn start_layer(&self, layer: Box<dyn layer::Layer>) {
        let Some(home) = self.0.home.upgrade() else { return };
        if self.is_closing() {
            return;
        }
        if !self.0.flags.set(Flag::Layered) {
            return tracing::warn!(peer = %self.0.peer, "TLS is spoken already: it is not started again");
        }
        home.push(Effect::Handshake(self.0.token.get()));
        let prefix = self.0.output.take();
        self.0.pass_unasked(&prefix);
        self.0.with_extras(|extras| extras.layer = Some((layer, prefix)));
        self.0.flags.set(Flag::Switching);
        self.0.redeliver();
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
            .field("id", &self.0.id)
            .field("peer", &self.0.peer)
            .finish_non_exhaustive()
    }
}

impl Connection {
    pub(crate) fn new(id: u64, token: Token, peer: Address, home: Weak<Shared>) -> Rc<Self> {
        Rc::new(Self {
            id,
            token: Cell::new(token),
            peer,
            home,
            flags: Flags::new(&[Flag::Writable]),
            output: RefCell::default(),
            producer: RefCell::default(),
            extras: RefCell::default(),
        })
    }

    pub(crate) fn is_reading(&self) -> bool {
        const STOPS: [Flag; 7] = [
            Flag::Paused,
            Flag::ProducerPaused,
            Flag::Held,
            Flag::Switching,
            Flag::Closing,
            Flag::Aborting,
            Flag::Dead,
        ];
        !self.flags.any(&STOPS)
    }

    fn takes_output(&self) -> bool {
        !self.flags.any(&[Flag::Closing, Flag::HalfClosing, Flag::Aborting, Flag::Broken, Flag::Dead])
    }

    /// Have the loop look at this connection in this turn, or the next if none is under way.
    pub(crate) fn queue(self: &Rc<Self>) {
        if self.flags.has(Flag::Dead) || !self.flags.set(Flag::Queued) {
            return;
        }
        if let Some(home) = self.home.upgrade() {
            home.push(Effect::Work(self.clone()));
        }
    }

    pub(crate) fn redeliver(self: &Rc<Self>) {
        self.flags.set(Flag::Redeliver);
        self.queue();
    }

    /// Output was appended: note whether that is too much, and see that it leaves.
    fn output_grew(self: &Rc<Self>) {
        if self.output.borrow().len() > self.watermarks().0 {
            self.flags.set(Flag::Full);
            if let Some(producer) = &*self.producer.borrow()
                && self.flags.set(Flag::HoldsProducer)
            {
                producer.0.flags.set(Flag::ProducerPaused);
            }
        }
        self.queue();
    }

    /// `left` bytes are still to leave: note whether that is little enough to go on.
    pub(crate) fn output_shrank(self: &Rc<Self>, left: usize) {
        if left > self.watermarks().1 {
            return;
        }
        self.flags.clear(Flag::Full);
        if self.flags.has(Flag::HoldsProducer)
            && let Some(producer) = &*self.producer.borrow()
        {
            self.release(producer);
        }
    }

    /// Undo our own pause of the producer, and only ours.
    fn release(&self, producer: &Transport) {
        if self.flags.clear(Flag::HoldsProducer) && producer.0.flags.clear(Flag::ProducerPaused) {
            producer.0.redeliver();
        }
    }

    /// The high and the low watermark.
    fn watermarks(&self) -> (usize, usize) {
        self.extras.borrow().as_ref().map_or((HIGH_WATERMARK, HIGH_WATERMARK / 4), |extras| {
            (extras.high_watermark, extras.low_watermark)
        })
    }

    pub(crate) fn input_max(&self) -> usize {
        self.extras.borrow().as_ref().map_or(INPUT_MAX, |extras| extras.input_max)
    }

    pub(crate) fn with_extras<R>(&self, f: impl FnOnce(&mut Extras) -> R) -> R {
        f(self.extras.borrow_mut().get_or_insert_default())
    }

    /// Whether the loop's timer is going to look at its deadline.
    pub(crate) fn has_alarm(&self) -> bool {
        self.extras.borrow().as_ref().is_some_and(|extras| extras.alarm.is_some())
    }

    /// Take something that was wished for out of the extras, if there are any.
    pub(crate) fn take_extra<R>(&self, take: impl FnOnce(&mut Extras) -> Option<R>) -> Option<R> {
        self.extras.borrow_mut().as_mut().and_then(|extras| take(extras))
    }

    /// The protocol to go on with, if one was set; it has not been connected yet.
    pub(crate) fn take_successor(&self) -> Option<Box<dyn Protocol>> {
        if !self.flags.has(Flag::Switching) {
            return None;
        }
        let successor = self.take_extra(|extras| extras.successor.take())?;
        self.flags.clear(Flag::Switching);
        self.flags.clear(Flag::Made);
        Some(successor)
    }

    /// A layer that was asked for, and what must leave ahead of it.
    pub(crate) fn take_layer(&self) -> Option<(Box<dyn layer::Layer>, Output)> {
        if !self.flags.has(Flag::Switching) {
            return None;
        }
        let layer = self.take_extra(|extras| extras.layer.take())?;
        // Another protocol may be taking over as well.
        if self.with_extras(|extras| extras.successor.is_none()) {
            self.flags.clear(Flag::Switching);
        }
        Some(layer)
    }

    /// The end: forget all that could keep others alive or waiting.
    pub(crate) fn bury(self: &Rc<Self>) {
        self.flags.set(Flag::Dead);
        self.output.borrow_mut().clear();
        if let Some(producer) = self.producer.take() {
            self.release(&producer);
        }
        let Some(extras) = self.extras.take() else { return };
        for closed in extras.closed {
            closed.resolve(Ok(()));
        }
        if let Some(session) = extras.session {
            self.with_extras(|extras| extras.session = Some(session));
        }
    }
}

/// Every connection has one: ten thousand idle ones shall cost what ten thousand of these cost.
const _: () = assert!(size_of::<Connection>() <= 160);
