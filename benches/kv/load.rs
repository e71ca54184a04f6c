//! The load: a process of its own, one thread, a closed loop. Every connection sends `pipeline` commands in
//! one write, waits for all replies, checks every byte of them, and goes on.
//!
//! The one rule: this costs less than the server that it loads: commands are made before the clock runs, one
//! write, one read and one look at the clock for each burst, nothing allocated.
//!
//! Keys are `key:000000012345`, 16 bytes, at random from a range; or, to grow, each of the range once.

use crate::histogram::Histogram;
use crate::{Outcome, machine};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Read, Write};
use std::process::Command;
use std::time::{Duration, Instant};

/// What is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) port: u16,
    /// The server's process.
    pub(crate) pid: u32,
    /// Stay on this core.
    pub(crate) core: Option<usize>,
    /// `get` or `set`.
    pub(crate) command: String,
    /// Bytes of a value.
    pub(crate) value: usize,
    pub(crate) keys: usize,
    pub(crate) connections: usize,
    pub(crate) pipeline: usize,
    /// Seconds before counting begins, and of counting.
    pub(crate) warmup: f64,
    pub(crate) seconds: f64,
    /// Send each key once, and stop then, in place of so many seconds.
    pub(crate) each_once: bool,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) requests: u64,
    pub(crate) elapsed_ns: u64,
    pub(crate) server_cpu_ns: u64,
    /// From the write of a burst to the last byte of its replies.
    pub(crate) p50_ns: u64,
    pub(crate) p99_ns: u64,
    pub(crate) p9999_ns: u64,
    pub(crate) highest_ns: u64,
    /// Bursts that took more than 2 ms.
    pub(crate) late: u64,
}

impl Measured {
    /// Server CPU, in µs a request.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.server_cpu_ns as f64 / 1e3 / self.requests as f64
    }

    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 * 1e9 / self.elapsed_ns as f64
    }
}

