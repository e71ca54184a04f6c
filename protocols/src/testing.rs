//! What the tests of the codecs share: feeding a decoder whole, byte by byte, and cut at random.

use proptest::prelude::*;
use std::fmt::Debug;

/// What a decoder found, in order.
pub(crate) type Found<E> = Vec<Result<Vec<u8>, E>>;

/// Feed `pieces` to `decode` as a connection does, where what was left comes again with more behind
/// it, and at most `bound` bytes may be left. An error that takes nothing off the input is the end.
pub(crate) fn feed<'a, E>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    bound: usize,
    mut decode: impl for<'b> FnMut(&mut &'b [u8]) -> Result<Option<&'b [u8]>, E>,
) -> (Found<E>, usize) {
    let (mut found, mut input) = (Vec::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        let mut rest = &input[..];
        loop {
            let before = rest.len();
            match decode(&mut rest) {
                Ok(Some(message)) => found.push(Ok(message.to_vec())),
                Ok(None) => break,
                Err(error) => {
                    found.push(Err(error));
                    if rest.len() == before {
                        return (found, before);
                    }
                }
            }
        }
        input = rest.to_vec();
        assert!(input.len() <= bound, "{} bytes are left, of {bound} at most", input.len());
    }
    (found, input.len())
}

/// The same outcome must come of `input` whole and byte by byte: `expected`, and so many bytes left.
pub(crate) fn check<E: Clone + Debug + PartialEq, D: Clone>(
    decoder: &D,
    decode: impl for<'b> Fn(&mut D, &mut &'b [u8]) -> Result<Option<&'b [u8]>, E>,
    input: &[u8],
    expected: &[Result<&[u8], E>],
    left: usize,
) {
    let expected: Found<E> = expected.iter().cloned().map(|found| found.map(<[u8]>::to_vec)).collect();
    let mut whole = decoder.clone();
    let outcome = feed([input], usize::MAX, |rest| decode(&mut whole, rest));
    assert_eq!(outcome, (expected.clone(), left), "whole: {}", input.escape_ascii());
    let mut bytewise = decoder.clone();
    let (found, _) = feed(input.chunks(1), usize::MAX, |rest| decode(&mut bytewise, rest));
    assert_eq!(found, expected, "byte by byte: {}", input.escape_ascii());
}

/// Sizes to cut an input into, for [`cut`].
pub(crate) fn sizes() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(1..20usize, 1..50)
}

/// `input` in pieces of these sizes, over and over.
pub(crate) fn cut<'a>(mut input: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if input.is_empty() {
            break;
        }
        let (piece, rest) = input.split_at(input.len().min(*size));
        pieces.push(piece);
        input = rest;
    }
    pieces
}
