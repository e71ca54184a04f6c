//! Transcripts: command lines, sent to both servers, replies compared. One line a command:
//!
//! ```text
//! # a comment
//! SET key "quoted \x00"      on connection 1; one reply is read and compared byte for byte
//! 2: GET key                 on connection 2
//! % SMEMBERS key             its elements in any order
//! ~ TIME                     its types alone
//! ? DEBUG SLEEP 0            that there is a reply
//! 2> BLPOP list 0            sent, no reply read yet
//! 2<                         one reply is read
//! 2!                         the connection is closed; a new one is made when it is used again
//! ```
//!
//! A number comes before a mark: `2: % SMEMBERS key`. The one rule: at the end of a transcript nobody may
//! have anything left to read.

use crate::compare::{Strictness, difference};
use crate::peer::{Peer, Reply, Who};
use ropewalk_protocols::resp::split_words;
use std::io;

/// What is done with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Call,
    Send,
    Read,
    Close,
}

struct Line<'a> {
    connection: u8,
    step: Step,
    strictness: Strictness,
    words: Vec<Vec<u8>>,
    text: &'a str,
}

fn parse(text: &str) -> Option<Line<'_>> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let mut line =
        Line { connection: 1, step: Step::Call, strictness: Strictness::Bytes, words: vec![], text };
    let mut rest = text;
    if let [digit @ b'0'..=b'9', mark @ (b':' | b'>' | b'<' | b'!'), ..] = text.as_bytes() {
        line.connection = digit - b'0';
        line.step = match mark {
            b'>' => Step::Send,
            b'<' => Step::Read,
            b'!' => Step::Close,
            _ => Step::Call,
        };
        rest = text[2..].trim_start();
    }
    for (mark, strictness) in
        [("% ", Strictness::AnyOrder), ("~ ", Strictness::Shape), ("? ", Strictness::Nothing)]
    {
        if let Some(behind) = rest.strip_prefix(mark) {
            (rest, line.strictness) = (behind, strictness);
            break;
        }
    }
    line.words = split_words(rest.as_bytes()).unwrap_or_else(|| panic!("unbalanced quotes: {text}"));
    Some(line)
}

/// Replay a transcript on both servers. Returns what differed.
pub(crate) fn replay(name: &str, text: &str, resp3: bool) -> Vec<String> {
    let mut servers = [Who::Redis, Who::Ropewalk].map(|who| Peer::start(who, resp3));
    let mut differences = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some(line) = parse(line) else { continue };
        let [redis, ropewalk] = servers.each_mut().map(|server| take(server, &line));
        let (Some(redis), Some(ropewalk)) = (redis, ropewalk) else { continue };
        if let Some(difference) = difference(&redis, &ropewalk, line.strictness) {
            differences.push(format!("{name}:{}: {}\n{difference}", number + 1, line.text));
        }
        if ropewalk.is_err() || redis.is_err() {
            servers.iter_mut().for_each(|server| server.disconnect(line.connection));
        }
    }
    for number in servers[0].numbers() {
        let [redis, ropewalk] = servers.each_mut().map(|server| rest(server, number));
        if redis != ropewalk {
            differences.push(format!(
                "{name}: connection {number} had more to read:\n      redis: {redis:?}\n   ropewalk: {ropewalk:?}"
            ));
        }
    }
    differences
}

/// Do what the line says on one server.
fn take(server: &mut Peer, line: &Line<'_>) -> Option<io::Result<Reply>> {
    if line.step == Step::Close {
        server.disconnect(line.connection);
        return None;
    }
    let connection = server.connection(line.connection);
    match line.step {
        Step::Call => Some(connection.call(&line.words)),
        Step::Read => Some(connection.read()),
        Step::Send | Step::Close => connection.send(&line.words).err().map(Err),
    }
}

/// What comes before the answer to a PING that was sent last.
fn rest(server: &mut Peer, number: u8) -> Vec<String> {
    const LAST: &str = "the last one";
    let connection = server.connection(number);
    let mut before = Vec::new();
    if connection.send(&["PING", LAST]).is_err() {
        return before;
    }
    while let Ok(reply) = connection.read() {
        let text = reply.bytes.escape_ascii().to_string();
        if text.contains(LAST) {
            break;
        }
        before.push(text);
    }
    before
}
