//! Every directive of Redis 7.0.15, in the order of its redis.conf. The one rule: nothing about a directive
//! is said anywhere else.

use super::directive::{Directive, Effect, FIXED, MUTABLE, directives, is_many, lines, replace, show};
use super::rule::{AlwaysOff, Choice, Number, Switch, Text};
use super::special::{
    Addresses, Bind, Events, Master, OomScoreList, OomScores, Output, OutputLimits, PercentileList,
    Percentiles, ReplicaOf, Save, SavePoints, Shutdown, ShutdownHow,
};
use super::words::{
    AclPubsubDefault, AppendFsync, DisklessLoad, EndpointType, LogLevel, MaxmemoryPolicy, OomScoreAdj,
    PropagationError, ProtectedAction, SanitizeDump, Supervised, SyslogFacility, TlsAuthClients,
};
use crate::server::notify::Notify;
use crate::store::limits::Limits;
use std::marker::PhantomData;

/// The bounds of C's types, which are Redis's bounds.
const INT: i128 = i32::MAX as i128;
const UINT: i128 = u32::MAX as i128;
const LONG: i128 = i64::MAX as i128;
const ULONG: i128 = u64::MAX as i128;
const MIB: i128 = 1 << 20;

directives! {
    // Network.

    /// addresses to listen at; one behind a `-` may be missing
    "bind" => bind: Addresses = Addresses::default(), Bind, MUTABLE.then(Effect::Bind);
    /// the address that connections to a master come from
    "bind-source-addr" => bind_source_addr: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.idle("replication");
    /// whether only this machine may connect while there is no password and no `bind`
    "protected-mode" => protected_mode: bool = true, Switch, MUTABLE;
    /// who may change protected directives
    "enable-protected-configs" => enable_protected_configs: ProtectedAction = ProtectedAction::No,
        Choice::new(), FIXED;
    /// who may use DEBUG
    "enable-debug-command" => enable_debug_command: ProtectedAction = ProtectedAction::No, Choice::new(),
        FIXED;
    /// who may use MODULE
    "enable-module-command" => enable_module_command: ProtectedAction = ProtectedAction::No, Choice::new(),
        FIXED.idle("modules");
    /// the port for plain connections; 0 is none
    "port" => port: u16 = 6379, Number::between(0, 65535), MUTABLE.then(Effect::Port);
    /// how many connections may wait to be accepted
    "tcp-backlog" => tcp_backlog: u32 = 511, Number::between(0, INT), FIXED;
    /// the path of a Unix socket to listen at
    "unixsocket" => unixsocket: Vec<u8> = Vec::new(), Text::optional(), FIXED;
    /// the mode of the Unix socket, in octal digits; 0 leaves it as it comes
    "unixsocketperm" => unixsocketperm: u32 = 0, Number::octal(0o777), FIXED;
    /// after how many seconds without a command a client is closed; 0 is never
    "timeout" => timeout: u32 = 0, Number::between(0, INT), MUTABLE;
    /// after how many seconds of silence the system asks whether a peer is there; 0 is never
    "tcp-keepalive" => tcp_keepalive: u32 = 300, Number::between(0, INT),
        MUTABLE.then(Effect::KeepAlive);
    /// a mark on the packets of all listeners
    "socket-mark-id" => socket_mark_id: u32 = 0, Number::between(0, UINT), FIXED.not_yet("socket marks");

    // TLS.

    /// the port for TLS connections; 0 is none
    "tls-port" => tls_port: u16 = 0, Number::between(0, 65535), MUTABLE.then(Effect::TlsPort);
    /// the certificate, a PEM file
    "tls-cert-file" => tls_cert_file: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.volatile().then(Effect::Tls);
    /// its private key, a PEM file
    "tls-key-file" => tls_key_file: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.volatile().then(Effect::Tls);
    /// the passphrase of the private key
    "tls-key-file-pass" => tls_key_file_pass: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.not_yet("way to unlock a private key").then(Effect::Tls);
    /// the certificate shown to a master
    "tls-client-cert-file" => tls_client_cert_file: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.idle("replication").volatile().then(Effect::Tls);
    /// its private key
    "tls-client-key-file" => tls_client_key_file: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.idle("replication").volatile().then(Effect::Tls);
    /// the passphrase of that private key
    "tls-client-key-file-pass" => tls_client_key_file_pass: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.idle("replication").then(Effect::Tls);
    /// parameters of a Diffie-Hellman exchange without elliptic curves
    "tls-dh-params-file" => tls_dh_params_file: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.idle("key exchange that needs parameters").volatile().then(Effect::Tls);
    /// the authorities that clients' certificates come from, a PEM file
    "tls-ca-cert-file" => tls_ca_cert_file: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.volatile().then(Effect::Tls);
    /// the same, a directory of such files
    "tls-ca-cert-dir" => tls_ca_cert_dir: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.not_yet("directories of authorities").volatile().then(Effect::Tls);
    /// whether clients have to show a certificate
    "tls-auth-clients" => tls_auth_clients: TlsAuthClients = TlsAuthClients::Yes,
        Choice::except(TlsAuthClients::Optional, "tls-auth-clients optional is not supported yet"),
        MUTABLE.then(Effect::Tls);
    /// whether connections to a master use TLS
    "tls-replication" => tls_replication: bool = false, Switch, MUTABLE.idle("replication");
    /// whether the cluster's bus uses TLS
    "tls-cluster" => tls_cluster: bool = false, Switch, MUTABLE.idle("cluster");
    /// which versions of TLS are spoken
    "tls-protocols" => tls_protocols: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.not_yet("choice of TLS versions: it speaks 1.2 and 1.3").then(Effect::Tls);
    /// which ciphers TLS 1.2 may use
    "tls-ciphers" => tls_ciphers: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.not_yet("choice of ciphers").then(Effect::Tls);
    /// which ciphers TLS 1.3 may use
    "tls-ciphersuites" => tls_ciphersuites: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.not_yet("choice of ciphers").then(Effect::Tls);
    /// whether the server's preference among ciphers counts
    "tls-prefer-server-ciphers" => tls_prefer_server_ciphers: bool = false, Switch,
        MUTABLE.idle("choice of ciphers").then(Effect::Tls);
    /// whether TLS sessions can be resumed
    "tls-session-caching" => tls_session_caching: bool = true, Switch,
        MUTABLE.idle("tuning of TLS sessions").then(Effect::Tls);
    /// how many TLS sessions are kept
    "tls-session-cache-size" => tls_session_cache_size: u32 = 20480, Number::between(0, INT),
        MUTABLE.idle("tuning of TLS sessions").then(Effect::Tls);
    /// for how many seconds a TLS session is kept
    "tls-session-cache-timeout" => tls_session_cache_timeout: u32 = 300, Number::between(0, INT),
        MUTABLE.idle("tuning of TLS sessions").then(Effect::Tls);

    // General.

    /// whether to go into the background
    "daemonize" => daemonize: bool = false, Switch, FIXED;
    /// who watches over the process
    "supervised" => supervised: Supervised = Supervised::No,
        Choice::except(Supervised::Upstart, "supervised upstart is not supported"), FIXED;
    /// the file that the process's number is written to
    "pidfile" => pidfile: Vec<u8> = Vec::new(), Text::optional(), FIXED;
    /// the least important events that are logged
    "loglevel" => loglevel: LogLevel = LogLevel::Notice, Choice::new(), MUTABLE.then(Effect::LogLevel);
    /// the file that is logged to; empty is standard output
    "logfile" => logfile: Vec<u8> = Vec::new(), Text::present(), FIXED;
    /// whether to log to the system's log
    "syslog-enabled" => syslog_enabled: bool = false, Switch, FIXED;
    /// by which name
    "syslog-ident" => syslog_ident: Vec<u8> = b"redis".to_vec(), Text::present(), FIXED;
    /// as which facility
    "syslog-facility" => syslog_facility: SyslogFacility = SyslogFacility::Local(0), Choice::new(), FIXED;
    /// whether a crash is logged
    "crash-log-enabled" => crash_log_enabled: bool = true, Switch, MUTABLE.idle("crash log");
    /// whether memory is tested after a crash
    "crash-memcheck-enabled" => crash_memcheck_enabled: bool = true, Switch, MUTABLE.idle("crash log");
    /// whether a crash exits rather than aborts
    "use-exit-on-panic" => use_exit_on_panic: bool = false, Switch, MUTABLE.hidden().idle("crash log");
    /// after how many milliseconds of one command a trace is logged
    "watchdog-period" => watchdog_period: u32 = 0, Number::between(0, INT), MUTABLE.hidden().idle("watchdog");
    /// how many databases there are
    "databases" => databases: usize = 16, Number::between(1, INT), FIXED;
    /// whether a picture is logged at the start
    "always-show-logo" => always_show_logo: bool = false, Switch, FIXED.idle("picture to show");
    /// whether the process's title is changed
    "set-proc-title" => set_proc_title: bool = true, Switch, FIXED.idle("title of its own");
    /// to what the process's title is changed
    "proc-title-template" => proc_title_template: Vec<u8> = b"{title} {listen-addr} {server-mode}".to_vec(),
        Text::present().checked(title_template), MUTABLE.idle("title of its own");
    /// warnings that are no reason to stop
    "ignore-warnings" => ignore_warnings: Vec<u8> = Vec::new(), Text::present(),
        MUTABLE.idle("such warnings");
    /// the directory that files are written to
    "dir" => dir: Vec<u8> = Vec::new(), Text::optional(), MUTABLE.protected().then(Effect::Directory);

    // Snapshots.

    /// after how many seconds data is saved if so many changes were made
    "save" => save: SavePoints = SavePoints::default(), Save,
        MUTABLE.not_yet_in_files("persistence").then(Effect::Save);
    /// whether writes are refused once saving has failed
    "stop-writes-on-bgsave-error" => stop_writes_on_bgsave_error: bool = true, Switch,
        MUTABLE.idle("persistence");
    /// whether strings are compressed in files
    "rdbcompression" => rdbcompression: bool = true, Switch, MUTABLE.idle("persistence");
    /// whether files end with a checksum
    "rdbchecksum" => rdbchecksum: bool = true, Switch, FIXED.idle("persistence");
    /// how thoroughly values from outside are checked; here they always are
    "sanitize-dump-payload" => sanitize_dump_payload: SanitizeDump = SanitizeDump::No, Choice::new(), MUTABLE;
    /// the name of the snapshot
    "dbfilename" => dbfilename: Vec<u8> = b"dump.rdb".to_vec(), Text::present().checked(database_file),
        MUTABLE.protected().idle("persistence");
    /// whether snapshots from a master are removed
    "rdb-del-sync-files" => rdb_del_sync_files: bool = false, Switch, MUTABLE.idle("replication");
    /// whether a snapshot is flushed as it is written
    "rdb-save-incremental-fsync" => rdb_save_incremental_fsync: bool = true, Switch,
        MUTABLE.idle("persistence");
    /// by how many microseconds a key's saving is delayed
    "rdb-key-save-delay" => rdb_key_save_delay: i32 = 0, Number::between(i32::MIN as i128, INT),
        MUTABLE.hidden().idle("persistence");
    /// by how many microseconds a key's loading is delayed
    "key-load-delay" => key_load_delay: i32 = 0, Number::between(i32::MIN as i128, INT),
        MUTABLE.hidden().idle("persistence");
    /// after how many bytes of loading clients are served
    "loading-process-events-interval-bytes" => loading_process_events_interval_bytes: u64 = 2 << 20,
        Number::between(1024, INT), MUTABLE.hidden().idle("persistence");

    // Replication.

    /// the master to copy
    "replicaof" | "slaveof" => replicaof: Master = Master::default(), ReplicaOf, FIXED.not_yet("replication");
    /// the password for the master
    "masterauth" => masterauth: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.sensitive().idle("replication");
    /// the user for the master
    "masteruser" => masteruser: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.sensitive().idle("replication");
    /// whether a replica answers while it has no master
    "replica-serve-stale-data" | "slave-serve-stale-data" => replica_serve_stale_data: bool = true, Switch,
        MUTABLE.idle("replication");
    /// whether a replica refuses writes
    "replica-read-only" | "slave-read-only" => replica_read_only: bool = true, Switch,
        MUTABLE.idle("replication");
    /// whether a replica goes on if its disk fails
    "replica-ignore-disk-write-errors" => replica_ignore_disk_write_errors: bool = false, Switch,
        MUTABLE.idle("replication");
    /// whether a replica leaves eviction to its master
    "replica-ignore-maxmemory" | "slave-ignore-maxmemory" => replica_ignore_maxmemory: bool = true, Switch,
        MUTABLE.idle("replication");
    /// whether snapshots go to replicas without a file
    "repl-diskless-sync" => repl_diskless_sync: bool = true, Switch, MUTABLE.idle("replication");
    /// for how many seconds more replicas are waited for
    "repl-diskless-sync-delay" => repl_diskless_sync_delay: u32 = 5, Number::between(0, INT),
        MUTABLE.idle("replication");
    /// for how many replicas is waited at most
    "repl-diskless-sync-max-replicas" => repl_diskless_sync_max_replicas: u32 = 0, Number::between(0, INT),
        MUTABLE.idle("replication");
    /// how a replica loads a snapshot without a file
    "repl-diskless-load" => repl_diskless_load: DisklessLoad = DisklessLoad::Disabled, Choice::new(),
        MUTABLE.idle("replication");
    /// every how many seconds replicas are pinged
    "repl-ping-replica-period" | "repl-ping-slave-period" => repl_ping_replica_period: u32 = 10,
        Number::between(1, INT), MUTABLE.idle("replication");
    /// after how many seconds of silence the other side is gone
    "repl-timeout" => repl_timeout: u32 = 60, Number::between(1, INT), MUTABLE.idle("replication");
    /// whether small packets to replicas are held back
    "repl-disable-tcp-nodelay" => repl_disable_tcp_nodelay: bool = false, Switch, MUTABLE.idle("replication");
    /// how much is kept for replicas that come back
    "repl-backlog-size" => repl_backlog_size: u64 = 1 << 20, Number::memory(1, LONG),
        MUTABLE.idle("replication");
    /// for how many seconds it is kept
    "repl-backlog-ttl" => repl_backlog_ttl: u64 = 3600, Number::between(0, LONG), MUTABLE.idle("replication");
    /// which replica is promoted first
    "replica-priority" | "slave-priority" => replica_priority: u32 = 100, Number::between(0, INT),
        MUTABLE.idle("replication");
    /// whether the master lists the replica
    "replica-announced" => replica_announced: bool = true, Switch, MUTABLE.idle("replication");
    /// under which address
    "replica-announce-ip" | "slave-announce-ip" => replica_announce_ip: Vec<u8> = Vec::new(),
        Text::optional(), MUTABLE.idle("replication");
    /// under which port
    "replica-announce-port" | "slave-announce-port" => replica_announce_port: u16 = 0,
        Number::between(0, 65535), MUTABLE.idle("replication");
    /// how many replicas there have to be for writes
    "min-replicas-to-write" | "min-slaves-to-write" => min_replicas_to_write: u32 = 0,
        Number::between(0, INT), MUTABLE;
    /// by how many seconds they may be behind
    "min-replicas-max-lag" | "min-slaves-max-lag" => min_replicas_max_lag: u32 = 10, Number::between(0, INT),
        MUTABLE;
    /// what to do about a command that a replica can't run
    "propagation-error-behavior" => propagation_error_behavior: PropagationError = PropagationError::Ignore,
        Choice::new(), MUTABLE.idle("replication");

    // Keys tracking, access.

    /// how many keys are tracked for clients' caches; 0 is no limit
    "tracking-table-max-keys" => tracking_table_max_keys: usize = 1_000_000, Number::between(0, LONG),
        MUTABLE;
    /// how many refusals ACL LOG keeps
    "acllog-max-len" => acllog_max_len: usize = 128, Number::between(0, LONG), MUTABLE;
    /// the file with the users
    "aclfile" => aclfile: Vec<u8> = Vec::new(), Text::present(), FIXED;
    /// the password of the default user
    "requirepass" => requirepass: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.sensitive().then(Effect::RequirePass);
    /// the channels of a new user
    "acl-pubsub-default" => acl_pubsub_default: AclPubsubDefault = AclPubsubDefault::ResetChannels,
        Choice::new(), MUTABLE;

    // Clients and memory.

    /// how many clients may be connected
    "maxclients" => maxclients: u32 = 10_000, Number::between(1, UINT), MUTABLE.then(Effect::MaxClients);
    /// how many bytes may be in use; 0 is no limit
    "maxmemory" => maxmemory: u64 = 0, Number::memory(0, ULONG), MUTABLE.then(Effect::MaxMemory);
    /// what goes first when they are
    "maxmemory-policy" => maxmemory_policy: MaxmemoryPolicy = MaxmemoryPolicy::NoEviction, Choice::new(),
        MUTABLE;
    /// how many keys are looked at to find one that goes
    "maxmemory-samples" => maxmemory_samples: u32 = 5, Number::between(1, INT), MUTABLE;
    /// how long eviction may take, from 0 to 100
    "maxmemory-eviction-tenacity" => maxmemory_eviction_tenacity: u32 = 10, Number::between(0, 100), MUTABLE;
    /// how many bytes all clients may use; a negative number is a percentage of `maxmemory`
    "maxmemory-clients" => maxmemory_clients: i64 = 0, Number::memory_or_percent(LONG),
        MUTABLE.then(Effect::MaxMemoryClients);
    /// how hard expired keys are looked for, from 1 to 10
    "active-expire-effort" => active_expire_effort: u32 = 1, Number::between(1, 10), MUTABLE;
    /// how fast a key's frequency saturates
    "lfu-log-factor" => lfu_log_factor: u32 = 10, Number::between(0, INT), MUTABLE;
    /// after how many minutes it decays
    "lfu-decay-time" => lfu_decay_time: u32 = 1, Number::between(0, INT), MUTABLE;
    /// how much may wait for a client before it is closed
    "client-output-buffer-limit" => client_output_buffer_limit: OutputLimits = OutputLimits::default(),
        Output, MUTABLE;
    /// how many bytes of an unfinished command a client may send
    "client-query-buffer-limit" => client_query_buffer_limit: usize = 1 << 30, Number::memory(MIB, LONG),
        MUTABLE;
    /// how many bytes an argument may have
    "proto-max-bulk-len" => proto_max_bulk_len: usize = 512 << 20, Number::memory(MIB, LONG), MUTABLE;

    // Freeing in the background.

    /// whether what is evicted is freed in the background
    "lazyfree-lazy-eviction" => lazyfree_lazy_eviction: bool = false, Switch, MUTABLE;
    /// whether what expires is freed in the background
    "lazyfree-lazy-expire" => lazyfree_lazy_expire: bool = false, Switch, MUTABLE;
    /// whether what is overwritten is freed in the background
    "lazyfree-lazy-server-del" => lazyfree_lazy_server_del: bool = false, Switch, MUTABLE;
    /// whether what DEL removes is freed in the background
    "lazyfree-lazy-user-del" => lazyfree_lazy_user_del: bool = false, Switch, MUTABLE;
    /// whether what FLUSHALL removes is freed in the background
    "lazyfree-lazy-user-flush" => lazyfree_lazy_user_flush: bool = false, Switch, MUTABLE;
    /// whether a replica's old data is freed in the background
    "replica-lazy-flush" | "slave-lazy-flush" => replica_lazy_flush: bool = false, Switch,
        MUTABLE.idle("replication");

    // Threads, the system.

    /// how many threads read and write
    "io-threads" => io_threads: u32 = 1, Number::between(1, 128),
        FIXED.idle("threads for reading and writing");
    /// whether they read as well
    "io-threads-do-reads" => io_threads_do_reads: bool = false, Switch,
        FIXED.idle("threads for reading and writing");
    /// whether the system is told whom to kill when memory runs out
    "oom-score-adj" => oom_score_adj: OomScoreAdj = OomScoreAdj::No, Choice::new(),
        MUTABLE.then(Effect::OomScore);
    /// what it is told
    "oom-score-adj-values" => oom_score_adj_values: OomScores = OomScores([0, 200, 800]), OomScoreList,
        MUTABLE.then(Effect::OomScore);
    /// whether the system's huge pages are turned off
    "disable-thp" => disable_thp: bool = true, Switch, FIXED;
    /// on which processors the server runs
    "server_cpulist" => server_cpulist: Vec<u8> = Vec::new(), Text::optional(),
        FIXED.idle("choice of processors");
    /// on which processors background threads run
    "bio_cpulist" => bio_cpulist: Vec<u8> = Vec::new(), Text::optional(), FIXED.idle("choice of processors");
    /// on which processors the log is rewritten
    "aof_rewrite_cpulist" => aof_rewrite_cpulist: Vec<u8> = Vec::new(), Text::optional(),
        FIXED.idle("choice of processors");
    /// on which processors snapshots are made
    "bgsave_cpulist" => bgsave_cpulist: Vec<u8> = Vec::new(), Text::optional(),
        FIXED.idle("choice of processors");

    // The log of commands.

    /// whether every write is logged to a file
    "appendonly" => appendonly: bool = false, Switch, MUTABLE.not_yet("persistence");
    /// the name of that file
    "appendfilename" => appendfilename: Vec<u8> = b"appendonly.aof".to_vec(),
        Text::present().checked(append_file), FIXED.idle("persistence");
    /// the directory of that file
    "appenddirname" => appenddirname: Vec<u8> = b"appendonlydir".to_vec(),
        Text::present().checked(append_directory), FIXED.idle("persistence");
    /// how often it is flushed to the disk
    "appendfsync" => appendfsync: AppendFsync = AppendFsync::EverySecond, Choice::new(),
        MUTABLE.idle("persistence");
    /// whether it is flushed while it is rewritten
    "no-appendfsync-on-rewrite" => no_appendfsync_on_rewrite: bool = false, Switch,
        MUTABLE.idle("persistence");
    /// by how many percent it grows until it is rewritten
    "auto-aof-rewrite-percentage" => auto_aof_rewrite_percentage: u32 = 100, Number::between(0, INT),
        MUTABLE.idle("persistence");
    /// from which size on it is rewritten
    "auto-aof-rewrite-min-size" => auto_aof_rewrite_min_size: u64 = 64 << 20, Number::memory(0, LONG),
        MUTABLE.idle("persistence");
    /// whether a log that was cut short is loaded
    "aof-load-truncated" => aof_load_truncated: bool = true, Switch, MUTABLE.idle("persistence");
    /// whether a rewritten log begins with a snapshot
    "aof-use-rdb-preamble" => aof_use_rdb_preamble: bool = true, Switch, MUTABLE.idle("persistence");
    /// whether the log has times in it
    "aof-timestamp-enabled" => aof_timestamp_enabled: bool = false, Switch, MUTABLE.idle("persistence");
    /// whether the log is flushed as it is rewritten
    "aof-rewrite-incremental-fsync" => aof_rewrite_incremental_fsync: bool = true, Switch,
        MUTABLE.idle("persistence");
    /// whether old logs are left
    "aof-disable-auto-gc" => aof_disable_auto_gc: bool = false, Switch, MUTABLE.idle("persistence");

    // Shutting down, scripts.

    /// for how many seconds replicas are waited for at the end
    "shutdown-timeout" => shutdown_timeout: u32 = 10, Number::between(0, INT), MUTABLE.idle("replication");
    /// how SIGINT shuts down
    "shutdown-on-sigint" => shutdown_on_sigint: ShutdownHow = ShutdownHow::empty(), Shutdown,
        MUTABLE.idle("persistence");
    /// how SIGTERM shuts down
    "shutdown-on-sigterm" => shutdown_on_sigterm: ShutdownHow = ShutdownHow::empty(), Shutdown,
        MUTABLE.idle("persistence");
    /// after how many milliseconds of a script others are told that it runs
    "busy-reply-threshold" | "lua-time-limit" => busy_reply_threshold: u64 = 5000, Number::between(0, LONG),
        MUTABLE.idle("scripting");

    // Cluster.

    /// whether this is a node of a cluster
    "cluster-enabled" => cluster_enabled: bool = false, Switch, FIXED.not_yet("cluster");
    /// the file that the node keeps
    "cluster-config-file" => cluster_config_file: Vec<u8> = b"nodes.conf".to_vec(), Text::present(),
        FIXED.idle("cluster");
    /// after how many milliseconds a node is unreachable
    "cluster-node-timeout" => cluster_node_timeout: u64 = 15_000, Number::between(0, LONG),
        MUTABLE.idle("cluster");
    /// the port of the bus
    "cluster-port" => cluster_port: u16 = 0, Number::between(0, 65535), FIXED.idle("cluster");
    /// how old a replica's data may be to be promoted
    "cluster-replica-validity-factor" | "cluster-slave-validity-factor" =>
        cluster_replica_validity_factor: u32 = 10, Number::between(0, INT), MUTABLE.idle("cluster");
    /// how many replicas a master keeps when others lack one
    "cluster-migration-barrier" => cluster_migration_barrier: u32 = 1, Number::between(0, INT),
        MUTABLE.idle("cluster");
    /// whether replicas move to masters that lack one
    "cluster-allow-replica-migration" => cluster_allow_replica_migration: bool = true, Switch,
        MUTABLE.idle("cluster");
    /// whether all slots have to be served
    "cluster-require-full-coverage" => cluster_require_full_coverage: bool = true, Switch,
        MUTABLE.idle("cluster");
    /// whether replicas are never promoted by themselves
    "cluster-replica-no-failover" | "cluster-slave-no-failover" => cluster_replica_no_failover: bool = false,
        Switch, MUTABLE.idle("cluster");
    /// whether a node answers reads while the cluster is down
    "cluster-allow-reads-when-down" => cluster_allow_reads_when_down: bool = false, Switch,
        MUTABLE.idle("cluster");
    /// whether it passes on messages then
    "cluster-allow-pubsubshard-when-down" => cluster_allow_pubsubshard_when_down: bool = true, Switch,
        MUTABLE.idle("cluster");
    /// how much may wait for another node
    "cluster-link-sendbuf-limit" => cluster_link_sendbuf_limit: u64 = 0, Number::memory(0, ULONG),
        MUTABLE.idle("cluster");
    /// the host name that is announced
    "cluster-announce-hostname" => cluster_announce_hostname: Vec<u8> = Vec::new(),
        Text::optional().checked(host_name), MUTABLE.idle("cluster");
    /// what is announced as an endpoint
    "cluster-preferred-endpoint-type" => cluster_preferred_endpoint_type: EndpointType = EndpointType::Ip,
        Choice::new(), MUTABLE.idle("cluster");
    /// the address that is announced
    "cluster-announce-ip" => cluster_announce_ip: Vec<u8> = Vec::new(), Text::optional(),
        MUTABLE.idle("cluster");
    /// the port that is announced
    "cluster-announce-port" => cluster_announce_port: u16 = 0, Number::between(0, 65535),
        MUTABLE.idle("cluster");
    /// the port for TLS that is announced
    "cluster-announce-tls-port" => cluster_announce_tls_port: u16 = 0, Number::between(0, 65535),
        MUTABLE.idle("cluster");
    /// the port of the bus that is announced
    "cluster-announce-bus-port" => cluster_announce_bus_port: u16 = 0, Number::between(0, 65535),
        MUTABLE.idle("cluster");

    // Watching.

    /// from how many microseconds on a command is in the slow log; -1 is none
    "slowlog-log-slower-than" => slowlog_log_slower_than: i64 = 10_000, Number::between(-1, LONG), MUTABLE;
    /// how many commands the slow log keeps
    "slowlog-max-len" => slowlog_max_len: usize = 128, Number::between(0, LONG), MUTABLE;
    /// from how many milliseconds on something is noted by LATENCY; 0 is none
    "latency-monitor-threshold" => latency_monitor_threshold: u64 = 0, Number::between(0, LONG), MUTABLE;
    /// whether the time of each command is kept in a histogram
    "latency-tracking" => latency_tracking: bool = true, Switch, MUTABLE;
    /// what INFO shows of it
    "latency-tracking-info-percentiles" =>
        latency_tracking_info_percentiles: Percentiles = Percentiles(vec![50.0, 99.0, 99.9]), PercentileList, MUTABLE;
    /// which events of keys are published
    "notify-keyspace-events" => notify: Notify = Notify::empty(), Events, MUTABLE;

    // How values are stored.

    /// the most fields of a hash that is stored in one piece
    "hash-max-listpack-entries" | "hash-max-ziplist-entries" => hash_max_listpack_entries: usize = 512,
        Number::between(0, LONG), MUTABLE;
    /// the longest field or value in it
    "hash-max-listpack-value" | "hash-max-ziplist-value" => hash_max_listpack_value: usize = 64,
        Number::memory(0, LONG), MUTABLE;
    /// the most elements of a list's node, or -1 to -5: 4 to 64 KiB
    "list-max-listpack-size" | "list-max-ziplist-size" => list_max_listpack_size: i32 = -2,
        Number::between(i32::MIN as i128, INT), MUTABLE;
    /// how many nodes at each end of a list stay uncompressed; 0 compresses none
    "list-compress-depth" => list_compress_depth: u32 = 0, Number::between(0, INT), MUTABLE;
    /// the most members of a set of integers that is stored in one piece
    "set-max-intset-entries" => set_max_intset_entries: usize = 512, Number::between(0, LONG), MUTABLE;
    /// the most members of a sorted set that is stored in one piece
    "zset-max-listpack-entries" | "zset-max-ziplist-entries" => zset_max_listpack_entries: usize = 128,
        Number::between(0, LONG), MUTABLE;
    /// the longest member in it
    "zset-max-listpack-value" | "zset-max-ziplist-value" => zset_max_listpack_value: usize = 64,
        Number::memory(0, LONG), MUTABLE;
    /// the largest HyperLogLog that is stored sparsely
    "hll-sparse-max-bytes" => hll_sparse_max_bytes: usize = 3000, Number::memory(0, LONG), MUTABLE;
    /// the most bytes of a stream's node; 0 is no limit
    "stream-node-max-bytes" => stream_node_max_bytes: usize = 4096, Number::memory(0, LONG), MUTABLE;
    /// the most entries of a stream's node; 0 is no limit
    "stream-node-max-entries" => stream_node_max_entries: usize = 100, Number::between(0, LONG), MUTABLE;
    /// whether tables grow while nothing else is to be done
    "activerehashing" => activerehashing: bool = true, Switch, MUTABLE.idle("table that waits to grow");

    // The clock, the memory.

    /// how many times a second housekeeping is done, from 1 to 500
    "hz" => hz: u32 = 10, Number::between(0, INT), MUTABLE;
    /// whether it is done more often with more clients
    "dynamic-hz" => dynamic_hz: bool = true, Switch, MUTABLE.idle("housekeeping that grows with clients");
    /// whether the allocator's own thread gives back memory
    "jemalloc-bg-thread" => jemalloc_bg_thread: bool = true, Switch, MUTABLE.idle("such allocator");
    /// whether memory is moved together
    "activedefrag" => activedefrag: bool = false, AlwaysOff(NO_DEFRAGMENTATION), MUTABLE;
    /// from how many wasted bytes on
    "active-defrag-ignore-bytes" => active_defrag_ignore_bytes: u64 = 100 << 20, Number::memory(1, LONG),
        MUTABLE.idle("defragmentation");
    /// from how many wasted percent on
    "active-defrag-threshold-lower" => active_defrag_threshold_lower: u32 = 10, Number::between(0, 1000),
        MUTABLE.idle("defragmentation");
    /// from how many wasted percent on with all effort
    "active-defrag-threshold-upper" => active_defrag_threshold_upper: u32 = 100, Number::between(0, 1000),
        MUTABLE.idle("defragmentation");
    /// with how many percent of the processor at least
    "active-defrag-cycle-min" => active_defrag_cycle_min: u32 = 1, Number::between(1, 99),
        MUTABLE.idle("defragmentation");
    /// with how many percent of the processor at most
    "active-defrag-cycle-max" => active_defrag_cycle_max: u32 = 25, Number::between(1, 99),
        MUTABLE.idle("defragmentation");
    /// how many fields are moved at a time
    "active-defrag-max-scan-fields" => active_defrag_max_scan_fields: u64 = 1000, Number::between(1, LONG),
        MUTABLE.idle("defragmentation");
}

