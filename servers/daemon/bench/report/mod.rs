//! What was measured, and the ways to show it: a table, JSON, a page, a picture.
//!
//! The one rule: everything that is shown comes out of one [`Report`], and nothing in here measures
//! or decides; so each way is a pure function of figures, tested with canned ones.
#![expect(clippy::disallowed_methods, reason = "writes a command's output files: there is no reactor here")]

use super::{Error, machine};
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

mod chart;
mod page;
mod table;

/// Everything that a run of `bench backends` found out.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) method: Method,
    /// Backends that do not work on this machine, each with what it said.
    pub(super) unavailable: Vec<(String, String)>,
    /// By active connections, then idle ones, then backend.
    pub(super) cells: Vec<Cell>,
    pub(super) memory: Vec<Memory>,
}

/// What it was measured on.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    pub(super) processor: Option<String>,
    pub(super) kernel: String,
    pub(super) date: String,
    pub(super) version: String,
    /// With optimization.
    pub(super) release: bool,
}

impl Machine {
    /// This machine, today.
    pub(super) fn this() -> Self {
        Self {
            processor: machine::processor(),
            kernel: machine::kernel(),
            date: machine::today(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            release: !cfg!(debug_assertions),
        }
    }
}

/// How it was measured.
#[derive(Debug, Serialize)]
pub(super) struct Method {
    pub(super) message_bytes: usize,
    pub(super) rounds: u32,
    pub(super) seconds: f64,
    pub(super) warmup_seconds: f64,
    pub(super) server_core: Option<usize>,
    pub(super) load_core: Option<usize>,
}

/// One backend with so many active connections beside so many idle ones.
#[derive(Debug, Serialize)]
pub(super) struct Cell {
    pub(super) backend: String,
    pub(super) active: usize,
    pub(super) idle: usize,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Measured(Figures),
    Skipped { reason: String },
}

/// Medians over the rounds; `cpu_us` is server CPU time in microseconds for each request.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Figures {
    pub(super) requests_per_second: f64,
    pub(super) cpu_us: Option<f64>,
    pub(super) cpu_us_lowest: Option<f64>,
    pub(super) cpu_us_highest: Option<f64>,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) p999_us: f64,
}

/// How much the server's resident memory grew for each idle connection.
#[derive(Debug, Serialize)]
pub(super) struct Memory {
    pub(super) backend: String,
    pub(super) idle: usize,
    pub(super) bytes_per_connection: f64,
}

/// Where to write, besides the standard output.
pub(super) struct Files<'paths> {
    pub(super) html: Option<&'paths Path>,
    pub(super) json: Option<&'paths Path>,
    pub(super) svg: Option<&'paths Path>,
}

/// Prints the table and writes the files that were asked for.
pub(super) fn write_all(report: &Report, files: Files<'_>) -> Result<(), Error> {
    // The table last: a reader who closed the pipe early gets the files all the same.
    let json = || serde_json::to_string_pretty(report).expect("a report has only numbers and names") + "\n";
    let asked: [(_, &dyn Fn() -> String); 3] = [
        (files.html, &|| page::render(report)),
        (files.json, &json),
        (files.svg, &|| chart::picture(report)),
    ];
    for (path, render) in asked {
        if let Some(path) = path {
            let written = std::fs::write(path, render());
            written.map_err(Error::while_doing(format!("cannot write {}", path.display())))?;
        }
    }
    match io::stdout().lock().write_all(table::render(report).as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::while_doing("cannot print the table")(error))
        }
        _ => Ok(()),
    }
}

impl Report {
    /// The backends that have rows, in the order of the first ones.
    fn backends(&self) -> Vec<&str> {
        first_of_each(self.cells.iter().map(|cell| cell.backend.as_str()))
    }

    /// The numbers of active connections.
    fn active(&self) -> Vec<usize> {
        first_of_each(self.cells.iter().map(|cell| cell.active))
    }

    /// The figures of one row.
    fn figures(&self, backend: &str, active: usize, idle: usize) -> Option<&Figures> {
        let is_it = |cell: &&Cell| cell.backend == backend && cell.active == active && cell.idle == idle;
        match &self.cells.iter().find(is_it)?.outcome {
            Outcome::Measured(figures) => Some(figures),
            Outcome::Skipped { .. } => None,
        }
    }

