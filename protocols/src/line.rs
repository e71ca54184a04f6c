//! Lines: Twisted's LineReceiver. The one rule: what is left of the input is never longer than one
//! line may be, and is not searched again from its start.
//!
//! ```text
//! "GET a\r\nGET b\nGE"   ─▶   line "GET a", line "GET b"; "GE" stays in the input
//!                  └┘
//!                  searched: the next search begins behind it
//! ```

use crate::adaptor::{connection_callbacks, pass_callbacks_to, take_messages};
use bytes::BytesMut;
use memchr::{memchr, memmem};
use ropewalk_reactor::{Protocol, Transport};
use thiserror::Error;

/// The longest line, without its delimiter, unless it was said otherwise: 16,384 bytes, as Twisted's.
pub const MAX_LENGTH: usize = 16_384;

/// What ends a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delimiter {
    /// `\r\n` or `\n`, whichever comes: a `\r` before the `\n` is no part of the line.
    #[default]
    Newline,
    /// Exactly these bytes, of which there must be one at least.
    Bytes(&'static [u8]),
}

/// A line is longer than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a line is longer than {limit} bytes")]
pub struct LineTooLong {
    /// How long a line may be, without its delimiter, in bytes.
    pub limit: usize,
}

/// Finds lines in a stream of bytes.
#[derive(Clone, Debug)]
pub struct LineDecoder {
    delimiter: Delimiter,
    max_length: usize,
    /// How much of the incomplete line at the front of the input holds no delimiter.
    searched: usize,
    /// The line under way was refused: drop what comes of it.
    skipping: bool,
}

impl Default for LineDecoder {
    fn default() -> Self {
        Self { delimiter: Delimiter::Newline, max_length: MAX_LENGTH, searched: 0, skipping: false }
    }
}

impl LineDecoder {
    /// Lines of up to [`MAX_LENGTH`] bytes that end in `\r\n` or `\n`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lines end in `delimiter`.
    ///
    /// # Panics
    /// If it is empty.
    #[must_use]
    pub fn delimiter(mut self, delimiter: Delimiter) -> Self {
        assert!(delimiter != Delimiter::Bytes(&[]), "an empty delimiter ends every line at once");
        self.delimiter = delimiter;
        self
    }

    /// Lines have up to `bytes` bytes, not counting the delimiter.
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.max_length = bytes;
        self
    }

    /// Take one line off the front of `input`; `None` if its end has not come yet.
    ///
    /// What is left in `input` must be there again in the next call, with more behind it, unless
    /// [`restart`](Self::restart) was called. It is bounded by the longest line and its delimiter.
    ///
    /// # Errors
    /// If the line is too long. That is said once, as soon as it is certain; the calls that follow
    /// drop the rest of that line and go on with the next one.
    pub fn decode<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, LineTooLong> {
        if self.skipping && !self.skip(input) {
            return Ok(None);
        }
        let Some(line) = self.split(input) else {
            return self.keep(input);
        };
        if line.len() > self.max_length {
            return Err(LineTooLong { limit: self.max_length });
        }
        Ok(Some(line))
    }

    /// Forget the line under way: the next input begins a new one.
    pub fn restart(&mut self) {
        self.searched = 0;
        self.skipping = false;
    }

    /// Take one line of any length off the front, if its end is there.
    fn split<'a>(&mut self, input: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (end, next) = self.find(input)?;
        self.searched = 0;
        let line = input.get(..end)?;
        *input = input.get(next..)?;
        Some(line)
    }

    /// Where the first line ends, and where the next one begins.
    fn find(&self, input: &[u8]) -> Option<(usize, usize)> {
        let unsearched = input.get(self.searched..)?;
        match self.delimiter {
            Delimiter::Newline => {
                let newline = self.searched.checked_add(memchr(b'\n', unsearched)?)?;
                let line = input.get(..newline)?;
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                Some((line.len(), newline.checked_add(1)?))
            }
            Delimiter::Bytes(delimiter) => {
                let end = self.searched.checked_add(memmem::find(unsearched, delimiter)?)?;
                Some((end, end.checked_add(delimiter.len())?))
            }
        }
    }

    /// There is no end of a line in `input`: remember that, or refuse it if it is too long already.
    fn keep<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, LineTooLong> {
        // A delimiter may have come in part, so its last byte alone is certain to be missing.
        self.searched = input.len().saturating_sub(self.delimiter_tail());
        if self.searched <= self.max_length {
            return Ok(None);
        }
        self.skipping = true;
        self.skip(input);
        Err(LineTooLong { limit: self.max_length })
    }

    /// Drop what is there of the refused line; whether its end was.
    fn skip(&mut self, input: &mut &[u8]) -> bool {
        if self.split(input).is_some() {
            self.skipping = false;
            return true;
        }
        let undecided = input.len().min(self.delimiter_tail());
        let dropped = input.len().saturating_sub(undecided);
        *input = input.get(dropped..).unwrap_or_default();
        self.searched = 0;
        false
    }

    /// How many of the last bytes may belong to a delimiter that has not come whole.
    fn delimiter_tail(&self) -> usize {
        match self.delimiter {
            Delimiter::Newline => 1,
            Delimiter::Bytes(delimiter) => delimiter.len().saturating_sub(1),
        }
    }
}

