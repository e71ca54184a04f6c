//! The conversation of one active connection: a burst of messages out, the same bytes back, again.
//!
//! The one rule: this is the hot path of the load generator, which must cost less than the server
//! it loads: one write, one read and one look at the clock for each burst, nothing allocated.
//!
//! What is said is an endless repetition of one text of arbitrary bytes. A position in that stream
//! says which bytes are due, so every byte that comes back is checked, and an echo that is short,
//! doubled, out of order or another connection's does not pass.
#![expect(clippy::disallowed_methods, reason = "times a server from outside: there is no reactor here")]

use super::histogram::Histogram;
use mio::net::TcpStream;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Instant;

/// After so many bytes the text repeats.
const TEXT_BYTES: usize = 1 << 14;
const READ_BYTES: usize = 64 * 1024;

/// A connection that speaks, and how far it has come in the stream, in bytes.
pub(super) struct Speaker {
    pub(super) stream: TcpStream,
    /// The present burst ends here.
    wanted: u64,
    written: u64,
    received: u64,
    sent_at: Instant,
    is_open: bool,
}

impl Speaker {
    /// The `index` makes it begin at a place of its own.
    pub(super) fn new(stream: TcpStream, index: usize) -> Self {
        let start = (index * 977 % TEXT_BYTES) as u64;
        let sent_at = Instant::now();
        Self { stream, wanted: start, written: start, received: start, sent_at, is_open: true }
    }

    /// It has not failed.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Some of its burst has not come back.
    pub(super) fn is_waiting(&self) -> bool {
        self.is_open && self.received < self.wanted
    }
}

/// What all conversations share: the text, room to read into, and the count of what happened.
pub(super) struct Talk {
    text: Vec<u8>,
    room: Vec<u8>,
    burst_bytes: usize,
    burst_messages: u64,
    /// Latencies of bursts sent before this are not recorded: something else may have been done
    /// between their arrival and the look at them.
    since: Instant,
    /// From the write of a burst to the arrival of its last byte, in nanoseconds.
    pub(super) latencies: Histogram,
    /// Messages that came back.
    pub(super) requests: u64,
    /// Connections that failed.
    pub(super) errors: u64,
}

impl Talk {
    /// Bursts of `pipeline` messages of `message_bytes` each, neither of them zero. The text is as long
    /// as a burst and more, so that every burst is one slice of it.
    pub(super) fn new(message_bytes: usize, pipeline: usize) -> Self {
        let burst_bytes = message_bytes * pipeline;
        debug_assert!(burst_bytes > 0);
        Self {
            text: text(TEXT_BYTES + burst_bytes.max(READ_BYTES)),
            room: vec![0; READ_BYTES],
            burst_bytes,
            burst_messages: pipeline as u64,
            since: Instant::now(),
            latencies: Histogram::new(),
            requests: 0,
            errors: 0,
        }
    }

    /// Counts anew from now on.
    pub(super) fn restart(&mut self, now: Instant) {
        self.since = now;
        self.latencies.clear();
        self.requests = 0;
    }

    /// The first bytes of the text: something to ask with.
    pub(super) fn opening(&self) -> &[u8] {
        &self.text[..64]
    }

    /// Sends the first burst.
    pub(super) fn begin(&mut self, speaker: &mut Speaker) {
        let sent = self.send_burst(speaker, Instant::now());
        self.note(speaker, sent);
    }

    /// Goes on after news of a connection. `hung_up`: the server closed its side, so no further news
    /// will come and everything must be read now. When the burst is complete, the next one follows
    /// if `go_on`.
    pub(super) fn go_on(&mut self, speaker: &mut Speaker, hung_up: bool, go_on: bool) {
        if speaker.is_open {
            let advanced = self.advance(speaker, hung_up, go_on);
            self.note(speaker, advanced);
        }
    }

    fn note(&mut self, speaker: &mut Speaker, outcome: io::Result<()>) {
        if outcome.is_err() {
            speaker.is_open = false;
            self.errors += 1;
        }
    }

    fn advance(&mut self, speaker: &mut Speaker, hung_up: bool, go_on: bool) -> io::Result<()> {
        let was_waiting = speaker.is_waiting();
        self.write(speaker)?;
        self.read(speaker, hung_up)?;
        if was_waiting && speaker.received == speaker.wanted {
            let now = Instant::now();
            if speaker.sent_at >= self.since {
                let latency = now.duration_since(speaker.sent_at).as_nanos() as u64;
                self.latencies.record(latency, self.burst_messages);
            }
            self.requests += self.burst_messages;
            if go_on {
                self.send_burst(speaker, now)?;
            }
        }
        Ok(())
    }

    fn send_burst(&self, speaker: &mut Speaker, now: Instant) -> io::Result<()> {
        speaker.wanted += self.burst_bytes as u64;
        speaker.sent_at = now;
        self.write(speaker)
    }

