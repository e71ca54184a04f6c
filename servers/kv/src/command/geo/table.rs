//! The rows of the commands about places on earth.

use crate::command::keys;
use crate::command::row::argument::{block, double, integer, key, one_of, string, token};
use crate::command::row::key_spec::KeySpec;
use crate::command::row::{Command, Deprecated, Group, categories, flags, key_flags};

/// What they share.
const ROW: Command = Command { group: Group::Geo, categories: categories!(GEO), ..Command::DEFAULT };

/// The rows.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "geoadd",
        arity: -5,
        handler: super::geoadd,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Add one or more geospatial items in the geospatial index represented using a sorted \
            set",
        since: "3.2.0",
        complexity: "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
        history: &[("6.2.0", "Added the `CH`, `NX` and `XX` options.")],
        arguments: &[
            key("key", 0),
            one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).optional().since("6.2.0"),
            token("change", "CH").optional().since("6.2.0"),
            block("longitude_latitude_member", &[double("longitude"), double("latitude"), string("member")])
                .multiple(),
        ],
        ..ROW
    },
    Command {
        name: "geodist",
        arity: -4,
        handler: super::geodist,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Returns the distance between two members of a geospatial index",
        since: "3.2.0",
        complexity: "O(log(N))",
        arguments: &[
            key("key", 0),
            string("member1"),
            string("member2"),
            one_of("unit", &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")])
                .optional(),
        ],
        ..ROW
    },
    Command {
        name: "geohash",
        arity: -2,
        handler: super::geohash,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Returns members of a geospatial index as standard geohash strings",
        since: "3.2.0",
        complexity: "O(log(N)) for each member requested, where N is the number of elements in the \
            sorted set.",
        arguments: &[key("key", 0), string("member").multiple()],
        ..ROW
    },
    Command {
        name: "geopos",
        arity: -2,
        handler: super::geopos,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Returns longitude and latitude of members of a geospatial index",
        since: "3.2.0",
        complexity: "O(N) where N is the number of members requested.",
        arguments: &[key("key", 0), string("member").multiple()],
        ..ROW
    },
    Command {
        name: "georadius",
        arity: -6,
        handler: super::georadius,
        flags: flags!(WRITE | DENYOOM),
        keys: &[
            KeySpec::first(key_flags!(RO | ACCESS)),
            KeySpec::behind("STORE", 6, key_flags!(OW | UPDATE)),
            KeySpec::behind("STOREDIST", 6, key_flags!(OW | UPDATE)),
        ],
        find_keys: Some(keys::georadius),
        summary: "Query a sorted set representing a geospatial index to fetch members matching a \
            given maximum distance from a point",
        since: "3.2.0",
        complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of the \
            circular area delimited by center and radius and M is the number of items inside the \
            index.",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
        }),
        history: &[
            ("6.2.0", "Added the `ANY` option for `COUNT`."),
            ("7.0.0", "Added support for uppercase unit names."),
        ],
        arguments: &[
            key("key", 0),
            double("longitude"),
            double("latitude"),
            double("radius"),
            one_of("unit", &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")]),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
            block("count", &[integer("count").after("COUNT"), token("any", "ANY").optional().since("6.2.0")])
                .optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            key("key", 1).after("STORE").optional(),
            key("key", 2).after("STOREDIST").optional(),
        ],
        ..ROW
    },
    Command {
        name: "georadius_ro",
        arity: -6,
        handler: super::georadius_ro,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "A read-only variant for GEORADIUS",
        since: "3.2.10",
        complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of the \
            circular area delimited by center and radius and M is the number of items inside the \
            index.",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`GEOSEARCH` with the `BYRADIUS` argument",
        }),
        history: &[("6.2.0", "Added the `ANY` option for `COUNT`.")],
        arguments: &[
            key("key", 0),
            double("longitude"),
            double("latitude"),
            double("radius"),
            one_of("unit", &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")]),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
            block("count", &[integer("count").after("COUNT"), token("any", "ANY").optional().since("6.2.0")])
                .optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
        ],
        ..ROW
    },
    Command {
        name: "georadiusbymember",
        arity: -5,
        handler: super::georadiusbymember,
        flags: flags!(WRITE | DENYOOM),
        keys: &[
            KeySpec::first(key_flags!(RO | ACCESS)),
            KeySpec::behind("STORE", 5, key_flags!(OW | UPDATE)),
            KeySpec::behind("STOREDIST", 5, key_flags!(OW | UPDATE)),
        ],
        find_keys: Some(keys::georadius),
        summary: "Query a sorted set representing a geospatial index to fetch members matching a \
            given maximum distance from a member",
        since: "3.2.0",
        complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of the \
            circular area delimited by center and radius and M is the number of items inside the \
            index.",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
        }),
        history: &[("7.0.0", "Added support for uppercase unit names.")],
        arguments: &[
            key("key", 0),
            string("member"),
            double("radius"),
            one_of("unit", &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")]),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
            block("count", &[integer("count").after("COUNT"), token("any", "ANY").optional()]).optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            key("key", 1).after("STORE").optional(),
            key("key", 2).after("STOREDIST").optional(),
        ],
        ..ROW
    },
    Command {
        name: "georadiusbymember_ro",
        arity: -5,
        handler: super::georadiusbymember_ro,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "A read-only variant for GEORADIUSBYMEMBER",
        since: "3.2.10",
        complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of the \
            circular area delimited by center and radius and M is the number of items inside the \
            index.",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
        }),
        arguments: &[
            key("key", 0),
            string("member"),
            double("radius"),
            one_of("unit", &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")]),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
            block("count", &[integer("count").after("COUNT"), token("any", "ANY").optional()]).optional(),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
        ],
        ..ROW
    },
    Command {
        name: "geosearch",
        arity: -7,
        handler: super::geosearch,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Query a sorted set representing a geospatial index to fetch members inside an area \
            of a box or a circle.",
        since: "6.2.0",
        complexity: "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area \
            around the shape provided as the filter and M is the number of items inside the \
            shape",
        history: &[("7.0.0", "Added support for uppercase unit names.")],
        arguments: &[
            key("key", 0),
            one_of(
                "from",
                &[
                    string("member").after("FROMMEMBER"),
                    block("longitude_latitude", &[double("longitude"), double("latitude")])
                        .after("FROMLONLAT"),
                ],
            ),
            one_of(
                "by",
                &[
                    block(
                        "circle",
                        &[
                            double("radius").after("BYRADIUS"),
                            one_of(
                                "unit",
                                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
                            ),
                        ],
                    ),
                    block(
                        "box",
                        &[
                            double("width").after("BYBOX"),
                            double("height"),
                            one_of(
                                "unit",
                                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
                            ),
                        ],
                    ),
                ],
            ),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            block("count", &[integer("count").after("COUNT"), token("any", "ANY").optional()]).optional(),
            token("withcoord", "WITHCOORD").optional(),
            token("withdist", "WITHDIST").optional(),
            token("withhash", "WITHHASH").optional(),
        ],
        ..ROW
    },
    Command {
        name: "geosearchstore",
        arity: -8,
        handler: super::geosearchstore,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(OW | UPDATE)), KeySpec::at(2, key_flags!(RO | ACCESS))],
        summary: "Query a sorted set representing a geospatial index to fetch members inside an area \
            of a box or a circle, and store the result in another key.",
        since: "6.2.0",
        complexity: "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area \
            around the shape provided as the filter and M is the number of items inside the \
            shape",
        history: &[("7.0.0", "Added support for uppercase unit names.")],
        arguments: &[
            key("destination", 0),
            key("source", 1),
            one_of(
                "from",
                &[
                    string("member").after("FROMMEMBER"),
                    block("longitude_latitude", &[double("longitude"), double("latitude")])
                        .after("FROMLONLAT"),
                ],
            ),
            one_of(
                "by",
                &[
                    block(
                        "circle",
                        &[
                            double("radius").after("BYRADIUS"),
                            one_of(
                                "unit",
                                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
                            ),
                        ],
                    ),
                    block(
                        "box",
                        &[
                            double("width").after("BYBOX"),
                            double("height"),
                            one_of(
                                "unit",
                                &[token("m", "M"), token("km", "KM"), token("ft", "FT"), token("mi", "MI")],
                            ),
                        ],
                    ),
                ],
            ),
            one_of("order", &[token("asc", "ASC"), token("desc", "DESC")]).optional(),
            block("count", &[integer("count").after("COUNT"), token("any", "ANY").optional()]).optional(),
            token("storedist", "STOREDIST").optional(),
        ],
        ..ROW
    },
];
