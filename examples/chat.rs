//! A chat room. Shared state is an `Rc<RefCell<_>>` that each protocol gets from the factory's closure;
//! it may stay borrowed while writing to anyone, because writing calls nobody.
//!
//! ```sh
//! cargo run --example chat -- tcp:12346
//! nc 127.0.0.1 12346
//! ```

use ropewalk_protocols::line::{LineReceiver, Lines};
use ropewalk_reactor::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

#[derive(Default)]
struct Room {
    members: BTreeMap<String, Transport>,
}

impl Room {
    fn tell_everyone_but(&self, id: Option<u64>, text: &str) {
        for transport in self.members.values().filter(|transport| Some(transport.id()) != id) {
            // Whoever does not read must not cost memory: out.
            if transport.is_full() { transport.abort() } else { transport.write(text.as_bytes()) }
        }
    }
}

struct Chat {
    room: Rc<RefCell<Room>>,
    name: Option<String>,
}

impl LineReceiver for Chat {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(b"Your name?\r\n");
    }

    fn line_received(&mut self, transport: &Transport, line: &[u8]) {
        let text = String::from_utf8_lossy(line).into_owned();
        let mut room = self.room.borrow_mut();
        match &self.name {
            Some(name) => room.tell_everyone_but(Some(transport.id()), &format!("<{name}> {text}\r\n")),
            None if text.is_empty() || room.members.contains_key(&text) => {
                transport.write(b"Taken. Another?\r\n")
            }
            None => {
                room.tell_everyone_but(None, &format!("* {text} came\r\n"));
                room.members.insert(text.clone(), transport.clone());
                self.name = Some(text);
            }
        }
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        if let Some(name) = &self.name {
            let mut room = self.room.borrow_mut();
            room.members.remove(name);
            room.tell_everyone_but(None, &format!("* {name} went\r\n"));
        }
    }
}

fn main() -> ropewalk_reactor::Result<()> {
    let endpoint = std::env::args().nth(1).unwrap_or("tcp:12346:interface=127.0.0.1".into());
    let reactor = Reactor::new()?;
    let room: Rc<RefCell<Room>> = Rc::default();
    let listener =
        reactor.listen(&endpoint, move |_: &Address| Lines::new(Chat { room: room.clone(), name: None }))?;
    println!("listening on {}", listener.address());
    reactor.run()?;
    Ok(())
}
