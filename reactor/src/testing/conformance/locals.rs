//! Local (Unix domain) sockets and the files that are their names.

#![expect(clippy::disallowed_methods, reason = "a socket's file must be looked at from outside the engine")]

use super::rig::Rig;
use super::{Case, cases};
use crate::address::Address;
use crate::engine::{Close, ListenOptions, Token};
use bytes::BytesMut;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

pub(super) const CASES: &[Case] = cases! {
    Kernel: {
        a_local_stream_goes_both_ways,
        a_local_listener_has_the_mode_it_was_given,
        the_path_goes_when_the_listener_closes,
        the_socket_of_a_dead_server_is_replaced,
        the_socket_of_a_live_server_is_left_alone,
        a_file_that_is_no_socket_is_left_alone,
        a_path_that_another_server_took_over_stays,
        nobody_at_a_path_is_reported_by_news,
        a_local_datagram_arrives_with_its_sender,
    }
};

/// A path that no other test uses; what is there goes when this does.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let place =
            Self(std::env::temp_dir().join(format!("ropewalk-{}-{number}.socket", std::process::id())));
        let _ = std::fs::remove_file(&place.0);
        place
    }

    fn address(&self) -> Address {
        Address::unix(&self.0)
    }

    fn is_there(&self) -> bool {
        self.0.symlink_metadata().is_ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn listen(rig: &mut Rig<'_>, place: &Place) -> Token {
    let (token, address) = rig.engine.listen(&place.address(), &ListenOptions::default()).expect("listen");
    assert_eq!(address, place.address());
    token
}

/// Leave a socket file behind, as a server does that was killed.
fn die_at(path: &Path) {
    drop(UnixListener::bind(path).expect("bind"));
    assert!(path.symlink_metadata().expect("it stays").file_type().is_socket());
}

fn a_local_stream_goes_both_ways(rig: &mut Rig<'_>) {
    let place = Place::new();
    let listener = listen(rig, &place);
    assert_eq!(rig.engine.local_address(listener).expect("bound"), place.address());
    let client = rig.dial(&place.address());
    let (server, peer) = rig.accepted(listener);
    rig.outcome(client).expect("connected");
    assert_eq!(peer, Address::Unix(None));
    rig.write(client, b"question");
    assert_eq!(rig.read(server, 8), b"question");
    rig.write(server, b"answer");
    assert_eq!(rig.read(client, 6), b"answer");
    rig.close(server, Close::Graceful);
    assert_eq!(rig.read_to_end(client).expect("a clean end"), b"");
}

fn a_local_listener_has_the_mode_it_was_given(rig: &mut Rig<'_>) {
    for mode in [0o600, 0o660, 0o777] {
        let place = Place::new();
        let options = ListenOptions { mode: Some(mode), ..ListenOptions::default() };
        rig.engine.listen(&place.address(), &options).expect("listen");
        let real = place.0.metadata().expect("it is there").permissions().mode();
        assert_eq!(real & 0o777, mode);
    }
}

fn the_path_goes_when_the_listener_closes(rig: &mut Rig<'_>) {
    let place = Place::new();
    let listener = listen(rig, &place);
    assert!(place.is_there());
    rig.close(listener, Close::Graceful);
    assert!(!place.is_there());
}

fn the_socket_of_a_dead_server_is_replaced(rig: &mut Rig<'_>) {
    let place = Place::new();
    die_at(&place.0);
    let listener = listen(rig, &place);
    rig.join(listener, &place.address());
}

fn the_socket_of_a_live_server_is_left_alone(rig: &mut Rig<'_>) {
    let place = Place::new();
    let live = UnixListener::bind(&place.0).expect("bind");
    let error = rig.engine.listen(&place.address(), &ListenOptions::default()).expect_err("it is in use");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    UnixStream::connect(&place.0).expect("the live server still answers");
    drop(live);
}

fn a_file_that_is_no_socket_is_left_alone(rig: &mut Rig<'_>) {
    let place = Place::new();
    std::fs::write(&place.0, b"precious").expect("write");
    let error = rig.engine.listen(&place.address(), &ListenOptions::default()).expect_err("it is in use");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert_eq!(std::fs::read(&place.0).expect("it stays"), b"precious");
}

fn a_path_that_another_server_took_over_stays(rig: &mut Rig<'_>) {
    let place = Place::new();
    let listener = listen(rig, &place);
    std::fs::remove_file(&place.0).expect("another server removes it");
    let other = UnixListener::bind(&place.0).expect("and binds its own");
    rig.close(listener, Close::Graceful);
    UnixStream::connect(&place.0).expect("the other server still answers");
    drop(other);
}

fn nobody_at_a_path_is_reported_by_news(rig: &mut Rig<'_>) {
    let place = Place::new();
    let client = rig.dial(&place.address());
    let error = rig.outcome(client).expect_err("there is no such path");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    die_at(&place.0);
    let client = rig.dial(&place.address());
    let error = rig.outcome(client).expect_err("its server is dead");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

fn a_local_datagram_arrives_with_its_sender(rig: &mut Rig<'_>) {
    let (here, there) = (Place::new(), Place::new());
    die_at(&there.0);
    let options = ListenOptions::default();
    let (sender, _) = rig.engine.bind_datagram(&here.address(), &options).expect("bind");
    let (receiver, _) =
        rig.engine.bind_datagram(&there.address(), &options).expect("a dead server's is replaced");
    rig.engine.send_to(sender, b"letter", &there.address()).expect("room");
    rig.await_readable(receiver);
    let mut data = BytesMut::with_capacity(100);
    let received = rig.engine.receive_from(receiver, &mut data).expect("it was reported");
    assert_eq!((received, &data[..]), ((6, here.address()), &b"letter"[..]));
    rig.close(sender, Close::Graceful);
    rig.close(receiver, Close::Graceful);
    assert!(!here.is_there() && !there.is_there());
}
