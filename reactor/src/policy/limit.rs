//! Limits: how many connections there may be, in all and from one peer.
//!
//! One rule: a slot is taken when a connection is accepted, belongs to the connection from when it is
//! made, and is free again when that is gone. It is a value that is dropped, so it can't be given
//! back twice or not at all.

use super::{Policy, Under};
use crate::address::Address;
use crate::protocol::{Factory, Protocol};
use crate::transport::Transport;
use crate::transport::gate::Gate;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;

/// A factory that has at most so many connections at a time; one more is closed at once.
///
/// Peers are told apart by their IP address, and by its first 64 bits where it is IPv6, because
/// whoever has one such address has all those. Local sockets count in the total only.
pub struct Limited<F> {
    inner: F,
    total: usize,
    per_peer: usize,
    on_refusal: Option<Box<RefusalHook>>,
    state: Rc<State>,
}

type RefusalHook = dyn FnMut(&Address, Refusal);

/// Which limit a connection was refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There are as many connections as there may be.
    Total,
    /// There are as many from this peer as there may be.
    Peer,
}

/// How full a [`Limited`] factory is; it goes on telling.
#[derive(Clone)]
pub struct Occupancy(Rc<State>);

#[derive(Default)]
struct State {
    open: Cell<usize>,
    refused: Cell<u64>,
    /// How many connections each peer has. Ordered, not hashed: a peer chooses the keys.
    peers: RefCell<BTreeMap<IpAddr, usize>>,
    /// That the limit is reached was told since it last was not.
    told: Cell<bool>,
}

impl<F: Factory> Limited<F> {
    /// At most `total` connections of `inner` at a time.
    pub fn new(total: usize, inner: F) -> Self {
        Self { inner, total, per_peer: usize::MAX, on_refusal: None, state: Rc::default() }
    }

    /// And at most `limit` from one peer.
    pub fn per_peer(mut self, limit: usize) -> Self {
        self.per_peer = limit;
        self
    }

    /// Call `hook` for each connection that is refused.
    pub fn on_refusal(mut self, hook: impl FnMut(&Address, Refusal) + 'static) -> Self {
        self.on_refusal = Some(Box::new(hook));
        self
    }

    /// What tells how many connections there are and were refused.
    pub fn occupancy(&self) -> Occupancy {
        Occupancy(self.state.clone())
    }

    fn admit(&mut self, peer: &Address) -> Result<Slot, Refusal> {
        let key = peer.ip().map(network);
        if self.state.open.get() >= self.total {
            return Err(Refusal::Total);
        }
        let from_peer = key.map_or(0, |key| self.state.peers.borrow().get(&key).copied().unwrap_or(0));
        if from_peer >= self.per_peer {
            return Err(Refusal::Peer);
        }
        Ok(Slot::take(&self.state, key))
    }

    fn refuse(&mut self, peer: &Address, why: Refusal) {
        self.state.refused.set(self.state.refused.get().saturating_add(1));
        if why == Refusal::Total && !self.state.told.replace(true) {
            tracing::warn!(limit = self.total, "as many connections as there may be: more are refused");
        } else {
            tracing::debug!(%peer, ?why, "a connection is refused");
        }
        if let Some(hook) = &mut self.on_refusal {
            hook(peer, why);
        }
    }
}

impl<F: Factory> Factory for Limited<F> {
    fn build_protocol(&mut self, peer: &Address) -> Option<Box<dyn Protocol>> {
        let slot = match self.admit(peer) {
            Ok(slot) => slot,
            Err(why) => {
                self.refuse(peer, why);
                return None;
            }
        };
        let inner = self.inner.build_protocol(peer)?;
        Some(Box::new(Under::with(Holding(Cell::new(Some(slot))), inner)))
    }

    fn start(&mut self) {
        self.inner.start();
    }

    fn stop(&mut self) {
        self.inner.stop();
    }
}

impl Occupancy {
    /// How many connections there are, those in a TLS handshake included.
    pub fn open(&self) -> usize {
        self.0.open.get()
    }

    /// How many peers they come from, as told apart for [`Limited::per_peer`].
    pub fn peers(&self) -> usize {
        self.0.peers.borrow().len()
    }

    /// How many connections were refused so far.
    pub fn refused(&self) -> u64 {
        self.0.refused.get()
    }
}

impl std::fmt::Debug for Occupancy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Occupancy({} open, {} refused)", self.open(), self.refused())
    }
}

/// What a peer is known by: whoever has one address of an IPv6 /64 has all of them.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() & !u128::from(u64::MAX)).into(),
        four => four,
    }
}

/// The right to be connected; dropping it frees it for another.
struct Slot {
    state: Rc<State>,
    peer: Option<IpAddr>,
}

impl Slot {
    fn take(state: &Rc<State>, peer: Option<IpAddr>) -> Self {
        state.open.set(state.open.get() + 1);
        if let Some(peer) = peer {
            *state.peers.borrow_mut().entry(peer).or_default() += 1;
        }
        Self { state: state.clone(), peer }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let state = &self.state;
        state.open.set(state.open.get() - 1);
        state.told.set(false);
        let Some(peer) = self.peer else { return };
        let mut peers = state.peers.borrow_mut();
        let count = peers.get_mut(&peer).expect("this slot is counted");
        *count -= 1;
        if *count == 0 {
            peers.remove(&peer);
        }
    }
}

/// A gate that lets everything pass: it only goes when the connection does.
impl Gate for Slot {}

