//! The test's handle on a simulated world. Its rule: what it does, the world could have done itself.

use super::addresses;
use super::disk::SimDisk;
use super::faults::Faults;
use super::network::Network;
use super::stream::{ConnectionId, Owner, Side, Vanished};
use crate::address::Address;
use std::cell::RefCell;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

/// A handle on a simulated world, to look at it and to meddle with it; a clone is the same world.
///
/// Connections are named by the addresses of their ends, as `Transport::host` and `Transport::peer`
/// tell them. A wildcard like `0.0.0.0:80` means all addresses with that port.
#[derive(Clone)]
pub struct World {
    network: Rc<RefCell<Network>>,
    disk: SimDisk,
    seed: u64,
}

impl World {
    pub(super) fn new(network: Rc<RefCell<Network>>, disk: SimDisk, seed: u64) -> Self {
        Self { network, disk, seed }
    }

    /// What everything follows from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The disk of this world, which outlives it.
    pub fn disk(&self) -> SimDisk {
        self.disk.clone()
    }

    /// Virtual time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.network.borrow().clock
    }

    /// A hash of every call on the engine so far, when it was made, and what came of it, contents
    /// included. Two runs with the same hash are the same run.
    pub fn trace_hash(&self) -> u64 {
        self.network.borrow().trace.hash()
    }

    /// The last calls, at most 256, oldest first: what to print when a simulated test fails.
    pub fn trace_tail(&self) -> Vec<String> {
        self.network.borrow().trace.tail()
    }

    /// How many sockets are open, of all kinds.
    pub fn open_tokens(&self) -> usize {
        self.network.borrow().open_tokens()
    }

    /// How many connections somebody still holds an end of, or tries to make.
    pub fn open_connections(&self) -> usize {
        self.network.borrow().connections.len()
    }

    /// The faults that happen by chance.
    pub fn faults(&self) -> Faults {
        self.network.borrow().faults.clone()
    }

    /// From now on, these faults. The windows and manners of connections that are there stay.
    pub fn set_faults(&self, faults: Faults) {
        self.network.borrow_mut().faults = faults;
    }

    /// What `host` resolves to from now on; with no addresses it is unknown.
    pub fn set_host(&self, host: &str, addresses: Vec<IpAddr>) {
        self.network.borrow_mut().names.set(host, addresses);
    }

    /// Nothing passes from or to this address any more, and nobody is told. Who waits for an
    /// answer gives up in the end: connecting after about two minutes, sending after fifteen.
    pub fn cut(&self, address: &Address) {
        self.network.borrow_mut().cut(address.clone());
    }

    /// The end of a [`cut`](Self::cut) of the same address: what was on its way arrives after all, but for
    /// resets, which nobody sends again.
    pub fn heal(&self, address: &Address) {
        self.network.borrow_mut().heal(address);
    }

    /// The end at `local` of the connection with `peer` vanishes: half a connection stays. The peer
    /// is told nothing; with `resets`, what it sends from then on is answered with a reset.
    pub fn vanish(&self, local: &Address, peer: &Address, resets: bool) {
        let how = if resets { Vanished::Resets } else { Vanished::Silent };
        for (id, side) in self.ends(local, Some(peer)) {
            self.network.borrow_mut().vanish(id, side, how);
        }
    }

    /// The network resets the connection between these two: both ends are told.
    pub fn reset(&self, local: &Address, peer: &Address) {
        for (id, side) in self.ends(local, Some(peer)) {
            let mut network = self.network.borrow_mut();
            network.send_reset(id, side);
            network.send_reset(id, side.other());
        }
    }

    /// How many bytes the ends at this address take unread, from now on. With 0 the peer can't send
    /// at all.
    pub fn set_window(&self, local: &Address, bytes: usize) {
        for (id, side) in self.ends(local, None) {
            let mut network = self.network.borrow_mut();
            if let Some(connection) = network.connections.get_mut(&id) {
                connection.end_mut(side).window = bytes;
            }
            // A wider one lets the peer go on.
            network.pump(id, side.other());
        }
    }

    /// For so long whoever needs a new descriptor gets EMFILE: who accepts, connects, listens or
    /// binds.
    pub fn exhaust_descriptors(&self, lasts: Duration) {
        let mut network = self.network.borrow_mut();
        network.exhausted_until = network.clock + lasts;
    }

    /// How many sockets can be open at a time; beyond it, EMFILE.
    pub fn limit_descriptors(&self, most: Option<usize>) {
        self.network.borrow_mut().descriptors_max = most;
    }

    /// The held ends with this address, and this peer if one is given.
    fn ends(&self, local: &Address, peer: Option<&Address>) -> Vec<(ConnectionId, Side)> {
        let network = self.network.borrow();
        let both = network
            .connections
            .iter()
            .flat_map(|(id, connection)| Side::BOTH.map(|side| (*id, connection, side)));
        both.filter(|(_, connection, side)| {
            let (end, other) = (connection.end(*side), connection.end(side.other()));
            end.owner != Owner::Nobody
                && addresses::is_meant(local, &end.local)
                && peer.is_none_or(|peer| addresses::is_meant(peer, &other.local))
        })
        .map(|(id, _, side)| (id, side))
        .collect()
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("seed", &self.seed)
            .field("elapsed", &self.elapsed())
            .field("open", &self.network.borrow().describe())
            .finish_non_exhaustive()
    }
}
