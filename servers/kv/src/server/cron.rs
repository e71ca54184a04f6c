//! What is done now and then, whether a command comes or not. The one rule: each job bounds itself, and takes a
//! small part of the time until it is called again.

use super::Server;
use std::time::Duration;

impl Server {
    /// Begin.
    pub(crate) fn start_cron(&self) {
        let (me, pause) = (self.me.clone(), self.cron_pause());
        self.reactor.call_later(pause, move || {
            if let Some(server) = me.upgrade() {
                let server = &mut *server.borrow_mut();
                if !server.cron_is_paused {
                    server.cron();
                }
                server.start_cron();
            }
        });
    }

    /// How long it is until the next time.
    fn cron_pause(&self) -> Duration {
        Duration::from_millis(100)
    }

    /// All the jobs.
    fn cron(&mut self) {
        self.clock.anchor(&self.reactor);
        self.sample_rates();
        self.expire_slowly();
        if self.tracking.clients() > 0 {
            self.limit_tracked_keys();
        }
        self.look_after_clients();
        self.end_turn();
    }
}
