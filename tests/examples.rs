//! Each example is run, and does what its first lines say.
#![expect(clippy::disallowed_methods, reason = "a test of real processes")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::thread::JoinHandle;
use support::{BACKENDS, PATIENCE, Server, example, run};

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// An example as a server, on each backend.
fn on_each_backend(name: &str, arguments: &[&str], check: impl Fn(u16)) {
    for backend in BACKENDS {
        let mut server = Server::start(example(name).args(arguments).env("ROPEWALK_BACKEND", backend));
        check(server.port());
    }
}

fn echoes(port: u16) {
    let mut stream = connect(port);
    let data: Vec<u8> = (0..300_000_u32).map(|index| (index % 251) as u8).collect();
    let mut writer = stream.try_clone().unwrap();
    let sent = data.clone();
    let sending = std::thread::spawn(move || {
        writer.write_all(&sent).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut echo = vec![0; data.len()];
    stream.read_exact(&mut echo).unwrap();
    sending.join().unwrap();
    assert!(echo == data, "not what was sent");
}

#[test]
fn echo_echoes() {
    on_each_backend("echo", &["tcp:0:interface=127.0.0.1"], echoes);
}

#[test]
fn select_server_echoes() {
    let mut server = Server::start(example("select_server").arg("127.0.0.1:0"));
    let port = server.port();
    echoes(port);
    echoes(port);
}

#[test]
fn epoll_http_greets_every_request() {
    let mut server = Server::start(example("epoll_http").arg("127.0.0.1:0"));
    let port = server.port();
    for _ in 0..3 {
        let mut stream = connect(port);
        stream.write_all(b"GET / HTTP/1.0\r\n").unwrap();
        stream.write_all(b"Host: here\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("Hello, world!"), "{answer}");
    }
}

#[test]
fn chat_tells_everyone_else() {
    on_each_backend("chat", &["tcp:0:interface=127.0.0.1"], |port| {
        let mut ann = BufReader::new(connect(port));
        let mut bob = BufReader::new(connect(port));
        let hear = |who: &mut BufReader<TcpStream>, expected: &str| {
            let mut line = String::new();
            who.read_line(&mut line).unwrap();
            assert_eq!(line.trim_end(), expected);
        };
        hear(&mut ann, "Your name?");
        ann.get_ref().write_all(b"ann\r\n").unwrap();
        hear(&mut bob, "Your name?");
        bob.get_ref().write_all(b"ann\r\n").unwrap();
        hear(&mut bob, "Taken. Another?");
        bob.get_ref().write_all(b"bob\n").unwrap();
        hear(&mut ann, "* bob came");
        ann.get_ref().write_all(b"hello\r\n").unwrap();
        hear(&mut bob, "<ann> hello");
        drop(ann);
        hear(&mut bob, "* ann went");
    });
}

#[test]
fn proxy_passes_both_ways_and_the_end() {
    for backend in BACKENDS {
        let mut back = Server::start(example("echo").arg("tcp:0:interface=127.0.0.1"));
        let to = format!("tcp:127.0.0.1:{}", back.port());
        let mut proxy = example("proxy");
        proxy.args(["tcp:0:interface=127.0.0.1", &to]).env("ROPEWALK_BACKEND", backend);
        let mut front = Server::start(&mut proxy);
        echoes(front.port());
    }
}

#[test]
fn echo_client_prints_the_answer_and_reports_failure() {
    let mut server = Server::start(example("echo").arg("tcp:0:interface=127.0.0.1"));
    let output = run(example("echo_client").arg(format!("tcp:127.0.0.1:{}", server.port())));
    assert_eq!(output.stdout, b"hello, world!\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("connection lost: closed cleanly"));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let output = run(example("echo_client").arg(format!("tcp:127.0.0.1:{nobody}")));
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("connection failed: "));
}

/// A server of one poem, in pieces.
fn poet(lines: &'static [&'static str]) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let poet = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        lines.iter().for_each(|line| stream.write_all(line.as_bytes()).unwrap());
    });
    (address, poet)
}

fn fetches_poems_in_order(name: &str) {
    let (one, first) = poet(&["Two roads diverged\n", "in a yellow wood\n"]);
    let (other, second) = poet(&["And sorry\n"]);
    let mut client: Command = example(name);
    let output = run(client.args([one, other]));
    first.join().unwrap();
    second.join().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text, "Two roads diverged\nin a yellow wood\nAnd sorry\n", "{output:?}");
}

#[test]
fn poetry_blocking_fetches_poems() {
    fetches_poems_in_order("poetry_blocking");
}

#[test]
fn poetry_select_fetches_poems() {
    fetches_poems_in_order("poetry_select");
}

#[test]
fn poetry_callbacks_fetches_poems() {
    fetches_poems_in_order("poetry_callbacks");
}

#[test]
fn poetry_deferred_fetches_poems() {
    fetches_poems_in_order("poetry_deferred");
}

#[test]
fn poetry_async_fetches_poems() {
    fetches_poems_in_order("poetry_async");
}

#[test]
fn run_process_stands_between() {
    for backend in BACKENDS {
        let directory = tempfile::tempdir().unwrap();
        let (file, content) = support::large_file(directory.path(), 3_000_000);
        let input = std::fs::File::open(file).unwrap();
        let script = "cat; exit 3";
        let mut command = example("run_process");
        let command = command.args(["sh", "-c", script]).env("ROPEWALK_BACKEND", backend).stdin(input);
        let output = command.output().unwrap();
        assert!(output.stdout == content, "{} bytes on {backend}", output.stdout.len());
        assert_eq!(output.status.code(), Some(3), "on {backend}");
    }
    let missing = run(example("run_process").arg("/no/such/program"));
    assert_eq!(missing.status.code(), Some(127));
    let text = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(text.contains("/no/such/program"), "{text}");
}
