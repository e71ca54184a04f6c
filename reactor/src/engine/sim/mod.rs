//! The simulated engine.
mod digest;
pub mod disk;
pub use disk::{Crashed, DiskCall, DiskFaults, SimDisk};
