//! The reply decoder of RESP clients: how the input is cut makes no difference, and what is decoded
//! can be written and decoded again.
#![no_main]

mod pieces;

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use ropewalk_protocols::resp::{ReplyDecoder, ReplyLimits, ReplyWriter, Version};

fuzz_target!(|data: &[u8]| {
    let (input, pieces) = pieces::pieces(data);
    let limits = ReplyLimits { bulk_bytes_max: 100, reply_bytes_max: 10_000, depth_max: 8 };
    let decoder = || ReplyDecoder::new(limits).keep_attributes();
    let mut whole = decoder();
    let found = pieces::feed(&[input], |input| whole.decode(input));
    let mut cut = decoder();
    let again = pieces::feed(&pieces, |input| cut.decode(input));
    // By their texts, for a value that is no number is not equal to itself.
    assert_eq!(format!("{again:?}"), format!("{found:?}"));
    let mut out = BytesMut::new();
    found.0.iter().for_each(|value| ReplyWriter::new(&mut out, Version::Resp3).value(value));
    let mut back = ReplyDecoder::default().keep_attributes();
    let read = pieces::feed(&[&out], |input| back.decode(input));
    assert_eq!(read.1, None);
    assert_eq!(read.0.len(), found.0.len());
});
