//! How long a reply takes at most while the keyspace grows from nothing: a table that rehashes at once would
//! show here.

use crate::contender::CONTENDERS;
use crate::load::Plan;
use crate::table::{figure, head, row, with_commas};
use crate::{Effort, Outcome, about, machine};

const KEYS: usize = 10_000_000;
const CONNECTIONS: usize = 50;

/// Measure it.
pub(crate) fn run(effort: Effort) -> Outcome<String> {
    let keys = KEYS / effort.shrink;
    let mut text = format!(
        "{} From none to {} keys, SET of 3 bytes, {CONNECTIONS} connections.\n\n",
        about(),
        with_commas(keys as i64)
    );
    text += &head(&["", "p50 µs", "p99 µs", "p99.99 µs", "longest ms", "replies above 2 ms", "of"]);
    for contender in &CONTENDERS {
        eprintln!("{} grows", contender.name);
        let server = contender.start()?;
        let plan = Plan {
            port: server.port,
            pid: server.id(),
            core: machine::two_cores().map(|cores| cores.load),
            command: "set".to_owned(),
            value: 3,
            keys,
            connections: CONNECTIONS,
            pipeline: 1,
            warmup: 0.0,
            seconds: 3_600.0,
            each_once: true,
        };
        let measured = plan.run()?;
        text += &row(&[
            contender.name.to_owned(),
            figure(measured.p50_ns as f64 / 1e3),
            figure(measured.p99_ns as f64 / 1e3),
            figure(measured.p9999_ns as f64 / 1e3),
            figure(measured.highest_ns as f64 / 1e6),
            with_commas(measured.late as i64),
            with_commas(measured.requests as i64),
        ]);
    }
    Ok(text)
}
