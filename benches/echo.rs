//! `cargo bench --bench echo`: what the framework costs above the least that epoll can do.
//!
//! The one rule: all servers are measured in one run, in turns, and only their ratio counts, because
//! figures drift on a shared machine. The method and the figures are in `benches/README.md`.

use serde_json::Value;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

mod minimal_epoll;

const ROPEWALK: &str = env!("CARGO_BIN_EXE_ropewalk");
const ROUNDS: usize = 9;
const CONNECTIONS: &str = "50";
const WARMUP_SECONDS: &str = "0.3";
const SECONDS: &str = "1.5";

/// The servers, in the order of their turns; each is compared with the first.
const CONTENDERS: [Contender; 3] = [
    Contender { name: "minimal epoll loop", backend: None, wanted: None },
    Contender { name: "ropewalk, epoll", backend: Some("epoll"), wanted: Some((0, 1.15)) },
    Contender { name: "ropewalk, io_uring", backend: Some("io_uring"), wanted: Some((1, 1.0)) },
];

struct Contender {
    name: &'static str,
    /// A backend of `ropewalk echo`, or none for the loop of this program.
    backend: Option<&'static str>,
    /// At most so many times the CPU time of another, by its place in the list.
    wanted: Option<(usize, f64)>,
}

/// What one server gave in one round.
struct Figures {
    cpu_us: f64,
    requests_per_second: f64,
    p50_us: f64,
    p99_us: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "minimal") {
        return Ok(minimal_epoll::serve()?);
    }
    // Test runners start every target without this flag, to list tests: there are none.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let pinned = std::thread::available_parallelism()?.get() >= 2;
    if !pinned {
        eprintln!("warning: one core for server and load together: the ratios say little");
    }
    let mut rounds: Vec<Vec<Option<Figures>>> = Vec::new();
    let mut works = [true; CONTENDERS.len()];
    for round in 1..=ROUNDS {
        eprint!("\rround {round} of {ROUNDS}");
        std::io::stderr().flush()?;
        let turns = CONTENDERS.iter().zip(&mut works);
        rounds.push(turns.map(|(contender, works)| attempt(contender, pinned, works)).collect());
    }
    eprintln!();
    print(&rounds);
    Ok(())
}

/// Measures one server once; says why where that fails, as where io_uring is forbidden, and does not
/// try that one again.
fn attempt(contender: &Contender, pinned: bool, works: &mut bool) -> Option<Figures> {
    if !*works {
        return None;
    }
    measure(contender, pinned)
        .inspect_err(|error| {
            eprintln!("\n{}: {error}", contender.name);
            *works = false;
        })
        .ok()
}

/// A process that ends with this value.
struct Running {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    /// On a core of its own, and never outliving this process: `bench exec` sees to both.
    fn start(core: &str, pinned: bool, line: &[&str]) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(ROPEWALK);
        command.args(["bench", "exec"]);
        if pinned {
            command.args(["--core", core]);
        }
        let mut process = command.arg("--").args(line).stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(process.stdout.take().expect("standard output was asked to be a pipe"));
        Ok(Self { process, lines })
    }

    fn line(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            return Err("it ended early".into());
        }
        Ok(line)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn measure(contender: &Contender, pinned: bool) -> Result<Figures, Box<dyn Error>> {
    let this = std::env::current_exe()?;
    let this = this.to_str().ok_or("this program's path is not UTF-8")?;
    let mut server = match contender.backend {
        None => Running::start("0", pinned, &[this, "minimal"])?,
        Some(backend) => {
            let listen = "tcp:0:interface=127.0.0.1";
            Running::start("0", pinned, &[ROPEWALK, "echo", "--backend", backend, "--listen", listen])?
        }
    };
    let said = server.line()?;
    let address = said.split_once("listening on ").ok_or("it did not say where it listens")?.1;
    let address = address.split_whitespace().next().ok_or("it did not say where it listens")?;

    let pid = server.process.id().to_string();
    #[rustfmt::skip]
    let mut load = Running::start("1", pinned, &[
        ROPEWALK, "bench", "load", address, "--server-pid", &pid, "--active", CONNECTIONS,
        "--warmup", WARMUP_SECONDS, "--seconds", SECONDS,
    ])?;
    load.line()?;
    figures(&serde_json::from_str(&load.line()?)?).ok_or_else(|| "the load failed".into())
}

/// From the load's line; none when connections failed or the system tells no CPU time.
fn figures(line: &Value) -> Option<Figures> {
    let number = |name: &str| line[name].as_f64();
    if number("errors")? > 0.0 || number("requests")? == 0.0 {
        return None;
    }
    Some(Figures {
        cpu_us: number("server_cpu_ns")? / number("requests")? / 1e3,
        requests_per_second: number("requests")? / number("elapsed_ns")? * 1e9,
        p50_us: number("p50_ns")? / 1e3,
        p99_us: number("p99_ns")? / 1e3,
    })
}

fn print(rounds: &[Vec<Option<Figures>>]) {
    println!(
        "{:<20}{:>11}{:>16}{:>8}{:>12}{:>9}{:>9}",
        "", "CPU µs/req", "(range)", "ratio", "requests/s", "p50 µs", "p99 µs"
    );
    for (index, contender) in CONTENDERS.iter().enumerate() {
        let own: Vec<&Figures> = rounds.iter().filter_map(|round| round[index].as_ref()).collect();
        if own.is_empty() {
            println!("{:<20}  not measured", contender.name);
            continue;
        }
        let of = |value: fn(&Figures) -> f64| median(own.iter().map(|figures| value(figures)).collect());
        let verdict =
            contender.wanted.and_then(|(other, most)| Some((other, most, ratio(rounds, index, other)?)));
        let verdict = verdict.map_or_else(String::new, |(other, most, ratio)| {
            let word = if ratio <= most { "kept" } else { "MISSED" };
            format!("  {ratio:.3} of {}; wanted {most}: {word}", CONTENDERS[other].name)
        });
        let lowest = own.iter().map(|figures| figures.cpu_us).fold(f64::INFINITY, f64::min);
        let highest = own.iter().map(|figures| figures.cpu_us).fold(0.0, f64::max);
        println!(
            "{:<20}{:>11.3}{:>16}{:>8.3}{:>12.0}{:>9.1}{:>9.1}{verdict}",
            contender.name,
            of(|figures| figures.cpu_us),
            format!("({lowest:.2}–{highest:.2})"),
            ratio(rounds, index, 0).unwrap_or(f64::NAN),
            of(|figures| figures.requests_per_second),
            of(|figures| figures.p50_us),
            of(|figures| figures.p99_us)
        );
    }
}

/// One server's CPU time as a multiple of another's: within a round, so that a machine that slows
/// down between rounds does not count; the median of these.
fn ratio(rounds: &[Vec<Option<Figures>>], one: usize, other: usize) -> Option<f64> {
    let in_round =
        |round: &Vec<Option<Figures>>| Some(round[one].as_ref()?.cpu_us / round[other].as_ref()?.cpu_us);
    let ratios: Vec<f64> = rounds.iter().filter_map(in_round).collect();
    (!ratios.is_empty()).then(|| median(ratios))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
