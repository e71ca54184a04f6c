//! `ropewalk chat`: one room, by telnet or nc.
//!
//! ```text
//! ◀ What's your name?
//! ▶ ann
//! ◀ Welcome, ann!                 the others: * ann has joined
//! ▶ hello                         the others: <ann> hello
//! ```
//!
//! The one rule: nobody waits for anybody. Whoever does not read what the others say loses the
//! connection once [`BACKLOG_BYTES_MAX`] wait.

use crate::failed::Failed;
use crate::serve::{self, ENDPOINTS, Process, stream_endpoint};
use clap::Args;
use ropewalk_protocols::line::{LineDecoder, LineReceiver, Lines, send_line};
use ropewalk_reactor::Result;
use ropewalk_reactor::endpoint::ListenEndpoint;
use ropewalk_reactor::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What `ropewalk chat` takes.
#[derive(Debug, Args)]
#[command(after_long_help = ENDPOINTS)]
pub(crate) struct Chat {
    /// Where to listen, on this machine only unless said otherwise; may be repeated
    #[arg(long, value_name = "ENDPOINT", value_parser = stream_endpoint)]
    #[arg(default_value = "tcp:8123:interface=127.0.0.1")]
    listen: Vec<ListenEndpoint>,
    #[command(flatten)]
    process: Process,
}

/// The longest line, in bytes; longer ones are dropped, and their sender is told.
const LINE_BYTES_MAX: usize = 1024;

/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 24;

/// How much may wait for a member before the member is taken for one that doesn't read.
const BACKLOG_BYTES_MAX: usize = 1024 * 1024;

// What one member says in one turn, at most 64 KiB, must never cost a member that reads: the worst are
// lines of one byte that is no UTF-8, which leave as `<name> \u{fffd}\r\n`.
const _: () = assert!(64 * 1024 / 2 * (NAME_BYTES_MAX + 8) <= BACKLOG_BYTES_MAX);

impl Chat {
    /// Serve until stopped.
    pub(crate) fn run(self) -> Result<(), Failed> {
        serve::serve("chat", &self.process, |setup| {
            let room = Rc::new(RefCell::new(Room::default()));
            self.listen.iter().try_for_each(|endpoint| {
                let room = room.clone();
                setup.listen(endpoint, move |_: &Address| guest(room.clone()))
            })
        })
    }
}

/// Who is there.
#[derive(Default)]
struct Room {
    members: BTreeMap<u64, Member>,
}

struct Member {
    name: String,
    transport: Transport,
}

impl Room {
    fn has(&self, name: &str) -> bool {
        self.members.values().any(|member| member.name == name)
    }

    /// Everybody hears it, except the one with this number.
    fn tell_others(&self, speaker: u64, text: &str) {
        let others = self.members.iter().filter(|(id, _)| **id != speaker);
        others.for_each(|(_, member)| member.hear(text));
    }
}

impl Member {
    fn hear(&self, text: &str) {
        if self.transport.is_closing() {
            return;
        }
        if self.transport.is_full() {
            tracing::info!(name = self.name, peer = %self.transport.peer(), "dropped: it does not read");
            return self.transport.abort();
        }
        send_line(&self.transport, text.as_bytes());
    }
}

/// One connection: a guest, and once it has a name a member of the room.
struct Guest {
    name: Option<String>,
    room: Rc<RefCell<Room>>,
}

fn guest(room: Rc<RefCell<Room>>) -> Lines<Guest> {
    Lines::with_decoder(Guest { name: None, room }, LineDecoder::new().max_length(LINE_BYTES_MAX))
}

impl Guest {
    fn introduce(&mut self, transport: &Transport, name: String) {
        let mut room = self.room.borrow_mut();
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            let limits = format!("A name has 1 to {NAME_BYTES_MAX} bytes, please choose another.");
            return send_line(transport, limits.as_bytes());
        }
        if room.has(&name) {
            return send_line(transport, b"Name taken, please choose another.");
        }
        send_line(transport, format!("Welcome, {name}!").as_bytes());
        room.tell_others(transport.id(), &format!("* {name} has joined"));
        room.members.insert(transport.id(), Member { name: name.clone(), transport: transport.clone() });
        self.name = Some(name);
    }
}

impl LineReceiver for Guest {
    fn connection_made(&mut self, transport: &Transport) {
        transport.set_watermarks(BACKLOG_BYTES_MAX, BACKLOG_BYTES_MAX / 4);
        // Our own answers wait for nobody to read them either.
        transport.register_producer(transport);
        send_line(transport, b"What's your name?");
    }

    fn line_received(&mut self, transport: &Transport, line: &[u8]) {
        let text = printable(line);
        match &self.name {
            None => self.introduce(transport, text),
            Some(name) => self.room.borrow().tell_others(transport.id(), &format!("<{name}> {text}")),
        }
    }

    fn line_length_exceeded(&mut self, transport: &Transport) {
        let text = format!("A line has at most {LINE_BYTES_MAX} bytes; yours was dropped.");
        send_line(transport, text.as_bytes());
    }

    fn connection_lost(&mut self, transport: &Transport, _: &Reason) {
        let mut room = self.room.borrow_mut();
        if let Some(member) = room.members.remove(&transport.id()) {
            room.tell_others(transport.id(), &format!("* {} has left", member.name));
        }
    }
}

/// A line without what would do something to the terminals of others.
fn printable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text: String = text.chars().filter(|character| !character.is_control()).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ropewalk_reactor::testing::StringTransport;

    fn alone() -> StringTransport<Lines<Guest>> {
        StringTransport::new(guest(Rc::default()))
    }

    fn words(guest: &mut StringTransport<Lines<Guest>>) -> String {
        String::from_utf8(guest.output()).unwrap()
    }

    #[test]
    fn a_guest_is_asked_for_a_name_until_there_is_one() {
        let mut guest = alone();
        guest.feed(b"\r\n");
        guest.feed(&[b'x'; NAME_BYTES_MAX + 1]);
        guest.feed(b"\nann\r\n");
        let limits = "A name has 1 to 24 bytes, please choose another.\r\n";
        assert_eq!(words(&mut guest), format!("What's your name?\r\n{limits}{limits}Welcome, ann!\r\n"));
    }

    #[test]
    fn a_line_that_is_too_long_is_dropped_and_the_next_one_heard() {
        let mut guest = alone();
        guest.feed(&[b'x'; 10 * LINE_BYTES_MAX]);
        guest.feed(b"xx\nann\n");
        let expected =
            "What's your name?\r\nA line has at most 1024 bytes; yours was dropped.\r\nWelcome, ann!\r\n";
        assert_eq!(words(&mut guest), expected);
        assert!(guest.input().is_empty());
    }

    #[test]
    fn what_would_change_a_terminal_is_left_out() {
        assert_eq!(printable(b"\x1b[31mred\x07 \xc2\x9b1m \xff"), "[31mred 1m \u{fffd}");
    }

    #[test]
    fn a_guest_that_does_not_read_its_answers_is_not_read_either() {
        let mut guest = alone();
        guest.feed(&[b'\n'; 64 * 1024]);
        assert!(!guest.input().is_empty(), "every line was answered");
        assert!(guest.output().len() < 2 * BACKLOG_BYTES_MAX);
        while !guest.input().is_empty() {
            guest.output();
        }
    }
}
