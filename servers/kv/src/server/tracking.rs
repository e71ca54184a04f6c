//! Client-side caching: who has read which key, and is told when it changes.

use super::Server;
use super::client::Client;
use std::rc::Rc;

/// How a client's reads are tracked: CLIENT TRACKING.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {}

/// Who has read what.
#[derive(Debug, Default)]
pub(crate) struct Tracking {}

impl Tracking {
    /// Whether nobody is to be told anything.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        true
    }
}

impl Server {
    /// All keys are gone: databases were emptied.
    pub(crate) fn invalidate_all(&mut self) {}

    /// A key was changed, by this client or by nobody.
    pub(crate) fn invalidate(&mut self, key: &[u8], by: Option<&Rc<Client>>) {
        let _ = (key, by, &self.tracking);
    }
}
