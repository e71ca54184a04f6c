//! Resident memory: bytes a key, of strings and of small collections, and bytes an idle client.

use crate::contender::{CONTENDERS, Running};
use crate::load::encode;
use crate::table::{figure, head, row, with_commas};
use crate::{Effort, Outcome, about};
use std::io::{Read, Write};
use std::net::TcpStream;

const KEYS: usize = 1_000_000;
const CLIENTS: usize = 5_000;
/// Commands that are sent before their replies are read.
const BATCH: usize = 200;

/// What is stored a million times, how one is made, and what is wanted: at most so many times Redis's, or at
/// most so many bytes.
struct Case {
    name: &'static str,
    command: fn(usize) -> Vec<u8>,
    times_redis_max: f64,
    bytes_max: f64,
}

const ANY: f64 = f64::INFINITY;

const CASES: [Case; 6] = [
    Case {
        name: "strings, 16-byte values",
        command: |key| encode("set", key, 16),
        times_redis_max: 0.65,
        bytes_max: ANY,
    },
    Case {
        name: "strings, 100-byte values",
        command: |key| encode("set", key, 100),
        times_redis_max: ANY,
        bytes_max: 150.0,
    },
    Case {
        name: "hashes of 3 fields",
        command: |key| words(&format!("HSET key:{key:012} name user{key} age {} mail m{key}@x", key % 90)),
        times_redis_max: 1.0,
        bytes_max: ANY,
    },
    Case {
        name: "lists of 3 elements",
        command: |key| words(&format!("RPUSH key:{key:012} first{key} second{key} {key}")),
        times_redis_max: 1.0,
        bytes_max: ANY,
    },
    Case {
        name: "sets of 3 members",
        command: |key| words(&format!("SADD key:{key:012} red{key} green{key} blue{key}")),
        times_redis_max: 1.0,
        bytes_max: ANY,
    },
    Case {
        name: "sorted sets of 3 members",
        command: |key| words(&format!("ZADD key:{key:012} 1 red{key} 2.5 green{key} 30 blue{key}")),
        times_redis_max: 1.0,
        bytes_max: ANY,
    },
];

/// Bytes an idle client that are wanted at most.
const CLIENT_BYTES_MAX: f64 = 600.0;

/// A command of these words.
fn words(line: &str) -> Vec<u8> {
    let words: Vec<&str> = line.split(' ').collect();
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        command += &format!("${}\r\n{word}\r\n", word.len());
    }
    command.into_bytes()
}

/// Measure all of it.
pub(crate) fn run(effort: Effort) -> Outcome<String> {
    let keys = KEYS / effort.shrink;
    let mut text = format!("{} {} keys of 16 bytes.\n\n", about(), with_commas(keys as i64));
    text += &head(&["bytes a key", "Redis", "Ropewalk", "times (wanted)"]);
    for case in CASES {
        eprintln!("a million {}", case.name);
        let mut figures = Vec::new();
        for contender in &CONTENDERS {
            let server = contender.start()?;
            let before = server.resident_bytes();
            send(&server, (0..keys).map(case.command))?;
            figures.push((server.resident_bytes() - before) as f64 / keys as f64);
        }
        let ratio = figures[1] / figures[0];
        let wanted = if case.bytes_max < ANY {
            format!("at most {} bytes", case.bytes_max)
        } else {
            format!("at most {}", case.times_redis_max)
        };
        let missed = ratio > case.times_redis_max || figures[1] > case.bytes_max;
        let verdict = if missed { " – missed" } else { "" };
        text += &row(&[
            case.name.to_owned(),
            figure(figures[0]),
            figure(figures[1]),
            format!("**{}** ({wanted}{verdict})", figure(ratio)),
        ]);
    }
    text += "\n";
    text += &clients(CLIENTS / effort.shrink)?;
    Ok(text)
}

/// Send commands on one connection, and see that none is refused.
fn send(server: &Running, commands: impl Iterator<Item = Vec<u8>>) -> Outcome<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port))?;
    let mut commands = commands.peekable();
    let mut room = vec![0; 64 * 1024];
    while commands.peek().is_some() {
        let batch: Vec<Vec<u8>> = commands.by_ref().take(BATCH).collect();
        stream.write_all(&batch.concat())?;
        let mut lines = 0;
        while lines < batch.len() {
            let length = stream.read(&mut room)?;
            let replies = &room[..length];
            if length == 0 || replies.contains(&b'-') {
                return Err(format!("refused: {}", replies.escape_ascii()).into());
            }
            lines += replies.iter().filter(|byte| **byte == b'\n').count();
        }
    }
    Ok(())
}

fn clients(count: usize) -> Outcome<String> {
    let mut text =
        head(&[&format!("bytes a client, {}", with_commas(count as i64)), "Redis", "Ropewalk", "wanted"]);
    let mut before_traffic = Vec::new();
    let mut after_traffic = Vec::new();
    for contender in &CONTENDERS {
        eprintln!("{count} clients of {}", contender.name);
        let server = contender.start()?;
        server.ask("CONFIG SET maxclients 10000")?;
        let begin = server.resident_bytes();
        let mut streams = Vec::new();
        for _ in 0..count {
            let mut stream = TcpStream::connect(("127.0.0.1", server.port))?;
            if streams.len() % 100 == 99 {
                converse(&mut stream, b"PING\r\n", b"+PONG\r\n")?;
            }
            streams.push(stream);
        }
        before_traffic.push((server.resident_bytes() - begin) as f64 / count as f64);
        for stream in &mut streams {
            converse(stream, &encode("set", 1, 1000), b"+OK\r\n")?;
            let value = [&b"$1000\r\n"[..], &[b'x'; 1000], b"\r\n"].concat();
            converse(stream, &encode("get", 1, 0), &value)?;
        }
        after_traffic.push((server.resident_bytes() - begin) as f64 / count as f64);
    }
    for (name, figures) in [("before traffic", before_traffic), ("after traffic", after_traffic)] {
        let verdict = if figures[1] > CLIENT_BYTES_MAX { " – missed" } else { "" };
        text += &row(&[
            name.to_owned(),
            figure(figures[0]),
            figure(figures[1]),
            format!("at most {CLIENT_BYTES_MAX}{verdict}"),
        ]);
    }
    Ok(text)
}

fn converse(stream: &mut TcpStream, question: &[u8], answer: &[u8]) -> Outcome<()> {
    stream.write_all(question)?;
    let mut said = vec![0; answer.len()];
    stream.read_exact(&mut said)?;
    if said == answer { Ok(()) } else { Err(format!("not the right reply: {}", said.escape_ascii()).into()) }
}