/// What the bytes that come next are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Lines, for [`LineReceiver::line_received`].
    #[default]
    Lines,
    /// Bytes without structure, for [`LineReceiver::raw_data_received`].
    Raw,
}

/// What you write to be given lines; [`Lines`] makes a protocol of it.
pub trait LineReceiver {
    /// A line has come; its delimiter is left out.
    fn line_received(&mut self, transport: &Transport, line: &[u8]);

    /// What the next bytes are. This is asked again after each line and each piece of raw data, so
    /// that a receiver which is told the size of some data in a line changes to it and back by what
    /// it knows anyway: `if self.bytes_to_come > 0 { Mode::Raw } else { Mode::Lines }`.
    fn mode(&self) -> Mode {
        Mode::Lines
    }

    /// Bytes have come in raw mode. Take what belongs to you off the front of `input`, and what
    /// remains is lines again if [`mode`](Self::mode) says so; else it comes back with more behind it.
    fn raw_data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        let _ = transport;
        input.clear();
    }

    /// A line is longer than it may be. Unless said otherwise, the connection is closed; if it is
    /// left open, the rest of that line is dropped and the next one received.
    fn line_length_exceeded(&mut self, transport: &Transport) {
        transport.close();
    }

    connection_callbacks!();
}

/// A protocol that receives lines: Twisted's LineReceiver.
///
/// ```
/// use ropewalk_protocols::line::{LineReceiver, Lines, send_line};
/// use ropewalk_reactor::{Transport, testing::StringTransport};
///
/// struct Greeter;
/// impl LineReceiver for Greeter {
///     fn line_received(&mut self, transport: &Transport, line: &[u8]) {
///         send_line(transport, &[b"hello, ", line].concat());
///     }
/// }
///
/// let mut greeter = StringTransport::new(Lines::new(Greeter));
/// greeter.feed(b"ann\r\nbo");
/// greeter.feed(b"b\n");
/// assert_eq!(greeter.output(), b"hello, ann\r\nhello, bob\r\n");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Lines<L> {
    receiver: L,
    decoder: LineDecoder,
}

impl<L: LineReceiver> Lines<L> {
    /// Lines of up to [`MAX_LENGTH`] bytes that end in `\r\n` or `\n`.
    pub fn new(receiver: L) -> Self {
        Self::with_decoder(receiver, LineDecoder::new())
    }

    /// Lines as `decoder` finds them: `LineDecoder::new().delimiter(…).max_length(…)`.
    pub fn with_decoder(receiver: L, decoder: LineDecoder) -> Self {
        Self { receiver, decoder }
    }

    /// Hand over the lines at the front of `input`, until none is whole, or the receiver wants
    /// something else.
    fn deliver_lines(&mut self, transport: &Transport, input: &mut BytesMut) {
        let Self { receiver, decoder } = self;
        take_messages(transport, input, |input| {
            match decoder.decode(input) {
                Ok(Some(line)) => receiver.line_received(transport, line),
                Ok(None) => return false,
                Err(LineTooLong { .. }) => receiver.line_length_exceeded(transport),
            }
            receiver.mode() == Mode::Lines
        });
    }
}

impl<L: LineReceiver> Protocol for Lines<L> {
    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        while transport.is_reading() && !input.is_empty() {
            let mode = self.receiver.mode();
            match mode {
                Mode::Lines => self.deliver_lines(transport, input),
                Mode::Raw => {
                    self.decoder.restart();
                    self.receiver.raw_data_received(transport, input);
                }
            }
            if self.receiver.mode() == mode {
                return;
            }
        }
    }

    pass_callbacks_to!(receiver);
}

