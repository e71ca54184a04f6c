//! The sections of INFO about the server itself.

use super::Lines;
use crate::config::rule::Keyword;
use crate::server::client::State;
use crate::server::pubsub::Kind;
use crate::server::{REDIS_VERSION, Server};

const DAY_SECONDS: u64 = 86_400;

pub(super) fn server(server: &mut Server, lines: &mut Lines) {
    let facts = server.host.facts();
    let uptime = server.clock.now().saturating_duration_since(server.started.now()).as_secs();
    lines.add("redis_version", REDIS_VERSION);
    lines.add("redis_git_sha1", "00000000");
    lines.add("redis_git_dirty", 0);
    lines.add("redis_build_id", format!("ropewalk-{}", env!("CARGO_PKG_VERSION")));
    lines.add("redis_mode", "standalone");
    lines.add("os", facts.system);
    lines.add("arch_bits", usize::BITS);
    lines.add("monotonic_clock", "POSIX clock_gettime");
    lines.add("multiplexing_api", server.reactor.backend());
    lines.add("process_id", facts.process);
    lines.add("process_supervised", server.config.supervised.word());
    lines.add("run_id", &server.run_id);
    lines.add("tcp_port", server.config.port);
    lines.add("server_time_usec", server.clock.wall_us());
    lines.add("uptime_in_seconds", uptime);
    lines.add("uptime_in_days", uptime / DAY_SECONDS);
    lines.add("hz", server.config.hz);
    lines.add("configured_hz", server.config.hz);
    lines.add("lru_clock", server.clock.wall_seconds().rem_euclid(1 << 24));
    lines.add_bytes("executable", &facts.executable);
    lines.add_bytes("config_file", server.config_file.as_deref().unwrap_or_default());
    lines.add("io_threads_active", 0);
}

pub(super) fn clients(server: &mut Server, lines: &mut Lines) {
    let clients = || server.clients.iter();
    let timed = clients().filter(|client| client.waits_with_timeout()).count();
    lines.add("connected_clients", clients().filter(|client| !client.is(State::MONITOR)).count());
    lines.add("cluster_connections", 0);
    lines.add("maxclients", server.config.maxclients);
    lines.add(
        "client_recent_max_input_buffer",
        clients().map(|client| client.input_room()).max().unwrap_or(0),
    );
    lines.add(
        "client_recent_max_output_buffer",
        clients().map(|client| client.transport.buffered()).max().unwrap_or(0),
    );
    lines.add("blocked_clients", server.blocked_clients());
    lines.add("tracking_clients", server.tracking.clients());
    lines.add("clients_in_timeout_table", timed);
}

pub(super) fn memory(server: &mut Server, lines: &mut Lines) {
    let overhead = server.overhead();
    lines.add_size("used_memory", overhead.used as u64);
    lines.add_size("used_memory_rss", overhead.resident as u64);
    lines.add_size("used_memory_peak", overhead.peak as u64);
    lines.add("used_memory_peak_perc", format!("{:.2}%", overhead.peak_percent()));
    lines.add("used_memory_overhead", overhead.total());
    lines.add("used_memory_startup", overhead.startup);
    lines.add("used_memory_dataset", overhead.dataset());
    lines.add("used_memory_dataset_perc", format!("{:.2}%", overhead.dataset_percent()));
    lines.add("allocator_allocated", overhead.used);
    lines.add("allocator_resident", overhead.resident);
    lines.add_size("total_system_memory", server.host.facts().memory_bytes);
    lines.add_size("maxmemory", server.config.maxmemory);
    lines.add("maxmemory_policy", server.config.maxmemory_policy.word());
    lines.add("allocator_rss_ratio", format!("{:.2}", overhead.fragmentation()));
    lines.add("allocator_rss_bytes", overhead.fragmentation_bytes());
    lines.add("mem_fragmentation_ratio", format!("{:.2}", overhead.fragmentation()));
    lines.add("mem_fragmentation_bytes", overhead.fragmentation_bytes());
    lines.add("mem_not_counted_for_evict", 0);
    lines.add("mem_replication_backlog", 0);
    lines.add("mem_total_replication_buffers", 0);
    lines.add("mem_clients_slaves", 0);
    lines.add("mem_clients_normal", overhead.clients);
    lines.add("mem_cluster_links", 0);
    lines.add("mem_aof_buffer", 0);
    lines.add("mem_allocator", server.memory.allocator());
    lines.add("active_defrag_running", 0);
    lines.add("lazyfree_pending_objects", server.stats.lazyfree_pending);
    lines.add("lazyfreed_objects", server.stats.lazyfreed_objects);
}

/// Nothing is ever saved: what is said here of saving is that it does not happen.
pub(super) fn persistence(server: &mut Server, lines: &mut Lines) {
    lines.add("loading", 0);
    lines.add("async_loading", 0);
    lines.add("rdb_changes_since_last_save", server.dirty);
    lines.add("rdb_bgsave_in_progress", 0);
    lines.add("rdb_last_save_time", server.started.wall_seconds());
    lines.add("rdb_saves", 0);
    lines.add("aof_enabled", 0);
    lines.add("aof_rewrite_in_progress", 0);
    lines.add("aof_rewrite_scheduled", 0);
}

