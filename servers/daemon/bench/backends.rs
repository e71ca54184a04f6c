//! `ropewalk bench backends`: every backend, beside every number of idle connections, in turns.
//!
//! The one rule: the backends take turns within each step (A B C D, A B C D, …) and medians over
//! the rounds are reported, so that whatever else the machine does falls on all of them alike.
//!
//! A step is one backend beside one number of idle connections: a fresh server, a fresh load that
//! opens the idle ones and then measures each number of active ones.

use super::child::{Child, Silence, Watch};
use super::load::{Measured, Report as Line};
use super::machine::{self, Cores};
use super::report::{Cell, Figures, Machine, Memory, Method, Outcome, Report, number};
use super::{Error, report};
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Bytes in a message.
const MESSAGE_BYTES: usize = 64;
/// Descriptors below this can be in a set of `select`.
const FD_SETSIZE: usize = 1_024;
/// What a server has open besides its connections, with room to spare: standard streams, listener,
/// poller, wakers, the reserve descriptor, and the load's question on its way.
const OTHER_DESCRIPTORS: usize = 20;
/// How long a server may take to listen, and a load to open its connections or to answer for a step
/// beyond its seconds.
const PATIENCE: Duration = Duration::from_secs(60);
const BACKENDS: [&str; 5] = ["epoll", "kqueue", "poll", "select", "io_uring"];

#[cfg(target_os = "linux")]
const DEFAULT_BACKENDS: &str = "epoll,poll,select,io_uring";
#[cfg(not(target_os = "linux"))]
const DEFAULT_BACKENDS: &str = "kqueue,poll,select";

/// What `ropewalk bench backends` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Backends to compare
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = DEFAULT_BACKENDS)]
    #[arg(value_parser = PossibleValuesParser::new(BACKENDS))]
    backends: Vec<String>,
    /// Numbers of connections that speak
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1,10,100", value_parser = super::at_least_one)]
    active: Vec<usize>,
    /// Numbers of connections that are open beside them and say nothing
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "0,500,900,5000,10000")]
    idle: Vec<usize>,
    /// Times that everything is measured; medians are reported [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: Option<u32>,
    /// Seconds for each figure in each round [default: 0.6]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    seconds: Option<f64>,
    /// A rough picture in half a minute: one round, a quarter of a second for each figure
    #[arg(long)]
    quick: bool,
    /// Write one self-contained page with the curves drawn
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the figures
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the main picture alone
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Shorter than this, not even the first answers come.
fn seconds(text: &str) -> Result<f64, String> {
    match super::seconds(text)? {
        0.0..0.01 => Err("at least 0.01 seconds are needed".to_owned()),
        seconds => Ok(seconds),
    }
}

/// One number of active connections beside one number of idle ones on one backend, by its place in
/// the plan's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    active: usize,
    idle: usize,
    backend: usize,
}

/// What is to be measured: the options with their defaults settled.
#[derive(Clone, Debug)]
struct Plan {
    backends: Vec<String>,
    active: Vec<usize>,
    idle: Vec<usize>,
    rounds: u32,
    seconds: f64,
    warmup: f64,
    descriptors: usize,
    cores: Option<Cores>,
}

impl Plan {
    fn new(options: &Options, descriptors: usize, cores: Option<Cores>) -> Self {
        let mut backends = Vec::new();
        for backend in &options.backends {
            if !backends.contains(backend) {
                backends.push(backend.clone());
            }
        }
        let (rounds, seconds) = if options.quick { (1, 0.25) } else { (5, 0.6) };
        let seconds = options.seconds.unwrap_or(seconds);
        Self {
            backends,
            active: in_order(&options.active),
            idle: in_order(&options.idle),
            rounds: options.rounds.unwrap_or(rounds),
            seconds,
            warmup: (seconds / 4.0).clamp(0.05, 0.2),
            descriptors,
            cores,
        }
    }

    /// Why something cannot be measured at all, if so.
    fn obstacle(&self, place: Place) -> Option<String> {
        let needed = place.active + place.idle + OTHER_DESCRIPTORS;
        if self.backends[place.backend] == "select" && needed > FD_SETSIZE {
            return Some(format!("FD_SETSIZE {}", number(FD_SETSIZE as f64)));
        }
        (needed > self.descriptors)
            .then(|| format!("open files limited to {}", number(self.descriptors as f64)))
    }

