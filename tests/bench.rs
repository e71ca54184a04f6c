//! `ropewalk bench`: the comparison of the backends, short, with its files and its end.
#![expect(clippy::disallowed_methods, reason = "a test of real processes and their files")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::path::Path;
use std::process::Command;
use std::time::Instant;
use support::{PATIENCE, Server, run};

fn ropewalk(line: &str) -> std::process::Output {
    run(Command::new(env!("CARGO_BIN_EXE_ropewalk")).args(line.split_whitespace()))
}

#[test]
fn the_comparison_prints_a_table_and_writes_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (html, json, svg) = (at("page.html"), at("figures.json"), at("picture.svg"));
    let output = ropewalk(&format!(
        "bench backends --backends poll,select --active 1,2 --idle 0,30,1500 --rounds 2 --seconds 0.02 \
         --html {html} --json {json} --svg {svg}"
    ));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(table.matches("active connection").count(), 3, "{table}");
    assert_eq!(table.matches("select             -  FD_SETSIZE 1,024").count(), 2, "{table}");
    assert!(table.contains("Memory"), "{table}");

    let figures: serde_json::Value = serde_json::from_str(&read(&json)).unwrap();
    let cells = figures["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 2 * 3 * 2);
    let measured: Vec<_> = cells.iter().filter_map(|cell| cell.get("measured")).collect();
    assert_eq!(measured.len(), 10, "{cells:?}");
    assert!(measured.iter().all(|figures| figures["requests_per_second"].as_f64().unwrap() > 0.0));
    assert!(read(&html).starts_with("<!DOCTYPE html>"));
    assert!(read(&svg).starts_with("<svg "));
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_file_that_cannot_be_written_is_a_failure_that_names_it() {
    let output = ropewalk(
        "bench backends --backends poll --active 1 --idle 0 --rounds 1 --seconds 0.02 --json /nowhere/at/all",
    );
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("cannot write /nowhere/at/all"), "{text}");
}

#[test]
fn bad_usage_is_told_from_failure() {
    for line in ["bench backends --backends aio", "bench backends --active 0", "bench load 192.0.2.1:7"] {
        assert_eq!(ropewalk(line).status.code(), Some(2), "{line}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_interrupted_comparison_leaves_no_process_behind() {
    let comparison = Server::ropewalk(
        &"bench backends --backends poll --active 1 --idle 0 --seconds 600".split(' ').collect::<Vec<_>>(),
    );
    let children = children_of(comparison.id(), 2);
    let (code, printed) = comparison.terminate();
    assert_eq!((code, printed.as_str()), (Some(1), ""));
    for child in children {
        assert!(!Path::new(&format!("/proc/{child}")).exists(), "process {child} is still there");
    }
}

/// The children of a process, once it has so many.
fn children_of(id: u32, count: usize) -> Vec<String> {
    let path = format!("/proc/{id}/task/{id}/children");
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let text = std::fs::read_to_string(&path).unwrap();
        let children: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        if children.len() == count {
            return children;
        }
        std::thread::yield_now();
    }
    panic!("process {id} never had {count} children")
}
