//! The HTTP/1.1 request decoder: how the input is cut makes no difference to what is requested.
#![no_main]

mod pieces;

use libfuzzer_sys::fuzz_target;
use ropewalk_protocols::http::{Decoded, HttpError, Limits, RequestDecoder};

type Found = (Vec<(String, String, Vec<u8>)>, Option<HttpError>);

fn requests(pieces: &[&[u8]]) -> Found {
    let limits = Limits { head_bytes_max: 1000, target_bytes_max: 100, body_bytes_max: 200 };
    let mut decoder = RequestDecoder::new(limits);
    pieces::feed(pieces, |input| {
        loop {
            match decoder.decode(input)? {
                Decoded::Request(request) => {
                    let body = request.body().to_vec();
                    return Ok(Some((request.method().to_owned(), request.path().to_owned(), body)));
                }
                Decoded::Continue => {}
                Decoded::Incomplete => return Ok(None),
            }
        }
    })
}

fuzz_target!(|data: &[u8]| {
    // A head is parsed at the end of its lines, so the last one has one.
    let data = [data, b"\r\n"].concat();
    let (input, pieces) = pieces::pieces(&data);
    let (whole, cut) = (requests(&[input]), requests(&pieces));
    // Which of two mistakes is seen first may hang on what had come; that there is one may not.
    assert_eq!((&cut.0, cut.1.is_some()), (&whole.0, whole.1.is_some()));
});
