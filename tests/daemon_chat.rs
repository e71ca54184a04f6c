//! `ropewalk chat`: names, who hears what, and who is dropped.
#![expect(clippy::disallowed_methods, reason = "a test of real processes")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use support::{Server, connect};

/// Somebody in the room.
struct Guest {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Guest {
    fn enter(port: u16) -> Self {
        let stream = connect(port);
        let mut guest = Self { lines: BufReader::new(stream.try_clone().unwrap()), stream };
        guest.hears("What's your name?");
        guest
    }

    fn named(port: u16, name: &str) -> Self {
        let mut guest = Self::enter(port);
        guest.says(name);
        guest.hears(&format!("Welcome, {name}!"));
        guest
    }

    fn says(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    #[track_caller]
    fn hears(&mut self, line: &str) {
        assert_eq!(self.line(), line);
    }
}

fn room() -> (Server, u16) {
    let mut server = Server::ropewalk(&["chat", "--listen", "tcp:0:interface=127.0.0.1"]);
    let port = server.port();
    (server, port)
}

#[test]
fn everybody_but_the_speaker_hears_what_is_said_and_who_comes_and_goes() {
    let (server, port) = room();
    let mut ann = Guest::named(port, "ann");
    let mut bob = Guest::named(port, "bob");
    ann.hears("* bob has joined");
    let mut carl = Guest::enter(port);
    carl.says("bob");
    carl.hears("Name taken, please choose another.");
    carl.says("carl");
    carl.hears("Welcome, carl!");
    for other in [&mut ann, &mut bob] {
        other.hears("* carl has joined");
    }
    ann.says("hello");
    for other in [&mut bob, &mut carl] {
        other.hears("<ann> hello");
    }
    bob.says("good morning");
    ann.hears("<bob> good morning");
    carl.hears("<bob> good morning");
    drop(bob);
    ann.hears("* bob has left");
    carl.hears("* bob has left");
    // The name is free again.
    drop(Guest::named(port, "bob"));
    for other in [&mut ann, &mut carl] {
        other.hears("* bob has joined");
        other.hears("* bob has left");
    }
    drop((ann, carl));
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn a_guest_without_a_name_hears_nothing_and_leaves_unnoticed() {
    let (_server, port) = room();
    let mut ann = Guest::named(port, "ann");
    let stranger = Guest::enter(port);
    ann.says("is anybody here?");
    drop(stranger);
    Guest::named(port, "bob").says("yes");
    ann.hears("* bob has joined");
    ann.hears("<bob> yes");
}

#[test]
fn a_member_that_does_not_read_is_dropped_and_the_others_hear_everything() {
    let (server, port) = room();
    let mut deaf = Guest::named(port, "deaf");
    let mut ann = Guest::named(port, "ann");
    let mut bob = Guest::named(port, "bob");
    ann.hears("* bob has joined");
    let before = resident_bytes(&server);

    // More than the kernel keeps for a connection and the server's own limit together.
    let (count, word) = (40_000, "x".repeat(500));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..count {
                ann.says(&format!("{number} {word}"));
            }
        });
        let (mut heard, mut dropped) = (0, false);
        while heard < count || !dropped {
            match bob.line().as_str() {
                "* deaf has left" => dropped = true,
                line => {
                    assert_eq!(line, format!("<ann> {heard} {word}"));
                    heard += 1;
                }
            }
        }
    });
    let grown = resident_bytes(&server).saturating_sub(before);
    assert!(grown < 8 * 1024 * 1024, "the server has grown by {grown} bytes");
    let ending = deaf.lines.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(ending.kind(), ErrorKind::ConnectionReset);
}

/// How much memory a process has in use.
fn resident_bytes(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}
