//! Signals: SIGTERM and its like as callbacks on the loop.
//!
//! The one rule: a handler runs where every callback runs, in a turn of the loop, so it may do what
//! any of them may. The kernel's side of it, where next to nothing is allowed, is signal-hook's:
//!
//! ```text
//! kernel ─▶ signal-hook's handler ─▶ a thread that waits ─▶ Remote ─▶ your handler, on the loop
//!           a flag and a byte        posts the number       a turn
//! ```
//!
//! A thread, rather than a descriptor that the engine watches, because that works on every engine,
//! and because a descriptor would count as a connection when the reactor stops, which is just when
//! the second signal must get through.
//!
//! SIGPIPE is none of them: Rust ignores it from the start, and a write to a lost peer is an error.

use crate::panics;
use crate::reactor::Reactor;
use crate::threads::Remote;
use signal_hook::consts;
use signal_hook::iterator::{Handle, Signals};
use std::cell::RefCell;
use std::ffi::c_int;
use std::io;
use std::thread::JoinHandle;

/// A signal that a reactor can listen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// SIGHUP: the terminal is gone; for daemons by convention: read the configuration again.
    Hangup,
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGQUIT: Ctrl-\.
    Quit,
    /// SIGUSR1: for whatever you like.
    User1,
    /// SIGUSR2: for whatever you like.
    User2,
    /// SIGTERM: please stop.
    Terminate,
    /// SIGCHLD: a child process stopped or ended.
    Child,
    /// SIGWINCH: the terminal has another size.
    WindowChange,
}

impl Signal {
    /// The number that the operating system knows it by.
    pub fn number(self) -> i32 {
        match self {
            Self::Hangup => consts::SIGHUP,
            Self::Interrupt => consts::SIGINT,
            Self::Quit => consts::SIGQUIT,
            Self::User1 => consts::SIGUSR1,
            Self::User2 => consts::SIGUSR2,
            Self::Terminate => consts::SIGTERM,
            Self::Child => consts::SIGCHLD,
            Self::WindowChange => consts::SIGWINCH,
        }
    }
}

impl Reactor {
    /// Call `handler` from the loop whenever the signal comes, from now on and as long as the
    /// reactor is there. Several handlers of a signal are called in the order they came in.
    ///
    /// What the signal would do otherwise (most end the process) it does no more, not even when the
    /// reactor is gone. A signal that comes again before its handlers were called counts once. Every
    /// reactor of the process that listens to a signal gets it.
    ///
    /// # Errors
    /// If the operating system gives no thread, no socket pair or no handler.
    pub fn on_signal(&self, signal: Signal, handler: impl FnMut(&Self) + 'static) -> io::Result<()> {
        self.0.signals.listen(signal, Box::new(handler), || self.remote())
    }

    /// Call [`stop`](Self::stop) at SIGINT and SIGTERM: the first one stops in order, a second one cuts
    /// the waiting short.
    ///
    /// # Errors
    /// As [`on_signal`](Self::on_signal).
    pub fn stop_on_signals(&self) -> io::Result<()> {
        let stop = |reactor: &Self| if reactor.is_stopping() { reactor.stop_now() } else { reactor.stop() };
        self.on_signal(Signal::Interrupt, stop)?;
        self.on_signal(Signal::Terminate, stop)
    }
}

type Handler = Box<dyn FnMut(&Reactor)>;

/// A reactor's handlers, and the thread that waits for their signals.
#[derive(Default)]
pub(crate) struct SignalTable {
    /// A handler is lifted out while it is called.
    handlers: RefCell<Vec<(c_int, Option<Handler>)>>,
    watcher: RefCell<Option<Watcher>>,
}

impl SignalTable {
    fn listen(&self, signal: Signal, handler: Handler, remote: impl FnOnce() -> Remote) -> io::Result<()> {
        let number = signal.number();
        let mut watcher = self.watcher.borrow_mut();
        match &*watcher {
            Some(watcher) => watcher.handle.add_signal(number)?,
            None => *watcher = Some(Watcher::start(number, remote())?),
        }
        self.handlers.borrow_mut().push((number, Some(handler)));
        Ok(())
    }

    /// The signal has come: call its handlers, those that were there when it came.
    fn dispatch(&self, number: c_int, reactor: &Reactor) {
        let count = self.handlers.borrow().len();
        for index in 0..count {
            let Some(mut handler) = self.lift(index, number) else { continue };
            if let Err(panic) = panics::catch(|| handler(reactor)) {
                tracing::error!(number, panic.message, panic.backtrace, "a signal's handler panicked");
            }
            self.handlers.borrow_mut()[index].1 = Some(handler);
        }
    }