const NO_DEFRAGMENTATION: &str = "Active defragmentation cannot be enabled: it requires a Redis server compiled with \
    a modified Jemalloc like the one shipped by default with the Redis source distribution";

fn is_base_name(name: &[u8]) -> bool {
    !name.contains(&b'/')
}

fn database_file(name: &[u8]) -> Result<(), &'static str> {
    if is_base_name(name) { Ok(()) } else { Err("dbfilename can't be a path, just a filename") }
}

fn append_file(name: &[u8]) -> Result<(), &'static str> {
    match name {
        [] => Err("appendfilename can't be empty"),
        _ if is_base_name(name) => Ok(()),
        _ => Err("appendfilename can't be a path, just a filename"),
    }
}

fn append_directory(name: &[u8]) -> Result<(), &'static str> {
    match name {
        [] => Err("appenddirname can't be empty"),
        _ if is_base_name(name) => Ok(()),
        _ => Err("appenddirname can't be a path, just a dirname"),
    }
}

fn host_name(name: &[u8]) -> Result<(), &'static str> {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if name.len() >= 256 {
        Err("Hostnames must be less than 256 characters")
    } else if name.iter().all(allowed) {
        Ok(())
    } else {
        Err("Hostnames may only contain alphanumeric characters, hyphens or dots")
    }
}

/// Names in braces are replaced; `{{` is a brace. Something must be left.
fn title_template(template: &[u8]) -> Result<(), &'static str> {
    const KNOWN: [&[u8]; 7] =
        [b"title", b"listen-addr", b"server-mode", b"config-file", b"port", b"tls-port", b"unixsocket"];
    const REFUSAL: &str = "template format is invalid or contains unknown variables";
    let mut rest = template;
    loop {
        rest = match rest {
            [] => return if template.trim_ascii().is_empty() { Err(REFUSAL) } else { Ok(()) },
            [b'{', b'{', behind @ ..] => behind,
            [b'{', behind @ ..] => {
                let name = behind.split(|byte| *byte == b'}').next().unwrap_or_default();
                let known = KNOWN.contains(&name);
                behind.get(name.len().saturating_add(1)..).filter(|_| known).ok_or(REFUSAL)?
            }
            [_, behind @ ..] => behind,
        };
    }
}