impl Plan {
    /// Have a process of its own do it.
    pub(crate) fn run(&self) -> Outcome<Measured> {
        let output =
            Command::new(std::env::current_exe()?).arg("load").arg(serde_json::to_string(self)?).output()?;
        if !output.status.success() {
            return Err(format!("the load failed: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// What the process does that [`Plan::run`] starts.
pub(crate) fn main(arguments: &[String]) -> Outcome<()> {
    let plan: Plan = serde_json::from_str(arguments.first().ok_or("a plan is needed")?)?;
    machine::raise_descriptor_limit();
    if let Some(core) = plan.core {
        machine::pin(core)?;
    }
    println!("{}", serde_json::to_string(&Load::new(&plan)?.run()?)?);
    Ok(())
}

/// Commands in the table that random bursts are slices of.
const TABLE: usize = 1 << 16;
const READ_BYTES: usize = 256 * 1024;
/// How many windows are measured at most, until the server has worked for half of one.
const BUSY_WINDOWS_MAX: usize = 10;
const PATIENCE: Duration = Duration::from_secs(10);
const LATE: Duration = Duration::from_millis(2);

struct Speaker {
    stream: TcpStream,
    /// The first command of its next burst in the table.
    next: usize,
    /// What is left to write: a range of the table's bytes.
    unwritten: std::ops::Range<usize>,
    /// Bytes of replies that are due.
    due: usize,
    sent_at: Instant,
}

struct Load<'plan> {
    plan: &'plan Plan,
    /// Commands of the same length, one behind the other.
    table: Vec<u8>,
    command_bytes: usize,
    /// The reply to one command, many times.
    replies: Vec<u8>,
    reply_bytes: usize,
    speakers: Vec<Speaker>,
    latencies: Histogram,
    late: u64,
    requests: u64,
    /// Commands that were sent, to grow.
    sent: usize,
}

impl<'plan> Load<'plan> {
    fn new(plan: &'plan Plan) -> Outcome<Self> {
        let command = |key: usize| encode(&plan.command, key, plan.value);
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let mut table = Vec::new();
        let count = if plan.each_once { plan.keys } else { TABLE + plan.pipeline };
        for index in 0..count {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let key = if plan.each_once { index } else { (random % plan.keys as u64) as usize };
            table.extend(command(key));
        }
        let reply = match plan.command.as_str() {
            "get" => [format!("${}\r\n", plan.value).as_bytes(), &vec![b'x'; plan.value], b"\r\n"].concat(),
            _ => b"+OK\r\n".to_vec(),
        };
        Ok(Self {
            plan,
            table,
            command_bytes: command(0).len(),
            replies: reply.repeat(READ_BYTES / reply.len() + 2),
            reply_bytes: reply.len(),
            speakers: Vec::new(),
            latencies: Histogram::new(),
            late: 0,
            requests: 0,
            sent: 0,
        })
    }

    fn run(&mut self) -> Outcome<Measured> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(1024);
        for index in 0..self.plan.connections {
            let stream = std::net::TcpStream::connect(("127.0.0.1", self.plan.port))?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
            let next = index * 977 % TABLE;
            self.speakers.push(Speaker { stream, next, unwritten: 0..0, due: 0, sent_at: Instant::now() });
        }
        for index in 0..self.speakers.len() {
            self.send(index)?;
        }
        let warmed = Instant::now() + Duration::from_secs_f64(self.plan.warmup);
        self.exchange(&mut poll, &mut events, warmed)?;
        self.latencies.clear();
        (self.late, self.requests) = (0, 0);
        let (start, cpu) = (Instant::now(), machine::cpu_ns(self.plan.pid).ok_or("no such server")?);
        let window = Duration::from_secs_f64(self.plan.seconds);
        let mut used = 0;
        // On a busy machine the server may not get its core: it has to have worked for half of the time.
        for _ in 0..BUSY_WINDOWS_MAX {
            self.exchange(&mut poll, &mut events, Instant::now() + window)?;
            used = machine::cpu_ns(self.plan.pid).ok_or("no such server")? - cpu;
            if u128::from(used) * 2 >= window.as_nanos() || self.is_done() {
                break;
            }
        }
        let (elapsed, cpu) = (start.elapsed(), used);
        Ok(Measured {
            requests: self.requests,
            elapsed_ns: elapsed.as_nanos() as u64,
            server_cpu_ns: cpu,
            p50_ns: self.latencies.value_at(0.5),
            p99_ns: self.latencies.value_at(0.99),
            p9999_ns: self.latencies.value_at(0.9999),
            highest_ns: self.latencies.highest(),
            late: self.late,
        })
    }

    /// Until that time, or until every key was sent and answered.
    fn exchange(&mut self, poll: &mut Poll, events: &mut Events, until: Instant) -> Outcome<()> {
        loop {
            match poll.poll(events, Some(PATIENCE)) {
                Ok(()) if events.is_empty() => return Err("the server stopped to answer".into()),
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
            for event in events.iter() {
                self.go_on(event.token().0)?;
            }
            if Instant::now() >= until || self.is_done() {
                return Ok(());
            }
        }
    }

    fn is_done(&self) -> bool {
        self.plan.each_once
            && self.sent >= self.plan.keys
            && self.speakers.iter().all(|speaker| speaker.due == 0)
    }

    fn send(&mut self, index: usize) -> Outcome<()> {
        let speaker = &mut self.speakers[index];
        let count = if self.plan.each_once {
            speaker.next = self.sent;
            self.plan.pipeline.min(self.plan.keys - self.sent)
        } else {
            self.plan.pipeline
        };
        self.sent += count;
        let begin = speaker.next * self.command_bytes;
        speaker.unwritten = begin..begin + count * self.command_bytes;
        speaker.next = (speaker.next + count) % TABLE;
        speaker.due = count * self.reply_bytes;
        speaker.sent_at = Instant::now();
        self.write(index)
    }

    fn write(&mut self, index: usize) -> Outcome<()> {
        let speaker = &mut self.speakers[index];
        while !speaker.unwritten.is_empty() {
            match speaker.stream.write(&self.table[speaker.unwritten.clone()]) {
                Ok(written) => speaker.unwritten.start += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn go_on(&mut self, index: usize) -> Outcome<()> {
        self.write(index)?;
        let mut room = [0; 64 * 1024];
        let speaker = &mut self.speakers[index];
        let length = match speaker.stream.read(&mut room) {
            Ok(0) => return Err("the server closed a connection".into()),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if length > speaker.due {
            return Err("the server said more than it was asked".into());
        }
        // How far into a reply these bytes begin.
        let at = (self.reply_bytes - speaker.due % self.reply_bytes) % self.reply_bytes;
        if room[..length] != self.replies[at..at + length] {
            return Err(format!("not the right reply: {}", room[..length.min(80)].escape_ascii()).into());
        }
        speaker.due -= length;
        if speaker.due > 0 {
            // Edge-triggered: what is left may be there already.
            return if length == room.len() { self.go_on(index) } else { Ok(()) };
        }
        let took = speaker.sent_at.elapsed();
        self.latencies.record(took.as_nanos() as u64, 1);
        self.late += u64::from(took > LATE);
        if self.plan.each_once {
            self.requests = self.sent as u64;
            return if self.sent < self.plan.keys { self.send(index) } else { Ok(()) };
        }
        self.requests += self.plan.pipeline as u64;
        self.send(index)
    }
}

/// A command for the key of this number.
pub(crate) fn encode(command: &str, key: usize, value: usize) -> Vec<u8> {
    match command {
        "get" => format!("*2\r\n$3\r\nGET\r\n$16\r\nkey:{key:012}\r\n").into_bytes(),
        _ => {
            let value = "x".repeat(value);
            format!("*3\r\n$3\r\nSET\r\n$16\r\nkey:{key:012}\r\n${}\r\n{value}\r\n", value.len()).into_bytes()
        }
    }
}
