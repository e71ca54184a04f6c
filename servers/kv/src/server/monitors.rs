//! MONITOR: who sees every command. The one rule: arguments that hold secrets are never shown.

use super::Server;
use super::client::{Client, Place, State};
use super::pubsub::Message;
use crate::command::registry::CommandId;
use crate::command::row::Flags;
use std::io::Write;
use std::rc::Rc;

impl Server {
    /// Show a client every command from now on.
    pub(crate) fn start_monitoring(&mut self, client: &Rc<Client>) {
        client.set(State::MONITOR, true);
        self.monitors.push(client.clone());
    }

    /// Show it none any more.
    pub(crate) fn stop_monitoring(&mut self, client: &Rc<Client>) {
        if client.is(State::MONITOR) {
            client.set(State::MONITOR, false);
            self.monitors.retain(|other| !Rc::ptr_eq(other, client));
        }
    }

    /// Show a command to those who want to see all, unless it is one that is not shown.
    #[inline]
    pub(super) fn show_monitors(
        &mut self,
        client: &Rc<Client>,
        command: CommandId,
        args: &[&[u8]],
        secrets: &[usize],
    ) {
        if !self.monitors.is_empty() {
            let hidden = Flags::ADMIN | Flags::SKIP_MONITOR;
            if !self.registry.entry(command).row.flags.intersects(hidden) {
                self.show_monitors_anyway(client, args, secrets);
            }
        }
    }

    /// Show a command to those who want to see all.
    #[cold]
    pub(crate) fn show_monitors_anyway(&mut self, client: &Rc<Client>, args: &[&[u8]], secrets: &[usize]) {
        let line = self.monitor_line(client, args, secrets);
        let mut message = Message::default();
        let mut overfull = Vec::new();
        for monitor in
            self.monitors.iter().filter(|monitor| !monitor.is(State::REPLY_OFF | State::REPLY_SKIP))
        {
            message.send(monitor, Place::Behind, |reply| reply.simple(&line));
            if self.is_overfull(monitor) {
                overfull.push(monitor.clone());
            }
        }
        self.close_overfull(overfull);
    }

    /// `1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`
    fn monitor_line(&self, client: &Client, args: &[&[u8]], secrets: &[usize]) -> Vec<u8> {
        let now_us = self.monitor_time_us();
        let mut line = Vec::new();
        let (seconds, micros) = (now_us.div_euclid(1_000_000), now_us.rem_euclid(1_000_000));
        // Writing into memory does not fail.
        let _ = write!(line, "{seconds}.{micros:06} [{} ", client.db.get());
        if client.is(State::UNIX) {
            line.extend_from_slice(b"unix:");
            line.extend_from_slice(&self.config.unixsocket);
        } else {
            line.extend_from_slice(&self.address_of(client));
        }
        line.push(b']');
        for (index, argument) in args.iter().enumerate() {
            line.push(b' ');
            match secrets.contains(&index) {
                true => line.extend_from_slice(b"\"(redacted)\""),
                false => quote(argument, &mut line),
            }
        }
        line
    }

    /// The time on the line: that of the moment, not of the command's beginning.
    fn monitor_time_us(&self) -> i64 {
        let mut clock = self.clock;
        clock.advance(self.reactor.now());
        clock.wall_us()
    }
}

/// Append a string in quotes, with what can't be printed escaped.
pub(crate) fn quote(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(*byte),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_printed_is_escaped() {
        let mut quoted = Vec::new();
        quote(b"a \"b\" \\ \n\r\t\x07\x08\x00\xff~", &mut quoted);
        assert_eq!(quoted, br#""a \"b\" \\ \n\r\t\a\b\x00\xff~""#);
    }
}
