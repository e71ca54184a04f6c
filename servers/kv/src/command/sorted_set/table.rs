//! The rows of the commands about sorted sets.

use crate::command::row::argument::{block, double, integer, key, one_of, pattern, string, token};
use crate::command::row::key_spec::KeySpec;
use crate::command::row::{Command, Deprecated, Group, categories, flags, key_flags};

/// What they share.
const ROW: Command =
    Command { group: Group::SortedSet, categories: categories!(SORTEDSET), ..Command::DEFAULT };

/// The rows.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "bzmpop",
        arity: -5,
        handler: super::bzmpop,
        flags: flags!(WRITE | BLOCKING),
        keys: &[KeySpec::counted(2, key_flags!(RW | ACCESS | DELETE))],
        summary: "Remove and return members with scores in a sorted set or block until one is available",
        since: "7.0.0",
        complexity: "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of \
            elements in the sorted set, and M being the number of elements popped.",
        arguments: &[
            double("timeout"),
            integer("numkeys"),
            key("key", 0).multiple(),
            one_of("where", &[token("min", "MIN"), token("max", "MAX")]),
            integer("count").after("COUNT").optional(),
        ],
        ..ROW
    },
    Command {
        name: "bzpopmax",
        arity: -3,
        handler: super::bzpopmax,
        flags: flags!(WRITE | NOSCRIPT | BLOCKING | FAST),
        keys: &[KeySpec::range(1, -2, key_flags!(RW | ACCESS | DELETE))],
        summary: "Remove and return the member with the highest score from one or more sorted sets, \
            or block until one is available",
        since: "5.0.0",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        history: &[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")],
        arguments: &[key("key", 0).multiple(), double("timeout")],
        ..ROW
    },
    Command {
        name: "bzpopmin",
        arity: -3,
        handler: super::bzpopmin,
        flags: flags!(WRITE | NOSCRIPT | BLOCKING | FAST),
        keys: &[KeySpec::range(1, -2, key_flags!(RW | ACCESS | DELETE))],
        summary: "Remove and return the member with the lowest score from one or more sorted sets, or \
            block until one is available",
        since: "5.0.0",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        history: &[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")],
        arguments: &[key("key", 0).multiple(), double("timeout")],
        ..ROW
    },
    Command {
        name: "zadd",
        arity: -4,
        handler: super::zadd,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Add one or more members to a sorted set, or update its score if it already exists",
        since: "1.2.0",
        complexity: "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
        history: &[
            ("2.4.0", "Accepts multiple elements."),
            ("3.0.2", "Added the `XX`, `NX`, `CH` and `INCR` options."),
            ("6.2.0", "Added the `GT` and `LT` options."),
        ],
        arguments: &[
            key("key", 0),
            one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).optional().since("3.0.2"),
            one_of("comparison", &[token("gt", "GT"), token("lt", "LT")]).optional().since("6.2.0"),
            token("change", "CH").optional().since("3.0.2"),
            token("increment", "INCR").optional().since("3.0.2"),
            block("score_member", &[double("score"), string("member")]).multiple(),
        ],
        ..ROW
    },
    Command {
        name: "zcard",
        arity: 2,
        handler: super::zcard,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO))],
        summary: "Get the number of members in a sorted set",
        since: "1.2.0",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "zcount",
        arity: 4,
        handler: super::zcount,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Count the members in a sorted set with scores within the given values",
        since: "2.0.0",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        arguments: &[key("key", 0), double("min"), double("max")],
        ..ROW
    },
    Command {
        name: "zdiff",
        arity: -3,
        handler: super::zdiff,
        flags: flags!(READONLY),
        keys: &[KeySpec::counted(1, key_flags!(RO | ACCESS))],
        summary: "Subtract multiple sorted sets",
        since: "6.2.0",
        complexity: "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the \
            sets, N is the size of the first set, and K is the size of the result set.",
        arguments: &[
            integer("numkeys"),
            key("key", 0).multiple(),
            token("withscores", "WITHSCORES").optional(),
        ],
        ..ROW
    },
    Command {
        name: "zdiffstore",
        arity: -4,
        handler: super::zdiffstore,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(OW | UPDATE)), KeySpec::counted(2, key_flags!(RO | ACCESS))],
        summary: "Subtract multiple sorted sets and store the resulting sorted set in a new key",
        since: "6.2.0",
        complexity: "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the \
            sets, N is the size of the first set, and K is the size of the result set.",
        arguments: &[key("destination", 0), integer("numkeys"), key("key", 1).multiple()],
        ..ROW
    },
    Command {
        name: "zincrby",
        arity: 4,
        handler: super::zincrby,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | UPDATE))],
        summary: "Increment the score of a member in a sorted set",
        since: "1.2.0",
        complexity: "O(log(N)) where N is the number of elements in the sorted set.",
        arguments: &[key("key", 0), integer("increment"), string("member")],
        ..ROW
    },
    Command {
        name: "zinter",
        arity: -3,
        handler: super::zinter,
        flags: flags!(READONLY),
        keys: &[KeySpec::counted(1, key_flags!(RO | ACCESS))],
        summary: "Intersect multiple sorted sets",
        since: "6.2.0",
        complexity: "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being \
            the number of input sorted sets and M being the number of elements in the resulting \
            sorted set.",
        arguments: &[
            integer("numkeys"),
            key("key", 0).multiple(),
            integer("weight").after("WEIGHTS").optional().multiple(),
            one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
                .after("AGGREGATE")
                .optional(),
            token("withscores", "WITHSCORES").optional(),
        ],
        ..ROW
    },
    Command {
        name: "zintercard",
        arity: -3,
        handler: super::zintercard,
        flags: flags!(READONLY),
        keys: &[KeySpec::counted(1, key_flags!(RO | ACCESS))],
        summary: "Intersect multiple sorted sets and return the cardinality of the result",
        since: "7.0.0",
        complexity: "O(N*K) worst case with N being the smallest input sorted set, K being the number of \
            input sorted sets.",
        arguments: &[
            integer("numkeys"),
            key("key", 0).multiple(),
            integer("limit").after("LIMIT").optional(),
        ],
        ..ROW
    },
    Command {
        name: "zinterstore",
        arity: -4,
        handler: super::zinterstore,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(OW | UPDATE)), KeySpec::counted(2, key_flags!(RO | ACCESS))],
        summary: "Intersect multiple sorted sets and store the resulting sorted set in a new key",
        since: "2.0.0",
        complexity: "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being \
            the number of input sorted sets and M being the number of elements in the resulting \
            sorted set.",
        arguments: &[
            key("destination", 0),
            integer("numkeys"),
            key("key", 1).multiple(),
            integer("weight").after("WEIGHTS").optional().multiple(),
            one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
                .after("AGGREGATE")
                .optional(),
        ],
        ..ROW
    },
    Command {
        name: "zlexcount",
        arity: 4,
        handler: super::zlexcount,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Count the number of members in a sorted set between a given lexicographical range",
        since: "2.8.9",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        arguments: &[key("key", 0), string("min"), string("max")],
        ..ROW
    },
    Command {
        name: "zmpop",
        arity: -4,
        handler: super::zmpop,
        flags: flags!(WRITE),
        keys: &[KeySpec::counted(1, key_flags!(RW | ACCESS | DELETE))],
        summary: "Remove and return members with scores in a sorted set",
        since: "7.0.0",
        complexity: "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of \
            elements in the sorted set, and M being the number of elements popped.",
        arguments: &[
            integer("numkeys"),
            key("key", 0).multiple(),
            one_of("where", &[token("min", "MIN"), token("max", "MAX")]),
            integer("count").after("COUNT").optional(),
        ],
        ..ROW
    },
    Command {
        name: "zmscore",
        arity: -3,
        handler: super::zmscore,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Get the score associated with the given members in a sorted set",
        since: "6.2.0",
        complexity: "O(N) where N is the number of members being requested.",
        arguments: &[key("key", 0), string("member").multiple()],
        ..ROW
    },
    Command {
        name: "zpopmax",
        arity: -2,
        handler: super::zpopmax,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | DELETE))],
        summary: "Remove and return members with the highest scores in a sorted set",
        since: "5.0.0",
        complexity: "O(log(N)*M) with N being the number of elements in the sorted set, and M being the \
            number of elements popped.",
        arguments: &[key("key", 0), integer("count").optional()],
        ..ROW
    },
    Command {
        name: "zpopmin",
        arity: -2,
        handler: super::zpopmin,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | DELETE))],
        summary: "Remove and return members with the lowest scores in a sorted set",
        since: "5.0.0",
        complexity: "O(log(N)*M) with N being the number of elements in the sorted set, and M being the \
            number of elements popped.",
        arguments: &[key("key", 0), integer("count").optional()],
        ..ROW
    },
    Command {
        name: "zrandmember",
        arity: -2,
        handler: super::zrandmember,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output"],
        summary: "Get one or multiple random elements from a sorted set",
        since: "6.2.0",
        complexity: "O(N) where N is the number of elements returned",
        arguments: &[
            key("key", 0),
            block("options", &[integer("count"), token("withscores", "WITHSCORES").optional()]).optional(),
        ],
        ..ROW
    },
    Command {
        name: "zrange",
        arity: -4,
        handler: super::zrange,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Return a range of members in a sorted set",
        since: "1.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
            of elements returned.",
        history: &[("6.2.0", "Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options.")],
        arguments: &[
            key("key", 0),
            string("start"),
            string("stop"),
            one_of("sortby", &[token("byscore", "BYSCORE"), token("bylex", "BYLEX")])
                .optional()
                .since("6.2.0"),
            token("rev", "REV").optional().since("6.2.0"),
            block("offset_count", &[integer("offset"), integer("count")])
                .after("LIMIT")
                .optional()
                .since("6.2.0"),
            token("withscores", "WITHSCORES").optional(),
        ],
        ..ROW
    },
    Command {
        name: "zrangebylex",
        arity: -4,
        handler: super::zrangebylex,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Return a range of members in a sorted set, by lexicographical range",
        since: "2.8.9",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
            of elements being returned. If M is constant (e.g. always asking for the first 10 \
            elements with LIMIT), you can consider it O(log(N)).",
        deprecated: Some(Deprecated { since: "6.2.0", replaced_by: "`ZRANGE` with the `BYLEX` argument" }),
        arguments: &[
            key("key", 0),
            string("min"),
            string("max"),
            block("offset_count", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
        ],
        ..ROW
    },
    Command {
        name: "zrangebyscore",
        arity: -4,
        handler: super::zrangebyscore,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Return a range of members in a sorted set, by score",
        since: "1.0.5",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
            of elements being returned. If M is constant (e.g. always asking for the first 10 \
            elements with LIMIT), you can consider it O(log(N)).",
        deprecated: Some(Deprecated { since: "6.2.0", replaced_by: "`ZRANGE` with the `BYSCORE` argument" }),
        history: &[("2.0.0", "Added the `WITHSCORES` modifier.")],
        arguments: &[
            key("key", 0),
            double("min"),
            double("max"),
            token("withscores", "WITHSCORES").optional().since("2.0.0"),
            block("offset_count", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
        ],
        ..ROW
    },
    Command {
        name: "zrangestore",
        arity: -5,
        handler: super::zrangestore,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(OW | UPDATE)), KeySpec::at(2, key_flags!(RO | ACCESS))],
        summary: "Store a range of members from sorted set into another key",
        since: "6.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
            of elements stored into the destination key.",
        arguments: &[
            key("dst", 0),
            key("src", 1),
            string("min"),
            string("max"),
            one_of("sortby", &[token("byscore", "BYSCORE"), token("bylex", "BYLEX")]).optional(),
            token("rev", "REV").optional(),
            block("offset_count", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
        ],
        ..ROW
    },
    Command {
        name: "zrank",
        arity: 3,
        handler: super::zrank,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Determine the index of a member in a sorted set",
        since: "2.0.0",
        complexity: "O(log(N))",
        arguments: &[key("key", 0), string("member")],
        ..ROW
    },
    Command {
        name: "zrem",
        arity: -3,
        handler: super::zrem,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | DELETE))],
        summary: "Remove one or more members from a sorted set",
        since: "1.2.0",
        complexity: "O(M*log(N)) with N being the number of elements in the sorted set and M the number \
            of elements to be removed.",
        history: &[("2.4.0", "Accepts multiple elements.")],
        arguments: &[key("key", 0), string("member").multiple()],
        ..ROW
    },
    Command {
        name: "zremrangebylex",
        arity: 4,
        handler: super::zremrangebylex,
        flags: flags!(WRITE),
        keys: &[KeySpec::first(key_flags!(RW | DELETE))],
        summary: "Remove all members in a sorted set between the given lexicographical range",
        since: "2.8.9",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
            of elements removed by the operation.",
        arguments: &[key("key", 0), string("min"), string("max")],
        ..ROW
    },
    Command {
        name: "zremrangebyrank",
        arity: 4,
        handler: super::zremrangebyrank,
        flags: flags!(WRITE),
        keys: &[KeySpec::first(key_flags!(RW | DELETE))],
        summary: "Remove all members in a sorted set within the given indexes",
        since: "2.0.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
            of elements removed by the operation.",
        arguments: &[key("key", 0), integer("start"), integer("stop")],
        ..ROW
    },
    Command {
        name: "zremrangebyscore",
        arity: 4,
        handler: super::zremrangebyscore,
        flags: flags!(WRITE),
        keys: &[KeySpec::first(key_flags!(RW | DELETE))],
        summary: "Remove all members in a sorted set within the given scores",
        since: "1.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
            of elements removed by the operation.",
        arguments: &[key("key", 0), double("min"), double("max")],
        ..ROW
    },
    Command {
        name: "zrevrange",
        arity: -4,
        handler: super::zrevrange,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Return a range of members in a sorted set, by index, with scores ordered from high \
            to low",
        since: "1.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
            of elements returned.",
        deprecated: Some(Deprecated { since: "6.2.0", replaced_by: "`ZRANGE` with the `REV` argument" }),
        arguments: &[
            key("key", 0),
            integer("start"),
            integer("stop"),
            token("withscores", "WITHSCORES").optional(),
        ],
        ..ROW
    },
    Command {
        name: "zrevrangebylex",
        arity: -4,
        handler: super::zrevrangebylex,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Return a range of members in a sorted set, by lexicographical range, ordered from \
            higher to lower strings.",
        since: "2.8.9",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
            of elements being returned. If M is constant (e.g. always asking for the first 10 \
            elements with LIMIT), you can consider it O(log(N)).",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`ZRANGE` with the `REV` and `BYLEX` arguments",
        }),
        arguments: &[
            key("key", 0),
            string("max"),
            string("min"),
            block("offset_count", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
        ],
        ..ROW
    },
    Command {
        name: "zrevrangebyscore",
        arity: -4,
        handler: super::zrevrangebyscore,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Return a range of members in a sorted set, by score, with scores ordered from high \
            to low",
        since: "2.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number \
            of elements being returned. If M is constant (e.g. always asking for the first 10 \
            elements with LIMIT), you can consider it O(log(N)).",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`ZRANGE` with the `REV` and `BYSCORE` arguments",
        }),
        history: &[("2.1.6", "`min` and `max` can be exclusive.")],
        arguments: &[
            key("key", 0),
            double("max"),
            double("min"),
            token("withscores", "WITHSCORES").optional(),
            block("offset_count", &[integer("offset"), integer("count")]).after("LIMIT").optional(),
        ],
        ..ROW
    },
    Command {
        name: "zrevrank",
        arity: 3,
        handler: super::zrevrank,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Determine the index of a member in a sorted set, with scores ordered from high to low",
        since: "2.0.0",
        complexity: "O(log(N))",
        arguments: &[key("key", 0), string("member")],
        ..ROW
    },
    Command {
        name: "zscan",
        arity: -3,
        handler: super::zscan,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output"],
        summary: "Incrementally iterate sorted sets elements and associated scores",
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls \
            for the cursor to return back to 0. N is the number of elements inside the \
            collection..",
        arguments: &[
            key("key", 0),
            integer("cursor"),
            pattern("pattern").after("MATCH").optional(),
            integer("count").after("COUNT").optional(),
        ],
        ..ROW
    },
    Command {
        name: "zscore",
        arity: 3,
        handler: super::zscore,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Get the score associated with the given member in a sorted set",
        since: "1.2.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), string("member")],
        ..ROW
    },
    Command {
        name: "zunion",
        arity: -3,
        handler: super::zunion,
        flags: flags!(READONLY),
        keys: &[KeySpec::counted(1, key_flags!(RO | ACCESS))],
        summary: "Add multiple sorted sets",
        since: "6.2.0",
        complexity: "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M \
            being the number of elements in the resulting sorted set.",
        arguments: &[
            integer("numkeys"),
            key("key", 0).multiple(),
            integer("weight").after("WEIGHTS").optional().multiple(),
            one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
                .after("AGGREGATE")
                .optional(),
            token("withscores", "WITHSCORES").optional(),
        ],
        ..ROW
    },
    Command {
        name: "zunionstore",
        arity: -4,
        handler: super::zunionstore,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(OW | UPDATE)), KeySpec::counted(2, key_flags!(RO | ACCESS))],
        summary: "Add multiple sorted sets and store the resulting sorted set in a new key",
        since: "2.0.0",
        complexity: "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M \
            being the number of elements in the resulting sorted set.",
        arguments: &[
            key("destination", 0),
            integer("numkeys"),
            key("key", 1).multiple(),
            integer("weight").after("WEIGHTS").optional().multiple(),
            one_of("aggregate", &[token("sum", "SUM"), token("min", "MIN"), token("max", "MAX")])
                .after("AGGREGATE")
                .optional(),
        ],
        ..ROW
    },
];
