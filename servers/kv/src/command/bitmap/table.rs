//! The rows of the commands about bitmaps.

use crate::command::keys;
use crate::command::row::argument::{block, integer, key, one_of, string, token};
use crate::command::row::key_spec::KeySpec;
use crate::command::row::{Command, Group, categories, flags, key_flags};

/// What they share.
const ROW: Command = Command { group: Group::Bitmap, categories: categories!(BITMAP), ..Command::DEFAULT };

/// The rows.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "bitcount",
        arity: -2,
        handler: super::bitcount,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Count set bits in a string",
        since: "2.6.0",
        complexity: "O(N)",
        history: &[("7.0.0", "Added the `BYTE|BIT` option.")],
        arguments: &[
            key("key", 0),
            block(
                "index",
                &[
                    integer("start"),
                    integer("end"),
                    one_of("index_unit", &[token("byte", "BYTE"), token("bit", "BIT")])
                        .optional()
                        .since("7.0.0"),
                ],
            )
            .optional(),
        ],
        ..ROW
    },
    Command {
        name: "bitfield",
        arity: -2,
        handler: super::bitfield,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | UPDATE | VARIABLE_FLAGS))
            .notes("This command allows both access and modification of the key")],
        find_keys: Some(keys::bitfield),
        summary: "Perform arbitrary bitfield integer operations on strings",
        since: "3.2.0",
        complexity: "O(1) for each subcommand specified",
        arguments: &[
            key("key", 0),
            one_of(
                "operation",
                &[
                    block("encoding_offset", &[string("encoding"), integer("offset")]).after("GET"),
                    block(
                        "write",
                        &[
                            one_of(
                                "wrap_sat_fail",
                                &[token("wrap", "WRAP"), token("sat", "SAT"), token("fail", "FAIL")],
                            )
                            .after("OVERFLOW")
                            .optional(),
                            one_of(
                                "write_operation",
                                &[
                                    block(
                                        "encoding_offset_value",
                                        &[string("encoding"), integer("offset"), integer("value")],
                                    )
                                    .after("SET"),
                                    block(
                                        "encoding_offset_increment",
                                        &[string("encoding"), integer("offset"), integer("increment")],
                                    )
                                    .after("INCRBY"),
                                ],
                            ),
                        ],
                    ),
                ],
            )
            .optional()
            .multiple(),
        ],
        ..ROW
    },
    Command {
        name: "bitfield_ro",
        arity: -2,
        handler: super::bitfield_ro,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Perform arbitrary bitfield integer operations on strings. Read-only variant of \
            BITFIELD",
        since: "6.0.0",
        complexity: "O(1) for each subcommand specified",
        arguments: &[
            key("key", 0),
            block("encoding_offset", &[string("encoding"), integer("offset")])
                .after("GET")
                .optional()
                .multiple_with_token(),
        ],
        ..ROW
    },
    Command {
        name: "bitop",
        arity: -4,
        handler: super::bitop,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::at(2, key_flags!(OW | UPDATE)), KeySpec::range(3, -1, key_flags!(RO | ACCESS))],
        summary: "Perform bitwise operations between strings",
        since: "2.6.0",
        complexity: "O(N)",
        arguments: &[string("operation"), key("destkey", 0), key("key", 1).multiple()],
        ..ROW
    },
    Command {
        name: "bitpos",
        arity: -3,
        handler: super::bitpos,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Find first bit set or clear in a string",
        since: "2.8.7",
        complexity: "O(N)",
        history: &[("7.0.0", "Added the `BYTE|BIT` option.")],
        arguments: &[
            key("key", 0),
            integer("bit"),
            block(
                "index",
                &[
                    integer("start"),
                    block(
                        "end_index",
                        &[
                            integer("end"),
                            one_of("index_unit", &[token("byte", "BYTE"), token("bit", "BIT")])
                                .optional()
                                .since("7.0.0"),
                        ],
                    )
                    .optional(),
                ],
            )
            .optional(),
        ],
        ..ROW
    },
    Command {
        name: "getbit",
        arity: 3,
        handler: super::getbit,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Returns the bit value at offset in the string value stored at key",
        since: "2.2.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), integer("offset")],
        ..ROW
    },
    Command {
        name: "setbit",
        arity: 4,
        handler: super::setbit,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | UPDATE))],
        summary: "Sets or clears the bit at offset in the string value stored at key",
        since: "2.2.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), integer("offset"), integer("value")],
        ..ROW
    },
];
