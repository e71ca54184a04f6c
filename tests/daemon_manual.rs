//! Completions and man pages, which come from the same table as the parser.
#![expect(clippy::disallowed_methods, reason = "a test of real processes and files")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::collections::BTreeSet;
use support::{ropewalk, run};

const COMMANDS: [&str; 6] = ["echo", "poetry", "chat", "proxy", "completions", "man"];

fn printed(arguments: &[&str]) -> String {
    let output = run(&mut ropewalk(arguments));
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn completions_know_every_command_and_their_options() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&["completions", shell]);
        for word in COMMANDS.into_iter().chain(["serve", "get", "pidfile", "log-level"]) {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
}

#[test]
fn bash_reads_its_completions() {
    let script = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(script.path(), printed(&["completions", "bash"])).unwrap();
    let output = run(std::process::Command::new("bash").arg("-n").arg(script.path()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_man_page_names_every_command() {
    let page = printed(&["man"]);
    assert!(page.contains(".TH ropewalk 1"));
    for command in COMMANDS {
        assert!(page.contains(&format!("ropewalk\\-{command}(1)")), "{command} is missing");
    }
}

#[test]
fn each_command_has_a_page_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("share/man1");
    assert_eq!(printed(&["man", pages.to_str().unwrap()]), "");
    let mut found = BTreeSet::new();
    for page in std::fs::read_dir(&pages).unwrap() {
        let page = page.unwrap();
        let text = std::fs::read_to_string(page.path()).unwrap();
        assert!(text.contains(".SH NAME"), "{text}");
        found.insert(page.file_name().into_string().unwrap());
    }
    for command in COMMANDS.into_iter().chain(["poetry-serve", "poetry-get"]) {
        assert!(found.contains(&format!("ropewalk-{command}.1")), "{command} is not in {found:?}");
    }
    assert!(found.contains("ropewalk.1"));
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let output = run(&mut ropewalk(&["man", "/dev/null/man1"]));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/dev/null/man1"));
}
