//! Server-sent events (the HTML standard, section 9.2): messages that a page gets by `EventSource` as
//! they happen. The one rule: a page that doesn't keep up is let go, and not waited for; its browser
//! comes back by itself.
//!
//! ```text
//! event: queue\n
//! data: first line\n
//! data: second line\n
//! \n
//! ```

use bytes::{BufMut, BytesMut};
use memchr::memchr2;
use ropewalk_reactor::Transport;

/// A stream of events to one page. Dropped, it closes the connection.
///
/// What waits for a slow page is bounded by the transport's high watermark, 64 KiB unless it was set,
/// and one event: a page that is behind by more when the next event comes is disconnected.
#[derive(Debug)]
pub struct EventStream {
    transport: Transport,
}

impl EventStream {
    pub(super) fn new(transport: Transport) -> Self {
        Self { transport }
    }

    /// Send a message of any number of lines; whether the page is still there.
    pub fn send(&self, data: &str) -> bool {
        self.write(|out| encode(None, data, out))
    }

    /// Send a message of the kind `event`, a name without line ends, for which the page has a listener
    /// of its own; whether the page is still there.
    pub fn send_named(&self, event: &str, data: &str) -> bool {
        self.write(|out| encode(Some(event), data, out))
    }

    /// Send something that no listener sees, to keep proxies from ending a silent connection; whether
    /// the page is still there. Every 15 seconds is customary.
    pub fn ping(&self) -> bool {
        self.write(|out| out.put_slice(b":\n\n"))
    }

    /// Whether the page is still there, as far as is known.
    pub fn is_open(&self) -> bool {
        !self.transport.is_closing()
    }

    /// The connection. Write to it only through the stream.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    fn write(&self, encode: impl FnOnce(&mut BytesMut)) -> bool {
        if self.transport.is_full() {
            self.transport.abort();
        }
        if self.is_open() {
            self.transport.write_with(encode);
        }
        self.is_open()
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.transport.close();
    }
}

/// Append a message. Each of its lines is a field of its own, so no text can end it early.
fn encode(event: Option<&str>, data: &str, out: &mut BytesMut) {
    if let Some(event) = event {
        let (name, _) = split_line(event);
        field(b"event: ", name, out);
    }
    let mut rest = Some(data);
    while let Some(text) = rest {
        let (line, after) = split_line(text);
        field(b"data: ", line, out);
        rest = after;
    }
    out.put_slice(b"\n");
}

fn field(name: &[u8], value: &str, out: &mut BytesMut) {
    out.put_slice(name);
    out.put_slice(value.as_bytes());
    out.put_slice(b"\n");
}

/// The first line, and what stands behind its end, which is `\r\n`, `\n` or `\r`.
fn split_line(text: &str) -> (&str, Option<&str>) {
    let Some((line, rest)) =
        memchr2(b'\r', b'\n', text.as_bytes()).and_then(|end| text.split_at_checked(end))
    else {
        return (text, None);
    };
    let rest = rest.strip_prefix("\r\n").or(rest.strip_prefix(['\r', '\n']));
    (line, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(event: Option<&str>, data: &str) -> String {
        let mut out = BytesMut::new();
        encode(event, data, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn each_line_of_a_message_is_a_field() {
        assert_eq!(encoded(None, "hello"), "data: hello\n\n");
        assert_eq!(encoded(None, ""), "data: \n\n");
        assert_eq!(encoded(None, "a\nb\r\nc\rd\n"), "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
        assert_eq!(encoded(Some("queue"), "{}"), "event: queue\ndata: {}\n\n");
    }

    #[test]
    fn a_kind_cannot_smuggle_in_another_field() {
        assert_eq!(encoded(Some("a\ndata: b"), "c"), "event: a\ndata: c\n\n");
    }

    /// As a browser reads it: the data of each message, its lines joined.
    fn decoded(stream: &str) -> Vec<String> {
        let mut messages = Vec::new();
        let mut lines: Vec<&str> = Vec::new();
        let normalised = stream.replace("\r\n", "\n").replace('\r', "\n");
        for line in normalised.split_terminator('\n') {
            match line.strip_prefix("data: ") {
                Some(data) => lines.push(data),
                None if line.is_empty() => messages.push(std::mem::take(&mut lines).join("\n")),
                None => {}
            }
        }
        messages
    }

    proptest! {
        #[test]
        fn a_browser_sees_the_text_that_was_sent(
            texts in proptest::collection::vec("[a\r\n: ]{0,12}", 0..5), kind in proptest::option::of("[a\r\n:]{0,5}")
        ) {
            let stream: String = texts.iter().map(|text| encoded(kind.as_deref(), text)).collect();
            let expected: Vec<_> =
                texts.iter().map(|text| text.replace("\r\n", "\n").replace('\r', "\n")).collect();
            prop_assert_eq!(decoded(&stream), expected);
        }
    }
}
