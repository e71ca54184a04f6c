//! The rows of the commands about sorting.

use crate::command::keys;
use crate::command::row::argument::{block, integer, key, one_of, pattern, token};
use crate::command::row::key_spec::KeySpec;
use crate::command::row::{Command, Group, categories, flags, key_flags};

/// What they share.
const ROW: Command = Command { group: Group::Generic, ..Command::DEFAULT };

/// The rows.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "sort",
        arity: -2,
        handler: super::sort,
        flags: flags!(WRITE | DENYOOM),
        categories: categories!(SET | SORTEDSET | LIST | DANGEROUS),
        keys: &[
            KeySpec::first(key_flags!(RO | ACCESS)),
            KeySpec::unknown(key_flags!(RO | ACCESS)).notes(
                "For the optional BY/GET keyword. It is marked 'unknown' because the key \
                names derive from the content of the key we sort",
            ),
            KeySpec::unknown(key_flags!(OW | UPDATE)).notes(
                "For the optional STORE keyword. It is marked 'unknown' because the keyword \
                can appear anywhere in the argument array",
            ),
        ],
        find_keys: Some(keys::sort),
        summary: "Sort the elements in a list, set or sorted set",
        since: "1.0.0",
        complexity: "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M \
            the number of returned elements. When the elements are not sorted, complexity is \
            O(N).",
        arguments: &[
            key("key", 0),
            pattern("pattern").in_spec(1).after("BY").optional(),
            block("offset_count", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
            pattern("pattern").in_spec(1).after("GET").optional().multiple_with_token(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            token("sorting", "ALPHA").optional(),
            key("destination", 2).after("STORE").optional(),
        ],
        ..ROW
    },
    Command {
        name: "sort_ro",
        arity: -2,
        handler: super::sort_ro,
        flags: flags!(READONLY),
        categories: categories!(SET | SORTEDSET | LIST | DANGEROUS),
        keys: &[
            KeySpec::first(key_flags!(RO | ACCESS)),
            KeySpec::unknown(key_flags!(RO | ACCESS)).notes(
                "For the optional BY/GET keyword. It is marked 'unknown' because the key \
                names derive from the content of the key we sort",
            ),
        ],
        find_keys: Some(keys::sort_ro),
        summary: "Sort the elements in a list, set or sorted set. Read-only variant of SORT.",
        since: "7.0.0",
        complexity: "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M \
            the number of returned elements. When the elements are not sorted, complexity is \
            O(N).",
        arguments: &[
            key("key", 0),
            pattern("pattern").in_spec(1).after("BY").optional(),
            block("offset_count", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
            pattern("pattern").in_spec(1).after("GET").optional().multiple_with_token(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            token("sorting", "ALPHA").optional(),
        ],
        ..ROW
    },
];
