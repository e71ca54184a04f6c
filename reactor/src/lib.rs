//! Ropewalk's reactor (the tour follows).

pub mod address;
pub mod buffer;
pub mod disk;
pub mod engine;
pub mod poller;
pub mod random;

pub use address::Address;
