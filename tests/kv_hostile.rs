//! `ropewalk kv` against clients that mean no good, while fifty that do are timed: each attack is answered with Redis's
//! error or a closed connection, memory stays within what is stated, and the others hardly notice.
#![expect(clippy::disallowed_methods, reason = "threads that talk to a server, and time it")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use support::{PATIENCE, Server, connect};

/// How many good clients there are.
const GOOD_CLIENTS: usize = 50;

/// What the good clients may wait, all but one in a hundred; more where nothing is optimized.
const P99_MAX: Duration = Duration::from_millis(if cfg!(debug_assertions) { 50 } else { 10 });

const MIB: usize = 1024 * 1024;

/// A server, and what it takes.
struct Victim {
    server: Server,
    port: u16,
}

impl Victim {
    fn start(options: &[&str]) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let number = port.to_string();
        let mut server = Server::ropewalk(&[&["kv", "--port", &number, "--save", ""], options].concat());
        while !server.line().ends_with("Ready to accept connections") {}
        Self { server, port }
    }

    fn client(&self) -> Client {
        Client(connect(self.port))
    }

    /// What it occupies, resident, in bytes.
    fn resident(&self) -> usize {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.server.id())).unwrap();
        let pages: usize = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
        pages * 4096
    }

    /// Attack it, with the good clients at work: they are not to wait, and it is not to grow by more than this.
    fn withstands(&self, growth_max: usize, attack: impl FnOnce(&Self)) {
        let before = self.resident();
        let good = GoodClients::start(self.port);
        attack(self);
        let p99 = good.finish();
        let grown = self.resident().saturating_sub(before);
        assert!(grown <= growth_max, "it grew by {} KiB", grown / 1024);
        assert!(p99 <= P99_MAX, "good clients waited {p99:?}");
    }
}

/// A connection to it.
struct Client(TcpStream);

impl Client {
    fn send(&mut self, bytes: &[u8]) {
        // It may have closed the connection already, which is an answer too.
        let _ = self.0.write_all(bytes);
    }

    /// A command of these arguments.
    fn command(&mut self, arguments: &[&[u8]]) -> String {
        self.send(&encode(arguments));
        self.line()
    }

    /// The next line of a reply; empty if the connection is closed.
    fn line(&mut self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            match self.0.read(&mut byte) {
                Ok(1) => line.push(byte[0]),
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("no answer: {error}"),
            }
        }
        String::from_utf8_lossy(line.trim_ascii_end()).into_owned()
    }

    /// Read until the other end closes. Returns how many bytes came.
    fn read_to_end(&mut self) -> usize {
        let mut piece = vec![0; 64 * 1024];
        let mut count = 0;
        loop {
            match self.0.read(&mut piece) {
                Ok(0) | Err(_) => return count,
                Ok(more) => count += more,
            }
        }
    }
}