/// Send `line` and a `\r\n`.
pub fn send_line(transport: &Transport, line: &[u8]) {
    transport.write_with(|out| {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Found, cut, feed, sizes};
    use proptest::prelude::*;
    use ropewalk_reactor::testing::StringTransport;
    use ropewalk_reactor::{Eof, Reason};

    fn lines() -> LineDecoder {
        LineDecoder::new()
    }

    fn check(decoder: &LineDecoder, input: &[u8], expected: &[Option<&[u8]>], left: usize) {
        let too_long = LineTooLong { limit: decoder.max_length };
        let expected: Vec<_> = expected.iter().map(|line| line.ok_or(too_long)).collect();
        testing::check(decoder, LineDecoder::decode, input, &expected, left);
    }

    fn feed_lines<'a>(
        mut decoder: LineDecoder,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Found<LineTooLong>, usize) {
        let bound = decoder.max_length + decoder.delimiter_tail();
        feed(pieces, bound, |input| decoder.decode(input))
    }

    #[test]
    fn lines_end_in_either_newline() {
        check(&lines(), b"", &[], 0);
        check(&lines(), b"one\r\ntwo\nthree", &[Some(b"one"), Some(b"two")], 5);
        check(&lines(), b"\r\n\n\r\n", &[Some(b""), Some(b""), Some(b"")], 0);
        check(&lines(), b"a\rb\r\r\n", &[Some(b"a\rb\r")], 0);
        check(&lines(), b"\x00\xff\n", &[Some(b"\x00\xff")], 0);
    }

    #[test]
    fn a_custom_delimiter_may_have_several_bytes() {
        let custom = lines().delimiter(Delimiter::Bytes(b"--="));
        check(&custom, b"one--=\r\n--=---=-", &[Some(b"one"), Some(b"\r\n"), Some(b"-")], 1);
        let strict = lines().delimiter(Delimiter::Bytes(b"\r\n"));
        check(&strict, b"one\ntwo\r\n", &[Some(b"one\ntwo")], 0);
    }

    #[test]
    fn a_line_of_exactly_the_maximum_passes_and_one_byte_more_does_not() {
        let short = lines().max_length(4);
        check(&short, b"1234\n1234\r\n", &[Some(b"1234"), Some(b"1234")], 0);
        check(&short, b"12345\nab\n", &[None, Some(b"ab")], 0);
        check(&short, b"12345\r\nab\n", &[None, Some(b"ab")], 0);
        check(&short, b"1234\rx\nab\n", &[None, Some(b"ab")], 0);
        let custom = lines().max_length(4).delimiter(Delimiter::Bytes(b"##"));
        check(&custom, b"1234##12345##ab##", &[Some(b"1234"), None, Some(b"ab")], 0);
        check(&custom, b"1234#5#6#7##ab##", &[None, Some(b"ab")], 0);
    }

    #[test]
    fn a_line_without_an_end_is_refused_once_and_dropped_as_it_comes() {
        let endless = vec![b'x'; 100_000];
        let (found, left) = feed_lines(lines(), endless.chunks(1000));
        assert_eq!(found, [Err(LineTooLong { limit: MAX_LENGTH })]);
        assert!(left <= 1);
    }

    #[test]
    fn a_restart_forgets_what_was_searched() {
        let mut lines = lines();
        assert_eq!(lines.decode(&mut &b"a long beginning"[..]), Ok(None));
        lines.restart();
        assert_eq!(lines.decode(&mut &b"a\n"[..]), Ok(Some(&b"a"[..])));
    }

    #[test]
    fn a_search_goes_on_where_the_last_one_ended() {
        for delimiter in [Delimiter::Newline, Delimiter::Bytes(b"####")] {
            let mut lines = lines().max_length(1 << 20).delimiter(delimiter);
            let input = vec![b'x'; 1 << 20];
            let mut searched = 0;
            for end in (0..input.len()).step_by(1024) {
                searched += end.saturating_sub(lines.searched);
                assert_eq!(lines.decode(&mut &input[..end]), Ok(None));
            }
            assert!(searched < input.len() + input.len() / 256, "{searched} bytes were searched");
        }
    }

    #[test]
    #[should_panic(expected = "empty delimiter")]
    fn an_empty_delimiter_is_refused_at_once() {
        let _ = lines().delimiter(Delimiter::Bytes(b""));
    }

    /// Keeps what it gets. A line `data N` is followed by N bytes that are no lines; `pause`, `close`
    /// and `switch` do what they say.
    #[derive(Default)]
    struct Recorder {
        seen: Vec<String>,
        raw_bytes: usize,
        keep_open: bool,
    }

    impl LineReceiver for Recorder {
        fn line_received(&mut self, transport: &Transport, line: &[u8]) {
            self.seen.push(line.escape_ascii().to_string());
            match line {
                b"pause" => transport.pause_reading(),
                b"close" => transport.close(),
                b"switch" => transport.set_protocol(Lines::new(Speaker)),
                b"write" => transport.write(&[b'x'; 100_000]),
                _ => {
                    let size = line.strip_prefix(b"data ").and_then(|size| str::from_utf8(size).ok());
                    self.raw_bytes = size.and_then(|size| size.parse().ok()).unwrap_or(0);
                }
            }
        }

        fn mode(&self) -> Mode {
            if self.raw_bytes > 0 { Mode::Raw } else { Mode::Lines }
        }

        fn raw_data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
            let data = input.split_to(input.len().min(self.raw_bytes));
            self.raw_bytes -= data.len();
            self.seen.push(format!("raw {}", data.escape_ascii()));
            if data.ends_with(b"pause") {
                transport.pause_reading();
            }
        }

        fn line_length_exceeded(&mut self, transport: &Transport) {
            self.seen.push("too long".to_owned());
            if !self.keep_open {
                transport.close();
            }
        }

        fn connection_made(&mut self, transport: &Transport) {
            self.seen.push("made".to_owned());
            transport.register_producer(transport);
        }

        fn eof_received(&mut self, _: &Transport) -> Eof {
            self.seen.push("eof".to_owned());
            Eof::KeepOpen
        }

        fn connection_lost(&mut self, _: &Transport, why: &Reason) {
            self.seen.push(format!("lost: {why}"));
        }

        fn timed_out(&mut self, _: &Transport) {
            self.seen.push("timed out".to_owned());
        }

        fn write_paused(&mut self, _: &Transport) {
            self.seen.push("write paused".to_owned());
        }

        fn write_resumed(&mut self, _: &Transport) {
            self.seen.push("write resumed".to_owned());
        }
    }

    /// Says back what it hears.
    struct Speaker;

    impl LineReceiver for Speaker {
        fn line_received(&mut self, transport: &Transport, line: &[u8]) {
            send_line(transport, line);
        }
    }

    fn recorder() -> StringTransport<Lines<Recorder>> {
        StringTransport::new(Lines::with_decoder(Recorder::default(), lines().max_length(10)))
    }

    fn seen(connection: &mut StringTransport<Lines<Recorder>>) -> String {
        connection.protocol().receiver.seen.split_off(0).join(", ")
    }

    #[test]
    fn a_pause_between_lines_leaves_the_rest_where_it_is() {
        let mut connection = recorder();
        connection.feed(b"a\npause\nb\npause\nc");
        assert_eq!(seen(&mut connection), "made, a, pause");
        assert_eq!(connection.input(), b"b\npause\nc");
        connection.feed(b"\nd\n");
        assert_eq!(seen(&mut connection), "", "nothing is delivered while reading is paused");
        connection.transport().resume_reading();
        connection.feed(b"");
        assert_eq!(seen(&mut connection), "b, pause");
        connection.transport().resume_reading();
        connection.feed(b"");
        assert_eq!(seen(&mut connection), "c, d");
    }

    #[test]
    fn nothing_is_received_after_a_close() {
        let mut connection = recorder();
        connection.feed(b"a\nclose\nb\n");
        assert_eq!(seen(&mut connection), "made, a, close");
    }

    #[test]
    fn what_follows_a_change_of_protocol_is_for_the_next_one() {
        let mut connection = recorder();
        connection.feed(b"a\nswitch\nb\nc");
        connection.feed(b"\n");
        assert_eq!(seen(&mut connection), "made, a, switch");
        assert_eq!(connection.output(), b"b\r\nc\r\n");
    }

    #[test]
    fn no_line_is_received_while_our_own_answers_wait() {
        let mut connection = recorder();
        connection.feed(b"write\na\n");
        assert_eq!(seen(&mut connection), "made, write, write paused");
        assert_eq!(connection.input(), b"a\n");
        assert_eq!(connection.output().len(), 100_000);
        assert_eq!(seen(&mut connection), "write resumed, a");
    }

    #[test]
    fn raw_data_of_a_known_size_stands_between_lines() {
        for pieces in
            [&[&b"data 4\r\n\n\n\n\nb\ndata 2\nxyz\n"[..]][..], &[b"data 4\n\n\n", b"\n\nb\ndata 2\nxyz\n"]]
        {
            let mut connection = recorder();
            pieces.iter().for_each(|piece| connection.feed(piece));
            let seen = seen(&mut connection).replace("\\n, raw ", "\\n");
            assert_eq!(seen, "made, data 4, raw \\n\\n\\n\\n, b, data 2, raw xy, z");
        }
        let mut connection = recorder();
        connection.feed_bytewise(b"data 2\nxyz\n");
        assert_eq!(seen(&mut connection), "made, data 2, raw x, raw y, z");
    }

    #[test]
    fn a_pause_in_raw_mode_leaves_the_rest_where_it_is() {
        let mut connection = recorder();
        connection.feed(b"data 5\npausea\n");
        assert_eq!(seen(&mut connection), "made, data 5, raw pause");
        assert_eq!(connection.input(), b"a\n");
    }

    #[test]
    fn a_mode_that_changes_between_deliveries_counts_for_what_is_left() {
        let mut connection = recorder();
        connection.feed(b"abcdef");
        connection.protocol().receiver.raw_bytes = 3;
        connection.feed(b"\nx\n");
        assert_eq!(seen(&mut connection), "made, raw abc, def, x");
    }

    #[test]
    fn a_line_too_long_closes_unless_said_otherwise() {
        let mut connection = recorder();
        connection.feed(b"a\n01234567890\nb\n");
        assert_eq!(seen(&mut connection), "made, a, too long");
        assert!(connection.is_closing());
        for bytewise in [false, true] {
            let mut connection = recorder();
            connection.protocol().receiver.keep_open = true;
            match bytewise {
                false => connection.feed(b"0123456789012345\nb\n"),
                true => connection.feed_bytewise(b"0123456789012345\nb\n"),
            }
            assert_eq!(seen(&mut connection), "made, too long, b");
        }
    }

    #[test]
    fn the_callbacks_of_the_connection_pass_through() {
        let mut connection = recorder();
        connection.connect();
        connection.time_out();
        connection.eof();
        assert!(!connection.is_closing(), "the receiver wants to keep it open");
        connection.lose(Reason::Done);
        assert_eq!(seen(&mut connection), "made, timed out, eof, lost: closed cleanly");
        assert!(connection.protocol().name().ends_with("Recorder"));
        let mut unsaid = StringTransport::new(Lines::new(Speaker));
        unsaid.eof();
        assert!(unsaid.is_closing(), "unless said otherwise, the end is the end");
    }

    /// Text with many delimiters, near misses and lines around a maximum of eight bytes.
    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'#'), Just(b'x'), any::<u8>()];
        proptest::collection::vec(byte, 0..200)
    }

    fn decoders() -> impl Strategy<Value = LineDecoder> {
        let delimiters: [Option<&[u8]>; 4] = [None, Some(b"\r\n"), Some(b"#"), Some(b"##x")];
        (proptest::sample::select(delimiters.to_vec()), 0..12usize).prop_map(|(delimiter, max)| {
            lines().delimiter(delimiter.map_or(Delimiter::Newline, Delimiter::Bytes)).max_length(max)
        })
    }

    proptest! {
        #[test]
        fn how_it_is_cut_makes_no_difference(decoder in decoders(), text in texts(), sizes in sizes()) {
            let (whole, _) = feed_lines(decoder.clone(), [&text[..]]);
            let (pieces, _) = feed_lines(decoder, cut(&text, &sizes));
            prop_assert_eq!(pieces, whole);
        }

        #[test]
        fn it_agrees_with_a_plain_split(decoder in decoders(), text in texts()) {
            let mut expected: Vec<&[u8]> = match decoder.delimiter {
                Delimiter::Newline => text
                    .split(|byte| *byte == b'\n')
                    .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
                    .collect(),
                Delimiter::Bytes(delimiter) => plain_split(&text, delimiter),
            };
            let unfinished = expected.pop().unwrap_or_default();
            let (found, _) = feed_lines(decoder.clone(), [&text[..]]);
            for (found, expected) in found.iter().zip(&expected) {
                let fits = expected.len() <= decoder.max_length;
                prop_assert_eq!(found.as_deref().ok(), fits.then_some(*expected));
            }
            let refused_early = found.len() == expected.len() + 1
                && found.last().is_some_and(Result::is_err)
                && unfinished.len() >= decoder.max_length;
            prop_assert!(found.len() == expected.len() || refused_early);
        }
    }

    fn plain_split<'a>(mut text: &'a [u8], delimiter: &[u8]) -> Vec<&'a [u8]> {
        let mut lines = Vec::new();
        while let Some(at) = text.windows(delimiter.len()).position(|window| window == delimiter) {
            lines.push(&text[..at]);
            text = &text[at + delimiter.len()..];
        }
        lines.push(text);
        lines
    }
}
