//! Datagram sockets.

use super::rig::{Rig, any_port};
use super::{Case, cases};
use crate::address::Address;
use crate::engine::{Close, ListenOptions, Token};
use bytes::BytesMut;
use std::io::{self, ErrorKind};

pub(super) const CASES: &[Case] = cases! {
    Kernel: {
        a_datagram_arrives_whole_with_its_sender,
        each_datagram_is_received_apart,
        an_empty_datagram_is_one_too,
        what_does_not_fit_is_lost_with_its_datagram,
        nothing_to_receive_from_would_block_and_later_reports,
        a_closed_datagram_socket_is_stale,
    }
};

fn bind(rig: &mut Rig<'_>) -> (Token, Address) {
    rig.engine.bind_datagram(&any_port(), &ListenOptions::default()).expect("bind on 127.0.0.1")
}

fn receive_from(rig: &mut Rig<'_>, token: Token, room: usize) -> (Vec<u8>, Address) {
    let mut data = BytesMut::with_capacity(room);
    loop {
        match try_receive_from(rig, token, &mut data) {
            Ok((count, from)) => {
                assert_eq!(count, data.len());
                return (data.to_vec(), from);
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
        rig.await_readable(token);
    }
}

fn try_receive_from(rig: &mut Rig<'_>, token: Token, into: &mut BytesMut) -> io::Result<(usize, Address)> {
    let received = rig.engine.receive_from(token, into);
    if matches!(&received, Err(error) if error.kind() == ErrorKind::WouldBlock) {
        rig.nothing_to_read(token);
    }
    received
}

fn a_datagram_arrives_whole_with_its_sender(rig: &mut Rig<'_>) {
    let (here, here_address) = bind(rig);
    let (there, there_address) = bind(rig);
    assert_eq!(rig.engine.local_address(here).expect("bound"), here_address);
    rig.engine.send_to(here, b"question", &there_address).expect("room");
    assert_eq!(receive_from(rig, there, 100), (b"question".to_vec(), here_address.clone()));
    rig.engine.send_to(there, b"answer", &here_address).expect("room");
    assert_eq!(receive_from(rig, here, 100), (b"answer".to_vec(), there_address));
}

fn each_datagram_is_received_apart(rig: &mut Rig<'_>) {
    let (here, address) = bind(rig);
    for message in [&b"one"[..], b"two", b"three"] {
        rig.engine.send_to(here, message, &address).expect("room");
    }
    for message in [&b"one"[..], b"two", b"three"] {
        assert_eq!(receive_from(rig, here, 100).0, message);
    }
}

fn an_empty_datagram_is_one_too(rig: &mut Rig<'_>) {
    let (here, address) = bind(rig);
    rig.engine.send_to(here, b"", &address).expect("room");
    rig.await_readable(here);
    assert_eq!(receive_from(rig, here, 100), (Vec::new(), address));
}

fn what_does_not_fit_is_lost_with_its_datagram(rig: &mut Rig<'_>) {
    let (here, address) = bind(rig);
    rig.engine.send_to(here, &[b'x'; 300], &address).expect("room");
    rig.engine.send_to(here, b"next", &address).expect("room");
    let (cut, _) = receive_from(rig, here, 100);
    assert_eq!(cut, [b'x'; 100]);
    assert_eq!(receive_from(rig, here, 100).0, b"next");
}

fn nothing_to_receive_from_would_block_and_later_reports(rig: &mut Rig<'_>) {
    let (here, address) = bind(rig);
    for _ in 0..3 {
        let mut data = BytesMut::with_capacity(16);
        let error = try_receive_from(rig, here, &mut data).expect_err("nothing was sent");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        rig.engine.send_to(here, b"now", &address).expect("room");
        rig.await_readable(here);
        assert_eq!(receive_from(rig, here, 16).0, b"now");
    }
}

fn a_closed_datagram_socket_is_stale(rig: &mut Rig<'_>) {
    let (here, address) = bind(rig);
    rig.close(here, Close::Graceful);
    let error = rig.engine.send_to(here, b"lost", &address).expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    let error = rig.engine.receive_from(here, &mut BytesMut::with_capacity(16)).expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::NotConnected);
}