    /// The numbers of active connections that are measured in one step.
    fn active_in(&self, idle: usize, backend: usize) -> Vec<usize> {
        let is_possible = |active: &usize| self.obstacle(Place { active: *active, idle, backend }).is_none();
        self.active.iter().copied().filter(is_possible).collect()
    }

    /// All steps of a round, as idle connections and backend.
    fn steps(&self) -> impl Iterator<Item = (usize, usize)> {
        self.idle.iter().flat_map(|idle| (0..self.backends.len()).map(|backend| (*idle, backend)))
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        let of_active = |active| self.steps().map(move |(idle, backend)| Place { active, idle, backend });
        self.active.iter().copied().flat_map(of_active)
    }
}

fn in_order(numbers: &[usize]) -> Vec<usize> {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Everything that has been measured so far.
#[derive(Default)]
struct Results {
    samples: BTreeMap<Place, Vec<Measured>>,
    /// Bytes per idle connection, by backend and number of idle connections.
    memory: BTreeMap<(usize, usize), Vec<f64>>,
    /// What went wrong in a step.
    failures: BTreeMap<Place, String>,
    /// Backends that do not work here, and why.
    unavailable: BTreeMap<usize, String>,
}

/// Measures, prints the table and writes the files that were asked for.
pub(crate) fn run(options: &Options) -> Result<(), Error> {
    let plan = Plan::new(options, machine::raise_descriptor_limit(), machine::two_cores());
    let program = std::env::current_exe().map_err(Error::while_doing("cannot find this program"))?;
    let bar = progress(&plan);
    let mut run = Run {
        plan: &plan,
        program: &program,
        watch: Watch::new().map_err(Error::while_doing("cannot watch for signals"))?,
        results: Results::default(),
        bar: &bar,
    };
    run.warn();
    let measured = run.measure();
    bar.finish_and_clear();
    measured?;

    let results = run.results;
    if results.samples.is_empty() {
        let reasons = results.unavailable.into_values().chain(results.failures.into_values());
        return Err(Error::Nothing(reasons.take(1).collect()));
    }
    let report = evaluate(&plan, &results);
    report::write_all(
        &report,
        report::Files {
            html: options.html.as_deref(),
            json: options.json.as_deref(),
            svg: options.svg.as_deref(),
        },
    )
}

fn progress(plan: &Plan) -> ProgressBar {
    let figures: usize = plan.steps().map(|(idle, backend)| plan.active_in(idle, backend).len()).sum();
    let length = figures as u64 * u64::from(plan.rounds);
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} (about {eta} left)");
    bar.set_style(style.expect("the template is well formed"));
    bar
}

struct Run<'run> {
    plan: &'run Plan,
    program: &'run Path,
    watch: Watch,
    results: Results,
    bar: &'run ProgressBar,
}

