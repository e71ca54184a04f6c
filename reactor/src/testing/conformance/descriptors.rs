//! Descriptors that come from elsewhere and go elsewhere.

use super::rig::Rig;
use super::{Case, cases};
use crate::engine::{Adopted, Close};
use bytes::BytesMut;
use rustix::io::FdFlags;
use rustix::net::sockopt::tcp_nodelay;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;

pub(super) const CASES: &[Case] = cases! {
    Kernel: {
        an_adopted_stream_is_like_any_other,
        an_adopted_listener_accepts,
        an_adopted_datagram_socket_receives,
        a_released_descriptor_lives_on_and_its_token_does_not,
        a_released_connection_can_be_adopted,
        connections_are_close_on_exec_and_without_delay,
        an_adopted_descriptor_closes_with_its_token,
    }
};

fn an_adopted_stream_is_like_any_other(rig: &mut Rig<'_>) {
    let (mut outside, inside) = UnixStream::pair().expect("a pair");
    outside.write_all(b"early").expect("write");
    let token = rig.engine.adopt(inside.into(), Adopted::Stream).expect("adopt");
    assert_eq!(rig.read(token, 5), b"early");
    rig.write(token, b"answer");
    let mut answer = [0; 6];
    outside.read_exact(&mut answer).expect("read");
    assert_eq!(&answer, b"answer");
    drop(outside);
    assert_eq!(rig.read_to_end(token).expect("a clean end"), b"");
}

fn an_adopted_listener_accepts(rig: &mut Rig<'_>) {
    let outside = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let address = outside.local_addr().expect("bound").into();
    let listener = rig.engine.adopt(outside.into(), Adopted::Listener).expect("adopt");
    let (client, server) = rig.join(listener, &address);
    rig.write(client, b"hello");
    assert_eq!(rig.read(server, 5), b"hello");
    let accepted = rig.engine.release(server).expect("open");
    assert!(tcp_nodelay(&accepted).expect("a TCP socket"), "TCP_NODELAY is inherited from any listener");
}

fn an_adopted_datagram_socket_receives(rig: &mut Rig<'_>) {
    let outside = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let address = outside.local_addr().expect("bound");
    let token = rig.engine.adopt(outside.into(), Adopted::Datagram).expect("adopt");
    rig.engine.send_to(token, b"to myself", &address.into()).expect("room");
    rig.await_readable(token);
    let mut data = BytesMut::with_capacity(100);
    let (_, from) = rig.engine.receive_from(token, &mut data).expect("it was reported");
    assert_eq!((&data[..], from), (&b"to myself"[..], address.into()));
}

fn a_released_descriptor_lives_on_and_its_token_does_not(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    let outside = rig.engine.release(server).expect("open");
    rig.forget(server);
    assert!(rig.engine.local_address(server).is_err(), "the token is stale");
    rig.write(client, b"for the new owner");
    let mut outside = TcpStream::from(outside);
    outside.set_nonblocking(false).expect("an open socket");
    let mut data = [0; 17];
    outside.read_exact(&mut data).expect("the engine took nothing");
    assert_eq!(&data, b"for the new owner");
    drop(outside);
    assert_eq!(rig.read_to_end(client).expect("a clean end"), b"");
}

fn a_released_connection_can_be_adopted(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    let between = rig.engine.release(server).expect("open");
    rig.forget(server);
    rig.write(client, b"meanwhile");
    let server = rig.engine.adopt(between, Adopted::Stream).expect("adopt");
    assert_eq!(rig.read(server, 9), b"meanwhile");
}

fn connections_are_close_on_exec_and_without_delay(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    for token in [client, server] {
        let descriptor = rig.engine.release(token).expect("open");
        rig.forget(token);
        let flags = rustix::io::fcntl_getfd(&descriptor).expect("an open descriptor");
        assert!(flags.contains(FdFlags::CLOEXEC), "a child process must not inherit it");
        assert!(tcp_nodelay(&descriptor).expect("a TCP socket"), "TCP_NODELAY is on");
    }
}

fn an_adopted_descriptor_closes_with_its_token(rig: &mut Rig<'_>) {
    let (outside, inside) = UnixStream::pair().expect("a pair");
    let token = rig.engine.adopt(inside.into(), Adopted::Stream).expect("adopt");
    rig.close(token, Close::Abort);
    outside.set_nonblocking(true).expect("an open socket");
    assert_eq!((&outside).read(&mut [0]).expect("closed at once"), 0);
}
