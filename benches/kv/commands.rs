//! What redis-benchmark sends, all of it that needs no Lua: no command may be slower than Redis's.

use crate::contender::{CONTENDERS, Running};
use crate::table::{figure, head, median, row};
use crate::{Effort, Outcome, about, machine};
use std::process::Command;

const TESTS: [&str; 20] = [
    "ping_inline",
    "ping_mbulk",
    "set",
    "get",
    "incr",
    "lpush",
    "rpush",
    "lpop",
    "rpop",
    "sadd",
    "hset",
    "spop",
    "zadd",
    "zpopmin",
    "lrange_100",
    "lrange_300",
    "lrange_500",
    "lrange_600",
    "mset",
    "xadd",
];
const PIPELINES: [usize; 2] = [1, 16];
const REQUESTS: usize = 100_000;

/// Measure all of it.
pub(crate) fn run(effort: Effort) -> Outcome<String> {
    let servers = CONTENDERS.iter().map(|contender| contender.start()).collect::<Outcome<Vec<_>>>()?;
    let rounds = effort.rounds.min(3);
    let mut text = format!("{} {rounds} rounds; server CPU in µs a request.\n\n", about());
    text += &head(&["test", "pipeline", "Redis", "Ropewalk", "times as fast"]);
    for test in TESTS {
        for pipeline in PIPELINES {
            eprintln!("{test}, pipeline {pipeline}");
            let heavy = if test.starts_with("lrange") { 10 } else { 1 };
            let requests = REQUESTS / heavy / effort.shrink;
            let mut figures = [Vec::new(), Vec::new()];
            for _ in 0..rounds {
                for (server, figures) in servers.iter().zip(&mut figures) {
                    figures.push(measure(server, test, pipeline, requests)?);
                }
            }
            let [redis, ropewalk] = figures.map(median);
            let ratio = redis / ropewalk;
            let verdict = if ratio < 1.0 { " – slower" } else { "" };
            text += &row(&[
                test.to_owned(),
                pipeline.to_string(),
                figure(redis),
                figure(ropewalk),
                format!("{}{verdict}", figure(ratio)),
            ]);
        }
    }
    Ok(text)
}

/// Server CPU, in µs a request.
fn measure(server: &Running, test: &str, pipeline: usize, requests: usize) -> Outcome<f64> {
    server.ask("FLUSHALL")?;
    if test.starts_with("lrange") || test.ends_with("pop") || test == "zpopmin" {
        prepare(server, test)?;
    }
    let before = server.cpu_ns();
    bench(server, &["-t", test], pipeline, requests)?;
    Ok((server.cpu_ns() - before) as f64 / 1e3 / requests as f64)
}

/// Data for what takes them away.
fn prepare(server: &Running, test: &str) -> Outcome<()> {
    let (fill, count) = match test {
        "spop" => ("sadd", 200_000),
        "zpopmin" => ("zadd", 200_000),
        "lpop" | "rpop" => ("lpush", 200_000),
        _ => return Ok(()),
    };
    bench(server, &["-r", "1000000", "-t", fill], 64, count)
}

fn bench(server: &Running, arguments: &[&str], pipeline: usize, requests: usize) -> Outcome<()> {
    let mut command = match machine::two_cores() {
        Some(cores) => {
            let mut command = Command::new(env!("CARGO_BIN_EXE_ropewalk"));
            command.args(["bench", "exec", "--core", &cores.load.to_string(), "--", "redis-benchmark"]);
            command
        }
        None => Command::new("redis-benchmark"),
    };
    command.args([
        "-p",
        &server.port.to_string(),
        "-q",
        "-n",
        &requests.to_string(),
        "-P",
        &pipeline.to_string(),
    ]);
    let output = command.args(arguments).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || said.contains("rror") {
        return Err(format!("redis-benchmark {arguments:?}: {said}").into());
    }
    Ok(())
}
