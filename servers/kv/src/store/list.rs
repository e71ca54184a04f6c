//! Lists: a chain of listpacks.
