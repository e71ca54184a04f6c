//! What the RESP codec costs: nanoseconds a command, the least of several runs.
//!
//! `cargo bench -p ropewalk-protocols --bench resp` prints a table. With the name of a case and a number of
//! rounds it runs that alone, for an instrument to count its instructions:
//!
//! ```text
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null resp "SET 3 bytes, 16 at a time" 20000
//! ```
//!
//! The difference between two numbers of rounds, divided by that of their commands, is what one costs.
#![expect(clippy::disallowed_methods, reason = "measures time")]

use bytes::BytesMut;
use ropewalk_protocols::resp::{Limits, ReplyDecoder, ReplyWriter, RequestParser, Scratch, Version};
use std::hint::black_box;
use std::time::Instant;

/// How many commands a run of a case has.
const COMMANDS: usize = 500_000;

/// The least of so many runs is taken: what is added to it is somebody else's.
const RUNS: usize = 9;

/// How many commands are parsed at a time, as a server does that prefetches for them.
const BATCH: usize = 32;

struct Case {
    name: String,
    /// How many commands a round has.
    commands: usize,
    round: Box<dyn FnMut()>,
}

impl Case {
    fn new(name: String, commands: usize, round: impl FnMut() + 'static) -> Self {
        Self { name, commands, round: Box::new(round) }
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for length in [3, 100] {
        for pipeline in [1, 16, 64] {
            cases.push(parse_set(length, pipeline));
        }
    }
    for length in [3, 100, 1000] {
        let value = vec![b'x'; length];
        cases.push(write(format!("reply of {length} bytes"), move |reply| reply.bulk(black_box(&value))));
    }
    cases.push(write("reply OK".to_owned(), |reply| reply.ok()));
    for value in [1, 12345] {
        cases.push(write(format!("reply :{value}"), move |reply| reply.integer(black_box(value))));
    }
    for value in [3.0, 0.1] {
        cases.push(write(format!("reply ,{value}"), move |reply| reply.double(black_box(value))));
    }
    for (name, reply) in
        [("+OK", "+OK\r\n"), ("3 bytes", "$3\r\nabc\r\n"), ("an array of 2", "*2\r\n:1\r\n:2\r\n")]
    {
        cases.push(decode(format!("decode {name}"), reply));
    }
    cases
}

/// Parse `*3 SET key value`, with keys of 16 bytes.
fn parse_set(length: usize, pipeline: usize) -> Case {
    let value = "x".repeat(length);
    let command = |index| format!("*3\r\n$3\r\nSET\r\n$16\r\nkey:{index:012}\r\n${length}\r\n{value}\r\n");
    let input: String = (0..pipeline).map(command).collect();
    let (mut parser, mut scratch) = (RequestParser::new(), Scratch::new());
    Case::new(format!("SET {length} bytes, {pipeline} at a time"), pipeline, move || {
        let mut rest = input.as_bytes();
        while !rest.is_empty() {
            let batch = parser.parse(black_box(rest), &Limits::default(), &mut scratch, BATCH);
            let count = batch.len();
            for arguments in &batch {
                black_box(arguments);
            }
            let taken = parser.finish(batch, count);
            rest = rest.get(taken..).unwrap_or_default();
        }
    })
}

/// Write a reply, sixteen times a round.
fn write(name: String, reply: impl Fn(&mut ReplyWriter<'_>) + 'static) -> Case {
    let mut out = BytesMut::with_capacity(64 * 1024);
    Case::new(name, 16, move || {
        let mut writer = ReplyWriter::new(&mut out, Version::Resp3);
        (0..16).for_each(|_| reply(&mut writer));
        black_box(&out);
        out.clear();
    })
}

/// Decode sixteen replies a round.
fn decode(name: String, reply: &str) -> Case {
    let input = reply.repeat(16);
    let mut decoder = ReplyDecoder::default();
    Case::new(name, 16, move || {
        let mut rest = black_box(input.as_bytes());
        while let Ok(Some(value)) = decoder.decode(&mut rest) {
            black_box(value);
        }
    })
}

fn measure(case: &mut Case) -> f64 {
    let rounds = COMMANDS / case.commands;
    let run = |_| {
        let begin = Instant::now();
        (0..rounds).for_each(|_| (case.round)());
        begin.elapsed().as_secs_f64() * 1e9 / (rounds * case.commands) as f64
    };
    (0..RUNS).map(run).fold(f64::INFINITY, f64::min)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let mut cases = cases();
    if let [name, rounds] = &arguments[..] {
        let case = cases.iter_mut().find(|case| case.name == *name).expect("a case of that name");
        let rounds: usize = rounds.parse().expect("a number of rounds");
        return (0..rounds).for_each(|_| (case.round)());
    }
    for case in &mut cases {
        let least = measure(case);
        println!("{:28} {least:7.1} ns", case.name);
    }
}
