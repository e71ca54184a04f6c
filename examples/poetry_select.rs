//! Poetry, second style: select by hand. All poems come at once, in whatever pieces the network
//! makes; who is ready is read from, and nobody is waited for alone.
//!
//! ```sh
//! cargo run --example poetry_select -- 127.0.0.1:9000 127.0.0.1:9001
//! ```

use ropewalk_reactor::engine::Token;
use ropewalk_reactor::poller::{Direction, Poller, select::Select};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;

struct Poem {
    stream: TcpStream,
    text: Vec<u8>,
    complete: bool,
}

fn main() -> io::Result<()> {
    let mut select = Select::new()?;
    let mut poems = Vec::new();
    for (index, server) in std::env::args().skip(1).enumerate() {
        let stream = TcpStream::connect(server)?;
        stream.set_nonblocking(true)?;
        select.add(stream.as_raw_fd(), Token { index: index as u32, generation: 0 })?;
        poems.push(Poem { stream, text: Vec::new(), complete: false });
    }

    let mut events = Vec::new();
    while poems.iter().any(|poem| !poem.complete) {
        select.wait(None, &mut events)?;
        for event in events.drain(..).filter(|event| event.readable) {
            let poem = &mut poems[event.token.index as usize];
            let mut buffer = [0; 4096];
            match poem.stream.read(&mut buffer) {
                Ok(0) => {
                    poem.complete = true;
                    select.remove(poem.stream.as_raw_fd());
                    continue;
                }
                Ok(count) => poem.text.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            select.rearm(poem.stream.as_raw_fd(), Direction::Read);
        }
    }
    for poem in &poems {
        io::stdout().write_all(&poem.text)?;
    }
    Ok(())
}
