//! `cargo bench --bench kv`: the key-value server beside Redis, in one run.
//!
//! The one rule: both servers are measured in turns, each alone on a core, by a load on another core, and
//! what is compared is the CPU time that the server took, because wall time also tells of the load and of
//! whatever else the machine does. The method and the figures are in `benches/README.md`.
//!
//! ```text
//! cargo bench --bench kv                        all of it, about twenty minutes
//! cargo bench --bench kv -- speed               GET and SET
//! cargo bench --bench kv -- commands            what redis-benchmark sends
//! cargo bench --bench kv -- memory              bytes a key, bytes a client
//! cargo bench --bench kv -- growth              the longest reply while keys become many
//! cargo bench --bench kv -- --quick speed       a rough look
//! cargo bench --bench kv -- --write             put tables and picture where the documentation has them
//! ```
#![expect(clippy::disallowed_methods, reason = "times servers from outside: there is no reactor here")]

mod commands;
mod contender;
mod growth;
#[path = "../../servers/daemon/bench/histogram.rs"]
#[allow(dead_code, unused_imports, reason = "shared with `ropewalk bench`, which uses more of it")]
mod histogram;
mod load;
#[path = "../../servers/daemon/bench/machine.rs"]
#[allow(dead_code, unused_imports, reason = "shared with `ropewalk bench`, which uses more of it")]
mod machine;
mod memory;
mod picture;
mod speed;
mod table;

use contender::CONTENDERS;
use std::error::Error;
use std::path::Path;

/// What goes wrong is told and ends the run.
type Outcome<T> = Result<T, Box<dyn Error>>;

/// How long and how often to measure.
#[derive(Clone, Copy, Debug)]
struct Effort {
    rounds: usize,
    seconds: f64,
    /// Keys, clients and requests are so many times fewer.
    shrink: usize,
}

const THOROUGH: Effort = Effort { rounds: 5, seconds: 1.2, shrink: 1 };
const QUICK: Effort = Effort { rounds: 1, seconds: 0.4, shrink: 10 };

const SECTIONS: [(&str, fn(Effort) -> Outcome<String>); 4] =
    [("speed", speed::run), ("commands", commands::run), ("memory", memory::run), ("growth", growth::run)];

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == "load") {
        return load::main(&arguments[1..]);
    }
    // Test runners start every target without this flag, to list tests: there are none.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    machine::raise_descriptor_limit();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let effort = if has("--quick") { QUICK } else { THOROUGH };
    let named = SECTIONS.iter().any(|(name, _)| has(name));
    for (name, run) in SECTIONS {
        if named && !has(name) {
            continue;
        }
        let report = run(effort)?;
        println!("{report}");
        if has("--write") {
            write(name, &report)?;
        }
    }
    Ok(())
}

/// Puts a section's tables between its marks in `benches/README.md`.
fn write(section: &str, report: &str) -> Outcome<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/README.md");
    let text = std::fs::read_to_string(&path)?;
    let (begin, end) = (format!("<!-- kv {section}: begin -->\n"), format!("<!-- kv {section}: end -->"));
    let (before, rest) = text.split_once(&begin).ok_or("benches/README.md has lost its marks")?;
    let (_, after) = rest.split_once(&end).ok_or("benches/README.md has lost its marks")?;
    std::fs::write(&path, format!("{before}{begin}{}\n{end}{after}", report.trim()))?;
    Ok(())
}

/// The machine and the servers, in a line.
fn about() -> String {
    let names: Vec<String> = CONTENDERS.iter().map(|contender| contender.version()).collect();
    format!(
        "{}; {}, {}, {}.",
        names.join(" and "),
        machine::processor().unwrap_or_else(|| "an unknown processor".to_owned()),
        machine::kernel(),
        machine::today()
    )
}
