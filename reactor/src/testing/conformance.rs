//! The conformance suite: one set of rules, run on every backend.
//!
//! A case is a function that drives an engine the way the reactor does and panics where the engine
//! breaks the contract of [`crate::engine`]. Both ends of every connection live in the engine under
//! test, so a case needs no helper process and runs on a simulation as well as on a kernel; the few
//! that need a kernel (local sockets, datagrams, descriptors from elsewhere) say so.
//!
//! Nothing here sleeps. A case waits for news, and gives up after [`PATIENCE`] of the engine's own
//! time, which is virtual where the engine is simulated.
//!
//! ```no_run
//! # fn my_engine() -> Box<dyn ropewalk_reactor::engine::Engine> { unimplemented!() }
//! ropewalk_reactor::testing::conformance::engine(&my_engine);
//! ```

mod connecting;
mod datagrams;
mod descriptors;
mod locals;
mod pollers;
mod rig;
mod streams;
mod tokens;
mod waiting;

use crate::engine::Engine;
use crate::poller::Poller;
use rig::Rig;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// How long a case waits for one thing to happen, in the engine's time.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What a case needs around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Any engine: it listens on 127.0.0.1 and connects to it.
    Anything,
    /// A real kernel: local sockets, datagrams, other threads, or descriptors from elsewhere.
    Kernel,
}

/// One rule of the contract, checked.
#[derive(Clone, Copy)]
pub struct Case {
    /// The rule as a sentence, with underscores for spaces.
    pub name: &'static str,
    /// Where it can run.
    pub needs: Needs,
    check: fn(&mut Rig<'_>),
}

impl Case {
    /// Check the rule on a fresh engine.
    ///
    /// # Panics
    /// If the engine breaks it.
    pub fn run(&self, engine: &mut dyn Engine) {
        (self.check)(&mut Rig::new(engine));
    }
}

/// Every case, in the order of the contract.
pub fn engine_cases() -> impl Iterator<Item = &'static Case> {
    let groups =
        [waiting::CASES, connecting::CASES, streams::CASES, tokens::CASES, datagrams::CASES, locals::CASES];
    groups.into_iter().chain([descriptors::CASES]).flatten()
}

/// Run every case, each on an engine of its own from `make`.
///
/// # Panics
/// After the last case, if any failed, with the names of those that did.
pub fn engine(make: &dyn Fn() -> Box<dyn Engine>) {
    run_all(engine_cases().map(|case| (case.name, || case.run(&mut *make()))));
}

/// Run the cases that need no kernel: what a simulated engine must keep.
///
/// # Panics
/// After the last case, if any failed, with the names of those that did.
pub fn simulated_engine(make: &dyn Fn() -> Box<dyn Engine>) {
    let cases = engine_cases().filter(|case| case.needs == Needs::Anything);
    run_all(cases.map(|case| (case.name, || case.run(&mut *make()))));
}

/// Check the contract of [`crate::poller`], each rule on a poller of its own from `make`.
///
/// # Panics
/// After the last rule, if any is broken, with the names of those that are.
pub fn poller(make: &dyn Fn() -> Box<dyn Poller>) {
    run_all(pollers::CASES.iter().map(|(name, check)| (*name, || check(&mut *make()))));
}

fn run_all<F: FnOnce()>(cases: impl Iterator<Item = (&'static str, F)>) {
    let (mut passed, mut failed) = (0, Vec::new());
    for (name, check) in cases {
        // What a failed case leaves behind is its own backend, dropped and never looked at again.
        match catch_unwind(AssertUnwindSafe(check)) {
            Ok(()) => passed += 1,
            Err(_) => failed.push(name),
        }
    }
    assert!(failed.is_empty(), "{passed} cases passed, {} failed: {}", failed.len(), failed.join(", "));
}

/// A table of cases from the functions that check them.
macro_rules! cases {
    ($($needs:ident: { $($check:ident),+ $(,)? })+) => {
        &[$($($crate::testing::conformance::Case {
            name: stringify!($check),
            needs: $crate::testing::conformance::Needs::$needs,
            check: $check,
        }),+),+]
    };
}
use cases;
