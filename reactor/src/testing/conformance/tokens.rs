//! Tokens: rule 2 of the contract.

use super::rig::{Rig, any_port};
use super::{Case, cases};
use crate::buffer::Output;
use crate::engine::{Close, Engine, Token};
use bytes::BytesMut;
use std::collections::BTreeSet;
use std::io::{self, ErrorKind};

pub(super) const CASES: &[Case] = cases! {
    Anything: {
        every_call_with_a_closed_token_fails,
        a_token_that_never_was_is_stale,
        an_index_used_again_has_another_generation,
        indexes_stay_dense,
        a_closed_token_has_no_news,
    }
};

fn assert_stale(engine: &mut dyn Engine, token: Token) {
    fn check<T>(call: &str, outcome: io::Result<T>) {
        let kind = outcome.err().map(|error| error.kind());
        assert_eq!(kind, Some(ErrorKind::NotConnected), "{call} with a stale token");
    }
    let mut output = Output::default();
    output.push_slice(b"lost");
    check("accept", engine.accept(token));
    check("shed", engine.shed(token));
    check("connected", engine.connected(token));
    check("receive", engine.receive(token, &mut BytesMut::with_capacity(16)));
    check("send", engine.send(token, &mut output));
    check("shutdown_write", engine.shutdown_write(token));
    check("local_address", engine.local_address(token));
    check("receive_from", engine.receive_from(token, &mut BytesMut::with_capacity(16)));
    check("send_to", engine.send_to(token, b"lost", &any_port()));
    check("release", engine.release(token));
    assert_eq!(engine.unsent(token), 0);
    engine.close(token, Close::Graceful);
    engine.close(token, Close::Abort);
}

fn every_call_with_a_closed_token_fails(rig: &mut Rig<'_>) {
    let (listener, address) = rig.listen();
    let (client, server) = rig.join(listener, &address);
    for (token, how) in [(client, Close::Graceful), (server, Close::Abort), (listener, Close::Graceful)] {
        rig.close(token, how);
        assert_stale(rig.engine, token);
    }
}

fn a_token_that_never_was_is_stale(rig: &mut Rig<'_>) {
    assert_stale(rig.engine, Token { index: 0, generation: 0 });
    assert_stale(rig.engine, Token { index: u32::MAX, generation: u32::MAX });
}

fn an_index_used_again_has_another_generation(rig: &mut Rig<'_>) {
    let mut seen = BTreeSet::new();
    for _ in 0..10 {
        let (client, server) = rig.pair();
        for token in &seen {
            assert_stale(rig.engine, *token);
        }
        // What was asked of those before has not touched those that have their indexes now.
        rig.write(client, b"hello");
        assert_eq!(rig.read(server, 5), b"hello");
        assert!(seen.insert(client) && seen.insert(server), "a token came twice");
        rig.close(client, Close::Graceful);
        rig.close(server, Close::Graceful);
    }
    let indexes: BTreeSet<_> = seen.iter().map(|token| token.index).collect();
    assert!(indexes.len() < seen.len(), "no index was ever used again");
}

fn indexes_stay_dense(rig: &mut Rig<'_>) {
    for _ in 0..200 {
        let (client, server) = rig.pair();
        let highest = client.index.max(server.index);
        assert!(highest < 64, "index {highest} for at most three open at once");
        rig.close(client, Close::Abort);
        rig.close(server, Close::Abort);
    }
}

fn a_closed_token_has_no_news(rig: &mut Rig<'_>) {
    // The rig fails on news of a token that it closed.
    for _ in 0..20 {
        let (client, server) = rig.pair();
        rig.write(client, b"for nobody");
        rig.close(server, Close::Graceful);
        let (another, _) = rig.pair();
        rig.await_readable(client);
        rig.close(client, Close::Graceful);
        rig.close(another, Close::Graceful);
    }
}