    /// Why a backend has no figures beside the most idle connections, if it has none.
    fn stop_reason(&self, backend: &str, active: usize) -> Option<&str> {
        let of_it = self.cells.iter().rfind(|cell| cell.backend == backend && cell.active == active);
        match &of_it?.outcome {
            Outcome::Skipped { reason } => Some(reason),
            Outcome::Measured(_) => None,
        }
    }

    /// Each backend's memory beside the most idle connections that it was measured with.
    fn memory_at_most_idle(&self) -> Vec<&Memory> {
        let of = |backend: &str| {
            self.memory.iter().filter(|row| row.backend == backend).max_by_key(|row| row.idle)
        };
        self.backends().into_iter().filter_map(of).collect()
    }

    /// The result in one sentence: the dearest and the cheapest backend where they differ most,
    /// which is with the fewest active connections beside the most idle ones.
    fn headline(&self) -> Option<String> {
        let active = *self.active().first()?;
        let idle = self.cells.iter().map(|cell| cell.idle).max()?;
        let cost = |backend: &str| self.figures(backend, active, idle)?.cpu_us;
        let mut costs: Vec<_> =
            self.backends().into_iter().filter_map(|name| Some((name, cost(name)?))).collect();
        costs.sort_by(|one, other| one.1.total_cmp(&other.1));
        let [(cheapest, low), .., (dearest, high)] = costs[..] else { return None };
        Some(format!(
            "With {} beside {} idle ones, a request costs {} µs of server CPU on {dearest} and {} µs on {cheapest}.",
            connections(active),
            number(idle as f64),
            figure(high),
            figure(low)
        ))
    }

    /// How it was measured, as pairs of a name and a text.
    fn method(&self) -> Vec<(&'static str, String)> {
        let Method { message_bytes, rounds, seconds, warmup_seconds, server_core, load_core } = &self.method;
        let Machine { processor, kernel, date, version, release } = &self.machine;
        let processor = processor.as_deref().unwrap_or("unknown processor");
        let build =
            if *release { "release build" } else { "built without --release: the figures say little" };
        let cores = match (server_core, load_core) {
            (Some(server), Some(load)) => format!("server on core {server}, load on core {load}"),
            _ => "not pinned: there were no two cores".to_owned(),
        };
        let rounds = match rounds {
            1 => "one round".to_owned(),
            more => format!("medians of {more} rounds in which the backends take turns"),
        };
        let mut method = vec![
            ("Machine", format!("{processor}, {kernel}, {date}")),
            ("Server", format!("ropewalk {version} echo ({build}), one process for each backend and number of idle connections")),
            ("Load", format!(
                "a second process over loopback; each active connection sends {message_bytes} bytes, waits for \
                 the echo, checks it, and sends again"
            )),
            ("Cores", cores),
            ("Time", format!("{seconds} s for each figure after {warmup_seconds} s to warm up; {rounds}")),
            ("CPU", "all threads of the server, from /proc/PID/task/*/schedstat. Work that the kernel does in soft \
                     interrupts is billed to whoever sends".to_owned()),
            ("Memory", "growth of the server's resident memory (smaps_rollup) while idle connections open; what \
                        the kernel keeps for a socket is not in it".to_owned()),
        ];
        for (backend, reason) in &self.unavailable {
            method.push(("Missing", format!("{backend} does not work here: {reason}")));
        }
        method
    }
}

fn first_of_each<Item: PartialEq>(items: impl Iterator<Item = Item>) -> Vec<Item> {
    let mut seen = Vec::new();
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen
}

/// `1 active connection`, `100 active connections`.
fn connections(active: usize) -> String {
    format!("{} active connection{}", number(active as f64), if active == 1 { "" } else { "s" })
}

/// A whole number with its thousands set apart: `10,000`.
pub(super) fn number(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value <= -0.5 { format!("-{text}") } else { text }
}

