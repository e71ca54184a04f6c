//! An HTTP server made by hand on `epoll`: it answers every request with a greeting and closes. What
//! is ready is all that it is told of, however many connections there are.
//!
//! ```sh
//! cargo run --example epoll_http
//! curl http://127.0.0.1:8080/
//! ```

use ropewalk_reactor::engine::Token;
use ropewalk_reactor::poller::{Direction, Poller, epoll::Epoll};
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};

const ANSWER: &[u8] =
    b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!";

/// A request is no longer than this.
const REQUEST_MAX: usize = 16 * 1024;

struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    sent: usize,
}

/// Whether there is more to do for a client.
enum Step {
    Wait,
    Done,
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    println!("listening on {}", listener.local_addr()?);

    let mut epoll = Epoll::new()?;
    epoll.add(listener.as_raw_fd(), Token { index: listener.as_raw_fd() as u32, generation: 0 })?;
    let mut clients: HashMap<RawFd, Client> = HashMap::new();
    let mut events = Vec::new();
    loop {
        epoll.wait(None, &mut events)?;
        for event in events.drain(..) {
            let descriptor = event.token.index as RawFd;
            if descriptor == listener.as_raw_fd() {
                accept(&listener, &mut epoll, &mut clients)?;
            } else if let Some(client) = clients.get_mut(&descriptor)
                && !matches!(step(client), Ok(Step::Wait))
            {
                epoll.remove(descriptor);
                clients.remove(&descriptor);
            }
        }
    }
}

fn accept(listener: &TcpListener, epoll: &mut Epoll, clients: &mut HashMap<RawFd, Client>) -> io::Result<()> {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(true)?;
                let descriptor = stream.as_raw_fd();
                epoll.add(descriptor, Token { index: descriptor as u32, generation: 0 })?;
                clients.insert(descriptor, Client { stream, request: Vec::new(), sent: 0 });
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                epoll.rearm(listener.as_raw_fd(), Direction::Read);
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}

/// Read the request to its empty line, then send the answer: as far as it goes now. Edge-triggered:
/// each direction has to be used until it would block, or it is never reported again.
fn step(client: &mut Client) -> io::Result<Step> {
    let mut buffer = [0; 4096];
    while !client.request.windows(4).any(|end| end == b"\r\n\r\n") {
        match client.stream.read(&mut buffer) {
            Ok(0) => return Ok(Step::Done),
            Ok(count) => client.request.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Step::Wait),
            Err(error) => return Err(error),
        }
        if client.request.len() > REQUEST_MAX {
            return Ok(Step::Done);
        }
    }
    while client.sent < ANSWER.len() {
        match client.stream.write(&ANSWER[client.sent..]) {
            Ok(count) => client.sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Step::Wait),
            Err(error) => return Err(error),
        }
    }
    Ok(Step::Done)
}
