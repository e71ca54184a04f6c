//! What a handler can reach: its arguments, the data, and what a change owes to others. The one rule: data
//! is read and changed through here alone.
//!
//! Reading takes `&self`, so a handler can hold several values at a time; a key that is found to have
//! expired is treated as absent and removed when the command is over. Changing takes `&mut self`, and
//! removes an expired key first. Whoever has changed a key says so with [`Call::modified`], once a key.

use super::error::Error;
use super::registry::CommandId;
use super::row::Command;
use crate::long_double::LongDouble;
use crate::server::Server;
use crate::server::blocking::Wait;
use crate::server::client::{Client, State};
use crate::server::keyspace::Lookup;
use crate::server::notify::Notify;
use crate::store::database::{Expiry, Found, Key};
use crate::store::limits::Limits;
use crate::store::value::{Collection, Value, View};
use bytes::Bytes;
use ropewalk_protocols::resp::{ReplyWriter, number};
use ropewalk_reactor::random::Random;
use std::num::FpCategory;
use std::rc::Rc;
use std::time::Duration;

/// What a handler returns: the reply is written, or this is the reply.
pub(crate) type Done = Result<(), Error>;

/// What runs a command.
pub(crate) type Handler = fn(&mut Call<'_>, &mut ReplyWriter<'_>) -> Done;

/// What goes into the journal in place of the command as it came.
#[derive(Debug, Default)]
pub(crate) enum Effects {
    /// The command as it came, if it has changed anything.
    #[default]
    AsCalled,
    /// These commands, of which there may be none.
    Instead(Vec<Vec<Bytes>>),
}

/// A command that is being run.
pub(crate) struct Call<'a> {
    /// The server, all of it.
    pub(crate) server: &'a mut Server,
    /// Whose command it is.
    pub(crate) client: &'a Rc<Client>,
    /// Its name and its arguments; how many there are agrees with its arity.
    pub(crate) args: &'a [&'a [u8]],
    /// Which command it is.
    pub(crate) command: CommandId,
    /// Its row in the table.
    pub(crate) row: &'static Command,
    /// The key that the client waited for and that is ready, if that is why the command runs again.
    pub(crate) ready: Option<&'a [u8]>,
    /// The command has to wait: set by [`Call::wait`].
    pub(crate) wait: Option<Wait>,
    /// What goes into the journal.
    pub(crate) effects: Effects,
    /// Which arguments are not to be shown to anybody.
    pub(crate) secrets: Vec<usize>,
    pub(crate) first_key: Option<Key<'a>>,
}

/// The bytes of a string value, which an integer gets on the way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StringRef<'a> {
    /// The text of an integer.
    Integer(number::Text),
    /// Bytes as they are stored.
    Bytes(&'a [u8]),
}

impl std::ops::Deref for StringRef<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Integer(text) => text,
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl<'a> StringRef<'a> {
    /// The bytes, if it is a string.
    #[inline]
    pub(crate) fn of(view: View<'a>) -> Result<Self, Error> {
        match view {
            View::Bytes(bytes) => Ok(Self::Bytes(bytes)),
            View::Integer(integer) => Ok(Self::Integer(number::integer(integer))),
            _ => Err(Error::WrongType),
        }
    }
}

/// Arguments.
impl<'a> Call<'a> {
    /// An argument; the name is number 0. Empty if there are not so many.
    #[inline]
    pub(crate) fn arg(&self, index: usize) -> &'a [u8] {
        self.args.get(index).copied().unwrap_or_default()
    }

    /// The arguments from this one on.
    pub(crate) fn rest(&self, index: usize) -> &'a [&'a [u8]] {
        self.args.get(index..).unwrap_or_default()
    }

    /// An argument that names a key.
    #[inline]
    pub(crate) fn key(&self, index: usize) -> Key<'a> {
        match self.first_key {
            Some(key) if index == 1 => key,
            _ => Key::new(self.arg(index)),
        }
    }

    /// An argument that is an integer.
    pub(crate) fn integer(&self, index: usize) -> Result<i64, Error> {
        integer(self.arg(index))
    }

    /// An argument that is a double.
    pub(crate) fn float(&self, index: usize) -> Result<f64, Error> {
        float(self.arg(index))
    }

    /// An argument that says how long to wait, in seconds with fractions; none is for ever.
    pub(crate) fn timeout(&self, index: usize) -> Result<Option<Duration>, Error> {
        let argument = self.arg(index);
        let seconds = parse_double(argument).filter(|seconds| !seconds.is_nan());
        // Redis reads these with a larger range: what is no double may be a number all the same.
        let beyond = || LongDouble::parse(argument).map(|_| f64::INFINITY);
        let seconds =
            seconds.or_else(beyond).ok_or(Error::text("ERR timeout is not a float or out of range"))?;
        let ms = (seconds * 1000.0).ceil();
        // What doesn't fit comes out negative in Redis.
        if ms < 0.0 || ms >= i64::MAX as f64 {
            return Err(Error::text("ERR timeout is negative"));
        }
        Ok((ms > 0.0).then(|| Duration::from_millis(ms as u64)))
    }

    /// This argument is not shown to anybody: not in MONITOR, not in the slow log.
    pub(crate) fn redact(&mut self, index: usize) {
        self.secrets.push(index);
    }

    /// The command has too few arguments, or too many, as its handler found.
    pub(crate) fn arity_error(&self) -> Error {
        Error::Arity(self.server.registry.name(self.command).to_owned())
    }
}

