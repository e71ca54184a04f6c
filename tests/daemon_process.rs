//! `ropewalk` as a process: exit codes, signals, the pid file, the background, users, systemd.
#![expect(clippy::disallowed_methods, reason = "a test of real processes")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Instant;
use support::{BACKENDS, PATIENCE, Server, connect, large_file, ropewalk, run};

const ANYWHERE: &str = "tcp:0:interface=127.0.0.1";

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn each_signal_to_stop_is_a_clean_stop() {
    for signal in ["TERM", "INT", "HUP"] {
        let mut server = Server::ropewalk(&["echo", "--listen", ANYWHERE]);
        let mut open = connect(server.port());
        server.signal(signal);
        assert_eq!(open.read(&mut [0]).unwrap(), 0, "the connection ends as it should");
        drop(open);
        assert_eq!(server.wait(), (Some(0), String::new()), "SIG{signal}");
    }
}

#[test]
fn bad_usage_is_told_apart_from_failure() {
    let usage: &[&[&str]] = &[
        &[],
        &["dance"],
        &["echo", "--listen", "tcp:no port"],
        &["echo", "--listen", "carrier-pigeon:1"],
        &["echo", "--backend", "abacus"],
        &["echo", "--spin", "-1"],
        &["chat", "--listen", "udp:0"],
        &["proxy"],
        &["proxy", "--to", "tcp:nowhere"],
        &["proxy", "--to", "udp:localhost:53"],
        &["poetry", "serve"],
        &["poetry", "serve", "/nowhere/at/all"],
        &["poetry", "serve", "one", "two"],
        &["poetry", "get"],
        &["poetry", "get", "localhost:ninethousand"],
        &["completions", "abacus"],
    ];
    for arguments in usage {
        let output = run(&mut ropewalk(arguments));
        assert_eq!(code(&output), 2, "{arguments:?}: {}", errors(&output));
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
    let failures: &[&[&str]] = &[
        &["poetry", "serve", "/"],
        &["poetry", "get", "1"],
        &["echo", "--listen", "tcp:0:interface=192.0.2.1"],
        &["echo", "--listen", ANYWHERE, "--user", "nobody of that name"],
        &["echo", "--listen", ANYWHERE, "--pidfile", "/nowhere/at/all"],
    ];
    for arguments in failures {
        let output = run(&mut ropewalk(arguments));
        assert_eq!(code(&output), 1, "{arguments:?}: {}", errors(&output));
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(errors(&output).contains("ropewalk: "), "{arguments:?}: {}", errors(&output));
    }
}

#[test]
fn the_version_and_the_help_are_no_failure() {
    for arguments in
        [["--version"].as_slice(), &["--help"], &["echo", "--version"], &["poetry", "serve", "--help"]]
    {
        let output = run(&mut ropewalk(arguments));
        assert_eq!(code(&output), 0, "{arguments:?}");
        assert!(!output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_port_in_use_is_named_and_so_is_who_holds_it() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap();
    let endpoint = format!("tcp:{}:interface=127.0.0.1", address.port());
    for backend in BACKENDS {
        let output = run(&mut ropewalk(&["echo", "--listen", &endpoint, "--backend", backend]));
        assert_eq!(code(&output), 1);
        let errors = errors(&output);
        assert!(errors.contains(&format!("can't listen on {address}")), "{errors}");
        assert!(errors.contains(&format!("process {}", std::process::id())), "{errors}");
        assert!(errors.contains("choose another port"), "{errors}");
    }
}

#[test]
fn a_backend_that_the_environment_names_and_nobody_knows_is_a_failure() {
    let output = run(ropewalk(&["echo", "--listen", ANYWHERE]).env("ROPEWALK_BACKEND", "abacus"));
    assert_eq!(code(&output), 1);
    assert!(errors(&output).contains("no backend \"abacus\""), "{}", errors(&output));
}

#[test]
fn logs_go_to_standard_error_as_json_where_that_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let mut command = ropewalk(&["echo", "--listen", ANYWHERE, "--log-format", "json"]);
    let mut server = Server::start(command.stderr(File::create(&path).unwrap()));
    server.port();
    assert_eq!(server.terminate(), (Some(0), String::new()));
    let log = fs::read_to_string(path).unwrap();
    assert!(log.contains(r#""message":"stopping""#), "{log}");
    assert!(log.lines().all(|line| line.starts_with(r#"{"timestamp":"#) && line.ends_with('}')), "{log}");
}

#[test]
fn what_is_logged_can_be_less() {
    let mut server = Server::ropewalk(&["echo", "--listen", ANYWHERE, "--log-level", "off"]);
    server.port();
    assert_eq!(server.terminate(), (Some(0), String::new()));
    let output = run(&mut ropewalk(&["poetry", "get", "1", "--log-level", "off"]));
    assert_eq!(errors(&output).lines().count(), 1, "the error itself: {}", errors(&output));
}

#[test]
fn a_pid_file_is_there_as_long_as_its_process_and_refused_to_others() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("echo.pid");
    let arguments = ["echo", "--listen", ANYWHERE, "--pidfile", path.to_str().unwrap()];
    let mut server = Server::ropewalk(&arguments);
    server.port();
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", server.id()));

    let refused = run(&mut ropewalk(&arguments));
    assert_eq!(code(&refused), 1);
    assert!(errors(&refused).contains(&format!("process {} runs", server.id())), "{}", errors(&refused));

    assert_eq!(server.terminate().0, Some(0));
    assert!(!path.exists());
}

#[test]
fn a_pid_file_is_removed_when_the_server_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("echo.pid");
    let nowhere = "tcp:0:interface=192.0.2.1";
    let output = run(&mut ropewalk(&["echo", "--listen", nowhere, "--pidfile", path.to_str().unwrap()]));
    assert_eq!(code(&output), 1);
    assert!(!path.exists());
}

/// A process that is not our child; killed when dropped.
struct Background(Pid);

impl Background {
    fn from_file(path: &Path) -> Self {
        let number = fs::read_to_string(path).unwrap().trim().parse().unwrap();
        Self(Pid::from_raw(number).unwrap())
    }

    /// Ask it to end, and wait until it has.
    fn terminate(&self) {
        let process = pidfd_open(self.0, PidfdFlags::empty()).expect("it is there");
        kill_process(self.0, Signal::TERM).expect("it is there");
        let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
        let ended = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&patience)).unwrap();
        assert_eq!(ended, 1, "it did not end in {PATIENCE:?}");
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended; then there is nothing to kill.
        let _ = kill_process(self.0, Signal::KILL);
    }
}

/// A daemon of ours, and what the command that started it printed: to a file, because a pipe would
/// not end before a daemon does that doesn't let go of it.
fn daemon(directory: &Path, arguments: &[&str]) -> (Background, String) {
    let (path, out) = (directory.join("echo.pid"), directory.join("out"));
    let mut command = ropewalk(&["echo", "--listen", ANYWHERE, "--daemonize"]);
    command.args(["--pidfile", path.to_str().unwrap()]).args(arguments);
    let status = command.stdin(Stdio::null()).stdout(File::create(&out).unwrap()).status().unwrap();
    let daemon = Background::from_file(&path);
    assert_eq!(status.code(), Some(0));
    (daemon, fs::read_to_string(out).unwrap())
}

#[test]
fn daemonizing_returns_once_the_server_is_ready() {
    let directory = tempfile::tempdir().unwrap();
    for backend in BACKENDS {
        let (daemon, printed) = daemon(directory.path(), &["--backend", backend]);
        let port = printed.trim_end().strip_prefix("listening on 127.0.0.1:");
        let mut stream = connect(port.and_then(|port| port.parse().ok()).expect("its port was printed"));
        stream.write_all(b"still there").unwrap();
        let mut echo = [0; 11];
        stream.read_exact(&mut echo).unwrap();
        assert_eq!(&echo, b"still there");
        drop(stream);
        daemon.terminate();
        assert!(!directory.path().join("echo.pid").exists());
    }
}

#[test]
fn a_daemon_lets_go_of_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("echo.pid");
    let arguments = ["echo", "--listen", ANYWHERE, "--daemonize", "--pidfile", path.to_str().unwrap()];
    let mut command = ropewalk(&arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let status = child.wait().unwrap();
    let daemon = Background::from_file(&path);
    assert!(status.success());
    let process = format!("/proc/{}", daemon.0.as_raw_nonzero());
    for descriptor in 0..=2 {
        let target = fs::read_link(format!("{process}/fd/{descriptor}")).unwrap();
        assert_eq!(target, Path::new("/dev/null"), "descriptor {descriptor}");
    }
    // "pid (name) state parent group session …": it leads a session of its own.
    let status = fs::read_to_string(format!("{process}/stat")).unwrap();
    let session = status.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap();
    assert_eq!(session, daemon.0.as_raw_nonzero().to_string());
}

#[test]
fn daemonizing_shows_the_errors_and_fails() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp:{}:interface=127.0.0.1", holder.local_addr().unwrap().port());
    let output = run(&mut ropewalk(&["echo", "--listen", &endpoint, "--daemonize"]));
    assert_eq!(code(&output), 1);
    assert!(errors(&output).contains("it is in use by"), "{}", errors(&output));
    let output = run(&mut ropewalk(&["echo", "--listen", "tcp:never", "--daemonize"]));
    assert_eq!(code(&output), 2);
}

#[test]
fn a_daemon_goes_on_logging_to_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let pidfile = directory.path().join("echo.pid");
    let mut command = ropewalk(&["echo", "--listen", ANYWHERE, "--daemonize"]);
    command.args(["--pidfile", pidfile.to_str().unwrap()]).stderr(File::create(&log).unwrap());
    let status = command.stdout(Stdio::null()).status().unwrap();
    let daemon = Background::from_file(&pidfile);
    assert!(status.success());
    daemon.terminate();
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("stopping"), "{log}");
}

