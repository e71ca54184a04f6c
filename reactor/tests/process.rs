//! Child processes and standard streams, with real programs, on each backend.
#![allow(clippy::unwrap_used, reason = "a test")]

use ropewalk_reactor::engine::backend::NAMES;
use ropewalk_reactor::prelude::*;
use ropewalk_reactor::process::{Process, Program, Signal};
use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::rc::Rc;

const PATIENCE: Duration = Duration::from_secs(20);

/// The backends that work here.
fn backends() -> Vec<&'static str> {
    let works = |name: &&&str| Reactor::builder().backend(**name).build().is_ok();
    let names: Vec<_> = NAMES.iter().filter(works).copied().collect();
    assert!(names.len() >= 2, "select and poll are everywhere");
    names
}

/// Run a case on each backend.
fn on_each(case: impl Fn(&Reactor)) {
    for backend in backends() {
        let quarter = Duration::from_millis(250);
        case(&Reactor::builder().backend(backend).linger(quarter).drain(quarter).build().unwrap());
    }
}

/// What a connection brought.
#[derive(Default)]
struct Seen {
    received: RefCell<Vec<u8>>,
    ended: Cell<bool>,
    lost: RefCell<Option<String>>,
    transport: RefCell<Option<Transport>>,
}

/// Sends something, and keeps what comes.
struct Talk {
    say: Bytes,
    then_end: bool,
    seen: Rc<Seen>,
}

impl Talk {
    /// Say this, and no more.
    fn saying(say: impl Into<Bytes>) -> (Self, Rc<Seen>) {
        let seen = Rc::new(Seen::default());
        (Self { say: say.into(), then_end: true, seen: seen.clone() }, seen)
    }

    fn listening() -> (Self, Rc<Seen>) {
        let (talk, seen) = Self::saying("");
        (Self { then_end: false, ..talk }, seen)
    }
}

impl Protocol for Talk {
    fn connection_made(&mut self, transport: &Transport) {
        *self.seen.transport.borrow_mut() = Some(transport.clone());
        transport.write_bytes(self.say.clone());
        if self.then_end {
            transport.half_close();
        }
    }
    fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
        self.seen.received.borrow_mut().extend_from_slice(&input.split());
    }
    fn eof_received(&mut self, _: &Transport) -> Eof {
        self.seen.ended.set(true);
        Eof::Close
    }
    fn connection_lost(&mut self, _: &Transport, why: &Reason) {
        *self.seen.lost.borrow_mut() = Some(why.to_string());
    }
}

fn until(reactor: &Reactor, what: &str, done: impl Fn() -> bool) {
    let deadline = reactor.now() + PATIENCE;
    let alarm = reactor.call_later(PATIENCE, || {});
    while !done() {
        assert!(reactor.now() < deadline, "{}: {what} did not happen", reactor.backend());
        reactor.turn().unwrap();
    }
    alarm.cancel();
}

fn status(reactor: &Reactor, process: &Process) -> ExitStatus {
    let exited = process.exited().timeout(PATIENCE);
    reactor.block_on(exited).unwrap()
}

fn wait_lost(reactor: &Reactor, seen: &Seen) {
    until(reactor, "the end of the connection", || seen.lost.borrow().is_some());
}

fn is_a_process(id: u32) -> bool {
    rustix::process::test_kill_process(rustix::process::Pid::from_raw(id as i32).unwrap()).is_ok()
}

/// Bytes that are not the same anywhere.
fn large(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + index / 251 + index / 65_537) as u8).collect()
}

#[test]
fn a_child_is_a_connection_whose_half_close_ends_its_input() {
    on_each(|reactor| {
        let (talk, seen) = Talk::saying("b\na\nc\n");
        let process = reactor.spawn_process(Program::new("sort").env("LC_ALL", "C"), talk).unwrap();
        wait_lost(reactor, &seen);
        assert_eq!(*seen.received.borrow(), b"a\nb\nc\n");
        assert!(seen.ended.get());
        assert_eq!(seen.lost.borrow().as_deref(), Some("closed cleanly"));
        assert!(status(reactor, &process).success());
    });
}

#[test]
fn five_megabytes_go_through_a_child_and_back() {
    on_each(|reactor| {
        let content = large(5_000_000);
        let (talk, seen) = Talk::saying(content.clone());
        reactor.spawn_process(Program::new("cat"), talk).unwrap();
        wait_lost(reactor, &seen);
        assert!(*seen.received.borrow() == content, "{} bytes came back", seen.received.borrow().len());
        assert_eq!(seen.lost.borrow().as_deref(), Some("closed cleanly"));
    });
}

#[test]
fn the_exit_status_arrives_and_can_be_asked_for_again() {
    on_each(|reactor| {
        let (talk, _seen) = Talk::listening();
        let program = Program::new("sh").args(["-c", "exit 3"]);
        let process = reactor.spawn_process(program, talk).unwrap();
        let (first, second) = (process.exited(), process.exited());
        assert_eq!(reactor.block_on(first.timeout(PATIENCE)).unwrap().code(), Some(3));
        assert_eq!(reactor.block_on(second.timeout(PATIENCE)).unwrap().code(), Some(3));
        assert_eq!(status(reactor, &process).code(), Some(3));
    });
}

#[test]
fn a_missing_program_is_an_error_at_once_that_names_it() {
    on_each(|reactor| {
        let (talk, seen) = Talk::listening();
        let error = reactor.spawn_process(Program::new("/no/such/program"), talk).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("/no/such/program"), "{error}");
        reactor.call_soon(|| {});
        reactor.turn().unwrap();
        assert!(seen.transport.borrow().is_none(), "nobody is connected to nothing");
    });
}

