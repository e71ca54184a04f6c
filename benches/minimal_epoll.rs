//! The least that an echo server on epoll can do: what the framework is compared with.
//!
//! The one rule: nothing that a system call does not need. One buffer for all connections, a table
//! of descriptors, edge-triggered news; one `epoll_wait` for each batch of news, one `recv` and one
//! `send` for each message. There is no output buffer: a peer that does not take its echo at once is
//! closed, which no honest server may do, but 64-byte messages never get there.

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;

const LISTENER: u64 = u64::MAX;
const BUFFER_BYTES: usize = 16 * 1024;

/// Prints `listening on ADDRESS` and serves until the process is killed or the system refuses.
pub(crate) fn serve() -> std::io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    rustix::net::listen(&listener, 1024)?;
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    println!("listening on {}", listener.local_addr()?);

    let mut connections: Vec<Option<OwnedFd>> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut events: Vec<Event> = Vec::with_capacity(1024);
    loop {
        events.clear();
        match epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let token = event.data.u64();
            if token == LISTENER {
                accept(&listener, &epoll, &mut connections, &mut free)?;
            } else if let Some(Some(connection)) = connections.get(token as usize)
                && !echo(connection, &mut buffer)
            {
                connections[token as usize] = None;
                free.push(token as usize);
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    epoll: &OwnedFd,
    connections: &mut Vec<Option<OwnedFd>>,
    free: &mut Vec<usize>,
) -> std::io::Result<()> {
    loop {
        let connection =
            match rustix::net::accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                Ok(connection) => connection,
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
        rustix::net::sockopt::set_tcp_nodelay(&connection, true)?;
        let index = free.pop().unwrap_or(connections.len());
        if index == connections.len() {
            connections.push(None);
        }
        let flags = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(epoll, &connection, EventData::new_u64(index as u64), flags)?;
        connections[index] = Some(connection);
    }
}

/// Sends back what is there; `false` when the connection is over. A read that does not fill the
/// buffer has emptied the socket, so that no second one has to find that out; when the peer has
/// closed, an edge of its own says so.
fn echo(connection: &OwnedFd, buffer: &mut [u8]) -> bool {
    loop {
        match rustix::net::recv(connection, &mut *buffer, RecvFlags::empty()) {
            Ok((_, 0)) => return false,
            Ok((_, length)) => {
                let sent = rustix::net::send(connection, &buffer[..length], SendFlags::NOSIGNAL);
                if sent != Ok(length) {
                    return false;
                }
                if length < buffer.len() {
                    return true;
                }
            }
            Err(Errno::AGAIN) => return true,
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}
