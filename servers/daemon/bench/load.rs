//! The load generator: a process of its own that keeps an echo server busy and times every answer.
//!
//! The one rule: the window in which requests are counted is the window in which the server's CPU
//! time is read, so this process reads both, and nothing else happens in between. It speaks JSON,
//! one line for each [`Report`]: once all idle connections are open, and after each number of
//! active ones.
//!
//! One thread, one poll, closed loop: every active connection sends `pipeline` messages in one write,
//! waits until all of them came back, checks every byte, and goes on. Loopback only: it is no tool
//! against other people's servers.
#![expect(clippy::disallowed_methods, reason = "times a server from outside: there is no reactor here")]

use super::talk::{Speaker, Talk};
use super::{Error, at_least_one, machine, seconds};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde::{Deserialize, Serialize};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// Connections opened before the server is asked whether it has taken them: below the shortest
/// backlog in common use, 128, so that no attempt is dropped and tried again a second later.
const BATCH: usize = 100;
/// Connections from one of the addresses 127.0.0.1, 127.0.0.2, …: far below the some 28,000 ports
/// that a system usually lets clients have.
const CONNECTIONS_PER_SOURCE: usize = 4_000;
/// How long the server may leave a message without an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one poll waits at most before the clock is looked at again.
const POLL_MAX: Duration = Duration::from_millis(100);

/// What `ropewalk bench load` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Address of the echo server; loopback only
    #[arg(value_parser = loopback)]
    pub(crate) address: SocketAddr,
    /// Connections that are opened first and never speak
    #[arg(long, default_value_t = 0)]
    pub(crate) idle: usize,
    /// Numbers of active connections, measured one after the other
    #[arg(long, value_delimiter = ',', default_values_t = [50], value_parser = at_least_one)]
    pub(crate) active: Vec<usize>,
    /// Bytes in a message
    #[arg(long, default_value_t = 64, value_parser = at_least_one)]
    pub(crate) message: usize,
    /// Messages that a connection sends before it waits for their echo
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) pipeline: u16,
    /// Seconds before counting begins
    #[arg(long, default_value_t = 0.2, value_parser = seconds)]
    pub(crate) warmup: f64,
    /// Seconds of counting
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Stop after so many requests, if that comes first
    #[arg(long)]
    pub(crate) requests: Option<u64>,
    /// Process id of the server: its CPU time and memory are reported
    #[arg(long)]
    pub(crate) server_pid: Option<u32>,
    /// Stay on this core
    #[arg(long)]
    pub(crate) core: Option<usize>,
}

/// It speaks to this machine only: it is no tool against other people's servers.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(address),
        Ok(_) => Err("the load generator speaks to loopback addresses only".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn failed(doing: &str) -> impl FnOnce(io::Error) -> Error {
    Error::while_doing(doing)
}

/// One line of output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub(crate) enum Report {
    /// All idle connections are open, and the server has accepted them.
    Idle {
        /// How many.
        idle: usize,
        /// Resident memory of the server before the first of them, and now.
        server_bytes_before: Option<u64>,
        server_bytes_after: Option<u64>,
    },
    /// A number of active connections has been measured.
    Active(Measured),
}

/// What one number of active connections gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Connections that spoke.
    pub(crate) active: usize,
    /// Messages that came back within the window.
    pub(crate) requests: u64,
    /// The window's length.
    pub(crate) elapsed_ns: u64,
    /// CPU time that the server used in the window.
    pub(crate) server_cpu_ns: Option<u64>,
    /// From the write of a message to the arrival of its echo.
    pub(crate) p50_ns: u64,
    pub(crate) p99_ns: u64,
    pub(crate) p999_ns: u64,
    pub(crate) highest_ns: u64,
    /// Active connections that were closed, or whose echo was not what was sent.
    pub(crate) errors: u64,
    /// Idle connections that the server has closed so far.
    pub(crate) idle_lost: usize,
}

/// Runs the load and hands each report to `tell` as soon as it is known.
pub(crate) fn run(options: &Options, mut tell: impl FnMut(&Report)) -> Result<(), Error> {
    machine::raise_descriptor_limit();
    if let Some(core) = options.core {
        machine::pin(core).map_err(failed("cannot pin the load generator"))?;
    }
    let mut load = Load::new(options)?;
    tell(&load.open_idle()?);
    for active in &options.active {
        tell(&Report::Active(load.measure(*active)?));
    }
    Ok(())
}

