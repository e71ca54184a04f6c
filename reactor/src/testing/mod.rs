//! The test kit: what this crate is tested with, for you to test yours with.

pub mod conformance;
pub mod rules;
mod string;

pub use string::StringTransport;
