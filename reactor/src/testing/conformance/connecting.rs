//! Listening, accepting and connecting: rule 4 of the contract.

use super::rig::{Rig, any_port};
use super::{Case, cases};
use crate::engine::{Close, ListenOptions};
use std::collections::BTreeSet;
use std::io::ErrorKind;

pub(super) const CASES: &[Case] = cases! {
    Anything: {
        a_listener_tells_its_real_port,
        a_port_in_use_is_refused,
        a_closed_listener_frees_its_port,
        a_connection_is_reported_to_both_ends,
        a_refused_connection_is_reported_by_news,
        both_ends_agree_on_their_addresses,
        accept_would_block_and_later_reports_again,
        one_news_may_stand_for_many_connections,
        a_connection_that_came_before_the_first_wait_is_reported,
        many_connections_are_each_served,
        a_shed_connection_ends_for_its_peer,
    }
    Kernel: {
        several_listeners_share_a_port_where_asked,
        a_connection_comes_from_the_source_it_was_given,
        the_ipv6_wildcard_takes_ipv4_too,
    }
};

fn a_listener_tells_its_real_port(rig: &mut Rig<'_>) {
    let (listener, address) = rig.listen();
    assert_ne!(address.port(), Some(0));
    assert!(address.is_local(), "{address}");
    assert_eq!(rig.engine.local_address(listener).expect("a listener has an address"), address);
}

fn a_port_in_use_is_refused(rig: &mut Rig<'_>) {
    let (_listener, address) = rig.listen();
    let error = rig.engine.listen(&address, &ListenOptions::default()).expect_err("the port is taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

fn a_closed_listener_frees_its_port(rig: &mut Rig<'_>) {
    let (listener, address) = rig.listen();
    let (client, server) = rig.join(listener, &address);
    // The end that closes first keeps the port for a while: that must not keep it from a listener.
    rig.close(server, Close::Graceful);
    assert_eq!(rig.read_to_end(client).expect("a clean end"), b"");
    rig.close(client, Close::Graceful);
    rig.close(listener, Close::Graceful);
    let (again, same) = rig.engine.listen(&address, &ListenOptions::default()).expect("the port is free");
    assert_eq!(same, address);
    rig.join(again, &address);
}

fn a_connection_is_reported_to_both_ends(rig: &mut Rig<'_>) {
    let (listener, address) = rig.listen();
    let client = rig.dial(&address);
    let (server, peer) = rig.accepted(listener);
    rig.outcome(client).expect("connected");
    assert!(peer.is_local(), "{peer}");
    assert_ne!(client, server);
}

fn a_refused_connection_is_reported_by_news(rig: &mut Rig<'_>) {
    let (listener, address) = rig.listen();
    rig.close(listener, Close::Graceful);
    let client = rig.dial(&address);
    let error = rig.outcome(client).expect_err("nobody listens");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    rig.close(client, Close::Graceful);
}

fn both_ends_agree_on_their_addresses(rig: &mut Rig<'_>) {
    let (listener, address) = rig.listen();
    let client = rig.dial(&address);
    let (server, peer) = rig.accepted(listener);
    rig.outcome(client).expect("connected");
    assert_eq!(rig.engine.local_address(client).expect("a connection has an address"), peer);
    assert_eq!(rig.engine.local_address(server).expect("a connection has an address"), address);
}

fn accept_would_block_and_later_reports_again(rig: &mut Rig<'_>) {
    let (listener, address) = rig.listen();
    for _ in 0..3 {
        rig.join(listener, &address);
        let error = rig.accept(listener).expect_err("nobody else has connected");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
}

fn one_news_may_stand_for_many_connections(rig: &mut Rig<'_>) {
    const MANY: usize = 10;
    let (listener, address) = rig.listen();
    let clients: Vec<_> = (0..MANY).map(|_| rig.dial(&address)).collect();
    for client in clients {
        rig.await_writable(client);
    }
    let tokens: BTreeSet<_> = (0..MANY).map(|_| rig.accepted(listener).0).collect();
    assert_eq!(tokens.len(), MANY);
}

fn a_connection_that_came_before_the_first_wait_is_reported(rig: &mut Rig<'_>) {
    let (listener, address) = rig.listen();
    // On a kernel this connection is complete before anyone waits.
    let client = rig.dial(&address);
    rig.await_readable(listener);
    rig.accepted(listener);
    rig.outcome(client).expect("connected");
}

fn many_connections_are_each_served(rig: &mut Rig<'_>) {
    const MANY: u8 = 50;
    let (listener, address) = rig.listen();
    let pairs: Vec<_> = (0..MANY).map(|_| rig.join(listener, &address)).collect();
    for (number, (client, _)) in (0..MANY).zip(&pairs) {
        rig.write(*client, &[number; 100]);
    }
    for (number, (client, server)) in (0..MANY).zip(&pairs).rev() {
        let question = rig.read(*server, 100);
        assert_eq!(question, [number; 100]);
        rig.write(*server, &question);
        assert_eq!(rig.read(*client, 100), [number; 100]);
    }
}

fn a_shed_connection_ends_for_its_peer(rig: &mut Rig<'_>) {
    let (listener, address) = rig.listen();
    let unwanted = rig.dial(&address);
    rig.await_readable(listener);
    rig.engine.shed(listener).expect("one connection waits");
    // A reset, found while connecting or by the first read, and not an end that looks like an answer.
    let error =
        rig.outcome(unwanted).and_then(|()| rig.read_to_end(unwanted)).expect_err("it was turned away");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let error = rig.engine.shed(listener).expect_err("nobody waits");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    rig.join(listener, &address);
}

fn several_listeners_share_a_port_where_asked(rig: &mut Rig<'_>) {
    let options = ListenOptions { reuse_port: true, ..ListenOptions::default() };
    let (first, address) = rig.engine.listen(&any_port(), &options).expect("listen");
    let (second, _) = rig.engine.listen(&address, &options).expect("the port is shared");
    let client = rig.dial(&address);
    rig.until("either listener's news", |rig| rig.is_readable(first) || rig.is_readable(second));
    let listener = if rig.is_readable(first) { first } else { second };
    rig.accepted(listener);
    rig.outcome(client).expect("connected");
}

fn a_connection_comes_from_the_source_it_was_given(rig: &mut Rig<'_>) {
    // Every address of 127/8 is local on Linux; elsewhere only the first one is.
    let source: std::net::IpAddr =
        if cfg!(target_os = "linux") { [127, 0, 0, 2] } else { [127, 0, 0, 1] }.into();
    let (listener, address) = rig.listen();
    let client = rig.engine.connect(&address, Some((source, 0).into())).expect("an address of this machine");
    let (_, peer) = rig.accepted(listener);
    rig.outcome(client).expect("connected");
    assert_eq!(peer.ip(), Some(source));
}

fn the_ipv6_wildcard_takes_ipv4_too(rig: &mut Rig<'_>) {
    let wildcard = std::net::SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 0)).into();
    let Ok((listener, address)) = rig.engine.listen(&wildcard, &ListenOptions::default()) else {
        return; // A machine without IPv6.
    };
    let port = address.port().expect("an internet address");
    let client = rig.dial(&std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, port)).into());
    let (_, peer) = rig.accepted(listener);
    rig.outcome(client).expect("connected");
    assert!(peer.is_local(), "{peer}");
}
