//! `ropewalk poetry`: what the tutorial's programs print, and how they fail.
#![expect(clippy::disallowed_methods, reason = "a test of real processes and files")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Output;
use support::{Server, connect, large_file, ropewalk, run};

const POEM: &str = "This is just to say\nI have eaten\nthe plums\n";

fn poem(directory: &Path, text: &str) -> PathBuf {
    let path = directory.join(format!("poem-{}.txt", text.len()));
    std::fs::write(&path, text).unwrap();
    path
}

fn serve(path: &Path) -> Server {
    Server::ropewalk(&["poetry", "serve", path.to_str().unwrap(), "--port", "0"])
}

fn get(servers: &[&str]) -> Output {
    run(ropewalk(&["poetry", "get"]).args(servers))
}

#[test]
fn the_server_says_what_it_serves_sends_it_and_closes() {
    let directory = tempfile::tempdir().unwrap();
    let path = poem(directory.path(), POEM);
    let mut server = serve(&path);
    let line = server.line();
    let port = line.strip_prefix(&format!("serving {} on 127.0.0.1:", path.display()));
    let port = port.and_then(|rest| rest.strip_suffix('.')).unwrap_or_else(|| panic!("{line:?}"));
    for _ in 0..2 {
        let mut text = String::new();
        connect(port.parse().unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!(text, POEM);
    }
    assert_eq!(server.terminate(), (Some(0), String::new()));
}

#[test]
fn a_client_that_talks_still_gets_the_whole_poem() {
    let directory = tempfile::tempdir().unwrap();
    let (path, content) = large_file(directory.path(), 8 * 1024 * 1024);
    let mut server = serve(&path);
    let mut stream = connect(server.port());
    stream.write_all(&[b'?'; 100_000]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    assert!(text == content, "{} bytes came", text.len());
}

#[test]
fn a_server_may_listen_in_several_places() {
    let directory = tempfile::tempdir().unwrap();
    let path = poem(directory.path(), POEM);
    let anywhere = "tcp:0:interface=127.0.0.1";
    let arguments = ["poetry", "serve", path.to_str().unwrap(), "--listen", anywhere, "--listen", anywhere];
    let mut server = Server::ropewalk(&arguments);
    let servers = [server.port().to_string(), server.port().to_string()];
    let output = get(&[&servers[0], &servers[1]]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), POEM.repeat(2));
    let both = run(ropewalk(&arguments).args(["--port", "1"]));
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn an_interface_that_is_no_address_is_bad_usage() {
    let directory = tempfile::tempdir().unwrap();
    let path = poem(directory.path(), POEM);
    let output =
        run(&mut ropewalk(&["poetry", "serve", path.to_str().unwrap(), "--iface", "the front door"]));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn all_poems_come_at_once_and_are_printed_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let quick = poem(directory.path(), "quick\n");
    let mut quick = serve(&quick);
    // This one answers only when the quick one has been asked, as it is if both are asked at once.
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let slow_address = slow.local_addr().unwrap().to_string();
    let quick_address = format!("localhost:{}", quick.port());
    let answering = std::thread::spawn(move || {
        let mut first = slow.accept().unwrap().0;
        let mut second = slow.accept().unwrap().0;
        second.write_all(b"slow\n").unwrap();
        first.write_all(b"slow").unwrap();
        first.write_all(b"er\n").unwrap();
    });
    let output = get(&[&slow_address, &quick_address, &slow_address]);
    answering.join().unwrap();
    let mut lines: Vec<&str> = std::str::from_utf8(&output.stdout).unwrap().lines().collect();
    assert_eq!(lines.remove(1), "quick");
    lines.sort_unstable();
    assert_eq!(lines, ["slow", "slower"]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_server_that_fails_is_named_and_the_others_are_printed() {
    let directory = tempfile::tempdir().unwrap();
    let path = poem(directory.path(), POEM);
    let mut server = serve(&path);
    // A port that was free a moment ago, and a server that resets.
    let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let resetting = TcpListener::bind("127.0.0.1:0").unwrap();
    let resetting_address = resetting.local_addr().unwrap().to_string();
    let reset = std::thread::spawn(move || {
        let mut stream = resetting.accept().unwrap().0;
        stream.write_all(b"half a poem").unwrap();
        let linger = socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO));
        linger.unwrap();
    });
    let output = get(&[&refusing, &server.port().to_string(), &resetting_address]);
    reset.join().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), POEM);
    let errors = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = errors.lines().collect();
    assert_eq!(lines.len(), 2, "{errors}");
    assert!(lines[0].contains(&refusing) && lines[0].contains("refused"), "{errors}");
    assert!(lines[1].contains(&resetting_address) && lines[1].contains("reset"), "{errors}");
}
