//! Standard streams, tested where they are: this test binary runs itself as a child whose standard
//! streams are pipes, files, sockets and a terminal.
#![allow(clippy::unwrap_used, reason = "a test")]
#![expect(clippy::disallowed_methods, reason = "files are what is tested, and threads look on")]

use ropewalk_reactor::engine::backend::NAMES;
use ropewalk_reactor::prelude::*;
use ropewalk_reactor::process::Program;
use std::cell::RefCell;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Instant;

/// The backends that work here.
fn backends() -> Vec<&'static str> {
    let works = |name: &&&str| Reactor::builder().backend(**name).build().is_ok();
    let names: Vec<_> = NAMES.iter().filter(works).copied().collect();
    assert!(names.len() >= 2, "select and poll are everywhere");
    names
}

/// What the child writes first: the test harness has written before it.
const MARK: &[u8] = b"<<<";

/// How long the child's closed connections may wait for their peers: much longer than it should take.
const DRAIN: Duration = Duration::from_secs(20);

/// How the child says that writing has failed.
const BROKEN: i32 = 9;

/// What the child does.
#[derive(Clone, Copy)]
enum Task {
    /// Send everything back in capitals, to its end.
    Shout,
    /// Write five megabytes and stop at once.
    WriteAndStop,
    /// Say so, and stop without having read anything.
    StopWithoutReading,
}

fn child(backend: &str, task: Task) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "the_child", "--ignored", "--nocapture", "--test-threads=1"])
        .env("ROPEWALK_BACKEND", backend)
        .env("ROPEWALK_TEST_TASK", (task as u8).to_string());
    command
}

struct Role {
    reactor: Reactor,
    task: Task,
}

impl Protocol for Role {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(MARK);
        match self.task {
            Task::Shout => transport.register_producer(transport),
            Task::WriteAndStop => {
                transport.write_bytes(large());
                self.reactor.stop();
            }
            Task::StopWithoutReading => self.reactor.stop(),
        }
    }
    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        transport.write(&input.split().to_ascii_uppercase());
    }
    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        // Asked twice, a reactor stops without waiting for anything.
        if !self.reactor.is_stopping() {
            self.reactor.stop();
        }
    }
}

#[test]
#[ignore = "the other tests run it as a child process"]
fn the_child() {
    let task = match std::env::var("ROPEWALK_TEST_TASK").unwrap().as_str() {
        "0" => Task::Shout,
        "1" => Task::WriteAndStop,
        _ => Task::StopWithoutReading,
    };
    let reactor = Reactor::builder().drain(DRAIN).build().unwrap();
    let written = reactor.standard_streams(Role { reactor: reactor.clone(), task }).unwrap();
    let outcome = Rc::new(RefCell::new(None));
    let slot = outcome.clone();
    written.finally(move |result| *slot.borrow_mut() = Some(result));
    reactor.run().unwrap();
    let code = if matches!(*outcome.borrow(), Some(Err(_))) { BROKEN } else { 0 };
    // Whatever has not been written by now is lost.
    std::process::exit(code)
}

/// Small letters that are not the same everywhere.
fn large() -> Vec<u8> {
    (0..5_000_000_usize).map(|index| b'a' + ((index + index / 251 + index / 65_537) % 26) as u8).collect()
}

/// What the child has written, the harness aside.
fn after_mark(output: &[u8]) -> &[u8] {
    let at = output.windows(MARK.len()).position(|window| window == MARK).expect("the child has begun");
    &output[at + MARK.len()..]
}

/// Feed the child from a thread, and read what it says.
fn converse(mut child: Child, input: Vec<u8>) -> Vec<u8> {
    let mut stdin = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let mut output = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
    feeder.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    output
}

#[test]
fn pipes_carry_five_megabytes_both_ways() {
    for backend in backends() {
        let command = &mut child(backend, Task::Shout);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = converse(child, large());
        assert!(after_mark(&output) == large().to_ascii_uppercase(), "on {backend}");
    }
}

#[test]
fn files_are_read_and_written() {
    for backend in backends() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        std::fs::write(&from, large()).unwrap();
        let command = &mut child(backend, Task::Shout);
        let command = command.stdin(File::open(&from).unwrap()).stdout(File::create(&to).unwrap());
        assert!(command.status().unwrap().success());
        let output = std::fs::read(&to).unwrap();
        assert!(after_mark(&output) == large().to_ascii_uppercase(), "on {backend}");
    }
}

