//! DEBUG, for tests: of Redis, of clients, and of ours. The one rule: nothing here is needed by a program that works.

mod digest;

use crate::command::call::{Call, Done, parse_double};
use crate::command::error::Error;
use crate::server::Server;
use crate::store::database::{Expiry, Key};
use crate::store::rdb;
use crate::store::value::View;
use ropewalk_protocols::resp::ReplyWriter;
use std::time::Duration;

/// The longest DEBUG SLEEP, in seconds.
const SLEEP_MAX: f64 = 3600.0;

/// DEBUG subcommand …
pub(crate) fn debug(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let subcommand = call.arg(1).to_ascii_lowercase();
    match (subcommand.as_slice(), call.rest(2)) {
        (b"help", []) => return help(call, reply),
        (b"config-rewrite-force-all", []) => return super::config::rewrite_file(call, true),
        (b"digest", []) => {
            reply.simple(hexadecimal(&digest::of_all(call)));
            return Ok(());
        }
        (b"digest-value", keys @ [_, ..]) => {
            reply.array(keys.len());
            keys.iter().for_each(|key| reply.bulk(hexadecimal(&digest::of_key(call, Key::new(key)))));
            return Ok(());
        }
        (b"error", [words]) => return Err(Error::Bytes(words.to_vec())),
        (b"object", [name, ..]) => return object(call, reply, Key::new(name)),
        (b"protocol", [kind]) => return protocol(reply, kind),
        (b"htstats", [number]) => return table_stats(call, reply, number),
        (b"sleep", [seconds]) => sleep(parse_double(seconds).unwrap_or(0.0)),
        (b"set-active-expire", [on]) => call.server.expiring.is_off = *on == b"0",
        (b"set-skip-checksum-validation", [on]) => call.server.skips_checksums = *on != b"0",
        (b"quicklist-packed-threshold", [size]) => set_plain_threshold(call, size)?,
        (b"pause-cron", [on]) => call.server.cron_is_paused = *on != b"0",
        // Replies have no buffer of their own here that could be resized.
        (b"replybuffer", [_, _]) => {}
        (b"log", [words]) => tracing::warn!(target: "debug", "DEBUG LOG: {}", words.escape_ascii()),
        (b"populate", [_] | [_, _] | [_, _, _]) => populate(call)?,
        (b"reload", []) => reload(call)?,
        (b"stringmatch-test", []) => {
            reply.simple("Apparently the server did not crash: test passed");
            return Ok(());
        }
        _ => {
            let before = b"ERR unknown subcommand or wrong number of arguments for '";
            return Err(Error::Bytes([before, call.arg(1), b"'. Try DEBUG HELP."].concat()));
        }
    }
    reply.ok();
    Ok(())
}

fn help(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.help(
        reply,
        &[
            "CONFIG-REWRITE-FORCE-ALL",
            "    Like CONFIG REWRITE but writes all configuration options, including",
            "    keywords not listed in original configuration file or default values.",
            "DIGEST",
            "    Output a hex signature representing the current DB content.",
            "DIGEST-VALUE <key> [<key> ...]",
            "    Output a hex signature of the values of all the specified keys.",
            "ERROR <string>",
            "    Return a Redis protocol error with <string> as message. Useful for clients",
            "    unit tests to simulate Redis errors.",
            "LOG <message>",
            "    Write <message> to the server log.",
            "HTSTATS <dbid>",
            "    Return hash table statistics of the specified Redis database.",
            "OBJECT <key>",
            "    Show low level info about `key` and associated value.",
            "POPULATE <count> [<prefix>] [<size>]",
            "    Create <count> string keys named key:<num>. If <prefix> is specified then",
            "    it is used instead of the 'key' prefix. These are not propagated to",
            "    replicas. Cluster slots are not respected so keys not belonging to the",
            "    current node can be created in cluster mode.",
            "PROTOCOL <type>",
            "    Reply with a test value of the specified type. <type> can be: string,",
            "    integer, double, bignum, null, array, set, map, attrib, push, verbatim,",
            "    true, false.",
            "RELOAD",
            "    Write all data out in RDB's format, and read it back.",
            "SLEEP <seconds>",
            "    Stop the server for <seconds>. Decimals allowed.",
            "SET-ACTIVE-EXPIRE <0|1>",
            "    Setting it to 0 disables expiring keys in background when they are not",
            "    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the",
            "    default.",
            "REPLYBUFFER <subcommand>",
            "    Accepted for tests of Redis; there is nothing to be tuned.",
            "QUICKLIST-PACKED-THRESHOLD <size>",
            "    Sets the threshold for elements to be inserted as plain vs packed nodes",
            "    Default value is 1GB, allows values up to 4GB. Setting to 0 restores to default.",
            "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
            "    Enables or disables checksum checks for RDB files and RESTORE's payload.",
            "STRINGMATCH-TEST",
            "    Run a fuzz tester against the stringmatchlen() function.",
            "PAUSE-CRON <0|1>",
            "    Stop periodic cron job processing.",
        ],
    );
    Ok(())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Nobody is served meanwhile: that is what it is for.
#[expect(clippy::disallowed_methods, reason = "the whole server is to stand still")]
fn sleep(seconds: f64) {
    std::thread::sleep(Duration::from_secs_f64(seconds.clamp(0.0, SLEEP_MAX)));
}

fn object(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, key: Key<'_>) -> Done {
    let found = call.peek(key).ok_or(Error::NoSuchKey)?;
    let (view, access) = (found.view(), found.access());
    let mut line = format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{} lru:{access} lru_seconds_idle:{}",
        found.name(),
        found.encoding().name(),
        rdb::dumped_len(view),
        call.server.idle_seconds(access).unwrap_or(0),
    );
    if let View::List(list) = view {
        let nodes = list.node_count();
        line += &format!(
            " ql_nodes:{nodes} ql_avg_node:{:.2} ql_listpack_max:{} ql_compressed:{} ql_uncompressed_size:{}",
            list.len() as f64 / nodes.max(1) as f64,
            call.server.config.limits.list_listpack_size,
            u8::from(call.server.config.limits.list_compress_depth != 0),
            list.heap_bytes(),
        );
    }
    reply.simple(line);
    Ok(())
}