/// A measured figure with about three digits that mean something: `3.87`, `35.2`, `2,808`.
fn figure(value: f64) -> String {
    match value.abs() {
        small if small < 9.995 => format!("{value:.2}"),
        middle if middle < 99.95 => format!("{value:.1}"),
        _ => number(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures like those of a real run: io_uring missing, select ending at its limit.
    pub(super) fn canned() -> Report {
        let mut cells = Vec::new();
        for active in [1, 100] {
            for idle in [0, 900, 10_000] {
                for (backend, slope) in [("epoll", 0.0), ("poll", 0.28), ("select", 0.3)] {
                    let cost = if active == 1 { 35.0 } else { 4.0 } + slope * idle as f64 / active as f64;
                    let outcome = if backend == "select" && idle > 900 {
                        Outcome::Skipped { reason: "FD_SETSIZE 1,024".to_owned() }
                    } else {
                        Outcome::Measured(Figures {
                            requests_per_second: 1e6 / cost,
                            cpu_us: Some(cost),
                            cpu_us_lowest: Some(cost * 0.9),
                            cpu_us_highest: Some(cost * 1.1),
                            p50_us: cost * 2.0,
                            p99_us: cost * 3.0,
                            p999_us: cost * 4.0,
                        })
                    };
                    cells.push(Cell { backend: backend.to_owned(), active, idle, outcome });
                }
            }
        }
        let memory = [("epoll", 900, 120.0), ("epoll", 10_000, 98.4), ("select", 900, 110.2)];
        Report {
            machine: Machine {
                processor: Some("Example <9000> & Co".to_owned()),
                kernel: "Linux 6.12.1".to_owned(),
                date: "2026-01-31".to_owned(),
                version: "0.1.0".to_owned(),
                release: true,
            },
            method: Method {
                message_bytes: 64,
                rounds: 3,
                seconds: 1.0,
                warmup_seconds: 0.2,
                server_core: Some(0),
                load_core: Some(1),
            },
            unavailable: vec![("io_uring".to_owned(), "forbidden by the \"sandbox\"".to_owned())],
            cells,
            memory: memory
                .map(|(backend, idle, bytes_per_connection)| Memory {
                    backend: backend.to_owned(),
                    idle,
                    bytes_per_connection,
                })
                .into(),
        }
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(
            [0.0, 999.6, 10_000.0, 1_234_567.0, -1_500.0].map(number),
            ["0", "1,000", "10,000", "1,234,567", "-1,500"]
        );
        assert_eq!(
            [3.868, 9.996, 35.17, 99.96, 2_808.3].map(figure),
            ["3.87", "10.0", "35.2", "100", "2,808"]
        );
        assert_eq!(number(-0.2), "0");
    }

    #[test]
    fn the_headline_names_the_dearest_and_the_cheapest() {
        let headline = canned().headline().unwrap();
        assert_eq!(
            headline,
            "With 1 active connection beside 10,000 idle ones, a request costs 2,835 µs of server CPU on poll and 35.0 µs on epoll."
        );
    }

    #[test]
    fn one_backend_alone_has_no_headline() {
        let mut report = canned();
        report.cells.retain(|cell| cell.backend == "epoll");
        assert_eq!(report.headline(), None);
    }

    #[test]
    fn memory_is_told_for_the_most_idle_connections_of_each_backend() {
        let report = canned();
        let rows: Vec<_> =
            report.memory_at_most_idle().iter().map(|row| (row.backend.as_str(), row.idle)).collect();
        assert_eq!(rows, [("epoll", 10_000), ("select", 900)]);
    }

    #[test]
    fn json_has_every_cell_and_the_reason_where_there_are_no_figures() {
        let json: serde_json::Value = serde_json::to_value(canned()).unwrap();
        let cells = json["cells"].as_array().unwrap();
        assert_eq!(cells.len(), 18);
        assert_eq!(cells[0]["measured"]["cpu_us"], 35.0);
        assert_eq!(cells[8]["backend"], "select");
        assert_eq!(cells[8]["skipped"]["reason"], "FD_SETSIZE 1,024");
        assert_eq!(json["machine"]["kernel"], "Linux 6.12.1");
    }

    #[test]
    fn the_method_says_what_is_missing_and_what_was_not_pinned() {
        let mut report = canned();
        report.method.load_core = None;
        let text: String = report.method().iter().map(|(name, text)| format!("{name}: {text}\n")).collect();
        assert!(text.contains("io_uring does not work here: forbidden"), "{text}");
        assert!(text.contains("not pinned"), "{text}");
    }
}
