//! Malformed commands: each template, one valid line a command, is spoilt in every place with every value of
//! a pool, and sent to both servers. The one rule: each variant meets the same data, made anew, and what it
//! has done to them is compared as well as what it answers.

use crate::compare::{Strictness, difference};
use crate::peer::{Connection, Peer, Reply, Who};
use ropewalk_protocols::resp::split_words;
use std::io;

/// What stands in for an argument: keys of each type, and values that are wrong in most places.
const POOL: &[&str] = &[
    "str",
    "int",
    "list",
    "set",
    "zset",
    "hash",
    "stream",
    "nokey",
    "",
    "0",
    "1",
    "-1",
    "2.5",
    "abc",
    "nan",
    "inf",
    "-inf",
    "(1",
    "[a",
    "+",
    "-",
    "*",
    "1-1",
    "\x00",
    " 1",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "1e400",
    "0x10",
    "4294967296",
];

/// The data that each variant meets.
const FIXTURE: &[&str] = &[
    "SET str value",
    "SET int 10",
    "RPUSH list a b c 1 2",
    "SADD set 1 2 3",
    "ZADD zset 1 a 2 b 3 c",
    "HSET hash f1 v1 f2 2",
    "XADD stream 1-1 f v",
    "XADD stream 2-1 g w",
    "XGROUP CREATE stream group 0",
    "XREADGROUP GROUP group alice COUNT 1 STREAMS stream >",
    "GEOADD geo 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",
    "PFADD hll a b c",
];

/// What is compared when the variant has been run.
const AFTERMATH: &[&str] = &[
    "DBSIZE",
    "GET str",
    "GET int",
    "LRANGE list 0 -1",
    "ZRANGE zset 0 -1 WITHSCORES",
    "HGETALL hash",
    "XRANGE stream - +",
    "XPENDING stream group",
    "TTL str",
    "TTL hash",
    "OBJECT ENCODING list",
    "OBJECT ENCODING str",
    "OBJECT ENCODING set",
    "OBJECT ENCODING zset",
    // It changes the encoding of a sorted set: the last one.
    "SORT set ALPHA",
];

/// A line of `templates.txt`: a mark, if any, and the words of a command.
struct Template {
    strictness: Strictness,
    /// It may block, so it is sent within MULTI.
    queued: bool,
    words: Vec<Vec<u8>>,
}

/// The templates of a family: the lines below its heading.
fn templates(family: &str) -> Vec<Template> {
    let heading = format!("[{family}]");
    let text = include_str!("templates.txt");
    let lines = text.lines().skip_while(|line| *line != heading).skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(template)
        .collect()
}

fn template(line: &str) -> Template {
    let (mark, rest) = match line.split_at_checked(2) {
        Some((mark @ ("% " | "~ " | "? " | "& "), rest)) => (mark, rest),
        _ => ("", line),
    };
    let strictness = match mark {
        "% " => Strictness::AnyOrder,
        "~ " => Strictness::Shape,
        "? " => Strictness::Nothing,
        _ => Strictness::Bytes,
    };
    let words = split_words(rest.as_bytes()).expect("quotes are balanced");
    Template { strictness, queued: mark == "& ", words }
}

/// A template and its variants.
fn variants(words: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
    let mut all = vec![words.to_vec()];
    for length in 1..words.len() {
        all.push(words[..length].to_vec());
    }
    for at in 1..words.len() {
        for value in POOL {
            let mut variant = words.to_vec();
            variant[at] = value.as_bytes().to_vec();
            all.push(variant);
        }
        let mut shorter = words.to_vec();
        shorter.remove(at);
        all.push(shorter);
        let mut twice = words.to_vec();
        twice.insert(at, words[at].clone());
        all.push(twice);
    }
    for more in [&["nosuch"][..], &["1"], &["nosuch", "1", "2"]] {
        let mut longer = words.to_vec();
        longer.extend(more.iter().map(|word| word.as_bytes().to_vec()));
        all.push(longer);
    }
    all.sort();
    all.dedup();
    all
}

/// What a variant led to: its reply, and what the data are then.
struct Outcome {
    reply: io::Result<Reply>,
    aftermath: Vec<Vec<u8>>,
}

/// Send a variant, with all that comes before and behind it, at once.
fn attempt(connection: &mut Connection, variant: &[Vec<u8>], queued: bool, resp3: bool) -> Outcome {
    let words = |line: &str| split_words(line.as_bytes()).expect("quotes are balanced");
    let mut before: Vec<_> = vec![words("RESET")];
    if resp3 {
        before.push(words("HELLO 3"));
    }
    before.push(words("FLUSHALL"));
    before.extend(FIXTURE.iter().map(|line| words(line)));
    if queued {
        before.push(words("MULTI"));
    }
    let all = before.iter().map(Vec::as_slice).chain([variant]);
    let mut count = before.len();
    for command in all {
        if let Err(error) = connection.send(command) {
            return Outcome { reply: Err(error), aftermath: vec![] };
        }
    }
    if queued {
        count += 1;
        let _ = connection.send(&["EXEC"]);
    }
    for line in AFTERMATH {
        let _ = connection.send(&words(line));
    }
    let skipped = (0..count).try_for_each(|_| connection.read().map(drop));
    let reply = skipped.and_then(|()| connection.read());
    let aftermath = AFTERMATH.iter().map_while(|_| connection.read().ok()).map(|reply| reply.bytes).collect();
    Outcome { reply, aftermath }
}

