//! The commands: one folder a family, each with its rows of the table and its handlers. The one rule: what
//! there is to know about a command before it runs stands in its row.

pub(crate) mod bitmap;
pub(crate) mod call;
pub(crate) mod connection;
pub(crate) mod draws;
pub(crate) mod error;
pub(crate) mod generic;
pub(crate) mod geo;
pub(crate) mod hash;
pub(crate) mod help;
pub(crate) mod hyperloglog;
pub(crate) mod keys;
pub(crate) mod list;
#[cfg(test)]
mod page;
pub(crate) mod pubsub;
pub(crate) mod registry;
pub(crate) mod row;
pub(crate) mod scan;
pub(crate) mod scripting;
pub(crate) mod server;
pub(crate) mod set;
pub(crate) mod sort;
pub(crate) mod sorted_set;
pub(crate) mod stream;
pub(crate) mod string;
pub(crate) mod transactions;

/// The rows of all families.
pub(crate) fn all() -> impl Iterator<Item = &'static row::Command> {
    let families = [
        bitmap::table::COMMANDS,
        connection::table::COMMANDS,
        generic::table::COMMANDS,
        geo::table::COMMANDS,
        hash::table::COMMANDS,
        hyperloglog::table::COMMANDS,
        list::table::COMMANDS,
        pubsub::table::COMMANDS,
        scripting::table::COMMANDS,
        server::table::COMMANDS,
        set::table::COMMANDS,
        sort::table::COMMANDS,
        sorted_set::table::COMMANDS,
        stream::table::COMMANDS,
        string::table::COMMANDS,
        transactions::table::COMMANDS,
    ];
    families.into_iter().flatten()
}
