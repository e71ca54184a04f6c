//! An echo server made by hand on `select`, with a queue for each connection: what the reactor does
//! for you, without the reactor. Compare with `echo`.
//!
//! ```sh
//! cargo run --example select_server
//! ```

use ropewalk_reactor::engine::Token;
use ropewalk_reactor::poller::{Direction, Poller, select::Select};
use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};

/// A client, and what is to be sent to it.
struct Client {
    stream: TcpStream,
    queue: VecDeque<Vec<u8>>,
    /// It has finished sending, and is done once everything was sent to it.
    finished: bool,
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:12345".into());
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    println!("listening on {}", listener.local_addr()?);

    let mut select = Select::new()?;
    select.add(listener.as_raw_fd(), token(listener.as_raw_fd()))?;
    let mut clients: HashMap<RawFd, Client> = HashMap::new();
    let mut events = Vec::new();
    loop {
        select.wait(None, &mut events)?;
        for event in events.drain(..) {
            let descriptor = event.token.index as RawFd;
            if descriptor == listener.as_raw_fd() {
                accept(&listener, &mut select, &mut clients)?;
            } else if let Some(client) = clients.get_mut(&descriptor)
                && let Err(error) = serve(client, &mut select)
            {
                println!("{descriptor} left: {error}");
                select.remove(descriptor);
                clients.remove(&descriptor);
            }
        }
    }
}

/// Descriptors are closed and used again, so a real server counts generations; this one is done with
/// all events of a turn before it accepts anew.
fn token(descriptor: RawFd) -> Token {
    Token { index: descriptor as u32, generation: 0 }
}

fn accept(
    listener: &TcpListener,
    select: &mut Select,
    clients: &mut HashMap<RawFd, Client>,
) -> io::Result<()> {
    loop {
        match listener.accept() {
            Ok((stream, peer)) => {
                stream.set_nonblocking(true)?;
                let descriptor = stream.as_raw_fd();
                // select has a limit, 1,024 descriptors: this is where it says so.
                match select.add(descriptor, token(descriptor)) {
                    Ok(()) => drop(
                        clients
                            .insert(descriptor, Client { stream, queue: VecDeque::new(), finished: false }),
                    ),
                    Err(error) => println!("{peer} is turned away: {error}"),
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                select.rearm(listener.as_raw_fd(), Direction::Read);
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}

/// Read until nothing is left, then write until nothing is left or there is no room.
fn serve(client: &mut Client, select: &mut Select) -> io::Result<()> {
    let descriptor = client.stream.as_raw_fd();
    let mut buffer = [0; 4096];
    while !client.finished {
        match client.stream.read(&mut buffer) {
            Ok(0) => client.finished = true,
            Ok(count) => client.queue.push_back(buffer[..count].to_vec()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    if !client.finished {
        select.rearm(descriptor, Direction::Read);
    }
    while let Some(mut data) = client.queue.pop_front() {
        match client.stream.write(&data) {
            Ok(count) if count == data.len() => {}
            Ok(count) => client.queue.push_front(data.split_off(count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                client.queue.push_front(data);
                select.rearm(descriptor, Direction::Write);
                break;
            }
            Err(error) => return Err(error),
        }
    }
    if client.finished && client.queue.is_empty() {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "the end"));
    }
    Ok(())
}
