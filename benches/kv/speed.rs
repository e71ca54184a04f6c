//! GET and SET: server CPU an operation, operations a second, and how long the slowest hundredth waits.

use crate::contender::{CONTENDERS, Running};
use crate::load::{Measured, Plan};
use crate::table::{figure, head, median, row, with_commas};
use crate::{Effort, Outcome, about, machine, picture};

/// Random keys are drawn from so many, all of which there are.
const KEYS: usize = 100_000;
const COMMANDS: [&str; 2] = ["set", "get"];
const VALUES: [usize; 2] = [3, 100];
const CONNECTIONS: [usize; 2] = [50, 1_000];
/// Commands at a time, and how many times Redis's operations per second of CPU are wanted.
const PIPELINES: [(usize, f64); 3] = [(1, 1.33), (16, 2.8), (64, 4.2)];

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) command: &'static str,
    pub(crate) value: usize,
    pub(crate) connections: usize,
    pub(crate) pipeline: usize,
}

/// What both servers gave, round by round.
pub(crate) struct Row {
    pub(crate) case: Case,
    wanted: f64,
    rounds: Vec<[Measured; CONTENDERS.len()]>,
}

impl Row {
    fn medians(&self, of: impl Fn(&Measured) -> f64) -> [f64; CONTENDERS.len()] {
        std::array::from_fn(|index| median(self.rounds.iter().map(|round| of(&round[index])).collect()))
    }

    /// Server CPU, in µs an operation, of each.
    pub(crate) fn cpu_us(&self) -> [f64; CONTENDERS.len()] {
        self.medians(Measured::cpu_us)
    }

    /// How many times Redis's operations per second of CPU ours does; the median of the rounds.
    pub(crate) fn ratio(&self) -> f64 {
        median(self.rounds.iter().map(|[redis, ropewalk]| redis.cpu_us() / ropewalk.cpu_us()).collect())
    }
}

/// Measure all of it.
pub(crate) fn run(effort: Effort) -> Outcome<String> {
    let mut rows = Vec::new();
    for value in VALUES {
        let servers = CONTENDERS.iter().map(|contender| contender.start()).collect::<Outcome<Vec<_>>>()?;
        for server in &servers {
            fill(server, value)?;
        }
        for command in COMMANDS {
            for connections in CONNECTIONS {
                for (pipeline, wanted) in PIPELINES {
                    let case = Case { command, value, connections, pipeline };
                    eprintln!("{command}, {value} bytes, {connections} connections, pipeline {pipeline}");
                    rows.push(measure(&servers, case, wanted, effort)?);
                }
            }
        }
    }
    picture::write(&rows)?;
    Ok(report(&rows, effort))
}

fn fill(server: &Running, value: usize) -> Outcome<()> {
    let plan = Plan {
        each_once: true,
        ..plan(server, Case { command: "set", value, connections: 10, pipeline: 64 })
    };
    plan.run().map(drop)
}

fn plan(server: &Running, case: Case) -> Plan {
    Plan {
        port: server.port,
        pid: server.id(),
        core: machine::two_cores().map(|cores| cores.load),
        command: case.command.to_owned(),
        value: case.value,
        keys: KEYS,
        connections: case.connections,
        pipeline: case.pipeline,
        warmup: 0.0,
        seconds: 60.0,
        each_once: false,
    }
}

fn measure(servers: &[Running], case: Case, wanted: f64, effort: Effort) -> Outcome<Row> {
    let mut rounds = Vec::new();
    for _ in 0..effort.rounds {
        let mut round = Vec::new();
        for server in servers {
            let plan = Plan { warmup: 0.3, seconds: effort.seconds, ..plan(server, case) };
            round.push(plan.run()?);
        }
        rounds.push(<[Measured; CONTENDERS.len()]>::try_from(round).map_err(|_| "one for each server")?);
    }
    Ok(Row { case, wanted, rounds })
}

fn report(rows: &[Row], effort: Effort) -> String {
    let mut text = format!("{} {} rounds of {} s.\n\n", about(), effort.rounds, effort.seconds);
    text += &head(&[
        "command",
        "bytes",
        "connections",
        "pipeline",
        "Redis, CPU µs",
        "Ropewalk, CPU µs",
        "times as fast (wanted)",
        "Redis, ops/s",
        "Ropewalk, ops/s",
        "Redis, p99 µs",
        "Ropewalk, p99 µs",
    ]);
    for line in rows {
        let ([redis, ropewalk], Case { command, value, connections, pipeline }) = (line.cpu_us(), line.case);
        let rates = line.medians(Measured::rate).map(|rate| with_commas(rate as i64));
        let late = line.medians(|measured| measured.p99_ns as f64 / 1e3).map(figure);
        let ratio = line.ratio();
        let verdict = if ratio >= line.wanted { "" } else { " – missed" };
        text += &row(&[
            command.to_uppercase(),
            value.to_string(),
            with_commas(connections as i64),
            pipeline.to_string(),
            figure(redis),
            figure(ropewalk),
            format!("**{}** ({}{verdict})", figure(ratio), line.wanted),
            rates[0].clone(),
            rates[1].clone(),
            late[0].clone(),
            late[1].clone(),
        ]);
    }
    text
}
