//! The test kit: what this crate is tested with, for you to test yours with.
//!
//! - [`StringTransport`]: one protocol, fed with strings. [`JoinedPair`]: two that talk to each other.
//! - [`Clock`]: a reactor whose time passes when the test says so.
//! - [`Sim`] and [`World`]: a network and a disk in virtual time, with every fault they have, from a seed;
//!   [`explore`] goes through many seeds and prints the one that fails.
//! - [`conformance`] and [`rules`]: what an engine, a poller and the whole must keep.

mod clock;
pub mod conformance;
mod pair;
pub mod rules;
mod seeds;
mod string;

pub use crate::engine::sim::{DiskFaults, Faults, Sim, SimDisk, World};
pub use clock::Clock;
pub use pair::JoinedPair;
pub use seeds::{explore, first_failing};
pub use string::StringTransport;