/// The process's state through all phases. Speakers have the tokens from zero upwards, idle
/// connections those from `IDLE_TOKENS`.
struct Load<'options> {
    options: &'options Options,
    poll: Poll,
    events: Events,
    talk: Talk,
    /// `None` where the server has closed one.
    idle: Vec<Option<TcpStream>>,
    idle_lost: usize,
    opened: usize,
}

const IDLE_TOKENS: usize = usize::MAX / 2;

impl<'options> Load<'options> {
    fn new(options: &'options Options) -> Result<Self, Error> {
        Ok(Self {
            options,
            poll: Poll::new().map_err(failed("cannot poll"))?,
            events: Events::with_capacity(1024),
            talk: Talk::new(options.message, options.pipeline.into()),
            idle: Vec::with_capacity(options.idle),
            idle_lost: 0,
            opened: 0,
        })
    }

    /// Connects, from the next source address when one has had its share.
    fn connect(&mut self) -> io::Result<std::net::TcpStream> {
        let address = self.options.address;
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        #[cfg(target_os = "linux")]
        if address.is_ipv4() {
            let share = (self.opened / CONNECTIONS_PER_SOURCE) as u32;
            let source = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + share);
            socket.bind(&SocketAddr::from((source, 0)).into())?;
        }
        socket.connect_timeout(&address.into(), PATIENCE)?;
        socket.set_tcp_nodelay(true)?;
        self.opened += 1;
        Ok(socket.into())
    }

    /// Connects and polls.
    fn join(&mut self, token: usize, interest: Interest) -> io::Result<TcpStream> {
        let stream = self.connect()?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        self.poll.registry().register(&mut stream, Token(token), interest)?;
        Ok(stream)
    }

    /// Returns once the server has accepted every connection made so far: it accepts in order, so
    /// the echo on one more proves it.
    fn fence(&mut self) -> Result<(), Error> {
        let mut stream = self.connect().map_err(failed("cannot connect"))?;
        ask(&mut stream, self.talk.opening()).map_err(failed("the server does not echo"))
    }

    fn server_bytes(&self) -> Option<u64> {
        self.options.server_pid.and_then(machine::resident_bytes)
    }

    fn server_cpu_ns(&self) -> Option<u64> {
        self.options.server_pid.and_then(machine::cpu_ns)
    }

    fn open_idle(&mut self) -> Result<Report, Error> {
        self.fence()?;
        let server_bytes_before = self.server_bytes();
        for opened in 1..=self.options.idle {
            let token = IDLE_TOKENS + self.idle.len();
            let stream =
                self.join(token, Interest::READABLE).map_err(failed("cannot open an idle connection"))?;
            // They end by reset, however this process ends: orderly ends leave a port each waiting for
            // a minute, and ten thousand of them made the next ten thousand take 10 s instead of 0.6.
            let reset = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            reset.map_err(failed("cannot prepare a connection"))?;
            self.idle.push(Some(stream));
            if opened % BATCH == 0 || opened == self.options.idle {
                self.fence()?;
            }
        }
        let server_bytes_after = self.server_bytes();
        Ok(Report::Idle { idle: self.options.idle, server_bytes_before, server_bytes_after })
    }

    fn open_speakers(&mut self, count: usize) -> Result<Vec<Speaker>, Error> {
        let mut speakers = Vec::with_capacity(count);
        for index in 0..count {
            let both = Interest::READABLE | Interest::WRITABLE;
            let stream = self.join(index, both).map_err(failed("cannot open an active connection"))?;
            speakers.push(Speaker::new(stream, index));
            if (index + 1) % BATCH == 0 || index + 1 == count {
                self.fence()?;
            }
        }
        Ok(speakers)
    }

    /// One number of active connections: warm up, count, let the last answers come in.
    fn measure(&mut self, active: usize) -> Result<Measured, Error> {
        let mut speakers = self.open_speakers(active)?;
        self.talk.errors = 0;
        speakers.iter_mut().for_each(|speaker| self.talk.begin(speaker));
        self.exchange(&mut speakers, Duration::from_secs_f64(self.options.warmup), u64::MAX)?;

        let cpu_before = self.server_cpu_ns();
        let start = Instant::now();
        self.talk.restart(start);
        let window = Duration::from_secs_f64(self.options.seconds);
        self.exchange(&mut speakers, window, self.options.requests.unwrap_or(u64::MAX))?;
        let elapsed = start.elapsed();
        let cpu_after = self.server_cpu_ns();
        let measured = Measured {
            active,
            requests: self.talk.requests,
            elapsed_ns: elapsed.as_nanos() as u64,
            server_cpu_ns: cpu_after.zip(cpu_before).map(|(after, before)| after.saturating_sub(before)),
            p50_ns: self.talk.latencies.value_at(0.5),
            p99_ns: self.talk.latencies.value_at(0.99),
            p999_ns: self.talk.latencies.value_at(0.999),
            highest_ns: self.talk.latencies.highest(),
            errors: self.talk.errors,
            idle_lost: self.idle_lost,
        };
        self.collect(&mut speakers)?;
        Ok(measured)
    }

    /// Keeps all speakers talking for `window`, or until so many messages came back.
    fn exchange(
        &mut self,
        speakers: &mut [Speaker],
        window: Duration,
        requests_max: u64,
    ) -> Result<(), Error> {
        let start = Instant::now();
        let (mut answered_at, mut requests) = (start, self.talk.requests);
        loop {
            self.turn(speakers, true)?;
            let now = Instant::now();
            if now - start >= window || self.talk.requests >= requests_max {
                return Ok(());
            }
            if self.talk.requests > requests {
                (answered_at, requests) = (now, self.talk.requests);
            }
            if !speakers.iter().any(Speaker::is_open) {
                return Err(failed("every active connection failed")(ErrorKind::ConnectionReset.into()));
            }
            if now - answered_at > PATIENCE {
                return Err(failed("the server stopped to answer")(ErrorKind::TimedOut.into()));
            }
        }
    }

    /// Lets the answers come in that are still due, so that connections end with nothing on its way.
    fn collect(&mut self, speakers: &mut [Speaker]) -> Result<(), Error> {
        let start = Instant::now();
        while speakers.iter().any(Speaker::is_waiting) && start.elapsed() < PATIENCE {
            self.turn(speakers, false)?;
        }
        Ok(())
    }

    /// Waits for news once and acts on all of them.
    fn turn(&mut self, speakers: &mut [Speaker], go_on: bool) -> Result<(), Error> {
        match self.poll.poll(&mut self.events, Some(POLL_MAX)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(failed("cannot poll")(error)),
        }
        for event in &self.events {
            let token = event.token().0;
            let hung_up = event.is_read_closed() || event.is_error();
            if let Some(speaker) = speakers.get_mut(token) {
                self.talk.go_on(speaker, hung_up, go_on);
            } else if hung_up && let Some(idle) = self.idle.get_mut(token.wrapping_sub(IDLE_TOKENS)) {
                self.idle_lost += usize::from(idle.take().is_some());
            }
        }
        Ok(())
    }
}