#[test]
fn privileges_are_dropped_in_every_thread_once_the_endpoints_are_open() {
    let arguments = ["echo", "--listen", ANYWHERE, "--user", "nobody"];
    if !rustix::process::geteuid().is_root() {
        let output = run(&mut ropewalk(&arguments));
        assert_eq!(code(&output), 1);
        assert!(errors(&output).contains("only root can"), "{}", errors(&output));
        return;
    }
    let mut server = Server::ropewalk(&arguments);
    let port = server.port();
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let nobody: Vec<&str> =
        passwd.lines().find(|line| line.starts_with("nobody:")).unwrap().split(':').collect();
    let mut threads = 0;
    for thread in fs::read_dir(format!("/proc/{}/task", server.id())).unwrap() {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        for (field, number) in [("Uid:", nobody[2]), ("Gid:", nobody[3])] {
            let line = status.lines().find(|line| line.starts_with(field)).unwrap();
            assert!(line.split_whitespace().skip(1).all(|id| id == number), "{line}");
        }
        let groups = status.lines().find(|line| line.starts_with("Groups:")).unwrap();
        assert!(
            !groups.split_whitespace().any(|group| group == "0"),
            "root's group is left behind: {groups}"
        );
        threads += 1;
    }
    assert!(threads > 1, "the thread that waits for signals was looked at too");
    connect(port);
    assert_eq!(server.terminate().0, Some(0));
}

