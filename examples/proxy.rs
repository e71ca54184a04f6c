//! A proxy: two connections feed each other, each slowed by the other's buffer.
//!
//! ```sh
//! cargo run --example proxy -- tcp:8080 tcp:127.0.0.1:12345
//! ```

use ropewalk_reactor::prelude::*;

/// The side that was accepted, until the other side is connected.
struct Front {
    reactor: Reactor,
    to: String,
}

impl Protocol for Front {
    fn connection_made(&mut self, front: &Transport) {
        front.pause_reading();
        let front = front.clone();
        self.reactor.connect(&self.to, Pipe(front.clone())).finally(move |outcome| match outcome {
            Ok(back) => {
                front.register_producer(&back);
                back.register_producer(&front);
                front.set_protocol(Pipe(back));
                front.resume_reading();
            }
            Err(failure) => {
                eprintln!("{failure}");
                front.abort();
            }
        });
    }

    fn data_received(&mut self, _: &Transport, _: &mut BytesMut) {}
}

/// One direction: what comes here goes to the other side.
struct Pipe(Transport);

impl Protocol for Pipe {
    fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
        self.0.write_bytes(input.split().freeze());
    }

    fn eof_received(&mut self, _: &Transport) -> Eof {
        self.0.half_close();
        Eof::KeepOpen
    }

    fn connection_lost(&mut self, _: &Transport, why: &Reason) {
        if why.is_clean() { self.0.close() } else { self.0.abort() }
    }
}

fn main() -> ropewalk_reactor::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(from), Some(to)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: proxy LISTEN CONNECT");
        std::process::exit(2)
    };
    let reactor = Reactor::new()?;
    let dialer = reactor.clone();
    let listener =
        reactor.listen(&from, move |_: &Address| Front { reactor: dialer.clone(), to: to.clone() })?;
    println!("listening on {}", listener.address());
    reactor.run()?;
    Ok(())
}
