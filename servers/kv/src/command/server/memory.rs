//! MEMORY: where memory goes.

use crate::command::call::{Call, Done, integer};
use crate::command::error::Error;
use crate::server::overhead::Overhead;
use crate::store::database::Key;
use ropewalk_protocols::resp::{Open, ReplyWriter};

/// `MEMORY USAGE key [SAMPLES count]`: bytes. How many elements are looked at is the value's own choice.
pub(crate) fn memory_usage(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    for option in call.rest(3).chunks(2) {
        match option {
            [samples, count] if samples.eq_ignore_ascii_case(b"samples") => {
                if integer(count)? < 0 {
                    return Err(Error::Syntax);
                }
            }
            _ => return Err(Error::Syntax),
        }
    }
    match call.peek(Key::new(call.arg(2))) {
        Some(found) => reply.integer(found.heap_bytes() as i64),
        None => reply.null(),
    }
    Ok(())
}

/// `MEMORY STATS`
pub(crate) fn memory_stats(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let overhead = call.server.overhead();
    let mut map = Map { pairs: 0, open: reply.open_map(), reply };
    map.count("peak.allocated", overhead.peak);
    map.count("total.allocated", overhead.used);
    map.count("startup.allocated", overhead.startup);
    map.count("replication.backlog", 0);
    map.count("clients.slaves", 0);
    map.count("clients.normal", overhead.clients);
    map.count("cluster.links", 0);
    map.count("aof.buffer", 0);
    map.count("lua.caches", 0);
    map.count("functions.caches", 0);
    for (db, main, expires) in &overhead.databases {
        map.name(&format!("db.{db}"));
        map.reply.map(3);
        let tables = [("main", *main), ("expires", *expires), ("slot-to-keys", 0)];
        for (table, bytes) in tables {
            map.reply.bulk(format!("overhead.hashtable.{table}"));
            map.reply.integer(bytes as i64);
        }
    }
    map.count("overhead.total", overhead.total());
    map.count("keys.count", overhead.keys);
    map.count("keys.bytes-per-key", overhead.bytes_per_key());
    map.count("dataset.bytes", overhead.dataset());
    map.share("dataset.percentage", overhead.dataset_percent());
    map.share("peak.percentage", overhead.peak_percent());
    map.count("allocator.allocated", overhead.used);
    map.count("allocator.resident", overhead.resident);
    for (name, bytes) in
        [("allocator-rss.ratio", "allocator-rss.bytes"), ("fragmentation", "fragmentation.bytes")]
    {
        map.share(name, overhead.fragmentation());
        map.name(bytes);
        map.reply.integer(overhead.fragmentation_bytes());
    }
    map.reply.close(map.open, map.pairs);
    Ok(())
}

/// A map whose pairs are counted as they are written.
struct Map<'m, 'r> {
    reply: &'m mut ReplyWriter<'r>,
    open: Open,
    pairs: usize,
}

impl Map<'_, '_> {
    fn name(&mut self, name: &str) {
        self.reply.bulk(name);
        self.pairs += 1;
    }

    fn count(&mut self, name: &str, value: usize) {
        self.name(name);
        self.reply.integer(value as i64);
    }

    fn share(&mut self, name: &str, value: f64) {
        self.name(name);
        self.reply.double(value);
    }
}

const EMPTY: &str = "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in \
    these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be \
    back to our programming as soon as I finished rebooting.\n";
const HEALTHY: &str = "Hi Sam, I can't find any memory issue in your instance. I can only account for what occurs on \
    this base.\n";

/// `MEMORY DOCTOR`: what to think of it, in words.
pub(crate) fn memory_doctor(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    reply.verbatim(b"txt", report(&call.server.overhead(), call.server.clients.len()));
    Ok(())
}

fn report(overhead: &Overhead, clients: usize) -> String {
    /// With less than this there is nothing to tell, in bytes.
    const LITTLE: usize = 5 * 1024 * 1024;
    const CLIENT_BYTES: usize = 200 * 1024;
    if overhead.used < LITTLE {
        return EMPTY.to_owned();
    }
    let findings = [
        (
            overhead.peak as f64 / overhead.used as f64 > 1.5,
            "Peak memory: at some time this server used more than one and a half times what it uses now. What the \
             allocator does not give back is used again when there is more data.",
        ),
        (
            overhead.fragmentation() > 1.4 && overhead.fragmentation_bytes() > 10 << 20,
            "High total RSS: the process occupies more than 1.4 times what is allocated. That is harmless after a peak; \
             otherwise data of very different sizes come and go. MEMORY PURGE, or a restart, gives it back.",
        ),
        (
            overhead.clients / clients.max(1) > CLIENT_BYTES,
            "Big client buffers: clients take more than 200 KiB each on average. CLIENT LIST shows who sends very much \
             at once, or does not read.",
        ),
    ];
    let found: Vec<String> = findings
        .into_iter()
        .filter(|(found, _)| *found)
        .map(|(_, finding)| format!(" * {finding}\n\n"))
        .collect();
    if found.is_empty() {
        return HEALTHY.to_owned();
    }
    format!(
        "Sam, I detected a few issues in this Redis instance memory implants:\n\n{}I'm here to keep you safe, Sam. I \
         want to help you.\n",
        found.concat()
    )
}

/// `MEMORY MALLOC-STATS`: what the allocator says of itself.
pub(crate) fn memory_malloc_stats(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let memory = &call.server.memory;
    let text = format!(
        "allocator: {}\nallocated: {}\nallocated at most: {}\nresident: {}\n",
        memory.allocator(),
        memory.used(),
        memory.peak(),
        memory.resident()
    );
    reply.verbatim(b"txt", text);
    Ok(())
}

/// `MEMORY PURGE`: the allocator gives unused memory back to the system.
pub(crate) fn memory_purge(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.server.memory.purge();
    reply.ok();
    Ok(())
}

/// `MEMORY HELP`
pub(crate) fn memory_help(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.help(
        reply,
        &[
            "DOCTOR",
            "    Return memory problems reports.",
            "MALLOC-STATS",
            "    Return internal statistics report from the memory allocator.",
            "PURGE",
            "    Attempt to purge dirty pages for reclamation by the allocator.",
            "STATS",
            "    Return information about the memory usage of the server.",
            "USAGE <key> [SAMPLES <count>]",
            "    Return memory in bytes used by <key> and its value. Nested values are",
            "    sampled up to <count> times (default: 5, 0 means sample all).",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doctor_without_data_has_nothing_to_say() {
        assert_eq!(report(&Overhead::default(), 1), EMPTY);
    }

    #[test]
    fn a_doctor_tells_what_is_wrong_and_nothing_else() {
        let fine = Overhead { used: 10 << 20, peak: 10 << 20, resident: 11 << 20, ..Overhead::default() };
        assert_eq!(report(&fine, 1), HEALTHY);
        let past = Overhead { peak: 16 << 20, ..fine.clone() };
        assert!(report(&past, 1).contains(" * Peak memory") && !report(&past, 1).contains("High total"));
        let bloated = Overhead { resident: 30 << 20, ..fine.clone() };
        assert!(report(&bloated, 1).contains(" * High total RSS"));
        let crowded = Overhead { clients: 1 << 20, ..fine };
        assert!(report(&crowded, 2).contains(" * Big client buffers") && report(&crowded, 20) == HEALTHY);
    }
}
