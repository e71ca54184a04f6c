//! Values that are one of several words. The one rule: the words stand in Redis's order, in which a
//! refusal lists them.

use super::rule::Keyword;

/// Makes an enum of words into a [`Keyword`].
macro_rules! keywords {
    ($(
        $(#[$about:meta])*
        $name:ident { $($(#[$what:meta])* $variant:ident = $word:literal,)+ }
    )+) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$what])* $variant,)+ }

        impl Keyword for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];
        }
    )+};
}

keywords! {
    /// `maxmemory-policy`: what is removed when memory is full.
    MaxmemoryPolicy {
        /// Of the keys that expire, the one used longest ago.
        VolatileLru = "volatile-lru",
        /// Of the keys that expire, the one used least often.
        VolatileLfu = "volatile-lfu",
        /// Of the keys that expire, any.
        VolatileRandom = "volatile-random",
        /// Of the keys that expire, the one that does so next.
        VolatileTtl = "volatile-ttl",
        /// The key used longest ago.
        AllKeysLru = "allkeys-lru",
        /// The key used least often.
        AllKeysLfu = "allkeys-lfu",
        /// Any key.
        AllKeysRandom = "allkeys-random",
        /// None: writes are refused.
        NoEviction = "noeviction",
    }

    /// `loglevel`: the least important events that are logged.
    LogLevel {
        /// Everything.
        Debug = "debug",
        /// Much, most of it seldom useful.
        Verbose = "verbose",
        /// What matters in production.
        Notice = "notice",
        /// What is important or wrong.
        Warning = "warning",
    }

    /// `supervised`: who watches over the process.
    Supervised {
        /// upstart, which waits until the process has stopped itself.
        Upstart = "upstart",
        /// systemd, which is told when the server is ready.
        Systemd = "systemd",
        /// Whoever the environment says.
        Auto = "auto",
        /// Nobody.
        No = "no",
    }

    /// `appendfsync`: when a log is flushed to the disk.
    AppendFsync {
        /// Every second.
        EverySecond = "everysec",
        /// After each write.
        Always = "always",
        /// When the system does.
        No = "no",
    }

    /// `repl-diskless-load`: how a replica takes a snapshot.
    DisklessLoad {
        /// By way of a file.
        Disabled = "disabled",
        /// From the connection, if it has no data.
        OnEmptyDb = "on-empty-db",
        /// From the connection, beside the data it has.
        SwapDb = "swapdb",
    }

    /// `tls-auth-clients`: whether clients show certificates.
    TlsAuthClients {
        /// They are not asked for one.
        No = "no",
        /// They have to.
        Yes = "yes",
        /// They may, and then it has to be a good one.
        Optional = "optional",
    }

    /// `acl-pubsub-default`: the channels of a new user.
    AclPubsubDefault {
        /// All.
        AllChannels = "allchannels",
        /// None.
        ResetChannels = "resetchannels",
    }

    /// `sanitize-dump-payload`: how thoroughly RESTORE checks what it is given.
    SanitizeDump {
        /// As far as is needed.
        No = "no",
        /// In depth.
        Yes = "yes",
        /// In depth if a client sent it.
        Clients = "clients",
    }

    /// Who may do what is dangerous.
    ProtectedAction {
        /// Nobody.
        No = "no",
        /// Everybody.
        Yes = "yes",
        /// Clients on this machine.
        Local = "local",
    }

    /// `cluster-preferred-endpoint-type`: what a node tells clients about others.
    EndpointType {
        /// An address.
        Ip = "ip",
        /// A name.
        Hostname = "hostname",
        /// Nothing.
        UnknownEndpoint = "unknown-endpoint",
    }

    /// `propagation-error-behavior`: what to do about a command from the master or the log that fails.
    PropagationError {
        /// Nothing.
        Ignore = "ignore",
        /// Stop.
        Panic = "panic",
        /// Stop if it came from a master.
        PanicOnReplicas = "panic-on-replicas",
    }
}

/// `oom-score-adj`: whether the system is told whom to kill when memory runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OomScoreAdj {
    /// No.
    No,
    /// Yes, by numbers that are added to what was there at the start.
    Relative,
    /// Yes, by numbers as they are.
    Absolute,
}

impl Keyword for OomScoreAdj {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("no", Self::No),
        ("yes", Self::Relative),
        ("relative", Self::Relative),
        ("absolute", Self::Absolute),
    ];
}

/// `syslog-facility`: as whom to log to the system's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SyslogFacility {
    /// A user's process.
    User,
    /// One of eight that each machine uses as it likes.
    Local(u8),
}

impl SyslogFacility {
    /// Its number, as messages to the system's log carry it.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::User => 1,
            Self::Local(number) => 16 + number,
        }
    }
}

impl Keyword for SyslogFacility {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("user", Self::User),
        ("local0", Self::Local(0)),
        ("local1", Self::Local(1)),
        ("local2", Self::Local(2)),
        ("local3", Self::Local(3)),
        ("local4", Self::Local(4)),
        ("local5", Self::Local(5)),
        ("local6", Self::Local(6)),
        ("local7", Self::Local(7)),
    ];
}