/// Time, chance and configuration.
impl Call<'_> {
    /// Milliseconds since 1970; the same throughout a command, and throughout a transaction.
    #[inline]
    pub(crate) fn now_ms(&self) -> i64 {
        self.server.clock.wall_ms()
    }

    /// Which database the client has selected.
    #[inline]
    pub(crate) fn db(&self) -> usize {
        self.client.db.get() as usize
    }

    /// The thresholds between encodings.
    pub(crate) fn limits(&self) -> Limits {
        self.server.config.limits.clone()
    }

    /// Chance.
    pub(crate) fn random<R>(&self, with: impl FnOnce(&mut Random) -> R) -> R {
        with(&mut self.server.random.borrow_mut())
    }

    /// Whether this runs within EXEC.
    pub(crate) fn in_transaction(&self) -> bool {
        self.client.is(State::EXECUTING)
    }
}

/// Reading.
impl Call<'_> {
    /// The value of a key, as a command reads it: the use is noted, hits and misses are counted.
    #[inline]
    pub(crate) fn read(&self, key: Key<'_>) -> Option<Found<'_>> {
        self.server.look_up(self.db(), key, self.lookup())
    }

    /// The value of a key, of which nothing is noted and nothing counted.
    pub(crate) fn peek(&self, key: Key<'_>) -> Option<Found<'_>> {
        self.server.look_up(self.db(), key, Lookup::Peek)
    }

    /// The collection under a key.
    ///
    /// # Errors
    /// If the key holds something else.
    pub(crate) fn read_as<C: Collection>(&self, key: Key<'_>) -> Result<Option<&C>, Error> {
        match self.read(key) {
            Some(found) => C::of(found.view()).map(Some).ok_or(Error::WrongType),
            None => Ok(None),
        }
    }

    /// The string under a key.
    ///
    /// # Errors
    /// If the key holds something else.
    #[inline]
    pub(crate) fn read_string(&self, key: Key<'_>) -> Result<Option<StringRef<'_>>, Error> {
        self.read(key).map(|found| StringRef::of(found.view())).transpose()
    }

    fn lookup(&self) -> Lookup {
        if self.client.is(State::NO_TOUCH) && self.row.name != "touch" { Lookup::Count } else { Lookup::Use }
    }
}

/// How many keys of one command are fetched at a time.
pub(crate) const FETCHED_MAX: usize = 16;

/// Many keys.
impl Call<'_> {
    /// These names, of at most [`FETCHED_MAX`], as keys: what looking them up will touch is fetched for all of them before the
    /// first is looked up.
    pub(crate) fn fetched<'k>(&self, names: &[&'k [u8]]) -> [Option<Key<'k>>; FETCHED_MAX] {
        let keys = std::array::from_fn(|index| names.get(index).map(|name| Key::new(name)));
        let database = self.server.database(self.db());
        keys.iter().flatten().for_each(|key| database.prefetch_bucket(*key));
        keys.iter().flatten().for_each(|key| database.prefetch_entry(*key));
        keys
    }
}

