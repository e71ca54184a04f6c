//! Timers against a model: in the order of (time, birth), whatever their callbacks do to each other.
#![allow(clippy::unwrap_used, reason = "a test")]

use proptest::prelude::*;
use ropewalk_reactor::Timer;
use ropewalk_reactor::prelude::*;
use ropewalk_reactor::testing::{Faults, Sim};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

/// What a timer does when it is called: to others, by their number.
#[derive(Clone, Debug)]
enum Act {
    Nothing,
    Cancel(usize),
    Reset(usize, u64),
    Start(u64),
}

fn act() -> impl Strategy<Value = Act> {
    // Few different delays: what is due at the same time is what this is about.
    let delay = || 0..4_u64;
    prop_oneof![
        2 => Just(Act::Nothing),
        2 => any::<usize>().prop_map(Act::Cancel),
        2 => (any::<usize>(), delay()).prop_map(|(which, delay)| Act::Reset(which, delay)),
        3 => delay().prop_map(Act::Start),
    ]
}

/// The timers as they should be.
struct Model {
    reactor: Reactor,
    acts: RefCell<Vec<Act>>,
    timers: RefCell<Vec<Timer>>,
    /// Those still to be called, by time and birth: their number, and the turn they were born in.
    due: RefCell<BTreeMap<(Instant, u64), (usize, u64)>>,
    births: Cell<u64>,
    turn: Cell<u64>,
    /// What was wrong first: a panic in a callback would be caught and logged.
    wrong: RefCell<Option<String>>,
}

impl Model {
    fn start(self: &Rc<Self>, delay: u64) {
        let number = self.timers.borrow().len();
        let model = self.clone();
        let timer = self.reactor.call_later(Duration::from_millis(delay), move || model.call(number));
        self.timers.borrow_mut().push(timer);
        self.expect(number, delay);
    }

    fn expect(&self, number: usize, delay: u64) {
        let birth = self.births.get();
        self.births.set(birth + 1);
        let at = self.reactor.now() + Duration::from_millis(delay);
        self.due.borrow_mut().insert((at, birth), (number, self.turn.get()));
    }

    /// Expect it no more; whether it was expected.
    fn forget(&self, number: usize) -> bool {
        let before = self.due.borrow().len();
        self.due.borrow_mut().retain(|_, (other, _)| *other != number);
        self.due.borrow().len() < before
    }

    fn check(&self, holds: bool, text: &str) {
        if !holds {
            self.wrong.borrow_mut().get_or_insert(text.into());
        }
    }

    /// A timer is called: was it its turn?
    fn call(self: &Rc<Self>, number: usize) {
        let turn = self.turn.get();
        let first = self
            .due
            .borrow()
            .iter()
            .find(|(_, (_, born))| *born < turn)
            .map(|(due, (first, _))| (due.0, *first));
        self.check(first.is_some_and(|(_, first)| first == number), "out of order");
        self.check(first.is_some_and(|(at, _)| at <= self.reactor.now()), "too early");
        self.check(!self.timers.borrow()[number].is_active(), "still active when called");
        self.check(self.forget(number), "called although it was not expected");
        let act = self.acts.borrow_mut().pop().unwrap_or(Act::Nothing);
        self.perform(&act);
    }

    fn perform(self: &Rc<Self>, act: &Act) {
        let pick = |which: usize| {
            let number = which % self.timers.borrow().len();
            (number, self.timers.borrow()[number].clone())
        };
        match *act {
            Act::Nothing => {}
            Act::Start(delay) => self.start(delay),
            Act::Cancel(which) => {
                let (number, timer) = pick(which);
                self.check(timer.cancel() == self.forget(number), "cancel said something else");
            }
            Act::Reset(which, delay) => {
                let (number, timer) = pick(which);
                let expected = self.forget(number);
                let was_reset = timer.reset(Duration::from_millis(delay));
                self.check(was_reset == expected, "reset said something else");
                if expected {
                    self.expect(number, delay);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn timers_are_called_in_order_whatever_they_do_to_each_other(
        seed: u64,
        delays in proptest::collection::vec(0..4_u64, 1..100),
        acts in proptest::collection::vec(act(), 0..200),
    ) {
        let (engine, _) = Sim::new(seed, Faults::none());
        let model = Rc::new(Model {
            reactor: Reactor::with_engine(engine),
            acts: acts.into(),
            timers: RefCell::default(),
            due: RefCell::default(),
            births: Cell::default(),
            turn: Cell::default(),
            wrong: RefCell::default(),
        });
        delays.into_iter().for_each(|delay| model.start(delay));
        while !model.due.borrow().is_empty() {
            model.turn.set(model.turn.get() + 1);
            prop_assert!(model.turn.get() < 10_000, "a timer was never called");
            model.reactor.turn().unwrap();
            prop_assert_eq!(&*model.wrong.borrow(), &None);
        }
        prop_assert!(model.timers.borrow().iter().all(|timer| !timer.is_active()));
    }
}