pub(super) fn stats(server: &mut Server, lines: &mut Lines) {
    let (stats, rates) = (&server.stats, &server.rates);
    let kbps = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
    lines.add("total_connections_received", stats.connections);
    lines.add("total_commands_processed", stats.commands);
    lines.add("instantaneous_ops_per_sec", rates.commands.per_second());
    lines.add("total_net_input_bytes", stats.input_bytes);
    lines.add("total_net_output_bytes", stats.output_bytes);
    lines.add("total_net_repl_input_bytes", 0);
    lines.add("total_net_repl_output_bytes", 0);
    lines.add("instantaneous_input_kbps", kbps(rates.input.per_second()));
    lines.add("instantaneous_output_kbps", kbps(rates.output.per_second()));
    lines.add("instantaneous_input_repl_kbps", kbps(0));
    lines.add("instantaneous_output_repl_kbps", kbps(0));
    lines.add("rejected_connections", stats.rejected_connections);
    lines.add("sync_full", 0);
    lines.add("sync_partial_ok", 0);
    lines.add("sync_partial_err", 0);
    lines.add("expired_keys", stats.expired_keys);
    lines.add("expired_subkeys", stats.expired_fields);
    lines.add("expired_stale_perc", format!("{:.2}", server.expiring.stale_percent));
    lines.add("expired_time_cap_reached_count", server.expiring.time_cap_reached);
    lines.add("expire_cycle_cpu_milliseconds", server.expiring.took.as_millis());
    lines.add("evicted_keys", stats.evicted_keys);
    lines.add("evicted_clients", stats.evicted_clients);
    lines.add("total_eviction_exceeded_time", server.exceeded.total(server.clock.now()).as_millis());
    lines.add("current_eviction_exceeded_time", server.exceeded.current(server.clock.now()).as_millis());
    lines.add("keyspace_hits", stats.hits.get());
    lines.add("keyspace_misses", stats.misses.get());
    lines.add("pubsub_channels", server.pubsub.topics(Kind::Channel).len());
    lines.add("pubsub_patterns", server.pubsub.topics(Kind::Pattern).len());
    lines.add("pubsubshard_channels", server.pubsub.topics(Kind::Shard).len());
    lines.add("latest_fork_usec", 0);
    lines.add("total_forks", 0);
    lines.add("migrate_cached_sockets", 0);
    lines.add("slave_expires_tracked_keys", 0);
    for figure in ["hits", "misses", "key_hits", "key_misses"] {
        lines.add(&format!("active_defrag_{figure}"), 0);
    }
    lines.add("total_active_defrag_time", 0);
    lines.add("current_active_defrag_time", 0);
    lines.add("tracking_total_keys", server.tracking.keys());
    lines.add("tracking_total_items", server.tracking.items());
    lines.add("tracking_total_prefixes", server.tracking.prefixes());
    lines.add("unexpected_error_replies", 0);
    lines.add("total_error_replies", stats.error_replies);
    lines.add("total_reads_processed", stats.reads);
    lines.add("total_writes_processed", stats.writes);
    lines.add("io_threaded_reads_processed", 0);
    lines.add("io_threaded_writes_processed", 0);
}

/// There are no replicas, and so no backlog for them.
pub(super) fn replication(server: &mut Server, lines: &mut Lines) {
    lines.add("role", "master");
    lines.add("connected_slaves", 0);
    lines.add("master_failover_state", "no-failover");
    lines.add("master_replid", &server.run_id);
    lines.add("master_replid2", "0".repeat(server.run_id.len()));
    lines.add("master_repl_offset", 0);
    lines.add("second_repl_offset", -1);
    lines.add("repl_backlog_active", 0);
    lines.add("repl_backlog_size", server.config.repl_backlog_size);
    lines.add("repl_backlog_first_byte_offset", 0);
    lines.add("repl_backlog_histlen", 0);
}

pub(super) fn cpu(server: &mut Server, lines: &mut Lines) {
    let times = server.host.processor_times();
    for (suffix, time) in [("", times.process), ("_children", times.children), ("_main_thread", times.thread)]
    {
        lines.add(&format!("used_cpu_sys{suffix}"), format!("{:.6}", time.system.as_secs_f64()));
        lines.add(&format!("used_cpu_user{suffix}"), format!("{:.6}", time.user.as_secs_f64()));
    }
}

pub(super) fn cluster(_: &mut Server, lines: &mut Lines) {
    lines.add("cluster_enabled", 0);
}

pub(super) fn keyspace(server: &mut Server, lines: &mut Lines) {
    for db in 0..server.database_count() {
        let database = server.database(db);
        if !database.is_empty() {
            let (keys, expires) = (database.len(), database.expiring_len());
            let mean = server.expiring.mean_ttl_ms(db);
            lines.add(&format!("db{db}"), format!("keys={keys},expires={expires},avg_ttl={mean}"));
        }
    }
}