fn table_stats(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, number: &[u8]) -> Done {
    let number = crate::command::call::integer(number)?;
    let db = usize::try_from(number).ok().filter(|db| *db < call.server.database_count());
    let database = call.server.database(db.ok_or(Error::text("ERR Out of range database"))?);
    let (all, expiring) = database.slots();
    let section = |slots: usize, elements: usize| match elements {
        0 => "No stats available for empty dictionaries\n".to_owned(),
        _ => format!(" table size: {slots}\n number of elements: {elements}\n"),
    };
    let text = format!(
        "[Dictionary HT]\nHash table 0 stats (main hash table):\n{}[Expires HT]\nHash table 0 stats (main hash \
         table):\n{}",
        section(all, database.len()),
        section(expiring, database.expiring_len()),
    );
    reply.verbatim(b"txt", text);
    Ok(())
}

/// The size from which on an element of a list has a node of its own; 0 is the usual one.
fn set_plain_threshold(call: &mut Call<'_>, size: &[u8]) -> Result<(), Error> {
    const MAX: u64 = 4 << 30;
    let wrong = Error::text("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
    let bytes = crate::config::rule::memory(size).filter(|bytes| *bytes <= MAX).ok_or(wrong)?;
    call.server.config.limits.list_plain_bytes = match bytes {
        0 => crate::store::limits::LIST_PLAIN_BYTES,
        bytes => usize::try_from(bytes).unwrap_or(usize::MAX),
    };
    Ok(())
}

fn populate(call: &mut Call<'_>) -> Result<(), Error> {
    let count = call.integer(2)?;
    let count = u64::try_from(count).map_err(|_| Error::NotPositive)?;
    let prefix = if call.args.len() > 3 { call.arg(3) } else { b"key" };
    let size = if call.args.len() > 4 { Some(call.integer(4)?) } else { None };
    let size = size.map(|size| usize::try_from(size).map_err(|_| Error::NotPositive)).transpose()?;
    let db = call.db();
    for number in 0..count {
        let name = [prefix, format!(":{number}").as_bytes()].concat();
        let key = Key::new(&name);
        if call.server.database(db).find(key).is_some() {
            continue;
        }
        let mut value = format!("value:{number}").into_bytes();
        if let Some(size) = size {
            value.resize(size, 0);
        }
        call.server.set_string(db, key, &value, Expiry::Never);
        call.touched(key);
    }
    Ok(())
}

/// Write everything out, forget it, and read it back.
fn reload(call: &mut Call<'_>) -> Result<(), Error> {
    for db in 0..call.server.database_count() {
        reload_database(call.server, db).map_err(|_| Error::text("ERR Error trying to load the RDB dump"))?;
    }
    Ok(())
}

fn reload_database(server: &mut Server, db: usize) -> Result<(), rdb::RestoreError> {
    let now_ms = server.clock.wall_ms();
    let dumped: Vec<_> = server
        .database(db)
        .iter()
        .filter(|found| !found.is_expired(now_ms))
        .map(|found| (found.name().to_vec(), rdb::dump(found.view()), found.expires_at(), found.access()))
        .collect();
    drop(std::mem::take(server.database_mut(db)));
    for (name, payload, expires_at, access) in dumped {
        let value = rdb::restore(&payload, true, now_ms, &server.config.limits)?;
        let expiry = expires_at.map_or(Expiry::Never, Expiry::At);
        if let Some(value) = value {
            server.database_mut(db).insert(Key::new(&name), value, expiry, access);
        }
    }
    Ok(())
}

/// One of each type of reply.
fn protocol(reply: &mut ReplyWriter<'_>, kind: &[u8]) -> Done {
    match kind.to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk("Hello World"),
        b"integer" => reply.integer(12345),
        b"double" => reply.double_text("3.141"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.integer(number);
                reply.boolean(number == 1);
            }
        }
        b"attrib" => {
            reply.attributes(1, |reply| {
                reply.bulk("key-popularity");
                reply.array(2);
                reply.bulk("key:123");
                reply.integer(90);
            });
            reply.bulk("Some real reply following the attribute");
        }
        b"push" => {
            reply.push(2);
            reply.bulk("server-cpu-usage");
            reply.integer(42);
        }
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        b"verbatim" => reply.verbatim(b"txt", "This is a verbatim\nstring"),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        _ => {
            return Err(Error::text(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}
