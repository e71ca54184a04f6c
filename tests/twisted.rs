//! Against Debian's Twisted, both ways and on every backend: echo and poetry, five megabytes intact,
//! half-close included.
#![expect(clippy::disallowed_methods, reason = "a test of real processes")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::process::Command;
use support::{BACKENDS, Server, example, large_file, run};

const LENGTH: usize = 5 * 1024 * 1024;

fn twisted(script: &str) -> Command {
    // The system's Python, where Debian's python3-twisted is.
    let mut command = Command::new("/usr/bin/python3");
    command.arg(format!("{}/tests/twisted/{script}", env!("CARGO_MANIFEST_DIR")));
    command
}

#[test]
fn our_echo_server_serves_twisteds_client() {
    let directory = tempfile::tempdir().unwrap();
    let (path, content) = large_file(directory.path(), LENGTH);
    for backend in BACKENDS {
        let mut server =
            Server::ropewalk(&["echo", "--backend", backend, "--listen", "tcp:0:interface=127.0.0.1"]);
        let endpoint = format!("tcp:127.0.0.1:{}", server.port());
        let output = run(twisted("echo_client.py").arg(&endpoint).arg(&path));
        assert!(output.stdout == content, "{backend}: {} bytes came back", output.stdout.len());
    }
}

#[test]
fn our_echo_client_speaks_to_twisteds_server() {
    let directory = tempfile::tempdir().unwrap();
    let (path, content) = large_file(directory.path(), LENGTH);
    let mut server = Server::start(&mut twisted("echo_server.py"));
    let endpoint = format!("tcp:127.0.0.1:{}", server.port());
    for backend in BACKENDS {
        let output = run(example("echo_client").arg(&endpoint).arg(&path).env("ROPEWALK_BACKEND", backend));
        assert!(output.stdout == content, "{backend}: {} bytes came back", output.stdout.len());
    }
}

#[test]
fn our_poetry_server_serves_twisteds_client() {
    let directory = tempfile::tempdir().unwrap();
    let (path, content) = large_file(directory.path(), LENGTH);
    let file = path.to_str().unwrap();
    for backend in BACKENDS {
        let mut server = Server::ropewalk(&["poetry", "serve", file, "--port", "0", "--backend", backend]);
        let endpoint = format!("tcp:127.0.0.1:{}", server.port());
        let output = run(twisted("poetry_client.py").arg(&endpoint));
        assert!(output.stdout == content, "{backend}: {} bytes came", output.stdout.len());
    }
}

#[test]
fn our_poetry_clients_read_from_twisteds_server() {
    let directory = tempfile::tempdir().unwrap();
    let (path, content) = large_file(directory.path(), LENGTH);
    let mut server = Server::start(twisted("poetry_server.py").arg(&path));
    let address = format!("127.0.0.1:{}", server.port());
    for backend in BACKENDS {
        let mut get = Command::new(env!("CARGO_BIN_EXE_ropewalk"));
        let output = run(get.args(["poetry", "get", &address, "--backend", backend]));
        assert!(output.stdout == content, "{backend}: {} bytes came", output.stdout.len());
    }
}
