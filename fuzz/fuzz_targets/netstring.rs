//! The netstring decoder: how the input is cut makes no difference.
#![no_main]

mod pieces;

use libfuzzer_sys::fuzz_target;
use ropewalk_protocols::netstring::NetstringDecoder;

fuzz_target!(|data: &[u8]| {
    let (input, pieces) = pieces::pieces(data);
    let decoder = NetstringDecoder::new().max_length(1000);
    let decode = |input: &mut &[u8]| decoder.decode(input).map(|found| found.map(<[u8]>::to_vec));
    assert_eq!(pieces::feed(&pieces, decode), pieces::feed(&[input], decode));
});
