//! Several reactors behind one address: connections handed out in turn, and a port that is shared.
#![expect(clippy::disallowed_methods, reason = "a thread for each reactor")]
#![allow(clippy::unwrap_used, reason = "a test")]

use bytes::BytesMut;
use ropewalk_reactor::prelude::*;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;

/// Answers whatever comes with its reactor's number.
struct Number(u8);

impl Protocol for Number {
    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        input.clear();
        transport.write(&[self.0]);
    }
}

/// Who answers at this address?
fn ask(address: SocketAddr) -> u8 {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"?").unwrap();
    let mut number = [0];
    stream.read_exact(&mut number).unwrap();
    number[0]
}

#[test]
fn connections_are_handed_out_in_turn() {
    for backend in ["epoll", "poll", "select", "io_uring"] {
        let mut inlets = Vec::new();
        let mut workers = Vec::new();
        for number in 0..3 {
            let (tell, told) = mpsc::channel();
            workers.push(thread::spawn(move || {
                let reactor = Reactor::builder().backend(backend).build().unwrap();
                let inlet = reactor.inlet(move |_: &Address| Number(number));
                tell.send((inlet, reactor.remote())).unwrap();
                reactor.run().unwrap();
            }));
            inlets.push(told.recv().unwrap());
        }
        let (inlets, remotes): (Vec<_>, Vec<_>) = inlets.into_iter().unzip();
        let (tell, told) = mpsc::channel();
        let front = thread::spawn(move || {
            let reactor = Reactor::builder().backend(backend).build().unwrap();
            let listener = reactor.listen_for("tcp:0:interface=127.0.0.1", inlets).unwrap();
            tell.send((listener.address().socket_address().unwrap(), reactor.remote())).unwrap();
            reactor.run().unwrap();
        });
        let (address, remote) = told.recv().unwrap();
        let mut counts = [0; 3];
        (0..9).for_each(|_| counts[usize::from(ask(address))] += 1);
        assert_eq!(counts, [3, 3, 3], "{backend}");
        assert!(remotes.iter().all(|remote| remote.stop()) && remote.stop());
        front.join().unwrap();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    }
}

#[test]
fn reactors_share_a_port() {
    let mut others = Vec::new();
    let mut endpoint = "tcp:0:interface=127.0.0.1:reuseport=yes".to_owned();
    let mut address = None;
    for number in 0..2 {
        let (tell, told) = mpsc::channel();
        let to = endpoint.clone();
        let worker = thread::spawn(move || {
            let reactor = Reactor::new().unwrap();
            let listener = reactor.listen(&to, move |_: &Address| Number(number)).unwrap();
            tell.send((listener.address().socket_address().unwrap(), reactor.remote())).unwrap();
            reactor.run().unwrap();
        });
        let (bound, remote) = told.recv().unwrap();
        endpoint = format!("tcp:{}:interface=127.0.0.1:reuseport=yes", bound.port());
        address = Some(bound);
        others.push((worker, remote));
    }
    let mut counts = [0; 2];
    (0..100).for_each(|_| counts[usize::from(ask(address.unwrap()))] += 1);
    assert!(counts.iter().all(|count| *count > 0), "the kernel deals by a hash: {counts:?}");
    for (worker, remote) in others {
        assert!(remote.stop());
        worker.join().unwrap();
    }
}
