//! The only unsafe code: system calls, and receiving into memory that is not initialised.
//!
//! One rule: every function here is safe to call with any argument, so that the reason why each
//! block is sound is found in the same function.

pub(crate) mod descriptor;
pub(crate) mod poll;
pub(crate) mod receive;
pub(crate) mod select;
#[cfg(test)]
pub(crate) mod signal;
