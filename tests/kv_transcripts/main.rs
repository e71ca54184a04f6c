//! Every command's replies, good and bad, side by side with those of Redis 7.0.15, byte for byte.
//!
//! The transcripts in `corpus/` are replayed on both servers, in both versions of the protocol; then every
//! command of the table is sent in many malformed ways. What may differ, and why, stands with each line, and
//! in `ALLOWED` for the malformed ones.
#![expect(clippy::disallowed_methods, reason = "a test of real processes")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod compare;
mod malformed;
mod peer;
mod script;
#[path = "../support/mod.rs"]
mod support;

/// Replays a transcript in both versions of the protocol.
fn same(name: &str, text: &str) {
    let mut differences = script::replay(&format!("{name} (RESP2)"), text, false);
    differences.extend(script::replay(&format!("{name} (RESP3)"), text, true));
    assert!(differences.is_empty(), "{} replies differ:\n{}", differences.len(), differences.join("\n"));
}

macro_rules! transcripts {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                same(stringify!($name), include_str!(concat!("corpus/", stringify!($name), ".txt")));
            }
        )*
    };
}

transcripts! {
    acl
    command
    config
    connection
    geo
    hash
    list
    pubsub
    scan
    set
    sort
    sorted_set
    stream
    tracking
    transactions
}

/// Sends a family's commands, spoilt in many ways, in both versions of the protocol.
fn same_when_malformed(family: &str) {
    let mut differences = malformed::replay(family, false);
    differences.extend(malformed::replay(family, true).into_iter().map(|text| format!("(RESP3) {text}")));
    assert!(differences.is_empty(), "{} replies differ:\n{}", differences.len(), differences.join("\n"));
}

macro_rules! malformed {
    ($($test:ident $family:literal)*) => {
        $(
            #[test]
            fn $test() {
                same_when_malformed($family);
            }
        )*
    };
}

malformed! {
    malformed_bitmap "bitmap"
    malformed_connection "connection"
    malformed_generic "generic"
    malformed_geo "geo"
    malformed_hash "hash"
    malformed_hyperloglog "hyperloglog"
    malformed_list "list"
    malformed_pubsub "pubsub"
    malformed_server "server"
    malformed_set "set"
    malformed_sorted_set "sorted_set"
    malformed_stream "stream"
    malformed_string "string"
    malformed_transactions "transactions"
}
