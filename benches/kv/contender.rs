//! The servers that are compared, each started anew, alone on the first core.

use crate::{Outcome, machine};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ROPEWALK: &str = env!("CARGO_BIN_EXE_ropewalk");

/// A server that takes part.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    program: &'static [&'static str],
}

/// Ours is compared with the other.
pub(crate) const CONTENDERS: [Contender; 2] = [
    Contender { name: "Redis", program: &["redis-server"] },
    Contender { name: "Ropewalk", program: &[ROPEWALK, "kv"] },
];

impl Contender {
    /// What it says of itself.
    pub(crate) fn version(&self) -> String {
        let output = Command::new(self.program[0]).arg("--version").output();
        let text =
            output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let is_number = |word: &&str| word.trim_start_matches("v=").starts_with(|c: char| c.is_ascii_digit());
        let number = text.split_whitespace().find(is_number).unwrap_or_default().trim_start_matches("v=");
        format!("{} {number}", self.name)
    }

    /// Start it, without data and without anything on disk.
    pub(crate) fn start(&self) -> Outcome<Running> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut command = Command::new(ROPEWALK);
        command.args(["bench", "exec"]);
        if let Some(cores) = machine::two_cores() {
            command.args(["--core", &cores.server.to_string()]);
        }
        command.arg("--").args(self.program).args(["--port", &port.to_string()]).args(["--save", ""]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let running = Running { process: command.spawn()?, port };
        let deadline = Instant::now() + Duration::from_secs(20);
        while running.ask("PING").is_err() {
            if Instant::now() > deadline {
                return Err(format!("{} does not answer", self.name).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }
}

/// A server that runs; it ends with this value.
pub(crate) struct Running {
    process: Child,
    pub(crate) port: u16,
}

impl Running {
    /// Its process: `bench exec` has become the server.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The first line of the reply to an inline command.
    pub(crate) fn ask(&self, command: &str) -> Outcome<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut reply = Vec::new();
        let mut byte = [0];
        while !reply.ends_with(b"\r\n") {
            stream.read_exact(&mut byte)?;
            reply.push(byte[0]);
        }
        let reply = String::from_utf8_lossy(&reply).trim().to_owned();
        if reply.starts_with('-') { Err(reply.into()) } else { Ok(reply) }
    }

    /// CPU time that it has used.
    pub(crate) fn cpu_ns(&self) -> u64 {
        machine::cpu_ns(self.id()).unwrap_or_default()
    }

    /// Its resident memory, when it has come to rest.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let mut before = 0;
        loop {
            std::thread::sleep(Duration::from_millis(400));
            let now = machine::resident_bytes(self.id()).unwrap_or_default();
            if now.abs_diff(before) < 64 * 1024 {
                return now;
            }
            before = now;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when the process is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