impl Run<'_> {
    /// Says on standard error what makes figures less trustworthy.
    fn warn(&self) {
        if cfg!(debug_assertions) {
            eprintln!("warning: built without --release, so the figures say little");
        }
        if self.plan.cores.is_none() {
            eprintln!("warning: no two cores to pin server and load to, so the figures will vary");
        }
    }

    fn measure(&mut self) -> Result<(), Error> {
        for round in 1..=self.plan.rounds {
            for (idle, backend) in self.plan.steps() {
                let active = self.plan.active_in(idle, backend);
                if active.is_empty() || self.results.unavailable.contains_key(&backend) {
                    self.bar.inc(active.len() as u64);
                    continue;
                }
                let name = &self.plan.backends[backend];
                let (idle_text, rounds) = (number(idle as f64), self.plan.rounds);
                self.bar.set_message(format!("{name} beside {idle_text} idle, round {round} of {rounds}"));
                self.step(idle, backend, &active)?;
            }
        }
        Ok(())
    }

    /// Starts a server and a load and takes in what the load says. What fails is noted for the
    /// report; only an interruption, or a system that cannot run processes, is an error.
    fn step(&mut self, idle: usize, backend: usize, active: &[usize]) -> Result<(), Error> {
        let mut server = self.start_server(backend)?;
        let address = match self.listening(&mut server) {
            Ok(address) => address,
            Err(Silence::Ended { words, .. }) if !self.has_worked(backend) => {
                self.results.unavailable.insert(backend, words);
                self.bar.inc(active.len() as u64);
                return Ok(());
            }
            Err(silence) => return self.give_up(active, idle, backend, silence),
        };
        let mut load = self.start_load(&server, address, idle, active)?;
        let mut left = active.iter();
        while !left.as_slice().is_empty() {
            let patience = PATIENCE + Duration::from_secs_f64(self.plan.seconds + self.plan.warmup);
            let line = match self.watch.line(&mut load, Some(&mut server), patience) {
                Ok(line) => line,
                Err(silence) => return self.give_up(left.as_slice(), idle, backend, silence),
            };
            match serde_json::from_str(&line) {
                Ok(Line::Idle { idle, server_bytes_before, server_bytes_after }) => {
                    let grown = server_bytes_after.zip(server_bytes_before);
                    self.note_memory(idle, backend, grown);
                }
                Ok(Line::Active(measured)) => {
                    left.next();
                    self.note(Place { active: measured.active, idle, backend }, measured);
                }
                Err(error) => {
                    let doing = format!("the load generator wrote {line:?}");
                    return Err(Error::while_doing(doing)(error.into()));
                }
            }
        }
        Ok(())
    }

    fn has_worked(&self, backend: usize) -> bool {
        self.results.samples.keys().any(|place| place.backend == backend)
    }

    /// Notes what a step leaves unmeasured; an interruption ends everything.
    fn give_up(
        &mut self,
        active: &[usize],
        idle: usize,
        backend: usize,
        silence: Silence,
    ) -> Result<(), Error> {
        if matches!(silence, Silence::Interrupted) {
            return Err(silence.into());
        }
        for active in active {
            self.fail(Place { active: *active, idle, backend }, silence.to_string());
        }
        Ok(())
    }

    fn note_memory(&mut self, idle: usize, backend: usize, grown: Option<(u64, u64)>) {
        if let (Some((after, before)), true) = (grown, idle > 0) {
            let bytes = (after as f64 - before as f64) / idle as f64;
            self.results.memory.entry((backend, idle)).or_default().push(bytes);
        }
    }

    fn note(&mut self, place: Place, measured: Measured) {
        if measured.errors > 0 || measured.idle_lost > 0 || measured.requests == 0 {
            let (errors, lost) = (number(measured.errors as f64), number(measured.idle_lost as f64));
            self.fail(place, format!("{errors} active and {lost} idle connections failed"));
            return;
        }
        self.results.samples.entry(place).or_default().push(measured);
        self.bar.inc(1);
    }

    fn fail(&mut self, place: Place, reason: String) {
        self.results.failures.insert(place, reason);
        self.bar.inc(1);
    }

    /// This program again, on a core of its own.
    fn program_on(&self, core: Option<usize>) -> Command {
        let mut command = Command::new(self.program);
        command.args(["bench", "exec"]);
        if let Some(core) = core {
            command.args(["--core", &core.to_string()]);
        }
        command.arg("--").arg(self.program);
        command
    }

    fn start_server(&self, backend: usize) -> Result<Child, Silence> {
        let backend = &self.plan.backends[backend];
        let mut command = self.program_on(self.plan.cores.map(|cores| cores.server));
        command.args(["echo", "--backend", backend, "--listen", "tcp:0:interface=127.0.0.1"]);
        Child::start(command, &format!("the echo server on {backend}"))
    }

    /// Waits for the line by which a server says where it listens.
    fn listening(&mut self, server: &mut Child) -> Result<SocketAddr, Silence> {
        loop {
            let line = self.watch.line(server, None, PATIENCE)?;
            if let Some(address) = address_in(&line) {
                return Ok(address);
            }
        }
    }

    fn start_load(
        &self,
        server: &Child,
        address: SocketAddr,
        idle: usize,
        active: &[usize],
    ) -> Result<Child, Silence> {
        let active: Vec<String> = active.iter().map(usize::to_string).collect();
        let mut command = self.program_on(self.plan.cores.map(|cores| cores.load));
        command.args(["bench", "load", &address.to_string()]);
        command.args(["--server-pid", &server.id().to_string()]);
        command.args(["--idle", &idle.to_string(), "--active", &active.join(",")]);
        command.args(["--message", &MESSAGE_BYTES.to_string()]);
        command.args(["--seconds", &self.plan.seconds.to_string()]);
        command.args(["--warmup", &self.plan.warmup.to_string()]);
        Child::start(command, "the load generator")
    }
}

