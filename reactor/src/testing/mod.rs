//! The test kit: what this crate is tested with, for you to test yours with.

pub mod conformance;
mod string;

pub use string::StringTransport;
