//! Test only: signals aimed at one thread, to see that an interrupted call is no error.

use std::sync::Once;

/// A thread that can be interrupted.
#[derive(Clone, Copy)]
pub(crate) struct Thread(libc::pthread_t);

impl Thread {
    /// The thread that calls. From now on SIGUSR1 interrupts it and does nothing else.
    pub(crate) fn current() -> Self {
        static HANDLER: Once = Once::new();
        extern "C" fn nothing(_: libc::c_int) {}
        HANDLER.call_once(|| {
            // SAFETY: a zeroed sigaction is a valid one (no flags, so no restarting; an empty mask),
            // and the handler does nothing, which is safe in any context.
            let outcome = unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as libc::sighandler_t;
                libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut())
            };
            assert_eq!(outcome, 0, "SIGUSR1 can be handled");
        });
        // SAFETY: it has no precondition.
        Self(unsafe { libc::pthread_self() })
    }

    /// Interrupt the thread, whatever it does. It must not have ended.
    pub(crate) fn interrupt(self) {
        // SAFETY: the caller keeps the thread alive, and SIGUSR1 has a handler.
        let outcome = unsafe { libc::pthread_kill(self.0, libc::SIGUSR1) };
        assert_eq!(outcome, 0, "the thread is there");
    }
}