/// The address in a server's `listening on 127.0.0.1:PORT`.
fn address_in(line: &str) -> Option<SocketAddr> {
    line.split_once("listening on ")?.1.split_whitespace().next()?.parse().ok()
}

/// The medians of all rounds, in the order in which the table shows them.
fn evaluate(plan: &Plan, results: &Results) -> Report {
    let works = |place: &Place| !results.unavailable.contains_key(&place.backend);
    let cells = plan.places().filter(works).map(|place| Cell {
        backend: plan.backends[place.backend].clone(),
        active: place.active,
        idle: place.idle,
        outcome: outcome(plan, results, place),
    });
    let memory = results.memory.iter().map(|((backend, idle), samples)| Memory {
        backend: plan.backends[*backend].clone(),
        idle: *idle,
        bytes_per_connection: median(samples.clone()),
    });
    Report {
        machine: Machine::this(),
        method: Method {
            message_bytes: MESSAGE_BYTES,
            rounds: plan.rounds,
            seconds: plan.seconds,
            warmup_seconds: plan.warmup,
            server_core: plan.cores.map(|cores| cores.server),
            load_core: plan.cores.map(|cores| cores.load),
        },
        unavailable: results
            .unavailable
            .iter()
            .map(|(backend, reason)| (plan.backends[*backend].clone(), reason.clone()))
            .collect(),
        cells: cells.collect(),
        memory: memory.collect(),
    }
}

fn outcome(plan: &Plan, results: &Results, place: Place) -> Outcome {
    let reason = plan.obstacle(place).or_else(|| results.failures.get(&place).cloned());
    match (reason, results.samples.get(&place)) {
        (None, Some(samples)) => Outcome::Measured(figures(samples)),
        (reason, _) => Outcome::Skipped { reason: reason.unwrap_or_else(|| "not measured".to_owned()) },
    }
}

fn figures(samples: &[Measured]) -> Figures {
    let of = |value: fn(&Measured) -> f64| median(samples.iter().map(value).collect());
    let cpu: Vec<f64> = samples.iter().filter_map(cpu_us).collect();
    Figures {
        requests_per_second: of(|sample| sample.requests as f64 / sample.elapsed_ns as f64 * 1e9),
        cpu_us_lowest: cpu.iter().copied().reduce(f64::min),
        cpu_us_highest: cpu.iter().copied().reduce(f64::max),
        cpu_us: (!cpu.is_empty()).then(|| median(cpu)),
        p50_us: of(|sample| sample.p50_ns as f64 / 1e3),
        p99_us: of(|sample| sample.p99_ns as f64 / 1e3),
        p999_us: of(|sample| sample.p999_ns as f64 / 1e3),
    }
}

fn cpu_us(sample: &Measured) -> Option<f64> {
    sample.server_cpu_ns.map(|used| used as f64 / sample.requests as f64 / 1e3)
}

