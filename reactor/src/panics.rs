//! Panics in user code: caught at the loop's edge, told with a backtrace, survived.

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// What a panic said, and from where.
#[derive(Debug)]
pub(crate) struct Panic {
    pub(crate) message: String,
    pub(crate) backtrace: String,
}

thread_local! {
    /// Whether a panic on this thread will be caught by [`catch`].
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// Run user code; a panic becomes an error that carries the backtrace of where it happened.
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Panic> {
    install_hook();
    let outer = CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    CAUGHT.set(outer);
    result.map_err(|_| {
        let unknown = || Panic { message: "unknown".into(), backtrace: String::new() };
        LAST.take().unwrap_or_else(unknown)
    })
}

/// The process's hook prints panics; ours keeps those that will be caught, for the log.
fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !CAUGHT.get() {
                return previous(info);
            }
            let payload = info.payload_as_str().unwrap_or("a payload that is no text");
            let place = info.location().map(|at| format!(" at {at}")).unwrap_or_default();
            let backtrace = Backtrace::force_capture().to_string();
            LAST.set(Some(Panic { message: format!("{payload}{place}"), backtrace }));
        }));
    });
}
