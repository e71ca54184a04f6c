//! A process that leaves SIGPIPE at its default lives on when a peer goes away. (Rust's runtime
//! ignores the signal, C's does not; a library must not lean on either.) A test binary of its own,
//! because a signal's disposition is the process's.
#![allow(clippy::unwrap_used, reason = "a test")]

use ropewalk_reactor::Address;
use ropewalk_reactor::buffer::Output;
use ropewalk_reactor::engine::{ListenOptions, backend};
use std::io::ErrorKind;

#[test]
fn a_send_to_a_peer_that_is_gone_raises_no_signal() {
    // SAFETY: sets the signal's default disposition, which ends the process; there is no handler.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    for name in backend::NAMES {
        let mut engine = backend::open(name).unwrap();
        let anywhere = Address::Internet(([127, 0, 0, 1], 0).into());
        let (_, address) = engine.listen(&anywhere, &ListenOptions::default()).unwrap();
        let client = engine.connect(&address, None).unwrap();
        let (deadline, mut news) = (engine.now() + std::time::Duration::from_secs(10), Vec::new());
        while engine.connected(client).is_err() {
            assert!(engine.now() < deadline, "{name}: never connected");
            engine.wait(Some(deadline), &mut news).unwrap();
        }
        engine.shutdown_write(client).unwrap();
        // An engine may take the bytes first and tell later.
        let kind = loop {
            assert!(engine.now() < deadline, "{name}: never told");
            let mut output = Output::default();
            output.push_slice(b"too late");
            match engine.send(client, &mut output) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => break error.kind(),
                _ => engine.wait(Some(engine.now()), &mut news).unwrap(),
            }
        };
        assert_eq!(kind, ErrorKind::BrokenPipe, "{name}");
    }
}