#[test]
fn a_signal_ends_a_child_and_none_is_sent_after_it_was_reaped() {
    on_each(|reactor| {
        let (talk, seen) = Talk::listening();
        let process = reactor.spawn_process(Program::new("cat"), talk).unwrap();
        assert!(is_a_process(process.id()));
        process.kill(Signal::TERM).unwrap();
        assert_eq!(status(reactor, &process).signal(), Some(libc::SIGTERM));
        assert_eq!(process.kill(Signal::TERM).unwrap_err().kind(), ErrorKind::NotFound);
        wait_lost(reactor, &seen);
        assert_eq!(seen.lost.borrow().as_deref(), Some("closed cleanly"));
    });
}

#[test]
fn a_child_whose_handle_is_dropped_is_reaped_all_the_same() {
    on_each(|reactor| {
        let (talk, seen) = Talk::saying("");
        let id = reactor.spawn_process(Program::new("cat"), talk).unwrap().id();
        wait_lost(reactor, &seen);
        until_reaped(reactor, id);
    });
}

#[test]
fn a_child_that_outlives_its_reactor_is_reaped_all_the_same() {
    let reactor = Reactor::new().unwrap();
    let (talk, _seen) = Talk::listening();
    // It ends when its standard input does, and that when the reactor's descriptors go.
    let id = reactor.spawn_process(Program::new("cat"), talk).unwrap().id();
    drop(reactor);
    until_reaped(&Reactor::new().unwrap(), id);
}

/// A zombie answers to signals, so this waits for the reaping too. Only the child's own thread knows
/// when that is done, so there is no event to wait for: look again every millisecond.
fn until_reaped(reactor: &Reactor, id: u32) {
    let beat = reactor.looping_call(Duration::from_millis(1), |_| {});
    until(reactor, "reaping", || !is_a_process(id));
    beat.stop();
}

#[test]
fn standard_error_is_a_connection_of_its_own() {
    on_each(|reactor| {
        let (out, seen_out) = Talk::listening();
        let (err, seen_err) = Talk::saying("this goes nowhere");
        let program = Program::new("sh").args(["-c", "echo out; echo err >&2"]).stderr_to(err);
        reactor.spawn_process(program, out).unwrap();
        wait_lost(reactor, &seen_out);
        wait_lost(reactor, &seen_err);
        assert_eq!(*seen_out.received.borrow(), b"out\n");
        assert_eq!(*seen_err.received.borrow(), b"err\n");
        assert_eq!(seen_err.lost.borrow().as_deref(), Some("closed cleanly"));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn standard_error_can_be_dropped() {
    on_each(|reactor| {
        let (out, seen) = Talk::listening();
        // Where it went to the null device, the link says so.
        let script = "readlink /proc/self/fd/2";
        let program = Program::new("sh").args(["-c", script]).stderr_to_null();
        reactor.spawn_process(program, out).unwrap();
        wait_lost(reactor, &seen);
        assert_eq!(*seen.received.borrow(), b"/dev/null\n");
    });
}

#[test]
fn arguments_environment_and_directory_are_passed_on() {
    on_each(|reactor| {
        let (out, seen) = Talk::listening();
        let script = r#"echo "$1 $COLOUR $PWD""#;
        let program = Program::new("sh")
            .args(["-c", script, "sh"])
            .arg("one two")
            .env("COLOUR", "blue")
            .current_dir("/");
        reactor.spawn_process(program, out).unwrap();
        wait_lost(reactor, &seen);
        assert_eq!(*seen.received.borrow(), b"one two blue /\n");
    });
}

#[test]
fn what_a_child_said_before_it_left_without_reading_arrives() {
    on_each(|reactor| {
        let (talk, seen) = Talk::saying(large(5_000_000));
        let program = Program::new("sh").args(["-c", "head -c 200000 /dev/zero; exit 0"]);
        let process = reactor.spawn_process(program, talk).unwrap();
        wait_lost(reactor, &seen);
        assert_eq!(seen.received.borrow().len(), 200_000);
        assert!(status(reactor, &process).success());
    });
}

#[test]
fn the_end_of_a_reactor_ends_its_childrens_input() {
    on_each(|reactor| {
        let (talk, seen) = Talk::listening();
        let process = reactor.spawn_process(Program::new("cat"), talk).unwrap();
        reactor.stop();
        reactor.run().unwrap();
        assert_eq!(seen.lost.borrow().as_deref(), Some("the reactor stopped"));
        assert!(status(reactor, &process).success());
    });
}

#[test]
fn many_children_at_once_are_told_apart() {
    on_each(|reactor| {
        let children: Vec<_> = (0..20)
            .map(|code: i32| {
                let (talk, seen) = Talk::listening();
                let program = Program::new("sh").args(["-c", &format!("echo {code}; exit {code}")]);
                (code, reactor.spawn_process(program, talk).unwrap(), seen)
            })
            .collect();
        for (code, process, seen) in children {
            assert_eq!(status(reactor, &process).code(), Some(code));
            wait_lost(reactor, &seen);
            assert_eq!(*seen.received.borrow(), format!("{code}\n").into_bytes());
        }
    });
}

#[test]
fn a_simulation_has_no_processes_and_says_so() {
    use ropewalk_reactor::testing::{Faults, Sim};
    let reactor = Reactor::with_engine(Sim::new(1, Faults::none()).0);
    let error = reactor.spawn_process(Program::new("cat"), Talk::listening().0).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Unsupported, "a simulation has no child processes")
    );
    let error = reactor.standard_streams(Talk::listening().0).err().unwrap();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Unsupported, "a simulation has no standard streams")
    );
}
