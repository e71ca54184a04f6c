//! LCS: what two strings have in common, in order. The one rule: of several longest ones it is Redis's that is found.
//!
//! `lengths[i][j]` is how long the longest common subsequence of the first `i` bytes of one and the first `j` of the other is:
//! one more than that without the last bytes if those are the same, else the longer of those without either's. From its
//! end back, every step along equal bytes is part of the subsequence; where there is a choice, the second string gets
//! shorter.

use crate::command::call::{Call, Done, StringRef, integer};
use crate::command::error::Error;
use ropewalk_protocols::resp::ReplyWriter;

/// What LCS is told.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    /// `LEN`: answer with the length alone.
    length: bool,
    /// `IDX`: answer with where it is.
    places: bool,
    /// `MINMATCHLEN`: leave out shorter matches.
    match_min: usize,
    /// `WITHMATCHLEN`: with their lengths.
    match_lengths: bool,
}

impl Options {
    fn parse(args: &[&[u8]]) -> Result<Self, Error> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.to_ascii_lowercase().as_slice() {
                b"len" => options.length = true,
                b"idx" => options.places = true,
                b"withmatchlen" => options.match_lengths = true,
                b"minmatchlen" => {
                    let least = integer(args.next().ok_or(Error::Syntax)?)?;
                    options.match_min = usize::try_from(least).unwrap_or(0);
                }
                _ => return Err(Error::Syntax),
            }
        }
        if options.length && options.places {
            return Err(Error::text("ERR If you want both the length and indexes, please just use IDX."));
        }
        Ok(options)
    }
}

/// `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN length] [WITHMATCHLEN]`
pub(crate) fn lcs(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let read = |index| {
        let string = call.read_string(call.key(index));
        string.map(|string| string.unwrap_or(StringRef::Bytes(&[])))
    };
    let (one, other) = (read(1), read(2));
    let (Ok(one), Ok(other)) = (one, other) else {
        return Err(Error::text("ERR The specified keys must contain string values"));
    };
    let options = Options::parse(call.rest(3))?;
    let table = Table::new(&one, &other, call.server.config.proto_max_bulk_len)?;
    if options.places {
        reply.map(2);
        reply.bulk("matches");
        let matches: Vec<Match> =
            table.matches().into_iter().filter(|found| found.length >= options.match_min).collect();
        reply.array(matches.len());
        matches.iter().for_each(|found| found.write(reply, options.match_lengths));
        reply.bulk("len");
        reply.integer(i64::from(table.length()));
    } else if options.length {
        reply.integer(i64::from(table.length()));
    } else {
        reply.bulk(table.subsequence());
    }
    Ok(())
}

/// Bytes in a row that are the same, and part of the subsequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Match {
    /// Where they begin in the one string.
    one: usize,
    /// Where in the other.
    other: usize,
    length: usize,
}

impl Match {
    fn write(self, reply: &mut ReplyWriter<'_>, with_length: bool) {
        reply.array(if with_length { 3 } else { 2 });
        for first in [self.one, self.other] {
            reply.array(2);
            reply.integer(first as i64);
            reply.integer((first + self.length - 1) as i64);
        }
        if with_length {
            reply.integer(self.length as i64);
        }
    }
}

/// Two strings, and the lengths of the longest common subsequences of their beginnings.
struct Table<'a> {
    one: &'a [u8],
    other: &'a [u8],
    /// Row by row: a row is a beginning of the one string.
    lengths: Vec<u32>,
}

impl<'a> Table<'a> {
    /// In at most so many bytes.
    fn new(one: &'a [u8], other: &'a [u8], bytes_max: usize) -> Result<Self, Error> {
        let width = other.len() + 1;
        let cells = (one.len() + 1).checked_mul(width);
        let bytes = cells.and_then(|cells| cells.checked_mul(size_of::<u32>()));
        let cells = cells.filter(|_| bytes.is_some_and(|bytes| bytes <= bytes_max)).ok_or(Error::text(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ))?;
        let mut lengths = Vec::new();
        lengths.try_reserve_exact(cells).map_err(|_| {
            Error::text("ERR Insufficient memory, failed allocating transient memory for LCS")
        })?;
        lengths.resize(cells, 0u32);
        for (row, byte) in one.iter().enumerate() {
            let (above, below) = lengths.split_at_mut((row + 1) * width);
            let above = &above[row * width..];
            let below = &mut below[..width];
            for (column, same) in other.iter().enumerate() {
                below[column + 1] =
                    if byte == same { above[column] + 1 } else { above[column + 1].max(below[column]) };
            }
        }
        Ok(Self { one, other, lengths })
    }

    fn at(&self, row: usize, column: usize) -> u32 {
        self.lengths[row * (self.other.len() + 1) + column]
    }

    fn length(&self) -> u32 {
        self.at(self.one.len(), self.other.len())
    }

    /// The places of the subsequence's bytes in both strings, the last ones first.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let (mut row, mut column) = (self.one.len(), self.other.len());
        std::iter::from_fn(move || {
            while row > 0 && column > 0 {
                if self.one[row - 1] == self.other[column - 1] {
                    row -= 1;
                    column -= 1;
                    return Some((row, column));
                }
                if self.at(row - 1, column) > self.at(row, column - 1) {
                    row -= 1;
                } else {
                    column -= 1;
                }
            }
            None
        })
    }

    fn subsequence(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.places().map(|(row, _)| self.one[row]).collect();
        bytes.reverse();
        bytes
    }

    /// The last ones first.
    fn matches(&self) -> Vec<Match> {
        let mut matches: Vec<Match> = Vec::new();
        for (one, other) in self.places() {
            match matches.last_mut() {
                Some(last) if last.one == one + 1 && last.other == other + 1 => {
                    *last = Match { one, other, length: last.length + 1 };
                }
                _ => matches.push(Match { one, other, length: 1 }),
            }
        }
        matches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table<'a>(one: &'a str, other: &'a str) -> Table<'a> {
        Table::new(one.as_bytes(), other.as_bytes(), 1 << 20).unwrap()
    }

    #[test]
    fn the_longest_common_subsequence_is_found() {
        let table = table("ohmytext", "mynewtext");
        assert_eq!((table.length(), table.subsequence()), (6, b"mytext".to_vec()));
        let places = [Match { one: 4, other: 5, length: 4 }, Match { one: 2, other: 0, length: 2 }];
        assert_eq!(table.matches(), places);
    }

    #[test]
    fn nothing_in_common_is_nothing() {
        for (one, other) in [("", ""), ("abc", ""), ("", "abc"), ("abc", "xyz")] {
            let table = table(one, other);
            assert_eq!((table.length(), table.subsequence(), table.matches()), (0, vec![], vec![]));
        }
    }

    #[test]
    fn more_memory_than_is_allowed_is_refused() {
        let bytes = [b'x'; 100];
        assert!(Table::new(&bytes, &bytes, 101 * 101 * 4).is_ok());
        assert!(Table::new(&bytes, &bytes, 101 * 101 * 4 - 1).is_err());
    }
}