/// One question on a blocking connection.
fn ask(stream: &mut std::net::TcpStream, question: &[u8]) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(question)?;
    let mut answer = vec![0; question.len()];
    stream.read_exact(&mut answer)?;
    if answer == question {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::InvalidData, "the echo is not what was sent"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, FromArgMatches};
    use std::net::{TcpListener, TcpStream as Blocking};

    fn parse(line: &str) -> Result<Options, clap::Error> {
        let command = Options::augment_args(clap::Command::new("load").no_binary_name(true));
        Options::from_arg_matches(&command.try_get_matches_from(line.split_whitespace())?)
    }

    fn options(line: &str) -> Options {
        parse(line).unwrap()
    }

    /// An echo server with a thread for each connection, until the process ends.
    fn serve(echo: fn(Blocking)) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                std::thread::spawn(move || echo(stream));
            }
        });
        address
    }

    fn faithful(mut stream: Blocking) {
        let mut copy = stream.try_clone().unwrap();
        // An end by reset is an end as well.
        let _ = io::copy(&mut stream, &mut copy);
    }

    fn reports(options: &Options) -> Result<Vec<Report>, Error> {
        let mut reports = Vec::new();
        run(options, |report| reports.push(report.clone()))?;
        Ok(reports)
    }

    #[test]
    fn a_run_reports_the_idle_ones_and_then_each_number_of_active_ones() {
        let address = serve(faithful);
        let pid = std::process::id();
        let arguments = format!(
            "{address} --idle 20 --active 1,3 --warmup 0 --seconds 60 --requests 200 --server-pid {pid}"
        );
        let reports = reports(&options(&arguments)).unwrap();
        assert_eq!(reports.len(), 3);
        assert!(matches!(reports[0], Report::Idle { idle: 20, .. }), "{:?}", reports[0]);
        for (report, active) in reports[1..].iter().zip([1, 3]) {
            let Report::Active(measured) = report else { panic!("{report:?}") };
            assert_eq!((measured.active, measured.errors, measured.idle_lost), (active, 0, 0));
            assert!(measured.requests >= 200);
            assert!(measured.p50_ns > 0 && measured.p50_ns <= measured.p999_ns);
            assert!(measured.p999_ns <= measured.highest_ns && measured.highest_ns <= measured.elapsed_ns);
            assert_eq!(measured.server_cpu_ns.is_some(), cfg!(target_os = "linux"));
        }
    }

    #[test]
    fn a_server_that_changes_a_byte_is_found_out() {
        let address = serve(|mut stream| {
            let mut bytes = [0; 64];
            while stream.read_exact(&mut bytes).is_ok() {
                bytes[0] ^= 1;
                let _ = stream.write_all(&bytes);
            }
        });
        let error = reports(&options(&format!("{address} --active 1"))).unwrap_err();
        assert_eq!(error.to_string(), "the server does not echo: the echo is not what was sent");
    }

    #[test]
    fn a_server_that_closes_after_a_while_is_reported() {
        let address = serve(|mut stream| {
            let mut bytes = [0; 64];
            for _ in 0..10 {
                if stream.read_exact(&mut bytes).and_then(|()| stream.write_all(&bytes)).is_err() {
                    return;
                }
            }
        });
        let error = reports(&options(&format!("{address} --active 2 --warmup 60"))).unwrap_err();
        assert!(error.to_string().starts_with("every active connection failed"), "{error}");
    }

    #[test]
    fn idle_connections_that_the_server_closes_are_counted() {
        // In order of arrival: a question, seven idle ones, a question, the one that speaks.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut idle = Vec::new();
            for (index, stream) in listener.incoming().enumerate() {
                let stream = stream.unwrap();
                match index {
                    1..=7 => idle.push(stream),
                    _ => drop(std::thread::spawn(move || faithful(stream))),
                }
                if index == 9 {
                    idle.clear();
                }
            }
        });
        let arguments = format!("{address} --idle 7 --active 1 --warmup 0.1 --seconds 0.1");
        let reports = reports(&options(&arguments)).unwrap();
        let Report::Active(measured) = &reports[1] else { panic!("{reports:?}") };
        assert_eq!((measured.idle_lost, measured.errors), (7, 0));
    }

    #[test]
    fn only_loopback_is_loaded() {
        assert!(parse("[::1]:7").is_ok() && parse("127.0.9.9:7").is_ok());
        for address in ["192.0.2.1:7", "[2001:db8::1]:7", "0.0.0.0:7"] {
            let error = parse(address).unwrap_err().to_string();
            assert!(error.contains("loopback addresses only"), "{address}: {error}");
        }
    }

    #[test]
    fn senseless_options_are_refused() {
        let bad = [
            "--message=0",
            "--pipeline=0",
            "--pipeline=1025",
            "--active=1,0",
            "--seconds=-1",
            "--warmup=NaN",
        ];
        for bad in bad {
            assert!(parse(&format!("127.0.0.1:7 {bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_report_survives_its_line_of_json() {
        let report = Report::Idle { idle: 3, server_bytes_before: Some(1), server_bytes_after: None };
        let line = serde_json::to_string(&report).unwrap();
        assert_eq!(line, r#"{"phase":"idle","idle":3,"server_bytes_before":1,"server_bytes_after":null}"#);
        assert_eq!(serde_json::from_str::<Report>(&line).unwrap(), report);
    }
}