/// Send all variants of a family's templates to both servers. Returns what differed.
pub(crate) fn replay(family: &str, resp3: bool) -> Vec<String> {
    const SHOWN_MAX: usize = 8;
    let mut servers = [Who::Redis, Who::Ropewalk].map(|who| Peer::start(who, resp3));
    let mut differences = Vec::new();
    for template in templates(family) {
        let mut shown = 0;
        for variant in variants(&template.words) {
            let line = show(&variant);
            let differs = ALLOWED.iter().any(|(allowed, _)| line.starts_with(allowed));
            if differs || LISTS.contains(&line.as_str()) {
                continue;
            }
            let [redis, ropewalk] = servers
                .each_mut()
                .map(|server| attempt(server.connection(1), &variant, template.queued, resp3));
            let mut found = difference(&redis.reply, &ropewalk.reply, template.strictness);
            if template.strictness == Strictness::Bytes {
                found = found.or_else(|| after(&redis, &ropewalk));
            }
            if redis.reply.is_err() || ropewalk.reply.is_err() {
                servers.iter_mut().for_each(|server| server.disconnect(1));
            }
            if let Some(difference) = found {
                shown += 1;
                if shown <= SHOWN_MAX {
                    differences.push(format!("{line}\n{difference}"));
                }
            }
        }
        if shown > SHOWN_MAX {
            differences.push(format!("{}: {shown} differ\n", show(&template.words)));
        }
    }
    differences
}

/// What the variant has done to the data, if that differs.
fn after(redis: &Outcome, ropewalk: &Outcome) -> Option<String> {
    let pairs = AFTERMATH.iter().zip(redis.aftermath.iter().zip(&ropewalk.aftermath));
    let different = pairs.into_iter().find(|(_, (redis, ropewalk))| redis != ropewalk);
    different.map(|(line, (redis, ropewalk))| {
        let (redis, ropewalk) = (redis.escape_ascii(), ropewalk.escape_ascii());
        format!("   and then {line}\n      redis: {redis}\n   ropewalk: {ropewalk}")
    })
}

fn show(words: &[Vec<u8>]) -> String {
    let quoted = |word: &Vec<u8>| {
        let plain = !word.is_empty() && word.iter().all(u8::is_ascii_graphic);
        let text = word.escape_ascii().to_string();
        if plain { text } else { format!("\"{text}\"") }
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// Variants whose replies may differ, by how they begin, and why.
const ALLOWED: &[(&str, &str)] = &[
    ("ACL CAT hash", "there are more commands on hashes"),
    ("CLIENT ID", "clients are numbered from another one on"),
    ("CLIENT list", "memory, numbers and time"),
    ("COMMAND LIST FILTERBY PATTERN *", "not all commands are there"),
    ("COMMAND LIST FILTERBY aclcat", "not all commands are there"),
    ("CONFIG GET *", "ports, directories, and the order of a hash table"),
    ("DUMP stream", "there are times in it"),
    ("FUNCTION list", "there are no functions"),
    ("GETEX str PX 1", "it may have expired, or not yet"),
    ("SORT zset", "Redis changes the encoding of what it sorts, and its sorting is not stable"),
    ("SORT_RO zset", "Redis changes the encoding of what it sorts"),
    ("HELLO 3 AUTH AUTH default x ", "all options are looked at before anybody is authenticated"),
    ("HELLO 3 AUTH x SETNAME", "all options are looked at before anybody is authenticated"),
    ("HINCRBYFLOAT hash f2 1e400", "so long a value makes a table of the hash, which has no order"),
    ("XADD stream * ", "the ID is the time"),
    ("XADD stream MAXLEN = 2 * ", "the ID is the time"),
    ("XADD stream NOMKSTREAM MINID ~ 2 * ", "the ID is the time"),
    ("XADD stream NOMKSTREAM MINID ~ 2 LIMIT 10 * ", "the ID is the time"),
    ("XAUTOCLAIM stream group bob 1 ", "a millisecond may be over or not"),
    ("XCLAIM stream group bob 1 ", "a millisecond may be over or not"),
    ("XPENDING stream group IDLE 1 ", "a millisecond may be over or not"),
];

/// Commands that, alone, list what differs.
const LISTS: &[&str] = &["COMMAND", "COMMAND INFO", "COMMAND LIST"];
