//! The slow log: the last commands that took long. The one rule: an entry is small, however large the command
//! was, and what is secret in it is not kept.

use super::Server;
use super::clock::micros;
use super::timing::Ran;
use crate::command::row::Flags;
use std::collections::VecDeque;
use std::time::Duration;

/// How many words of a command are kept; in place of more, the last one says how many.
const WORDS_MAX: usize = 32;

/// How many bytes of a word are kept.
const WORD_BYTES_MAX: usize = 128;

/// What stands in place of a secret.
const REDACTED: &[u8] = b"(redacted)";

/// A command that took long.
#[derive(Debug)]
pub(crate) struct Slow {
    /// Its number: the first one ever is 0.
    pub(crate) id: i64,
    /// When it was done, in seconds since 1970.
    pub(crate) seconds: i64,
    /// How long it took.
    pub(crate) micros: i64,
    /// The words of the command, cut short.
    pub(crate) words: Vec<Vec<u8>>,
    /// Where its client came from.
    pub(crate) address: Vec<u8>,
    /// What its client called itself.
    pub(crate) name: Vec<u8>,
}

/// The last of them.
#[derive(Debug, Default)]
pub(crate) struct SlowLog {
    /// The newest first.
    entries: VecDeque<Slow>,
    next_id: i64,
}

impl SlowLog {
    /// The entries, the newest first.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Slow> {
        self.entries.iter()
    }

    /// Forget them. Numbers go on.
    pub(crate) fn clear(&mut self) {
        self.entries = VecDeque::new();
    }

    fn add(&mut self, slow: Slow, length_max: usize) {
        self.entries.push_front(Slow { id: self.next_id, ..slow });
        self.next_id += 1;
        self.entries.truncate(length_max);
    }
}

impl Server {
    /// A command was run, and took so long: note it, if that was long.
    #[inline]
    pub(super) fn note_if_slow(&mut self, ran: &Ran<'_>, took: Duration) {
        let threshold = self.config.slowlog_log_slower_than;
        if threshold >= 0 && micros(took) >= threshold && self.config.slowlog_max_len > 0 {
            self.note_slow(ran, took);
        }
    }

    #[cold]
    fn note_slow(&mut self, ran: &Ran<'_>, took: Duration) {
        if self.registry.entry(ran.command).row.flags.contains(Flags::SKIP_SLOWLOG) {
            return;
        }
        let name = ran.client.extras(|extras| extras.name.as_deref().map(<[u8]>::to_vec));
        let slow = Slow {
            id: 0,
            seconds: self.clock.wall_seconds(),
            micros: micros(took),
            words: shorten(ran.args, ran.secrets),
            address: self.address_of(ran.client),
            name: name.flatten().unwrap_or_default(),
        };
        self.slow_log.add(slow, self.config.slowlog_max_len);
    }
}

/// The words of a command, not too many and not too long.
fn shorten(args: &[&[u8]], secrets: &[usize]) -> Vec<Vec<u8>> {
    let kept = if args.len() > WORDS_MAX { WORDS_MAX - 1 } else { args.len() };
    let word = |(index, word): (usize, &&[u8])| match word.split_at_checked(WORD_BYTES_MAX) {
        _ if secrets.contains(&index) => REDACTED.to_vec(),
        Some((begin, rest)) if !rest.is_empty() => {
            let more = format!("... ({} more bytes)", rest.len());
            [begin, more.as_bytes()].concat()
        }
        _ => word.to_vec(),
    };
    let mut words: Vec<Vec<u8>> = args.iter().take(kept).enumerate().map(word).collect();
    if kept < args.len() {
        words.push(format!("... ({} more arguments)", args.len() - kept).into_bytes());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_cut_and_say_by_how_much() {
        let (fits, long) = ([b'a'; 128], [b'b'; 130]);
        let words = shorten(&[&fits, &long], &[]);
        assert_eq!(words[0], fits);
        assert_eq!(words[1], [&long[..128], b"... (2 more bytes)"].concat());
    }

    #[test]
    fn the_last_of_many_words_says_how_many_are_missing() {
        let all = [&b"x"[..]; 33];
        assert_eq!(shorten(&all[..32], &[]).len(), 32);
        let words = shorten(&all, &[]);
        assert_eq!((words.len(), &words[31][..]), (32, &b"... (2 more arguments)"[..]));
    }

    #[test]
    fn secrets_are_not_kept() {
        assert_eq!(shorten(&[b"auth", b"secret"], &[1]), [&b"auth"[..], b"(redacted)"]);
    }

    #[test]
    fn the_oldest_entries_go_and_numbers_go_on() {
        let slow = || Slow { id: 0, seconds: 0, micros: 0, words: vec![], address: vec![], name: vec![] };
        let mut log = SlowLog::default();
        (0..5).for_each(|_| log.add(slow(), 3));
        assert_eq!(log.iter().map(|slow| slow.id).collect::<Vec<_>>(), [4, 3, 2]);
        log.clear();
        log.add(slow(), 3);
        assert_eq!(log.iter().map(|slow| slow.id).collect::<Vec<_>>(), [5]);
    }
}