fn encode(arguments: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        out.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Fifty connections that set and get, one request at a time, and note how long each takes.
struct GoodClients {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Duration>>,
}

impl GoodClients {
    fn start(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let mut clients: Vec<_> = (0..GOOD_CLIENTS).map(|_| Client(connect(port))).collect();
        let thread = thread::spawn(move || {
            let mut waits = Vec::new();
            for round in 0.. {
                // At least some rounds, however short the attack was.
                if seen.load(Ordering::Relaxed) && round > 4 {
                    break;
                }
                for (number, client) in clients.iter_mut().enumerate() {
                    let key = format!("good:{number}");
                    let begun = Instant::now();
                    assert_eq!(client.command(&[b"SET", key.as_bytes(), b"value"]), "+OK");
                    assert_eq!(client.command(&[b"GET", key.as_bytes()]), "$5");
                    assert_eq!(client.line(), "value");
                    waits.push(begun.elapsed() / 2);
                }
            }
            waits
        });
        Self { stop, thread }
    }

    /// How long all but one in a hundred waited at most.
    fn finish(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        let mut waits = self.thread.join().unwrap();
        waits.sort_unstable();
        waits[waits.len() * 99 / 100]
    }
}

#[test]
fn lengths_at_their_bounds_and_beyond_are_refused() {
    let victim = Victim::start(&[]);
    victim.withstands(16 * MIB, |victim| {
        for (request, answer) in [
            (&b"*2147483648\r\n"[..], "-ERR Protocol error: invalid multibulk length"),
            (b"*9223372036854775807\r\n", "-ERR Protocol error: invalid multibulk length"),
            (b"*99999999999999999999\r\n", "-ERR Protocol error: invalid multibulk length"),
            (b"*x\r\n", "-ERR Protocol error: invalid multibulk length"),
            (b"*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length"),
            (b"*1\r\n$536870913\r\n", "-ERR Protocol error: invalid bulk length"),
            (b"*1\r\n$9223372036854775808\r\n", "-ERR Protocol error: invalid bulk length"),
            (b"*1\r\nGET\r\n", "-ERR Protocol error: expected '$', got 'G'"),
            (b"GET \"a\r\n", "-ERR Protocol error: unbalanced quotes in request"),
        ] {
            let mut client = victim.client();
            client.send(request);
            assert_eq!(client.line(), answer, "{}", request.escape_ascii());
            assert_eq!(client.read_to_end(), 0, "the connection is closed");
        }
        for harmless in [&b"*0\r\n"[..], b"*-1\r\n", b"*-9223372036854775808\r\n", b"\r\n"] {
            let mut client = victim.client();
            client.send(&[harmless, b"PING\r\n"].concat());
            assert_eq!(client.line(), "+PONG", "{}", harmless.escape_ascii());
        }
    });
}

#[test]
fn announced_arguments_that_never_come_cost_nothing() {
    let victim = Victim::start(&[]);
    victim.withstands(64 * MIB, |victim| {
        let mut clients: Vec<_> = (0..500).map(|_| victim.client()).collect();
        for client in &mut clients {
            client.send(b"*2147483647\r\n$536870912\r\nsome of it");
        }
        assert_eq!(victim.client().command(&[b"PING"]), "+PONG");
    });
}

#[test]
fn an_endless_line_is_cut_off() {
    let victim = Victim::start(&[]);
    victim.withstands(32 * MIB, |victim| {
        let mut client = victim.client();
        for _ in 0..64 {
            client.send(&[b'a'; 16 * 1024]);
        }
        let answer = client.line();
        assert!(["-ERR Protocol error: too big inline request", ""].contains(&&*answer), "{answer}");
    });
}

#[test]
fn who_has_not_authenticated_can_send_little() {
    let victim = Victim::start(&["--requirepass", "secret"]);
    for (request, answer) in [
        (&b"*11\r\n"[..], "-ERR Protocol error: unauthenticated multibulk length"),
        (b"*2\r\n$3\r\nGET\r\n$16385\r\n", "-ERR Protocol error: unauthenticated bulk length"),
        (b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "-NOAUTH Authentication required."),
    ] {
        let mut client = victim.client();
        client.send(request);
        assert_eq!(client.line(), answer);
    }
    let before = victim.resident();
    let mut flood: Vec<_> = (0..200).map(|_| victim.client()).collect();
    for client in &mut flood {
        client.send(&b"PING\r\n".repeat(10_000));
    }
    for client in &mut flood {
        assert_eq!(client.line(), "-NOAUTH Authentication required.");
    }
    assert!(victim.resident() - before < 128 * MIB);
}

#[test]
fn patterns_of_many_stars_take_no_time() {
    let victim = Victim::start(&[]);
    victim.withstands(16 * MIB, |victim| {
        let mut client = victim.client();
        let pattern = [&b"*a".repeat(60)[..], b"b"].concat();
        let name = b"a".repeat(1000);
        assert_eq!(client.command(&[b"SET", &name, b"1"]), "+OK");
        assert_eq!(client.command(&[b"KEYS", &pattern]), "*0");
        assert_eq!(client.command(&[b"CONFIG", b"GET", &pattern]), "*0");
        let mut subscriber = victim.client();
        assert_eq!(subscriber.command(&[b"PSUBSCRIBE", &pattern]), "*3");
        assert_eq!(client.command(&[b"PUBLISH", &name, b"message"]), ":0");
    });
}

#[test]
fn counts_beyond_reason_are_refused() {
    let victim = Victim::start(&[]);
    victim.withstands(64 * MIB, |victim| {
        let mut client = victim.client();
        client.command(&[b"SADD", b"set", b"a", b"b"]);
        client.command(&[b"HSET", b"hash", b"a", b"b"]);
        client.command(&[b"ZADD", b"zset", b"1", b"a"]);
        client.command(&[b"RPUSH", b"list", b"a"]);
        client.command(&[b"SET", b"string", b"a"]);
        for request in [
            &[&b"SRANDMEMBER"[..], b"set", b"-9223372036854775808"][..],
            &[b"HRANDFIELD", b"hash", b"-9223372036854775808"],
            &[b"HRANDFIELD", b"hash", b"-9223372036854775807", b"WITHVALUES"],
            &[b"ZRANDMEMBER", b"zset", b"-9223372036854775808"],
            &[b"SETRANGE", b"string", b"9223372036854775807", b"x"],
            &[b"SETRANGE", b"string", b"536870912", b"x"],
            &[b"SETBIT", b"string", b"4294967296", b"1"],
            &[b"BITFIELD", b"string", b"SET", b"u8", b"9223372036854775807", b"1"],
            &[b"LPOP", b"list", b"-1"],
            &[b"ZUNIONSTORE", b"out", b"9223372036854775807", b"zset"],
            &[b"XREAD", b"COUNT", b"1", b"STREAMS", b"a"],
            &[b"EXPIRE", b"string", b"9223372036854775807"],
            &[b"BLPOP", b"nolist", b"1e300"],
        ] {
            let answer = client.command(request);
            assert!(answer.starts_with('-'), "{:?}: {answer}", request[0].escape_ascii().to_string());
        }
        assert_eq!(client.command(&[b"PING"]), "+PONG");
    });
}

#[test]
fn subscribers_that_never_read_are_closed() {
    let victim = Victim::start(&["--client-output-buffer-limit", "pubsub 4mb 2mb 60"]);
    victim.withstands(96 * MIB, |victim| {
        let mut deaf: Vec<_> = (0..10).map(|_| victim.client()).collect();
        for client in &mut deaf {
            assert_eq!(client.command(&[b"SUBSCRIBE", b"news"]), "*3");
        }
        let mut publisher = victim.client();
        let message = vec![b'x'; 100_000];
        let mut last = String::new();
        for _ in 0..400 {
            last = publisher.command(&[b"PUBLISH", b"news", &message]);
        }
        assert_eq!(last, ":0", "all of them are gone");
    });
}

#[test]
fn a_client_that_never_reads_its_replies_is_read_no_more() {
    let victim = Victim::start(&[]);
    victim.withstands(400 * MIB, |victim| {
        let mut client = victim.client();
        assert_eq!(client.command(&[b"SET", b"large", &vec![b'x'; MIB]]), "+OK");
        client.0.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        // Two gigabytes of replies, of which none is read.
        client.send(&encode(&[b"GET", b"large"]).repeat(2000));
        assert_eq!(victim.client().command(&[b"PING"]), "+PONG");
    });
}

#[test]
fn a_million_keys_in_one_command_are_set() {
    let victim = Victim::start(&[]);
    let mut client = victim.client();
    client.0.set_read_timeout(Some(PATIENCE)).unwrap();
    let names: Vec<_> = (0..1_000_000).map(|number| format!("k{number}")).collect();
    let mut arguments = vec![&b"MSET"[..]];
    for name in &names {
        arguments.extend([name.as_bytes(), b"v"]);
    }
    assert_eq!(client.command(&arguments), "+OK");
    assert_eq!(client.command(&[b"DBSIZE"]), ":1000000");
    assert!(victim.resident() < 400 * MIB, "{} MiB", victim.resident() / MIB);
}
