//! Against Redis itself, where it is installed: the same bytes must be understood, refused and written
//! in the same way, and the clients must get on with it.
#![expect(clippy::disallowed_methods, reason = "a test of a real process")]
#![allow(clippy::unwrap_used, reason = "a test")]

use bytes::BytesMut;
use ropewalk_protocols::resp::{
    Client, ClientError, ClientOptions, CommandReceiver, Commands, Pool, PoolOptions, ReplyWriter,
    ServerError, Subscriber, Topic, Value, Version, encode_command, number, send_reply,
};
use ropewalk_reactor::testing::StringTransport;
use ropewalk_reactor::{Backoff, Reactor, Transport};
use std::cell::RefCell;
use std::future::Future;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Redis of our own; killed when dropped.
struct Redis {
    child: Child,
    directory: tempfile::TempDir,
}

impl Redis {
    /// Start it; `None`, and a word about it, where it is not installed.
    fn start(more: &[&str]) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("redis.sock");
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--enable-debug-command", "yes", "--unixsocket"]);
        command.arg(&socket).args(more).current_dir(directory.path()).stdout(Stdio::null());
        let child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                eprintln!("skipped: redis-server can't be started: {error}");
                return None;
            }
        };
        let redis = Self { child, directory };
        let begin = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(begin.elapsed() < PATIENCE, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(2));
        }
        Some(redis)
    }

    fn endpoint(&self) -> String {
        format!("unix:{}", self.directory.path().join("redis.sock").display())
    }

    /// What it answers to these bytes and then the end.
    fn answer(&self, input: &[u8]) -> Vec<u8> {
        let mut stream = UnixStream::connect(self.directory.path().join("redis.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // It may refuse what has come before it has all, and close.
        let _ = stream.write_all(input);
        let _ = stream.shutdown(Shutdown::Write);
        let mut output = Vec::new();
        let _ = stream.read_to_end(&mut output);
        output
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answers two commands, and others as Redis answers those that it does not know.
struct Echo;

impl CommandReceiver for Echo {
    fn command_received(&mut self, transport: &Transport, command: &[&[u8]]) {
        send_reply(transport, Version::Resp2, |reply| match command {
            [name] if name.eq_ignore_ascii_case(b"PING") => reply.simple("PONG"),
            [name, text] if name.eq_ignore_ascii_case(b"ECHO") => reply.bulk(text),
            [name, ..] if name.eq_ignore_ascii_case(b"ECHO") => {
                reply.error("ERR wrong number of arguments for 'echo' command");
            }
            [name, arguments @ ..] => reply.error(unknown(name, arguments)),
            [] => unreachable!("a command has a name"),
        });
    }
}

/// Redis shows C strings, the name's first 128 bytes, and arguments until that many are shown.
fn unknown(name: &[u8], arguments: &[&[u8]]) -> Vec<u8> {
    let shown = |text: &[u8], max: usize| {
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        text[..text.len().min(max)].to_vec()
    };
    let mut list = Vec::new();
    for argument in arguments {
        if list.len() >= 128 {
            break;
        }
        let room = 128 - list.len();
        list.extend([&b"'"[..], &shown(argument, room), b"' "].concat());
    }
    [&b"ERR unknown command '"[..], &shown(name, 128), b"', with args beginning with: ", &list].concat()
}

fn our_answer(input: &[u8]) -> Vec<u8> {
    let mut echo = StringTransport::new(Commands::new(Echo));
    echo.feed(input);
    echo.output()
}

#[test]
fn requests_are_understood_and_refused_as_by_redis() {
    let Some(redis) = Redis::start(&[]) else { return };
    let line = |length: usize| "a".repeat(length);
    let long = [
        line(65_536),
        line(65_537),
        format!("{}\n", line(65_536)),
        format!("*{}", line(65_535)),
        format!("*{}\r\n", line(65_535)),
        format!("*{}", line(65_536)),
        format!("*1\r\n${}", line(65_535)),
        format!("*1\r\n${}\r\n", line(65_535)),
        format!("*1\r\n${}", line(65_536)),
        format!("*1\r\n{}", line(65_537)),
        format!("PING\0\n{}", line(70_000)),
        format!("*2\r\n$4\r\nECHO\r\n$100000\r\n{}\r\n", line(100_000)),
    ];
    let short: [&[u8]; 52] = [
        b"PING\r\nPING\n\r\n\n\r\r\n  PING  \r\n*0\r\n*-1\r\n*-9\r\n*1\r\n$4\r\nPING\r\n",
        b"PING\0\r\nPING\r\n",
        b"ECHO a\x0bb\r\n\x0b\x0cPING\r\nPING\x0b\r\nECHO \"a\"\x0b\r\nECHO 'a'\x0c\r\n",
        b"ECHO \"a\\n\\r\\t\\b\\a\\x41\\xfF\\xg1\\q\\\\\\\"\"\r\n",
        b"ECHO 'a\\'b\\n\\\\'\r\nPING\r\n",
        b"ECHO a\"b c\"\r\nECHO a'b c'\r\nECHO 'a\"b'\r\nECHO \"a'b\"\r\n",
        b"ECHO \"abc\r\nPING\r\n",
        b"ECHO 'abc\r\n",
        b"ECHO \"a\"b\r\n",
        b"ECHO 'a'b\r\n",
        b"ECHO \"a\"\"b\"\r\n",
        b"ECHO \"\"\r\n\"\"\r\nfoo \"\" bar\r\n",
        b"ECHO \"a\\\r\n",
        b"ECHO \\\"\r\n",
        b"ECHO a\\nb\r\nECHO \"\\x4\"\r\nECHO \"\\x\"\r\n",
        b"ECHO \"\xff\x80\"\r\nECHO a\tb\r\nECHO a\rb\r\nECHO \"a\"\t\r\n",
        b"$4\r\n:1\r\n+PING\r\n *1\r\n",
        b"*-0\r\n",
        b"*00\r\n",
        b"*01\r\n",
        b"*+1\r\n",
        b"*\r\n",
        b"* 1\r\n",
        b"*1 \r\n",
        b"*-\r\n",
        b"*2147483647\r\n",
        b"*2147483648\r\n",
        b"*9223372036854775808\r\n",
        b"*-9223372036854775808\r\nPING\r\n",
        b"*-9223372036854775809\r\n",
        b"*1\rX$4\rXPINGXX*1\r\n$4\r\nPING\n\r",
        b"*1\n$4\nPING\n",
        b"*1\n\r\n",
        b"*1\r\n\r\n",
        b"*1\r\n\n\r\n",
        b"*1\r\nfoo\r\n",
        b"*1\r\nfoo",
        b"*1\r\n*1\r\n",
        b"*1\r\n\xff\r\n",
        b"*1\r\n\0\r\n",
        b"*1\0\r\n",
        b"*1\r\n$4\0\r\nPING\r\n",
        b"*1\r\n$\r\n",
        b"*1\r\n$-1\r\n",
        b"*1\r\n$04\r\nPING\r\n",
        b"*1\r\n$536870912\r\n",
        b"*1\r\n$536870913\r\n",
        b"*1\r\n$9223372036854775808\r\n",
        b"*1\r\n$0\r\n\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
        b"*2\r\n$4\r\nECHO\r\n$-0\r\n\r\n",
        b"*1\r\n$4\r\nPING\r\n*1\r\n$-1\r\n*1\r\n$4\r\nPING\r\n",
        b"*1\r\n$4\r\nPING\r\n\"\r\nPING\r\n",
    ];
    for input in short.into_iter().chain(long.iter().map(|text| text.as_bytes())) {
        let (ours, theirs) = (our_answer(input), redis.answer(input));
        let shown = &input[..input.len().min(100)];
        assert_eq!(
            ours.escape_ascii().to_string(),
            theirs.escape_ascii().to_string(),
            "{}",
            shown.escape_ascii()
        );
    }
}

/// Small numbers, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

#[test]
fn requests_at_random_are_understood_and_refused_as_by_redis() {
    const PIECES: [&str; 31] = [
        "*1\r\n",
        "*2\r\n",
        "*3\r\n",
        "*0\r\n",
        "*-1\r\n",
        "$1\r\na\r\n",
        "$0\r\n\r\n",
        "$4\r\nPING\r\n",
        "$4\r\nECHO\r\n",
        "$2\r\n\r\n\r\n",
        "$-1\r\n",
        "PING\r\n",
        "PING\n",
        "ECHO",
        " ",
        "\"",
        "'",
        "\\",
        "\\x4",
        "1",
        "x",
        "a b",
        "\r\n",
        "\n",
        "\r",
        "\t",
        "\x0b",
        "*",
        "$",
        "-",
        "\\n",
    ];
    let Some(redis) = Redis::start(&[]) else { return };
    let mut dice = Dice(1);
    for _ in 0..3000 {
        let count = dice.below(9);
        let input: String = (0..=count).map(|_| PIECES[dice.below(PIECES.len())]).collect();
        let (ours, theirs) = (our_answer(input.as_bytes()), redis.answer(input.as_bytes()));
        assert_eq!(ours.escape_ascii().to_string(), theirs.escape_ascii().to_string(), "{input:?}");
    }
}

/// What Redis answers to these commands in this version, the greeting aside.
fn replies(redis: &Redis, version: Version, commands: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let mut input = BytesMut::new();
    let number = if version == Version::Resp3 { "3" } else { "2" };
    encode_command(&["HELLO", number], &mut input);
    encode_command(&["ECHO", "begin"], &mut input);
    commands.iter().for_each(|command| encode_command(command, &mut input));
    let output = redis.answer(&input);
    let marker = b"$5\r\nbegin\r\n";
    let begin = output.windows(marker.len()).position(|window| window == marker).unwrap();
    output[begin + marker.len()..].to_vec()
}

fn command(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

#[test]
fn replies_of_every_type_are_written_as_by_redis() {
    let Some(redis) = Redis::start(&[]) else { return };
    let types = [
        "string", "integer", "double", "null", "array", "set", "map", "attrib", "push", "verbatim", "true",
        "false", "bignum",
    ];
    for version in [Version::Resp2, Version::Resp3] {
        let ask: Vec<_> = types.iter().map(|name| command(&["DEBUG", "PROTOCOL", name])).collect();
        let mut ours = BytesMut::new();
        let mut reply = ReplyWriter::new(&mut ours, version);
        for name in types {
            match name {
                "string" => reply.bulk("Hello World"),
                "integer" => reply.integer(12345),
                "double" => reply.double("3.141".parse().unwrap()),
                "null" => reply.null(),
                "array" | "set" => {
                    if name == "set" {
                        reply.set(3)
                    } else {
                        reply.array(3)
                    }
                    (0..3).for_each(|value| reply.integer(value));
                }
                "map" => {
                    reply.map(3);
                    for value in 0..3 {
                        reply.integer(value);
                        reply.boolean(value == 1);
                    }
                }
                "attrib" => {
                    reply.attributes(1, |reply| {
                        reply.bulk("key-popularity");
                        reply.array(2);
                        reply.bulk("key:123");
                        reply.integer(90);
                    });
                    reply.bulk("Some real reply following the attribute");
                }
                "push" if version == Version::Resp2 => {
                    reply.error("ERR RESP2 is not supported by this command")
                }
                "push" => {
                    reply.push(2);
                    reply.bulk("server-cpu-usage");
                    reply.integer(42);
                    reply.bulk("Some real reply following the push reply");
                }
                "verbatim" => reply.verbatim(b"txt", "This is a verbatim\nstring"),
                "bignum" => reply.big_number("1234567999999999999999999999999999999"),
                truth => reply.boolean(truth == "true"),
            }
        }
        let theirs = replies(&redis, version, &ask);
        assert_eq!(ours.escape_ascii().to_string(), theirs.escape_ascii().to_string(), "{version:?}");
    }
}

#[test]
fn doubles_are_written_as_by_redis() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mut dice = Dice(7);
    let mut values: Vec<f64> =
        vec![1.0, -1.0, 0.1, 1e15, 1e16, 1e17, 1e18, 1e-4, 1e-5, 123456.789, f64::MAX, 5e-324];
    values.extend([
        f64::INFINITY,
        f64::NEG_INFINITY,
        2f64.powi(-25),
        2f64.powi(53) + 2.0,
        12345678901234567.0,
    ]);
    for _ in 0..1000 {
        let mut bits = || dice.below(1 << 30) as u64;
        let any = f64::from_bits(bits() << 34 ^ bits() << 17 ^ bits());
        values.extend([any, bits() as f64 / 1000.0, bits() as f64 / 1024.0, -(bits() as f64) * 1e9]);
    }
    values.retain(|value| !value.is_nan() && *value != 0.0);
    for version in [Version::Resp2, Version::Resp3] {
        let mut ours = BytesMut::new();
        let mut reply = ReplyWriter::new(&mut ours, version);
        let mut ask = vec![command(&["FLUSHALL"])];
        reply.ok();
        for value in &values {
            ask.push(command(&["ZADD", "z", &format!("{value:e}"), "member"]));
            ask.push(command(&["ZSCORE", "z", "member"]));
            ask.push(command(&["ZREM", "z", "member"]));
            reply.integer(1);
            reply.double(*value);
            reply.integer(1);
        }
        let theirs = replies(&redis, version, &ask);
        let lines = |text: &[u8]| text.escape_ascii().to_string().replace("\\r\\n", "\n");
        for (ours, theirs) in lines(&ours).lines().zip(lines(&theirs).lines()) {
            assert_eq!(ours, theirs);
        }
        assert_eq!(ours.len(), theirs.len());
    }
    assert_eq!(&number::double(2f64.powi(-25))[..], b"2.9802322387695312e-08");
}

/// A story with a reactor and a Redis, which ends in good time.
fn story<F: Future<Output = ropewalk_reactor::Result<()>> + 'static>(
    more: &[&str],
    tell: impl FnOnce(Reactor, String) -> F,
) {
    let Some(redis) = Redis::start(more) else { return };
    let reactor = Reactor::new().unwrap();
    let told = reactor.spawn(tell(reactor.clone(), redis.endpoint())).timeout(PATIENCE);
    reactor.block_on(told).unwrap();
}

fn in_version(version: Version) -> ClientOptions {
    ClientOptions { version, ..ClientOptions::default() }
}

#[test]
fn a_client_speaks_both_versions() {
    story(&[], |reactor, endpoint| async move {
        for version in [Version::Resp2, Version::Resp3] {
            let options = ClientOptions { database: 3, name: Some("rope".to_owned()), ..in_version(version) };
            let client = Client::connect_with(&reactor, &endpoint, options).await?;
            client.command(&["HSET", "h", "a", "1", "b", "2"]).await?;
            let pairs = client.command(&["HGETALL", "h"]).await?;
            assert_eq!(matches!(pairs, Value::Map(_)), version == Version::Resp3);
            assert_eq!(format!("{:?}", pairs.into_pairs().unwrap()), "[(\"a\", \"1\"), (\"b\", \"2\")]");
            client.command(&["ZADD", "z", "1.5", "m"]).await?;
            assert_eq!(client.command(&["ZSCORE", "z", "m"]).await?.as_double(), Some(1.5));
            assert!(client.command(&["GET", "none"]).await?.is_null());
            let info = client.command(&["CLIENT", "INFO"]).await?;
            let info = info.as_str().unwrap();
            assert!(info.contains("name=rope") && info.contains("db=3"), "{info}");
            let failure = client.command(&["INCR", "h"]).await.unwrap_err();
            assert_eq!(ServerError::of(&failure).unwrap().code(), b"WRONGTYPE");
            client.command(&["MULTI"]).await?;
            client.command(&["INCR", "n"]).await?;
            client.command(&["INCR", "h"]).await?;
            let results = client.command(&["EXEC"]).await?.into_values().unwrap();
            assert!(matches!(&results[..], [Value::Integer(_), Value::Error(_)]), "{results:?}");
        }
        Ok(())
    });
}

#[test]
fn ten_thousand_commands_and_large_values_go_through_one_connection() {
    story(&[], |reactor, endpoint| async move {
        let client = Client::connect(&reactor, &endpoint).await?;
        let replies: Vec<_> = (0..10_000).map(|_| client.command(&["INCR", "n"])).collect();
        for (index, reply) in replies.into_iter().enumerate() {
            assert_eq!(reply.await?, Value::Integer(index as i64 + 1));
        }
        let large: Vec<u8> = (0..20_000_000u32).map(|index| (index * 31 / 8) as u8).collect();
        client.command(&[b"SET", &b"large"[..], &large]).await?;
        let replies: Vec<_> = (0..3).map(|_| client.command(&["GET", "large"])).collect();
        for reply in replies {
            assert!(reply.await?.as_bytes().unwrap()[..] == large);
        }
        Ok(())
    });
}

#[test]
fn a_client_authenticates_or_says_why_it_could_not() {
    story(&["--requirepass", "secret"], |reactor, endpoint| async move {
        for version in [Version::Resp2, Version::Resp3] {
            let password =
                |password: &str| ClientOptions { password: Some(password.to_owned()), ..in_version(version) };
            let client = Client::connect_with(&reactor, &endpoint, password("secret")).await?;
            assert_eq!(client.command(&["PING"]).await?.as_str(), Some("PONG"));
            let failure = Client::connect_with(&reactor, &endpoint, password("wrong")).await.unwrap_err();
            assert!(failure.to_string().contains("WRONGPASS"), "{failure}");
            let user = ClientOptions { username: Some("nobody".to_owned()), ..password("secret") };
            let failure = Client::connect_with(&reactor, &endpoint, user).await.unwrap_err();
            assert!(matches!(ClientError::of(&failure), Some(ClientError::Refused { .. })), "{failure}");
        }
        let failure = Client::connect(&reactor, &endpoint).await.unwrap_err();
        assert!(failure.to_string().contains("NOAUTH"), "{failure}");
        Ok(())
    });
}

#[test]
fn subscribers_hear_what_is_published_in_both_versions() {
    story(&[], |reactor, endpoint| async move {
        let client = Client::connect(&reactor, &endpoint).await?;
        for version in [Version::Resp2, Version::Resp3] {
            let subscriber = Subscriber::connect(&reactor, &endpoint, in_version(version)).await?;
            let all = [
                subscriber.subscribe(Topic::Channel, &["news", "rope"]),
                subscriber.subscribe(Topic::Pattern, &["r?pe"]),
                subscriber.subscribe(Topic::Shard, &["shard"]),
            ];
            for subscribed in all {
                subscribed.await?;
            }
            client.command(&["PUBLISH", "rope", "one"]).await?;
            client.command(&["SPUBLISH", "shard", "two"]).await?;
            let mut heard = Vec::new();
            for _ in 0..3 {
                let message = subscriber.next().await?;
                heard.push((message.topic, message.payload));
            }
            let one = "one".into();
            assert_eq!(heard[0], (Topic::Channel, "one".into()));
            assert_eq!(heard[1], (Topic::Pattern, one));
            assert_eq!(heard[2], (Topic::Shard, "two".into()));
            subscriber.unsubscribe(Topic::Channel, &["news", "rope"]).await?;
            assert_eq!(client.command(&["PUBLISH", "rope", "three"]).await?, Value::Integer(1));
            assert_eq!(subscriber.next().await?.pattern, Some("r?pe".into()));
            subscriber.close();
            assert!(subscriber.next().await.is_err());
            while client.command(&["PUBLISH", "rope", "four"]).await? != Value::Integer(0) {}
        }
        Ok(())
    });
}

#[test]
fn pushes_come_beside_replies() {
    story(&[], |reactor, endpoint| async move {
        let client = Client::connect(&reactor, &endpoint).await?;
        let (resolver, pushed) = reactor.deferred();
        let resolver = Rc::new(RefCell::new(Some(resolver)));
        client.on_push(move |values| {
            if let Some(resolver) = resolver.take() {
                resolver.resolve(Ok(values));
            }
        });
        client.command(&["CLIENT", "TRACKING", "ON"]).await?;
        client.command(&["GET", "watched"]).await?;
        let other = Client::connect(&reactor, &endpoint).await?;
        other.command(&["SET", "watched", "1"]).await?;
        assert_eq!(format!("{:?}", pushed.await?), "[\"invalidate\", [\"watched\"]]");
        assert_eq!(client.command(&["GET", "watched"]).await?.as_integer(), Some(1));
        Ok(())
    });
}

#[test]
fn a_pool_blocks_one_connection_and_not_the_others() {
    story(&[], |reactor, endpoint| async move {
        let options = PoolOptions { connections_max: 2, ..PoolOptions::default() };
        let pool = Pool::new(&reactor, &endpoint, ClientOptions::default(), options);
        let blocked = pool.command(&["BLPOP", "list", "0"]);
        for _ in 0..10 {
            pool.command(&["INCR", "n"]).await?;
        }
        pool.command(&["RPUSH", "list", "x"]).await?;
        assert_eq!(format!("{:?}", blocked.await?), "[\"list\", \"x\"]");
        // Nobody waits for what a connection would answer: it does not come back.
        let cancelled = pool.command(&["BLPOP", "list", "0"]);
        pool.command(&["PING"]).await?;
        cancelled.cancel();
        drop(cancelled);
        while pool.open() > 1 {
            pool.command(&["PING"]).await?;
        }
        pool.command(&["RPUSH", "list", "y"]).await?;
        assert_eq!(pool.command(&["LLEN", "list"]).await?, Value::Integer(1), "nobody took it");
        Ok(())
    });
}

#[test]
fn a_client_that_was_thrown_out_comes_back() {
    story(&[], |reactor, endpoint| async move {
        let backoff = Backoff { initial: Duration::from_millis(1), ..Backoff::default() };
        let client = Client::keep_connected(&reactor, &endpoint, ClientOptions::default(), backoff)?;
        let subscriber =
            Subscriber::keep_connected(&reactor, &endpoint, in_version(Version::Resp2), backoff)?;
        subscriber.subscribe(Topic::Channel, &["news"]).await?;
        let other = Client::connect(&reactor, &endpoint).await?;
        for round in 0..3 {
            client.command(&["PING"]).await?;
            let blocked = client.command(&["BLPOP", "list", "0"]);
            while !other.command(&["INFO", "clients"]).await?.as_str().unwrap().contains("blocked_clients:1")
            {
            }
            other.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await?;
            other.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).await?;
            let failure = blocked.await.unwrap_err();
            assert!(matches!(ClientError::of(&failure), Some(ClientError::Lost(_))), "{failure}");
            assert_eq!(client.command(&["PING"]).await?.as_str(), Some("PONG"));
            let text = round.to_string();
            while other.command(&["PUBLISH", "news", &text]).await? == Value::Integer(0) {}
            assert_eq!(subscriber.next().await?.payload, text);
        }
        Ok(())
    });
}
