//! The server: the data, its clients, and what they have to do with each other. The one rule: it is touched
//! by one command at a time, from the first to the last byte of its reply.
//!
//! ```text
//! bytes ─▶ session ─▶ dispatch ─▶ command::… ─▶ keyspace ─▶ store
//!             ▲          │                         ├─▶ watch, tracking, blocking
//!             │          └─▶ journal, stats,       └─▶ notify ─▶ pubsub
//!             └── reply      slow log, monitors
//! ```

pub(crate) mod access;
pub(crate) mod auth;
pub(crate) mod blocking;
pub(crate) mod client;
pub(crate) mod clients;
pub(crate) mod clock;
pub(crate) mod configure;
pub(crate) mod cron;
pub(crate) mod describe;
pub(crate) mod dispatch;
pub(crate) mod entry;
pub(crate) mod errand;
pub(crate) mod eviction;
pub(crate) mod expiry;
pub(crate) mod fields;
pub(crate) mod histogram;
pub(crate) mod journal;
pub(crate) mod keyspace;
pub(crate) mod latency;
pub(crate) mod listeners;
pub(crate) mod memory;
pub(crate) mod monitors;
pub(crate) mod notify;
pub(crate) mod output;
pub(crate) mod overhead;
pub(crate) mod pause;
pub(crate) mod pubsub;
pub(crate) mod rates;
pub(crate) mod session;
pub(crate) mod slowlog;
pub(crate) mod stats;
pub(crate) mod timing;
pub(crate) mod tracking;
pub(crate) mod watch;

use crate::acl::Acl;
use crate::command::registry::Registry;
use crate::config::Config;
use crate::host::{Host, Nowhere};
use crate::store::database::Database;
use blocking::Blocked;
use client::Client;
use clients::Clients;
use clock::Clock;
use eviction::{Exceeded, Pool};
use expiry::Expiring;
use journal::Journal;
use keyspace::Late;
use latency::Latency;
use listeners::Listeners;
use memory::{Memory, MemorySource};
use pause::{Pause, Postponed};
use pubsub::PubSub;
use rates::Rates;
use ropewalk_reactor::Reactor;
use ropewalk_reactor::random::Random;
use slowlog::SlowLog;
use stats::Stats;
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use timing::Timing;
use tracking::Tracking;
use watch::Watches;

/// The version of Redis that this server is like.
pub(crate) const REDIS_VERSION: &str = "7.0.15";

/// All of it. Handlers reach it through their call.
pub(crate) struct Server {
    /// For timers, and to stop.
    pub(crate) reactor: Reactor,
    /// Itself, for what timers do.
    pub(crate) me: Weak<RefCell<Self>>,
    /// Since when it is there.
    pub(crate) started: Clock,
    /// A number that no other server has: 40 hexadecimal digits.
    pub(crate) run_id: String,
    /// As configured.
    pub(crate) config: Config,
    /// The file that CONFIG REWRITE writes to.
    pub(crate) config_file: Option<Vec<u8>>,
    /// The process around it.
    pub(crate) host: Box<dyn Host>,
    /// Where it listens.
    pub(crate) listeners: Listeners,
    /// Users and what they may do.
    pub(crate) acl: Acl,
    /// The commands, by the names that they go by here.
    pub(crate) registry: Registry,
    databases: Vec<Database>,
    /// Who is connected.
    pub(crate) clients: Clients,
    /// What time it is.
    pub(crate) clock: Clock,
    /// Chance.
    pub(crate) random: RefCell<Random>,
    /// Who waits for which key.
    pub(crate) blocked: Blocked,
    /// Who watches which key.
    pub(crate) watches: Watches,
    /// Who subscribes to what.
    pub(crate) pubsub: PubSub,
    /// Who has read what.
    pub(crate) tracking: Tracking,
    /// Who sees every command.
    monitors: Vec<Rc<Client>>,
    /// CLIENT PAUSE, if one is under way.
    pause: Option<Pause>,
    /// Whose command waits for the end of the pause.
    postponed: Postponed,
    /// A command's handler is running.
    is_executing: bool,
    /// Every effect of every write.
    pub(crate) journal: Journal,
    /// Counters.
    pub(crate) stats: Stats,
    /// How much there is of what, a second.
    pub(crate) rates: Rates,
    /// The commands that took long.
    pub(crate) slow_log: SlowLog,
    /// The events that took long.
    pub(crate) latency: Latency,
    /// How much memory there is.
    pub(crate) memory: Memory,
    /// How far active expiry is.
    pub(crate) expiring: Expiring,
    /// What may be evicted.
    pool: Pool,
    /// For how long memory was exceeded.
    pub(crate) exceeded: Exceeded,
    /// More is to be evicted in the next turn.
    evicting: bool,
    /// DEBUG SET-SKIP-CHECKSUM-VALIDATION.
    pub(crate) skips_checksums: bool,
    /// DEBUG PAUSE-CRON.
    pub(crate) cron_is_paused: bool,
    /// How many changes there were, ever.
    pub(crate) dirty: u64,
    /// Commands whose time is to be shared out.
    timing: Timing,
    /// What reading has found out and the end of the command acts on.
    late: RefCell<Vec<Late>>,
}

/// The server, as sessions and timers hold it.
pub(crate) type Shared = Rc<RefCell<Server>>;

impl Server {
    /// A server without clients and without data.
    pub(crate) fn new(reactor: &Reactor, config: Config, acl: Acl, memory: MemorySource) -> Shared {
        let mut random = reactor.random(Random::split);
        let clock = Clock::new(reactor);
        let run_id = (0..5).map(|_| format!("{:08x}", random.next_u64() >> 32)).collect();
        Rc::new_cyclic(|me| {
            RefCell::new(Self {
                clock,
                started: clock,
                run_id,
                reactor: reactor.clone(),
                me: me.clone(),
                databases: (0..config.databases).map(|_| Database::default()).collect(),
                registry: Registry::new(),
                config,
                config_file: None,
                host: Box::new(Nowhere),
                listeners: Listeners::default(),
                acl,
                clients: Clients::default(),
                random: RefCell::new(random),
                blocked: Blocked::default(),
                watches: Watches::default(),
                pubsub: PubSub::default(),
                tracking: Tracking::default(),
                monitors: Vec::new(),
                pause: None,
                postponed: Postponed::default(),
                is_executing: false,
                journal: Journal::default(),
                stats: Stats::default(),
                rates: Rates::default(),
                slow_log: SlowLog::default(),
                latency: Latency::default(),
                memory: Memory::new(memory),
                expiring: Expiring::default(),
                pool: Pool::default(),
                exceeded: Exceeded::default(),
                evicting: false,
                skips_checksums: false,
                cron_is_paused: false,
                dirty: 0,
                timing: Timing::default(),
                late: RefCell::default(),
            })
        })
    }

    /// How many databases there are.
    pub(crate) fn database_count(&self) -> usize {
        self.databases.len()
    }

    /// Look at a database, which there is.
    #[inline]
    pub(crate) fn database(&self, db: usize) -> &Database {
        &self.databases[db]
    }

    /// Change a database, which there is. Whoever changes a value tells [`Server::touched`].
    #[inline]
    pub(crate) fn database_mut(&mut self, db: usize) -> &mut Database {
        &mut self.databases[db]
    }

    /// Exchange two databases, which there are. Returns nothing: telling watchers and waiters is the caller's.
    pub(crate) fn swap_databases(&mut self, a: usize, b: usize) {
        self.databases.swap(a, b);
    }
}
