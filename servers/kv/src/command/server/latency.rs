//! LATENCY: what took long, when, and how commands' times are spread.

use super::sparkline;
use crate::command::call::{Call, Done};
use crate::command::error::Error;
use crate::command::registry::{CommandId, Registry};
use crate::server::Server;
use crate::server::latency::Series;
use ropewalk_protocols::resp::ReplyWriter;
use std::fmt::Write;

/// `LATENCY LATEST`: of each event when it last took long, how long, and how long it ever took.
pub(crate) fn latency_latest(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let events = call.server.latency.events();
    reply.array(events.len());
    for (name, series) in events {
        let last = series.samples().next_back();
        reply.array(4);
        reply.bulk(name);
        reply.integer(last.map_or(0, |sample| sample.seconds));
        reply.integer(last.map_or(0, |sample| sample.ms as i64));
        reply.integer(series.longest_ms as i64);
    }
    Ok(())
}

/// `LATENCY HISTORY event`
pub(crate) fn latency_history(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let Some((_, series)) = call.server.latency.find(call.arg(2)) else {
        reply.array(0);
        return Ok(());
    };
    reply.array(series.samples().len());
    for sample in series.samples() {
        reply.array(2);
        reply.integer(sample.seconds);
        reply.integer(sample.ms as i64);
    }
    Ok(())
}

/// `LATENCY RESET [event ...]`: how many were forgotten.
pub(crate) fn latency_reset(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let forgotten = match call.rest(2) {
        [] => call.server.latency.clear(),
        events => events.iter().filter(|event| call.server.latency.forget(event)).count(),
    };
    reply.integer(forgotten as i64);
    Ok(())
}

/// `LATENCY GRAPH event`
pub(crate) fn latency_graph(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let event = call.arg(2);
    let Some((name, series)) = call.server.latency.find(event) else {
        return Err(Error::Bytes([b"ERR No samples available for event '", event, b"'"].concat()));
    };
    reply.verbatim(b"txt", graph(name, series, call.server.clock.wall_seconds()));
    Ok(())
}

/// The samples of an event as columns, each with how long ago it was.
fn graph(name: &str, series: &Series, now_seconds: i64) -> String {
    const WIDTH: usize = 80;
    let (low, high) = extremes(series);
    let mut text =
        format!("{name} - high {high} ms, low {low} ms (all time high {} ms)\n", series.longest_ms);
    text += &"-".repeat(WIDTH);
    text.push('\n');
    let columns: Vec<(f64, String)> = series
        .samples()
        .map(|sample| (sample.ms as f64, age(now_seconds.saturating_sub(sample.seconds))))
        .collect();
    text + &sparkline::draw(&columns, WIDTH)
}

/// How long ago, with its largest unit.
fn age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3_600 => format!("{}m", seconds / 60),
        seconds @ 3_600..86_400 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

fn extremes(series: &Series) -> (u64, u64) {
    let times = || series.samples().map(|sample| sample.ms);
    (times().min().unwrap_or(0), times().max().unwrap_or(0))
}

/// `LATENCY DOCTOR`: what to think of it, in words.
pub(crate) fn latency_doctor(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    reply.verbatim(b"txt", report(call.server));
    Ok(())
}

const DISABLED: &str = "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You \
    may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it. If we weren't in a deep \
    space mission I'd suggest to take a look at https://redis.io/topics/latency-monitor.\n";
const HEALTHY: &str = "Dave, no latency spike was observed during the lifetime of this Redis instance, not in the \
    slightest bit. I honestly think you ought to sit down calmly, take a stress pill, and think things over.\n";
const SPIKES: &str = "Dave, I have observed latency spikes in this Redis instance. You don't mind talking about it, \
    do you Dave?\n\n";

fn report(server: &Server) -> String {
    let events = server.latency.events();
    if events.len() == 0 {
        return if server.config.latency_monitor_threshold == 0 { DISABLED } else { HEALTHY }.to_owned();
    }
    let mut text = SPIKES.to_owned();
    let mut advice = Vec::new();
    for (index, (name, series)) in events.enumerate() {
        text += &diagnosis(index + 1, name, series, server.clock.wall_seconds());
        for line in advice_on(server, name) {
            if !advice.contains(&line) {
                advice.push(line);
            }
        }
    }
    text += "\nI have a few advices for you:\n\n";
    for line in advice {
        // Writing into memory does not fail.
        let _ = writeln!(text, "- {line}");
    }
    text
}

/// An event's line: how often, how long, and how steadily.
fn diagnosis(number: usize, name: &str, series: &Series, now_seconds: i64) -> String {
    let count = series.samples().len().max(1) as u64;
    let average = series.samples().map(|sample| sample.ms).sum::<u64>() / count;
    let deviation = series.samples().map(|sample| sample.ms.abs_diff(average)).sum::<u64>() / count;
    let begin = series.samples().next().map_or(now_seconds, |sample| sample.seconds);
    let period = now_seconds.saturating_sub(begin).max(1) as f64 / count as f64;
    format!(
        "{number}. {name}: {count} latency spikes (average {average}ms, mean deviation {deviation}ms, period \
         {period:.2} sec). Worst all time event {}ms.\n",
        series.longest_ms
    )
}

