//! Users, and what they may do.

/// A user.
#[derive(Debug, Default)]
pub(crate) struct User {}

/// Users, and what they may do.
#[derive(Debug, Default)]
pub(crate) struct Acl {}
