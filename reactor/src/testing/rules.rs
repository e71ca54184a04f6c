//! The rules of an excellent reactor, checked on any backend.
//!
//! Where [`conformance`](super::conformance) looks at an engine alone, this suite looks at the whole: protocols on
//! connections, both ends in one reactor. It runs on kernels and in the simulation; what only a
//! kernel or another thread can show says so.

mod backpressure;
mod closing;
mod connections;
mod fairness;
mod stage;
mod timing;

pub use super::conformance::Needs;
use crate::Reactor;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One rule, checked.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The rule as a sentence, with underscores for spaces.
    pub name: &'static str,
    /// Where it can be checked.
    pub needs: Needs,
    check: fn(&stage::Stage),
}

impl Rule {
    /// Check the rule on a fresh reactor.
    ///
    /// # Panics
    /// If it is broken.
    pub fn check(&self, reactor: Reactor) {
        drop(stage::violations());
        (self.check)(&stage::Stage::new(reactor));
        let violations = stage::violations();
        assert!(violations.is_empty(), "{violations:?}");
    }
}

/// Every rule.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [connections::RULES, closing::RULES, backpressure::RULES, fairness::RULES, timing::RULES]
        .into_iter()
        .flatten()
}

/// Check every rule that can be checked there, each on a reactor of its own from `make`.
///
/// # Panics
/// After the last rule, if any is broken, with the names of those that are.
pub fn check_all(make: &dyn Fn() -> Reactor, has_kernel: bool) {
    let (mut kept, mut broken) = (0, Vec::new());
    for rule in all().filter(|rule| has_kernel || rule.needs == Needs::Anything) {
        match catch_unwind(AssertUnwindSafe(|| rule.check(make()))) {
            Ok(()) => kept += 1,
            Err(_) => broken.push(rule.name),
        }
    }
    assert!(broken.is_empty(), "{kept} rules are kept, {} are broken: {}", broken.len(), broken.join(", "));
}

/// A table of rules from the functions that check them.
macro_rules! rules {
    ($($needs:ident: { $($check:ident),+ $(,)? })+) => {
        &[$($($crate::testing::rules::Rule {
            name: stringify!($check),
            needs: $crate::testing::rules::Needs::$needs,
            check: $check,
        }),+),+]
    };
}
use rules;
