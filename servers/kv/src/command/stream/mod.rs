//! The commands on streams. The one rule: what a stream or a group does with entries is the store's; here are
//! options, replies, and what others are told.

mod add;
mod claim;
mod entry;
mod group;
mod info;
mod journal;
mod range;
mod read;
pub(crate) mod table;
#[cfg(test)]
mod tests;