#[test]
fn sockets_work_as_well() {
    struct Heard(Rc<RefCell<Vec<u8>>>, Reactor);
    impl Protocol for Heard {
        fn connection_made(&mut self, transport: &Transport) {
            transport.write(b"hello");
            transport.half_close();
        }
        fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
            self.0.borrow_mut().extend_from_slice(&input.split());
        }
        fn connection_lost(&mut self, _: &Transport, _: &Reason) {
            self.1.stop();
        }
    }
    let heard = Rc::new(RefCell::new(Vec::new()));
    let reactor = Reactor::new().unwrap();
    let program = Program::from(child("select", Task::Shout));
    reactor.spawn_process(program, Heard(heard.clone(), reactor.clone())).unwrap();
    reactor.run().unwrap();
    assert_eq!(after_mark(&heard.borrow()), b"HELLO");
}

#[test]
fn a_terminal_works_as_well() {
    for backend in backends() {
        let (mut screen, terminal) = open_terminal();
        let command = &mut child(backend, Task::Shout);
        let mut child = command
            .stdin(terminal.try_clone().unwrap())
            .stdout(terminal)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // What is typed before the mark would be mixed up with what the harness says.
        let mut seen = Vec::new();
        read_until(&mut screen, &mut seen, MARK);
        screen.write_all(b"hello\n").unwrap();
        read_until(&mut screen, &mut seen, b"HELLO\r\n");
        // Control-D is the end of the input.
        screen.write_all(b"\x04").unwrap();
        assert!(child.wait().unwrap().success(), "on {backend}");
    }
}

fn read_until(from: &mut File, seen: &mut Vec<u8>, wanted: &[u8]) {
    while !seen.windows(wanted.len()).any(|window| window == wanted) {
        let mut bytes = [0; 256];
        let count = from.read(&mut bytes).unwrap();
        assert!(count > 0, "the terminal is gone; it showed {}", seen.escape_ascii());
        seen.extend_from_slice(&bytes[..count]);
    }
}

/// A pseudo-terminal: what a user sees and types, and what a program has.
fn open_terminal() -> (File, OwnedFd) {
    let (mut screen, mut terminal) = (-1, -1);
    let null = std::ptr::null_mut();
    // SAFETY: both places are written to, and the optional arguments may be null (openpty(3)).
    let outcome =
        unsafe { libc::openpty(&raw mut screen, &raw mut terminal, null, null.cast(), null.cast()) };
    assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: both were just opened, and are nobody else's.
    unsafe { (File::from_raw_fd(screen), OwnedFd::from_raw_fd(terminal)) }
}

#[test]
fn what_was_written_is_out_when_run_returns() {
    for backend in backends() {
        let command = &mut child(backend, Task::WriteAndStop);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        assert!(after_mark(&converse(child, Vec::new())) == large(), "on {backend}");
    }
}

#[test]
fn an_input_that_nobody_types_does_not_hold_up_the_end() {
    for backend in backends() {
        let command = &mut child(backend, Task::StopWithoutReading);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (open, begun) = (child.stdin.take(), Instant::now());
        assert!(child.wait().unwrap().success(), "on {backend}");
        assert!(begun.elapsed() < DRAIN / 2, "it waited for its input's end on {backend}");
        drop(open);
    }
}

#[test]
fn a_reader_that_has_gone_is_a_failure_of_writing() {
    for backend in backends() {
        let command = &mut child(backend, Task::WriteAndStop);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 100]).unwrap();
        drop(stdout);
        assert_eq!(child.wait().unwrap().code(), Some(BROKEN), "on {backend}");
    }
}

#[test]
fn the_open_files_that_we_share_go_on_blocking() {
    for backend in backends() {
        let (input, output) = (std::io::pipe().unwrap(), std::io::pipe().unwrap());
        let command = &mut child(backend, Task::Shout);
        let (stdin, stdout) = (input.0.try_clone().unwrap(), output.1.try_clone().unwrap());
        let mut child = command.stdin(stdin).stdout(stdout).spawn().unwrap();
        let (mut reader, mut seen) = (File::from(OwnedFd::from(output.0)), Vec::new());
        read_until(&mut reader, &mut seen, MARK);
        for shared in [input.0.as_fd(), output.1.as_fd()] {
            let flags = rustix::fs::fcntl_getfl(shared).unwrap();
            assert!(!flags.contains(rustix::fs::OFlags::NONBLOCK), "on {backend}");
        }
        drop(input.1);
        assert!(child.wait().unwrap().success());
    }
}