    /// Writes what is left of the burst, as far as there is room; news of more room come by edge.
    fn write(&self, speaker: &mut Speaker) -> io::Result<()> {
        while speaker.written < speaker.wanted {
            let start = place(speaker.written);
            let left = (speaker.wanted - speaker.written) as usize;
            match speaker.stream.write(&self.text[start..start + left]) {
                Ok(written) => speaker.written += written as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what is there and checks it. A read that does not fill the room has emptied the
    /// socket, unless the server has hung up.
    fn read(&mut self, speaker: &mut Speaker, hung_up: bool) -> io::Result<()> {
        loop {
            match speaker.stream.read(&mut self.room) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => {
                    self.check(speaker, length)?;
                    if length < self.room.len() && !hung_up {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn check(&self, speaker: &mut Speaker, length: usize) -> io::Result<()> {
        let start = place(speaker.received);
        speaker.received += length as u64;
        let is_due = speaker.received <= speaker.written;
        if is_due && self.text[start..start + length] == self.room[..length] {
            return Ok(());
        }
        Err(io::Error::new(ErrorKind::InvalidData, "the echo is not what was sent"))
    }
}

fn place(position: u64) -> usize {
    (position % TEXT_BYTES as u64) as usize
}

/// The text, repeated to `length` bytes: arbitrary, and the same in every run.
fn text(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let bytes = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    });
    let once: Vec<u8> = bytes.take(TEXT_BYTES).collect();
    once.iter().copied().cycle().take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    /// A speaker that has sent its first burst, and the server's end of its connection.
    fn conversation(talk: &mut Talk) -> (Speaker, std::net::TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_nonblocking(true).unwrap();
        let server = listener.accept().unwrap().0;
        let mut speaker = Speaker::new(TcpStream::from_std(client), 3);
        talk.begin(&mut speaker);
        (speaker, server)
    }

    fn take(server: &mut std::net::TcpStream, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        server.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// What comes over loopback is there when the write returns.
    fn answer(talk: &mut Talk, speaker: &mut Speaker, server: &mut std::net::TcpStream, bytes: &[u8]) {
        server.write_all(bytes).unwrap();
        talk.go_on(speaker, false, true);
    }

    #[test]
    fn a_true_echo_counts_and_the_next_burst_follows() {
        let mut talk = Talk::new(64, 2);
        let (mut speaker, mut server) = conversation(&mut talk);
        for round in 1..=300 {
            let burst = take(&mut server, 128);
            answer(&mut talk, &mut speaker, &mut server, &burst);
            assert_eq!((talk.requests, talk.errors), (2 * round, 0));
        }
        assert!(speaker.is_waiting(), "the next burst is on its way");
        assert!(talk.latencies.value_at(0.5) > 0);
    }

    #[test]
    fn an_echo_in_pieces_counts_when_it_is_whole() {
        let mut talk = Talk::new(64, 1);
        let (mut speaker, mut server) = conversation(&mut talk);
        let burst = take(&mut server, 64);
        answer(&mut talk, &mut speaker, &mut server, &burst[..63]);
        assert_eq!(talk.requests, 0);
        answer(&mut talk, &mut speaker, &mut server, &burst[63..]);
        assert_eq!(talk.requests, 1);
    }

    #[test]
    fn a_wrong_byte_fails_the_connection() {
        let mut talk = Talk::new(64, 1);
        let (mut speaker, mut server) = conversation(&mut talk);
        let mut burst = take(&mut server, 64);
        burst[40] ^= 1;
        answer(&mut talk, &mut speaker, &mut server, &burst);
        assert_eq!((talk.requests, talk.errors, speaker.is_open()), (0, 1, false));
    }

    #[test]
    fn a_byte_too_many_fails_the_connection() {
        let mut talk = Talk::new(64, 1);
        let (mut speaker, mut server) = conversation(&mut talk);
        let mut burst = take(&mut server, 64);
        burst.push(talk.text[place(speaker.written)]);
        answer(&mut talk, &mut speaker, &mut server, &burst);
        assert_eq!((talk.requests, talk.errors), (0, 1));
    }

    #[test]
    fn a_server_that_closes_fails_the_connection_once() {
        let mut talk = Talk::new(64, 1);
        let (mut speaker, mut server) = conversation(&mut talk);
        take(&mut server, 64);
        drop(server);
        talk.go_on(&mut speaker, true, true);
        talk.go_on(&mut speaker, true, true);
        assert_eq!((talk.requests, talk.errors), (0, 1));
    }

    #[test]
    fn without_leave_to_go_on_the_conversation_rests() {
        let mut talk = Talk::new(64, 1);
        let (mut speaker, mut server) = conversation(&mut talk);
        let burst = take(&mut server, 64);
        server.write_all(&burst).unwrap();
        talk.go_on(&mut speaker, false, false);
        assert_eq!((talk.requests, speaker.is_waiting()), (1, false));
        talk.go_on(&mut speaker, false, false);
        assert_eq!(talk.requests, 1, "news without bytes count nothing");
    }

    #[test]
    fn a_burst_from_before_the_restart_counts_without_its_latency() {
        let mut talk = Talk::new(64, 1);
        let (mut speaker, mut server) = conversation(&mut talk);
        let burst = take(&mut server, 64);
        talk.restart(Instant::now());
        answer(&mut talk, &mut speaker, &mut server, &burst);
        assert_eq!((talk.requests, talk.latencies.highest()), (1, 0));
        let burst = take(&mut server, 64);
        answer(&mut talk, &mut speaker, &mut server, &burst);
        assert!(talk.requests == 2 && talk.latencies.highest() > 0);
    }

    #[test]
    fn a_burst_larger_than_the_socket_s_room_goes_out_in_pieces() {
        let mut talk = Talk::new(1 << 20, 1);
        let (mut speaker, mut server) = conversation(&mut talk);
        server.set_nonblocking(true).unwrap();
        let (mut piece, mut owed) = (vec![0; 32 * 1024], Vec::new());
        while talk.requests == 0 {
            if let Ok(length) = server.read(&mut piece) {
                owed.extend_from_slice(&piece[..length]);
            }
            if let Ok(length) = server.write(&owed) {
                owed.drain(..length);
            }
            talk.go_on(&mut speaker, false, false);
            assert_eq!(talk.errors, 0);
        }
        assert_eq!(talk.requests, 1);
    }
}