    /// The handler at this index, if it is one of this signal's.
    fn lift(&self, index: usize, number: c_int) -> Option<Handler> {
        let mut handlers = self.handlers.borrow_mut();
        let (of, handler) = handlers.get_mut(index)?;
        if *of == number { handler.take() } else { None }
    }
}

/// The thread that waits for signals; dropped, it ends.
struct Watcher {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    fn start(number: c_int, remote: Remote) -> io::Result<Self> {
        let mut signals = Signals::new([number])?;
        let handle = signals.handle();
        let thread = std::thread::Builder::new().name("ropewalk-signals".into()).spawn(move || {
            for number in signals.forever() {
                remote.call(move |reactor| reactor.0.signals.dispatch(number, reactor));
            }
        })?;
        Ok(Self { handle, thread: Some(thread) })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // It has nothing that can panic, and ends as soon as it sees that the handle is closed.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use signal_hook::low_level::raise;
    use std::rc::Rc;
    use std::time::Duration;

    // Under `cargo test` all tests share a process, and so its signals: a signal a test. SIGUSR1 is
    // the pollers'.

    const PATIENCE: Duration = Duration::from_secs(20);

    type Words = Rc<RefCell<Vec<&'static str>>>;

    fn says(words: &Words, word: &'static str) -> impl FnMut(&Reactor) + use<> {
        let words = words.clone();
        move |_| words.borrow_mut().push(word)
    }

    /// A reactor that stops at once, with what was expected not done, rather than wait for ever.
    fn reactor() -> Reactor {
        let reactor = Reactor::builder().shutdown_limit(PATIENCE).build().unwrap();
        let remote = reactor.remote();
        reactor.call_later(PATIENCE, move || assert!(remote.call(Reactor::stop_now)));
        reactor
    }

    #[test]
    fn a_signals_handlers_are_called_in_order_and_may_add_others() {
        let (reactor, words) = (reactor(), Words::default());
        let late = words.clone();
        reactor.on_signal(Signal::User2, says(&words, "first")).unwrap();
        reactor
            .on_signal(Signal::User2, move |reactor| {
                let again = reactor.on_signal(Signal::User2, says(&late, "added"));
                again.unwrap();
            })
            .unwrap();
        reactor.on_signal(Signal::WindowChange, says(&words, "another")).unwrap();
        reactor.on_signal(Signal::User2, says(&words, "last")).unwrap();
        reactor.on_signal(Signal::User2, Reactor::stop).unwrap();
        raise(consts::SIGUSR2).unwrap();
        reactor.run().unwrap();
        assert_eq!(*words.borrow(), ["first", "last"]);
        raise(consts::SIGUSR2).unwrap();
        reactor.run().unwrap();
        assert_eq!(words.borrow()[2..], ["first", "last", "added"]);
    }

    #[test]
    fn a_handler_that_panics_is_survived_and_called_again() {
        let (reactor, words) = (reactor(), Words::default());
        let mut say = says(&words, "before the panic");
        reactor
            .on_signal(Signal::Child, move |reactor| {
                say(reactor);
                panic!("a planned panic");
            })
            .unwrap();
        reactor.on_signal(Signal::Child, Reactor::stop).unwrap();
        for _ in 0..2 {
            raise(consts::SIGCHLD).unwrap();
            reactor.run().unwrap();
        }
        assert_eq!(words.borrow().len(), 2);
    }

    #[test]
    fn a_second_signal_cuts_the_waiting_short() {
        let reactor = reactor();
        reactor.stop_on_signals().unwrap();
        // A service that takes for ever to stop, and asks for the second signal.
        let (never, stopped) = reactor.deferred::<()>();
        reactor.on_shutdown(move || {
            raise(consts::SIGINT).unwrap();
            stopped
        });
        reactor.call_soon(|| raise(consts::SIGTERM).unwrap());
        let start = reactor.now();
        reactor.run().unwrap();
        assert!(reactor.now() - start < PATIENCE, "only the time limit ended it");
        never.resolve(Err(Failure::Cancelled));
    }

    #[test]
    fn every_reactor_that_listens_is_told_and_one_that_is_gone_is_not() {
        let (one, other, words) = (reactor(), reactor(), Words::default());
        for (reactor, word) in [(&one, "one"), (&other, "other")] {
            reactor.on_signal(Signal::Hangup, says(&words, word)).unwrap();
            reactor.on_signal(Signal::Hangup, Reactor::stop).unwrap();
        }
        raise(consts::SIGHUP).unwrap();
        one.run().unwrap();
        other.run().unwrap();
        // Returns only when its thread has ended.
        drop(one);
        raise(consts::SIGHUP).unwrap();
        other.run().unwrap();
        assert_eq!(*words.borrow(), ["one", "other", "other"]);
    }
}
