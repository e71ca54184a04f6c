//! The sections of INFO about commands: how often, how long, and with which errors.

use super::Lines;
use crate::server::Server;

pub(super) fn stats(server: &mut Server, lines: &mut Lines) {
    for (_, entry) in server.registry.all() {
        let stats = &entry.stats;
        if stats.calls == 0 && stats.failed == 0 && stats.rejected == 0 {
            continue;
        }
        let micros = stats.nanos / 1000;
        let each = if stats.calls == 0 { 0.0 } else { stats.nanos as f64 / 1000.0 / stats.calls as f64 };
        let figures = format!(
            "calls={},usec={micros},usec_per_call={each:.2},rejected_calls={},failed_calls={}",
            stats.calls, stats.rejected, stats.failed
        );
        lines.add(&format!("cmdstat_{}", entry.name), figures);
    }
}

pub(super) fn errors(server: &mut Server, lines: &mut Lines) {
    for (code, count) in &server.stats.errors {
        let name = [&b"errorstat_"[..], code].concat();
        lines.add(&String::from_utf8_lossy(&name), format!("count={count}"));
    }
}

pub(super) fn latencies(server: &mut Server, lines: &mut Lines) {
    let percents = &server.config.latency_tracking_info_percentiles.0;
    for (_, entry) in server.registry.all() {
        if entry.stats.latency.total() == 0 {
            continue;
        }
        let figures: Vec<String> = percents
            .iter()
            .map(|percent| {
                let micros = entry.stats.latency.percentile(*percent) as f64 / 1000.0;
                format!("p{percent}={micros:.3}")
            })
            .collect();
        lines.add(&format!("latency_percentiles_usec_{}", entry.name), figures.join(","));
    }
}