/// What may help against an event.
fn advice_on(server: &Server, event: &str) -> Vec<String> {
    const LARGE: &str = "Dropping a large value takes time. Let UNLINK, or lazyfree-lazy-expire, lazyfree-lazy-eviction \
        and lazyfree-lazy-user-del, drop it in the background, or keep the data in several smaller values.";
    const INSPECT: &str = "Look into the slow log (SLOWLOG GET) for the commands that take so long.";
    const SCHEDULER: &str = "Commands that do little work took long, so the process did not get the processor when it \
        was ready. Lower the load of the machine, give the server a machine or a core of its own, and look whether \
        other guests of the same host, or swapping, are in the way.";
    const HZ: &str = "Expire keys in smaller portions: try CONFIG SET hz 100.";
    const EVICTION: &str = "Much had to be evicted at once: maxmemory was lowered, or a command made a large value. \
        See whether maxmemory-eviction-tenacity is higher than it should be.";
    let threshold_us = server.config.latency_monitor_threshold.saturating_mul(1000);
    let logged = server.config.slowlog_log_slower_than;
    let misses_some = logged < 0 || logged.unsigned_abs() > threshold_us;
    let tune = format!(
        "The slow log does not note all that the latency monitor finds slow: try CONFIG SET slowlog-log-slower-than \
         {threshold_us}."
    );
    match event {
        "command" if misses_some => vec![tune, INSPECT.to_owned(), LARGE.to_owned()],
        "command" => vec![INSPECT.to_owned(), LARGE.to_owned()],
        "fast-command" => vec![SCHEDULER.to_owned()],
        "expire-cycle" => vec![HZ.to_owned(), LARGE.to_owned()],
        _ => vec![EVICTION.to_owned(), LARGE.to_owned()],
    }
}

/// `LATENCY HISTOGRAM [command ...]`: those that were run; a container stands for its subcommands.
pub(crate) fn latency_histogram(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let registry = &call.server.registry;
    let asked: Vec<CommandId> = match call.rest(2) {
        [] => registry.all().map(|(command, _)| command).collect(),
        names => {
            let found = names.iter().filter_map(|name| registry.find_full(name));
            found
                .flat_map(|command| {
                    std::iter::once(command).chain(registry.subcommands(command).iter().copied())
                })
                .collect()
        }
    };
    let measured = asked.into_iter().filter(|command| registry.entry(*command).stats.latency.total() > 0);
    let open = reply.open_map();
    let mut count = 0;
    for command in measured {
        histogram(registry, command, reply);
        count += 1;
    }
    reply.close(open, count);
    Ok(())
}

fn histogram(registry: &Registry, command: CommandId, reply: &mut ReplyWriter<'_>) {
    let entry = registry.entry(command);
    let latency = &entry.stats.latency;
    reply.bulk(&entry.name);
    reply.map(2);
    reply.bulk("calls");
    reply.integer(latency.total() as i64);
    reply.bulk("histogram_usec");
    let open = reply.open_map();
    let mut count = 0;
    for (micros, calls) in latency.doublings() {
        reply.integer(micros as i64);
        reply.integer(calls as i64);
        count += 1;
    }
    reply.close(open, count);
}

/// `LATENCY HELP`
pub(crate) fn latency_help(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.help(
        reply,
        &[
            "DOCTOR",
            "    Return a human readable latency analysis report.",
            "GRAPH <event>",
            "    Return an ASCII latency graph for the <event> class.",
            "HISTORY <event>",
            "    Return time-latency samples for the <event> class.",
            "LATEST",
            "    Return the latest latency samples for all events.",
            "RESET [<event> ...]",
            "    Reset latency data of one or more <event> classes.",
            "    (default: reset all data for all event classes)",
            "HISTOGRAM [COMMAND ...]",
            "    Return a cumulative distribution of latencies in the format of a histogram for the specified command \
             names.",
            "    If no commands are specified then all histograms are replied.",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::latency::Latency;

    #[test]
    fn an_age_has_its_largest_unit() {
        let ages = [0, 59, 60, 3_599, 3_600, 86_399, 86_400].map(age);
        assert_eq!(ages, ["0s", "59s", "1m", "59m", "1h", "23h", "1d"]);
    }

    #[test]
    fn a_graph_says_what_is_high_and_low() {
        let mut latency = Latency::default();
        [(1, 120), (2, 300), (3, 150)]
            .into_iter()
            .for_each(|(seconds, ms)| latency.add("command", seconds, ms));
        let (name, series) = latency.find(b"command").expect("it was added");
        let graph = graph(name, series, 5);
        assert!(
            graph.starts_with("command - high 300 ms, low 120 ms (all time high 300 ms)\n-----"),
            "{graph}"
        );
        assert!(graph.ends_with("\n432\nsss\n"), "{graph}");
    }

    #[test]
    fn a_diagnosis_has_the_average_and_the_period() {
        let mut latency = Latency::default();
        [(10, 100), (20, 300)].into_iter().for_each(|(seconds, ms)| latency.add("fork", seconds, ms));
        let (name, series) = latency.find(b"fork").expect("it was added");
        assert_eq!(
            diagnosis(1, name, series, 30),
            "1. fork: 2 latency spikes (average 200ms, mean deviation 100ms, period 10.00 sec). Worst all time event \
             300ms.\n"
        );
    }
}
