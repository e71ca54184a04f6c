//! The request parser of RESP servers: how the input is cut makes no difference, nor does how many
//! commands are looked for at a time.
#![no_main]

mod pieces;

use libfuzzer_sys::fuzz_target;
use ropewalk_protocols::resp::{Limits, RequestError, RequestParser, Scratch, Stop};

type Found = (Vec<Vec<Vec<u8>>>, Option<RequestError>);

fn feed(pieces: &[&[u8]], limits: &Limits, commands_max: usize) -> Found {
    let (mut parser, mut scratch) = (RequestParser::new(), Scratch::new());
    let (mut input, mut commands) = (Vec::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            let batch = parser.parse(&input, limits, &mut scratch, commands_max);
            commands.extend(batch.iter().map(|command| command.iter().map(|word| word.to_vec()).collect()));
            let (count, stop) = (batch.len(), batch.stop());
            let taken = parser.finish(batch, count);
            input.drain(..taken);
            match stop {
                Stop::Full => {}
                Stop::Incomplete { .. } => break,
                Stop::Refused(error) => return (commands, Some(error)),
            }
        }
    }
    (commands, None)
}

fuzz_target!(|data: &[u8]| {
    let (input, pieces) = pieces::pieces(data);
    for limits in [Limits::default(), Limits { bulk_bytes_max: 9, authenticated: false }] {
        let whole = feed(&[input], &limits, 32);
        assert_eq!(feed(&pieces, &limits, 32), whole);
        assert_eq!(feed(&[input], &limits, 1), whole);
    }
});
