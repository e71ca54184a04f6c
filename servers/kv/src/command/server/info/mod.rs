//! INFO: figures, by section. The one rule: names and order are those of Redis 7.0.15, every figure is true, and
//! what this server has not got is left out.

mod commands;
mod sections;

use crate::command::call::{Call, Done};
use crate::server::Server;
use ropewalk_protocols::resp::ReplyWriter;
use std::fmt::{Display, Write};

/// A part of the report.
struct Section {
    /// As it is asked for.
    name: &'static str,
    /// As it is headed.
    title: &'static str,
    /// Whether it is shown to who asks for nothing.
    by_default: bool,
    write: fn(&mut Server, &mut Lines),
}

/// All of them, in the order of the report.
static SECTIONS: &[Section] = &[
    Section { name: "server", title: "Server", by_default: true, write: sections::server },
    Section { name: "clients", title: "Clients", by_default: true, write: sections::clients },
    Section { name: "memory", title: "Memory", by_default: true, write: sections::memory },
    Section { name: "persistence", title: "Persistence", by_default: true, write: sections::persistence },
    Section { name: "stats", title: "Stats", by_default: true, write: sections::stats },
    Section { name: "replication", title: "Replication", by_default: true, write: sections::replication },
    Section { name: "cpu", title: "CPU", by_default: true, write: sections::cpu },
    Section { name: "module_list", title: "Modules", by_default: true, write: |_, _| () },
    Section { name: "commandstats", title: "Commandstats", by_default: false, write: commands::stats },
    Section { name: "errorstats", title: "Errorstats", by_default: true, write: commands::errors },
    Section { name: "latencystats", title: "Latencystats", by_default: false, write: commands::latencies },
    Section { name: "cluster", title: "Cluster", by_default: true, write: sections::cluster },
    Section { name: "keyspace", title: "Keyspace", by_default: true, write: sections::keyspace },
];

/// `INFO [section ...]`
pub(crate) fn info(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.server.share_time();
    let asked = call.rest(1);
    let is_asked = |name: &str| asked.iter().any(|asked| asked.eq_ignore_ascii_case(name.as_bytes()));
    let everything = is_asked("all") || is_asked("everything");
    let default = asked.is_empty() || is_asked("default");
    let mut lines = Lines::default();
    for section in SECTIONS {
        if everything || (default && section.by_default) || is_asked(section.name) {
            lines.begin(section.title);
            (section.write)(call.server, &mut lines);
        }
    }
    reply.verbatim(b"txt", lines.text);
    Ok(())
}

/// The report as it grows.
#[derive(Default)]
struct Lines {
    text: Vec<u8>,
}

impl Lines {
    fn begin(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.extend_from_slice(b"\r\n");
        }
        self.text.extend_from_slice(format!("# {title}\r\n").as_bytes());
    }

    /// A figure.
    fn add(&mut self, name: &str, value: impl Display) {
        self.text.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
    }

    /// Something that may be no text.
    fn add_bytes(&mut self, name: &str, value: &[u8]) {
        self.text.extend_from_slice(&[name.as_bytes(), b":", value, b"\r\n"].concat());
    }

    /// A number of bytes, and the same for people.
    fn add_size(&mut self, name: &str, bytes: u64) {
        self.add(name, bytes);
        self.add(&format!("{name}_human"), human(bytes));
    }
}

/// `991.16K`
fn human(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut text = String::new();
    for unit in ["B", "K", "M", "G", "T", "P"] {
        if size < 1024.0 {
            // Writing into memory does not fail.
            let _ = if unit == "B" { write!(text, "{bytes}B") } else { write!(text, "{size:.2}{unit}") };
            return text;
        }
        size /= 1024.0;
    }
    format!("{bytes}B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_largest_unit_that_fits() {
        let sizes = [0, 1023, 1024, 1_014_952, 12_345_344, 25_276_510_208].map(human);
        assert_eq!(sizes, ["0B", "1023B", "1.00K", "991.16K", "11.77M", "23.54G"]);
    }
}
