//! An echo server: whatever comes goes back, and a client that does not read is not read from.
//!
//! ```sh
//! cargo run --example echo -- tcp:12345
//! nc 127.0.0.1 12345
//! ```

use ropewalk_reactor::prelude::*;

struct Echo;

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Transport) {
        // What it sends comes from what it reads: stop reading while the peer does not.
        transport.register_producer(transport);
    }

    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        transport.write_bytes(input.split().freeze());
    }
}

fn main() -> ropewalk_reactor::Result<()> {
    let endpoint = std::env::args().nth(1).unwrap_or("tcp:12345:interface=127.0.0.1".into());
    let reactor = Reactor::new()?;
    let listener = reactor.listen(&endpoint, |_: &Address| Echo)?;
    println!("listening on {}", listener.address());
    reactor.run()?;
    Ok(())
}