/// Changing. Whoever does says so with [`Call::modified`].
impl Call<'_> {
    /// A key that is going to be changed, as it is before: removed first if it has expired, its use noted.
    pub(crate) fn before_change(&mut self, key: Key<'_>) -> Option<Found<'_>> {
        let db = self.db();
        self.server.expire_if_due(db, key);
        self.server.look_up(db, key, Lookup::Touch)
    }

    /// The collection under a key, to change.
    ///
    /// # Errors
    /// If the key holds something else.
    pub(crate) fn write_as<C: Collection>(&mut self, key: Key<'_>) -> Result<Option<&mut C>, Error> {
        if self.before_change(key).is_none() {
            return Ok(None);
        }
        let db = self.db();
        Ok(self.server.database_mut(db).collection_mut(key)?)
    }

    /// The collection under a key, to change; a new one if there is none. Left empty, it has to be removed:
    /// [`Call::delete_if_empty`].
    ///
    /// # Errors
    /// If the key holds something else.
    pub(crate) fn create_as<C: Collection>(&mut self, key: Key<'_>) -> Result<&mut C, Error> {
        let db = self.db();
        if self.before_change(key).is_none() {
            self.server.insert(db, key, C::new().into_value(), Expiry::Never);
        }
        let found = self.server.database_mut(db).collection_mut(key)?;
        Ok(found.expect("it was there, or was put there"))
    }

    /// The bytes of a string, to change in place; none if there is no such key.
    ///
    /// # Errors
    /// If the key holds something else.
    pub(crate) fn bytes_mut(&mut self, key: Key<'_>) -> Result<Option<&mut Vec<u8>>, Error> {
        let db = self.db();
        self.server.expire_if_due(db, key);
        Ok(self.server.database_mut(db).bytes_mut(key)?)
    }

    /// Set a key to a string; what it held is dropped, of whatever kind.
    #[inline]
    pub(crate) fn set_string(&mut self, key: Key<'_>, bytes: &[u8], expiry: Expiry) {
        self.server.set_string(self.db(), key, bytes, expiry);
    }

    /// Put a value under a key; what it held is dropped.
    pub(crate) fn put(&mut self, key: Key<'_>, value: Value, expiry: Expiry) {
        self.server.insert(self.db(), key, value, expiry);
    }

    /// Remove a key. Returns whether it was there; one that had expired was not.
    pub(crate) fn delete(&mut self, key: Key<'_>) -> bool {
        let db = self.db();
        self.server.expire_if_due(db, key);
        self.server.delete(db, key)
    }

    /// Remove a key whose collection is empty, and publish `del`. Returns whether it was removed.
    pub(crate) fn delete_if_empty<C: Collection>(&mut self, key: Key<'_>) -> bool {
        let db = self.db();
        let emptied = matches!(
            self.server.database_mut(db).collection_mut::<C>(key), Ok(Some(collection)) if collection.is_empty()
        );
        if emptied {
            self.server.delete(db, key);
            self.notify(Notify::GENERIC, "del", key);
        }
        emptied
    }

    /// A key of this client's database was changed, created or removed: tell watchers, caches and whoever waits
    /// for it, publish the event, and have the journal note the command.
    #[inline]
    pub(crate) fn modified(&mut self, key: Key<'_>, class: Notify, event: &'static str) {
        self.touched(key);
        self.notify(class, event, key);
        self.server.dirty += 1;
    }

    /// As [`modified`](Self::modified), without an event and without a note in the journal.
    #[inline]
    pub(crate) fn touched(&mut self, key: Key<'_>) {
        self.server.touched(self.db(), key, Some(self.client));
    }

    /// Publish an event about a key.
    #[inline]
    pub(crate) fn notify(&mut self, class: Notify, event: &'static str, key: Key<'_>) {
        self.server.notify(self.db(), class, event, key.name);
    }
}

/// The journal.
impl Call<'_> {
    /// Whether anybody reads the journal: if not, there is no need to say anything to it.
    pub(crate) fn is_journaled(&self) -> bool {
        self.server.journal.is_read()
    }

    /// Note this command in place of the one that came.
    pub(crate) fn journal_instead(&mut self, command: &[&[u8]]) {
        if self.is_journaled() {
            self.effects = Effects::Instead(Vec::new());
            self.journal_also(command);
        }
    }

    /// Note this command too, behind those of earlier calls. The one that came is not noted then.
    pub(crate) fn journal_also(&mut self, command: &[&[u8]]) {
        if !self.is_journaled() {
            return;
        }
        let command = command.iter().map(|argument| Bytes::copy_from_slice(argument)).collect();
        match &mut self.effects {
            Effects::AsCalled => self.effects = Effects::Instead(vec![command]),
            Effects::Instead(commands) => commands.push(command),
        }
    }
}

