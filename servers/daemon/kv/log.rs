//! The log, in Redis's form, which people and scripts know: a line an event, to standard output, a file, and the
//! system's log. The one rule: the file is opened for each line, as Redis does, so that it may be moved away.
//!
//! ```text
//! 7659:M 21 Nov 2026 04:05:27.833 * Ready to accept connections
//!   ▲  ▲                          ▲ . debug  - verbose  * notice  # warning
//!   │  a master
//!   the process
//! ```
#![expect(clippy::disallowed_methods, reason = "the log is the process's, and has a time of its own")]

use crate::sys;
use ropewalk_kv::Process;
use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Where the system's log listens.
const SYSTEM_LOG: &str = "/dev/log";

/// The longest line, in bytes.
const LINE_BYTES_MAX: usize = 1024;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The log of a server; its copies are one.
#[derive(Clone, Debug)]
pub(super) struct Log(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// What is logged, by [`weight`].
    least: AtomicU8,
    file: Option<PathBuf>,
    system: Option<SystemLog>,
}

#[derive(Debug)]
struct SystemLog {
    socket: UnixDatagram,
    ident: String,
    facility: u8,
}

impl Log {
    /// The log that is configured.
    ///
    /// # Errors
    /// If its file can't be opened: what to say.
    pub(super) fn open(process: &Process) -> Result<Self, String> {
        if let Some(path) = &process.logfile {
            append(path).map_err(|error| {
                let title = "\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***";
                let text = error.to_string();
                let text = text.split(" (os error").next().unwrap_or_default();
                format!("{title}\nCan't open the log file: {text}")
            })?;
        }
        let least = AtomicU8::new(weight_of(process.log_from));
        let system = process.syslog.clone().and_then(|(ident, facility)| SystemLog::open(ident, facility));
        Ok(Self(Arc::new(Inner { least, file: process.logfile.clone(), system })))
    }

    /// Log from now on, for the rest of the process's life.
    pub(super) fn start(&self) {
        let subscriber = tracing_subscriber::registry().with(self.clone());
        // Only a test may have started another one before.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }

    /// Log events of this level and those that matter more.
    pub(super) fn log_from(&self, level: LevelFilter) {
        self.0.least.store(weight_of(level), Relaxed);
        tracing::callsite::rebuild_interest_cache();
    }

    fn write(&self, level: &Level, message: &str) {
        if let Some(system) = &self.0.system {
            system.send(level, message);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = line(now.as_secs(), now.subsec_millis(), level, message);
        // Nobody is left to be told when the log itself fails.
        let _ = match &self.0.file {
            Some(path) => append(path).and_then(|mut file| file.write_all(line.as_bytes())),
            None => io::stdout().lock().write_all(line.as_bytes()),
        };
    }
}

fn append(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn line(seconds: u64, milliseconds: u32, level: &Level, message: &str) -> String {
    let time = sys::local_time(i64::try_from(seconds).unwrap_or(0));
    let mark = match *level {
        Level::TRACE => '.',
        Level::DEBUG => '-',
        Level::INFO => '*',
        _ => '#',
    };
    let month = MONTHS.get(time.month).unwrap_or(&"");
    let number = std::process::id();
    format!(
        "{number}:M {:02} {month} {} {:02}:{:02}:{:02}.{milliseconds:03} {mark} {message}\n",
        time.day, time.year, time.hour, time.minute, time.second
    )
}

/// How much an event matters: the more, the higher.
fn weight(level: &Level) -> u8 {
    match *level {
        Level::TRACE => 0,
        Level::DEBUG => 1,
        Level::INFO => 2,
        _ => 3,
    }
}

fn weight_of(level: LevelFilter) -> u8 {
    level.into_level().map_or(u8::MAX, |level| weight(&level))
}

impl SystemLog {
    fn open(ident: String, facility: u8) -> Option<Self> {
        let socket = UnixDatagram::unbound().and_then(|socket| {
            socket.connect(SYSTEM_LOG)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        Some(Self { socket: socket.ok()?, ident, facility })
    }

    fn send(&self, level: &Level, message: &str) {
        let severity = match *level {
            Level::TRACE => 7,
            Level::DEBUG => 6,
            Level::INFO => 5,
            _ => 4,
        };
        let (ident, number) = (&self.ident, std::process::id());
        let text = format!("<{}>{ident}[{number}]: {message}", self.facility * 8 + severity);
        // A system's log that takes nothing now misses it.
        let _ = self.socket.send(text.as_bytes());
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        weight(metadata.level()) >= self.0.least.load(Relaxed)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.write(event.metadata().level(), &text.finish());
    }
}

/// What an event says: its message, then what else there is to know.
#[derive(Default)]
struct Text {
    message: String,
    rest: String,
}

impl Text {
    fn finish(mut self) -> String {
        self.message.push_str(&self.rest);
        if let Some((end, _)) = self.message.char_indices().nth(LINE_BYTES_MAX) {
            self.message.truncate(end);
        }
        self.message
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.rest, " {name}={value:?}"),
        };
        written.expect("a string takes all that is written");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_redis_form() {
        let line = line(1_795_234_567, 9, &Level::INFO, "Ready");
        let number = std::process::id().to_string();
        let rest = line.strip_prefix(&number).unwrap();
        assert!(rest.starts_with(":M 2") && rest.ends_with(".009 * Ready\n"), "{line}");
        assert!(rest.contains(" Nov 2026 "), "{line}");
    }

    #[test]
    fn events_are_logged_to_a_file_from_a_level_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let process = Process {
            daemonize: false,
            pidfile: None,
            logfile: Some(path.clone()),
            log_from: LevelFilter::WARN,
            syslog: None,
            no_huge_pages: false,
        };
        let log = Log::open(&process).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(log.clone()), || {
            tracing::info!("one");
            log.log_from(LevelFilter::INFO);
            tracing::info!(port = 7, "two");
            tracing::debug!("three");
        });
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.ends_with(" * two port=7\n") && text.lines().count() == 1, "{text}");
        let process = Process { logfile: Some(directory.path().join("no/log")), ..process };
        let expected = "\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\nCan't open the log file: No such file or directory";
        assert_eq!(Log::open(&process).unwrap_err(), expected);
    }
}
