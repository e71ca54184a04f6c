//! Ropewalk's reactor (the tour follows).

pub mod address;
pub mod buffer;
pub mod disk;
pub mod endpoint;
pub mod engine;
pub mod poller;

pub use address::Address;
