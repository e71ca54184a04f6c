//! How much may wait for a client that does not read: `client-output-buffer-limit`. The one rule: whoever
//! writes to a client asks here afterwards, so that no client can make the server hold more than its class may.

use super::Server;
use super::client::{Client, State};
use crate::config::OutputLimit;
use std::rc::Rc;

/// For clients of a class without a limit that are sent more than they ask for, in bytes.
const UNASKED_MAX: u64 = 256 << 20;

/// The most that may wait for a client that is answered a command, whatever its class, in bytes: what goes beyond
/// is dropped while it is written, and the client with it.
const REPLIES_MAX: u64 = 1 << 30;

impl Server {
    /// How much may wait for a client while it is answered.
    #[inline]
    pub(crate) fn reply_bytes_max(&self, client: &Client) -> usize {
        match self.output_limit(client).hard {
            0 => REPLIES_MAX as usize,
            hard => hard.min(REPLIES_MAX) as usize,
        }
    }

    /// What may wait for a client of this one's class.
    fn output_limit(&self, client: &Client) -> OutputLimit {
        let limits = &self.config.client_output_buffer_limit;
        if client.is(State::SUBSCRIBED) { limits.pubsub } else { limits.normal }
    }

    /// Whether more waits for the client than may. Being above the soft limit is noted here, so that the next
    /// question finds out for how long.
    #[inline]
    pub(crate) fn is_overfull(&self, client: &Client) -> bool {
        let limit = self.output_limit(client);
        if limit == OutputLimit::default() && !client.is(State::MONITOR) {
            return false;
        }
        self.is_beyond(client, limit)
    }

    fn is_beyond(&self, client: &Client, limit: OutputLimit) -> bool {
        let waiting = client.transport.buffered() as u64;
        let hard = if limit.hard == 0 && client.is(State::MONITOR) { UNASKED_MAX } else { limit.hard };
        if hard > 0 && waiting >= hard {
            return true;
        }
        if limit.soft == 0 || waiting < limit.soft {
            let was_above = client.extras(|extras| extras.soft_limit_since.is_some());
            if was_above == Some(true) {
                client.extras_if_any(|extras| extras.soft_limit_since = None);
                client.trim_extras();
            }
            return false;
        }
        let now_ms = self.clock.wall_ms();
        let since_ms = client.extras_mut(|extras| *extras.soft_limit_since.get_or_insert(now_ms));
        now_ms.saturating_sub(since_ms) > limit.seconds.saturating_mul(1000)
    }

    /// Close the client if more waits for it than may. Returns whether it was closed.
    pub(crate) fn close_if_overfull(&mut self, client: &Rc<Client>) -> bool {
        let overfull = self.is_overfull(client);
        if overfull {
            self.close_overfull(vec![client.clone()]);
        }
        overfull
    }

    /// Close clients that were found to be overfull.
    pub(crate) fn close_overfull(&mut self, clients: Vec<Rc<Client>>) {
        for client in clients {
            let waiting = client.transport.buffered();
            tracing::warn!(client = client.id, waiting, "a client is closed: it leaves too much unread");
            self.drop_client(&client);
        }
    }
}