/// Waiting.
impl Call<'_> {
    /// Have the client wait until one of the keys has something for it; then the command runs again, with
    /// [`Call::ready`] set. Where a client cannot wait, within EXEC, it is answered at once as if its time were up.
    pub(crate) fn wait(&mut self, reply: &mut ReplyWriter<'_>, wait: Wait) {
        if self.client.is(State::EXECUTING) {
            wait.otherwise.write(reply);
        } else {
            self.wait = Some(wait);
        }
    }

    /// Whether a key of this name is to be looked at: all are, but for a command that runs again because one is
    /// ready.
    pub(crate) fn considers(&self, key: &[u8]) -> bool {
        self.ready.is_none_or(|ready| ready == key)
    }
}

/// The integer that an argument is.
pub(crate) fn integer(argument: &[u8]) -> Result<i64, Error> {
    number::parse_integer(argument).ok_or(Error::NotInteger)
}

/// The integer of 32 bits that an argument is.
pub(crate) fn small_integer(argument: &[u8]) -> Result<i32, Error> {
    const BOUNDS: Error = Error::Between(i32::MIN as i64, i32::MAX as i64);
    i32::try_from(integer(argument)?).map_err(|_| BOUNDS)
}

/// The double that an argument is: what C's `strtod` reads, all of it, and no NaN.
pub(crate) fn float(argument: &[u8]) -> Result<f64, Error> {
    parse_double(argument).filter(|value| !value.is_nan()).ok_or(Error::NotFloat)
}

/// A double as [`strtod`] reads it, but for one that is too large, or so small that it would be zero.
pub(crate) fn parse_double(text: &[u8]) -> Option<f64> {
    let value = strtod(text)?;
    let fits = match value.classify() {
        // By its name, not by so many digits.
        FpCategory::Infinite => text.iter().any(|byte| byte.eq_ignore_ascii_case(&b'n')),
        FpCategory::Zero => is_zero(text),
        FpCategory::Nan | FpCategory::Subnormal | FpCategory::Normal => true,
    };
    fits.then_some(value)
}

/// A double as C's `strtod` reads it: decimal or hexadecimal, `inf`, `infinity` and `nan` in any case; no blanks.
/// One that is too large is infinite, one that is too small is zero.
pub(crate) fn strtod(text: &[u8]) -> Option<f64> {
    let text = str::from_utf8(text).ok()?;
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (-1.0, text.get(1..)?),
        b'+' => (1.0, text.get(1..)?),
        _ => (1.0, text),
    };
    let value = match unsigned.get(..2) {
        Some("0x" | "0X") => hexadecimal(unsigned.get(2..)?)?,
        _ => {
            let begins = unsigned.as_bytes().first()?;
            let is_number = begins.is_ascii_digit() || *begins == b'.';
            let is_word = ["inf", "infinity", "nan"].iter().any(|word| unsigned.eq_ignore_ascii_case(word));
            if !is_number && !is_word {
                return None;
            }
            unsigned.parse::<f64>().ok()?
        }
    };
    Some(sign * value)
}

/// Whether a number has no digit but 0, its exponent left out.
fn is_zero(number: &[u8]) -> bool {
    let is_hexadecimal = number.iter().any(|byte| byte.eq_ignore_ascii_case(&b'x'));
    let exponent = if is_hexadecimal { b'p' } else { b'e' };
    let mut digits = number.iter().take_while(|byte| !byte.eq_ignore_ascii_case(&exponent));
    !digits.any(|byte| matches!(byte, b'1'..=b'9' | b'a'..=b'f' | b'A'..=b'F'))
}

/// `1f.8p3` behind its `0x`.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.find(['p', 'P']) {
        Some(at) => (text.get(..at)?, text.get(at.checked_add(1)?..)?.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0f64;
    for digit in whole.chars() {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let mut weight = 1.0 / 16.0;
    for digit in fraction.chars() {
        value += f64::from(digit.to_digit(16)?) * weight;
        weight /= 16.0;
    }
    Some(value * f64::from(exponent).exp2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_double_is_what_strtod_reads() {
        for (text, value) in [
            ("1", 1.0),
            ("+1", 1.0),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("0e9", 0.0),
            ("0x1p3", 8.0),
            ("0X.8", 0.5),
            ("0x0p9", 0.0),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
        ] {
            assert_eq!(parse_double(text.as_bytes()), Some(value), "{text}");
        }
        assert!(parse_double(b"NaN").is_some_and(f64::is_nan));
        for text in [
            "",
            " 1",
            "1 ",
            "1e",
            ".",
            "-",
            "1e999",
            "-1e999",
            "1e-999",
            "0x1p9999",
            "0x1p-9999",
            "1_0",
            "0x",
            "infinit",
            "1,5",
            "--1",
        ] {
            assert_eq!(parse_double(text.as_bytes()), None, "{text}");
        }
    }
}