/// What systemd would hear.
fn notices(directory: &Path) -> (UnixDatagram, String) {
    let path = directory.join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    (socket, path.to_str().unwrap().to_owned())
}

fn next_notice(socket: &UnixDatagram) -> String {
    let mut notice = [0; 100];
    let length = socket.recv(&mut notice).expect("systemd is told");
    String::from_utf8_lossy(&notice[..length]).into_owned()
}

#[test]
fn systemd_is_told_when_the_server_is_ready_and_when_it_stops() {
    let directory = tempfile::tempdir().unwrap();
    let (socket, path) = notices(directory.path());
    let mut server = Server::start(ropewalk(&["echo", "--listen", ANYWHERE]).env("NOTIFY_SOCKET", &path));
    assert_eq!(next_notice(&socket), "READY=1");
    connect(server.port());
    server.signal("TERM");
    assert_eq!(next_notice(&socket), "STOPPING=1");
    assert_eq!(server.wait().0, Some(0));
}

#[test]
fn a_second_signal_stops_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (socket, path) = notices(directory.path());
    let (poem, _) = large_file(directory.path(), 32 * 1024 * 1024);
    let mut command = ropewalk(&["poetry", "serve", poem.to_str().unwrap(), "--port", "0"]);
    let mut server = Server::start(command.env("NOTIFY_SOCKET", &path));
    assert_eq!(next_notice(&socket), "READY=1");
    // A client that reads a byte and no more: the first signal would wait 30 s for it.
    let mut stuck = connect(server.port());
    stuck.read_exact(&mut [0]).unwrap();
    server.signal("TERM");
    assert_eq!(next_notice(&socket), "STOPPING=1");
    let asked = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().0, Some(0));
    assert!(asked.elapsed().as_secs() < 20, "it waited for the client");
}
