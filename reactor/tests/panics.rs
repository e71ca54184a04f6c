//! A panic in a protocol closes that connection alone, and the log has where it came from.

#![allow(clippy::unwrap_used, reason = "a test")]

use bytes::BytesMut;
use ropewalk_reactor::prelude::*;
use ropewalk_reactor::testing::{Faults, Sim};
use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

struct Fragile(Rc<RefCell<Vec<String>>>);

impl Protocol for Fragile {
    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        let data = input.split();
        assert_ne!(&data[..], b"boom", "a wrong word");
        transport.write_bytes(data.freeze());
    }
    fn connection_lost(&mut self, _: &Transport, why: &Reason) {
        self.0.borrow_mut().push(why.to_string());
    }
}

struct Caller(&'static [u8], Rc<RefCell<Vec<String>>>);

impl Protocol for Caller {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(self.0);
    }
    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        self.1.borrow_mut().push(String::from_utf8_lossy(&input.split()).into_owned());
        transport.close();
    }
    fn connection_lost(&mut self, _: &Transport, why: &Reason) {
        self.1.borrow_mut().push(why.to_string());
    }
}

/// What is logged, in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(data);
        Ok(data.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_panic_closes_one_connection_and_is_logged_with_its_backtrace() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    tracing::subscriber::with_default(subscriber, || {
        let reactor = Reactor::with_engine(Sim::new(1, Faults::none()).0);
        let served: Rc<RefCell<Vec<String>>> = Rc::default();
        let book = served.clone();
        reactor.listen("tcp:7", move |_: &Address| Fragile(book.clone())).unwrap();
        let heard: Rc<RefCell<Vec<String>>> = Rc::default();
        for word in [&b"boom"[..], b"fine"] {
            reactor
                .connect("tcp:127.0.0.1:7", Caller(word, heard.clone()))
                .finally(|outcome| drop(outcome.unwrap()));
        }
        let stopper = reactor.clone();
        reactor.call_later(Duration::from_secs(10), move || stopper.stop());
        reactor.run().unwrap();
        let heard = heard.borrow();
        assert!(
            heard.contains(&"fine".to_owned()) && heard.iter().any(|why| why.contains("reset")),
            "{heard:?}"
        );
        let served = served.borrow();
        assert_eq!(served.len(), 2, "connection_lost once each: {served:?}");
        assert!(
            served.iter().any(|why| why.contains("panicked: ") && why.contains("a wrong word")),
            "{served:?}"
        );
    });
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("a protocol panicked") && log.contains("a wrong word"), "{log}");
    assert!(log.contains("panics.rs") && log.contains("Fragile"), "no backtrace to the place: {log}");
}
