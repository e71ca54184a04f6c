//! Who is connected. The one rule: a client is here from `connection_made` to `connection_lost`.

use super::client::Client;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The clients, by number, which is the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    by_id: BTreeMap<u64, Rc<Client>>,
    last_id: u64,
}

impl Clients {
    /// The number of the next client.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A client came.
    pub(crate) fn add(&mut self, client: Rc<Client>) {
        self.by_id.insert(client.id, client);
    }

    /// A client is gone.
    pub(crate) fn remove(&mut self, id: u64) -> Option<Rc<Client>> {
        self.by_id.remove(&id)
    }

    /// The client of this number.
    pub(crate) fn find(&self, id: u64) -> Option<&Rc<Client>> {
        self.by_id.get(&id)
    }

    /// All, by age.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Rc<Client>> {
        self.by_id.values()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }
}