/// Keeps a slot until there is a connection to keep it.
struct Holding(Cell<Option<Slot>>);

impl Policy for Holding {
    fn attach(&self, transport: &Transport) {
        if let Some(slot) = self.0.take() {
            transport.0.add_gate(Rc::new(slot));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::StringTransport;
    use crate::{BytesMut, Reason};

    struct Quiet;
    impl Protocol for Quiet {
        fn data_received(&mut self, _: &Transport, _: &mut BytesMut) {}
    }

    type Connected = StringTransport<Box<dyn Protocol>>;

    fn peer(ip: &str) -> Address {
        Address::Internet((ip.parse::<IpAddr>().unwrap(), 1234).into())
    }

    fn connect(factory: &mut impl Factory, from: &str) -> Option<Connected> {
        let mut connection = StringTransport::new(factory.build_protocol(&peer(from))?);
        connection.connect();
        Some(connection)
    }

    fn limited(total: usize) -> Limited<impl FnMut(&Address) -> Quiet> {
        Limited::new(total, |_: &Address| Quiet)
    }

    #[test]
    fn one_connection_too_many_is_refused_until_one_is_gone() {
        let mut factory = limited(2);
        let occupancy = factory.occupancy();
        let mut first = connect(&mut factory, "10.0.0.1").unwrap();
        let _second = connect(&mut factory, "10.0.0.2").unwrap();
        assert!(connect(&mut factory, "10.0.0.3").is_none());
        assert_eq!((occupancy.open(), occupancy.peers(), occupancy.refused()), (2, 2, 1));
        first.lose(Reason::Done);
        assert_eq!((occupancy.open(), occupancy.peers()), (1, 1));
        assert!(connect(&mut factory, "10.0.0.3").is_some());
    }

    #[test]
    fn a_slot_is_freed_once() {
        let mut factory = limited(2);
        let occupancy = factory.occupancy();
        let mut first = connect(&mut factory, "10.0.0.1").unwrap();
        let second = connect(&mut factory, "10.0.0.1").unwrap();
        first.lose(Reason::Aborted);
        drop(first);
        assert_eq!(occupancy.open(), 1);
        drop(second);
        assert_eq!((occupancy.open(), occupancy.peers()), (0, 0));
    }

    #[test]
    fn a_connection_that_was_never_made_frees_its_slot() {
        let mut factory = limited(1);
        let occupancy = factory.occupancy();
        let handshaking = factory.build_protocol(&peer("10.0.0.1")).unwrap();
        assert_eq!(occupancy.open(), 1);
        drop(handshaking);
        assert_eq!(occupancy.open(), 0);
    }

    #[test]
    fn a_slot_stays_with_a_connection_that_goes_on_with_another_protocol() {
        let mut factory = limited(1);
        let occupancy = factory.occupancy();
        let mut connection = connect(&mut factory, "10.0.0.1").unwrap();
        connection.transport().set_protocol(Quiet);
        connection.feed(b"x");
        assert_eq!(occupancy.open(), 1);
        connection.lose(Reason::Done);
        assert_eq!(occupancy.open(), 0);
    }

    #[test]
    fn a_connection_that_the_factory_refuses_itself_takes_no_slot() {
        struct Nobody;
        impl Factory for Nobody {
            fn build_protocol(&mut self, _: &Address) -> Option<Box<dyn Protocol>> {
                None
            }
        }
        let mut factory = Limited::new(1, Nobody);
        let occupancy = factory.occupancy();
        assert!(factory.build_protocol(&peer("10.0.0.1")).is_none());
        assert_eq!((occupancy.open(), occupancy.peers(), occupancy.refused()), (0, 0, 0));
    }

    #[test]
    fn a_peer_is_an_ipv4_address_or_an_ipv6_network_of_64_bits() {
        let same = [
            ("10.0.0.1", "10.0.0.1"),
            ("10.0.0.1", "::ffff:10.0.0.1"),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"),
        ];
        let different = [("10.0.0.1", "10.0.0.2"), ("2001:db8:0:1::1", "2001:db8:0:2::1")];
        let cases = same.map(|pair| (pair, false)).into_iter().chain(different.map(|pair| (pair, true)));
        for ((one, other), both) in cases {
            let mut factory = limited(10).per_peer(1);
            let _first = connect(&mut factory, one).unwrap();
            assert_eq!(connect(&mut factory, other).is_some(), both, "{one} and {other}");
        }
    }

    #[test]
    fn local_peers_count_in_the_total_only() {
        let mut factory = limited(2).per_peer(1);
        let kept: Vec<_> = (0..3).filter_map(|_| factory.build_protocol(&Address::Unix(None))).collect();
        assert_eq!(kept.len(), 2);
    }

    #[test]
    fn who_is_refused_and_why_is_told() {
        let told = Rc::new(RefCell::new(Vec::new()));
        let tell = told.clone();
        let mut factory =
            limited(2).per_peer(1).on_refusal(move |peer, why| tell.borrow_mut().push((peer.ip(), why)));
        let _first = connect(&mut factory, "10.0.0.1");
        connect(&mut factory, "10.0.0.1");
        let _second = connect(&mut factory, "10.0.0.2");
        connect(&mut factory, "10.0.0.3");
        let expected = [(peer("10.0.0.1").ip(), Refusal::Peer), (peer("10.0.0.3").ip(), Refusal::Total)];
        assert_eq!(*told.borrow(), expected);
    }
}