/// The middle of the values, or of the two in the middle; zero of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, FromArgMatches};

    fn parse(line: &str) -> Result<Options, clap::Error> {
        let command = Options::augment_args(clap::Command::new("backends").no_binary_name(true));
        Options::from_arg_matches(&command.try_get_matches_from(line.split_whitespace())?)
    }

    fn plan(line: &str, descriptors: usize) -> Plan {
        Plan::new(&parse(line).unwrap(), descriptors, None)
    }

    fn sample(requests: u64, cpu_us: u64) -> Measured {
        Measured {
            active: 10,
            requests,
            elapsed_ns: 500_000_000,
            server_cpu_ns: Some(cpu_us * 1_000 * requests),
            p50_ns: 40_000,
            p99_ns: 90_000,
            p999_ns: 200_000,
            highest_ns: 300_000,
            errors: 0,
            idle_lost: 0,
        }
    }

    #[test]
    fn the_defaults_are_the_whole_comparison() {
        let plan = plan("", 20_000);
        assert_eq!(plan.active, [1, 10, 100]);
        assert_eq!(plan.idle, [0, 500, 900, 5_000, 10_000]);
        assert_eq!((plan.rounds, plan.seconds, plan.warmup), (5, 0.6, 0.15));
        assert_eq!(plan.backends.join(","), DEFAULT_BACKENDS);
    }

    #[test]
    fn quick_is_one_short_round_unless_said_otherwise() {
        let quick = plan("--quick", 20_000);
        assert_eq!((quick.rounds, quick.seconds), (1, 0.25));
        let mixed = plan("--quick --rounds 2 --seconds 0.1", 20_000);
        assert_eq!((mixed.rounds, mixed.seconds), (2, 0.1));
    }

    #[test]
    fn lists_are_sorted_and_doubles_dropped() {
        let plan = plan("--active 100,1,100 --idle 900,0 --backends select,epoll,select", 20_000);
        assert_eq!((plan.active, plan.idle), (vec![1, 100], vec![0, 900]));
        assert_eq!(plan.backends, ["select", "epoll"]);
    }

    #[test]
    fn bad_options_are_refused() {
        for bad in [
            "--backends aio",
            "--rounds 0",
            "--seconds 0",
            "--seconds inf",
            "--idle -3",
            "--active 0,1",
            "--active ten",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn select_stops_at_its_limit_and_no_other_does() {
        let plan = plan("--backends epoll,select", 20_000);
        assert_eq!(plan.active_in(900, 1), [1, 10, 100]);
        assert!(plan.active_in(5_000, 1).is_empty());
        assert_eq!(plan.active_in(5_000, 0), [1, 10, 100]);
        let reason = plan.obstacle(Place { active: 1, idle: 5_000, backend: 1 });
        assert_eq!(reason.as_deref(), Some("FD_SETSIZE 1,024"));
    }

    #[test]
    fn what_the_limit_of_open_files_does_not_allow_is_skipped_with_that_reason() {
        let plan = plan("--backends epoll", 1_000);
        assert_eq!(plan.active_in(900, 0), [1, 10]);
        let reason = plan.obstacle(Place { active: 100, idle: 900, backend: 0 });
        assert_eq!(reason.as_deref(), Some("open files limited to 1,000"));
    }

    #[test]
    fn backends_take_turns_within_a_step() {
        let plan = plan("--backends epoll,poll --idle 0,500", 20_000);
        assert_eq!(plan.steps().collect::<Vec<_>>(), [(0, 0), (0, 1), (500, 0), (500, 1)]);
    }

    #[test]
    fn addresses_are_found_in_what_servers_print() {
        let address: SocketAddr = "127.0.0.1:4711".parse().unwrap();
        assert_eq!(address_in("listening on 127.0.0.1:4711"), Some(address));
        assert_eq!(address_in("echo: listening on 127.0.0.1:4711 (epoll)"), Some(address));
        assert_eq!(address_in("starting"), None);
        assert_eq!(address_in("listening on unix:/run/echo"), None);
    }

    #[test]
    fn medians_are_over_rounds_and_the_spread_is_kept() {
        let figures = figures(&[sample(1_000, 40), sample(3_000, 36), sample(2_000, 50)]);
        assert_eq!(figures.requests_per_second, 4_000.0);
        assert_eq!(figures.cpu_us, Some(40.0));
        assert_eq!((figures.cpu_us_lowest, figures.cpu_us_highest), (Some(36.0), Some(50.0)));
        assert_eq!((figures.p50_us, figures.p99_us, figures.p999_us), (40.0, 90.0, 200.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn the_report_has_a_row_for_everything_planned_or_the_reason_why_not() {
        let plan = plan("--backends epoll,select,io_uring --active 10 --idle 0,5000", 20_000);
        let mut results = Results::default();
        let place = |idle, backend| Place { active: 10, idle, backend };
        results.samples.insert(place(0, 0), vec![sample(1_000, 4)]);
        results.samples.insert(place(0, 1), vec![sample(1_000, 4)]);
        results.failures.insert(place(5_000, 0), "2 active and 0 idle connections failed".to_owned());
        results.unavailable.insert(2, "forbidden".to_owned());
        results.memory.insert((0, 5_000), vec![90.0, 80.0, 110.0]);

        let report = evaluate(&plan, &results);
        let rows: Vec<_> = report.cells.iter().map(|cell| (cell.idle, cell.backend.as_str())).collect();
        assert_eq!(rows, [(0, "epoll"), (0, "select"), (5_000, "epoll"), (5_000, "select")]);
        let reason = |index: usize| match &report.cells[index].outcome {
            Outcome::Skipped { reason } => reason.as_str(),
            _ => "",
        };
        assert_eq!((reason(2), reason(3)), ("2 active and 0 idle connections failed", "FD_SETSIZE 1,024"));
        assert_eq!(report.unavailable, [("io_uring".to_owned(), "forbidden".to_owned())]);
        assert_eq!(report.memory[0].bytes_per_connection, 90.0);
    }
}
