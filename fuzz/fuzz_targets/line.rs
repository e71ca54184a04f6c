//! The line decoder: how the input is cut makes no difference.
#![no_main]

mod pieces;

use libfuzzer_sys::fuzz_target;
use ropewalk_protocols::line::{Delimiter, LineDecoder};

/// An error takes its line off the input, and is no end: a line that is too long is found as `None`.
fn lines(decoder: &LineDecoder, pieces: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
    let mut decoder = decoder.clone();
    let (found, _) = pieces::feed(pieces, |input| match decoder.decode(input) {
        Ok(line) => Ok::<_, ()>(line.map(|line| Some(line.to_vec()))),
        Err(_) => Ok(Some(None)),
    });
    found
}

fuzz_target!(|data: &[u8]| {
    let (input, pieces) = pieces::pieces(data);
    for delimiter in [Delimiter::Newline, Delimiter::Bytes(b"ab"), Delimiter::Bytes(b"aab")] {
        let decoder = LineDecoder::new().max_length(20).delimiter(delimiter);
        assert_eq!(lines(&decoder, &pieces), lines(&decoder, &[input]));
    }
});
