//! Positions as clients see them: what Redis 7.0.15 answers.

use crate::testing::World;

/// Each command, where two towns are known, has this reply.
fn assert_replies(replies: &[(&str, &str)]) {
    let mut world = World::new();
    world.run("alice", "GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania");
    for (command, reply) in replies {
        assert_eq!(world.run("alice", command), *reply, "{command}");
    }
}

#[test]
fn positions_are_stored_and_shown() {
    assert_replies(&[
        ("GEOADD Sicily XX CH 1 1 Nowhere", ":0"),
        ("GEOADD Sicily NX 1 1 Palermo", ":0"),
        ("GEOADD Sicily NX XX 1 1 Palermo", "-ERR syntax error"),
        ("GEOADD Sicily 1 1", "-ERR wrong number of arguments for 'geoadd' command"),
        ("GEOADD Sicily 181 1 a", "-ERR invalid longitude,latitude pair 181.000000,1.000000"),
        ("GEOADD Sicily 1 1 a 1 86 b", "-ERR invalid longitude,latitude pair 1.000000,86.000000"),
        ("GEOADD Sicily x 1 a", "-ERR value is not a valid float"),
        ("ZSCORE Sicily Palermo", "$16 3479099956230698"),
        ("GEOPOS Sicily Palermo Nowhere", "*2 *2 $20 13.36138933897018433 $20 38.11555639549629859 *-1"),
        ("GEOHASH Sicily Palermo Nowhere", "*2 $11 sqc8b49rny0 $-1"),
        ("GEOPOS none a", "*1 *-1"),
        ("GEODIST Sicily Palermo Catania", "$11 166274.1516"),
        ("GEODIST Sicily Palermo Catania km", "$8 166.2742"),
        ("GEODIST Sicily Palermo Palermo mi", "$6 0.0000"),
        ("GEODIST Sicily Palermo Nowhere", "$-1"),
        (
            "GEODIST Sicily Palermo Catania leagues",
            "-ERR unsupported unit provided. please use M, KM, FT, MI",
        ),
    ]);
}

#[test]
fn what_is_near_is_found_in_order() {
    assert_replies(&[
        ("GEOSEARCH Sicily FROMLONLAT 15 37 BYRADIUS 200 km ASC", "*2 $7 Catania $7 Palermo"),
        ("GEOSEARCH Sicily FROMLONLAT 15 37 BYRADIUS 200 km COUNT 1 DESC", "*1 $7 Palermo"),
        ("GEOSEARCH Sicily FROMMEMBER Palermo BYBOX 10 10 km WITHDIST", "*1 *2 $7 Palermo $6 0.0000"),
        (
            "GEORADIUS Sicily 15 37 100 km WITHDIST WITHHASH WITHCOORD",
            "*1 *4 $7 Catania $7 56.4413 :3479447370796909 *2 $20 15.08726745843887329 $20 37.50266842333162032",
        ),
        ("GEORADIUSBYMEMBER_RO Sicily Catania 200 km", "*2 $7 Palermo $7 Catania"),
        ("GEORADIUS_RO Sicily 15 37 100 km STORE d", "-ERR syntax error"),
        ("GEOSEARCHSTORE d Sicily FROMLONLAT 15 37 BYRADIUS 200 km STOREDIST", ":2"),
        ("ZRANGEBYSCORE d 56.4 56.5", "*1 $7 Catania"),
        ("GEORADIUSBYMEMBER Sicily Palermo 1 km STORE d", ":1"),
        ("ZRANGE d 0 -1 WITHSCORES", "*2 $7 Palermo $16 3479099956230698"),
        ("GEOSEARCHSTORE d none FROMMEMBER x BYRADIUS 1 m", ":0"),
        ("EXISTS d", ":0"),
        ("GEOSEARCH none FROMMEMBER x BYRADIUS 1 m", "*0"),
    ]);
}

#[test]
fn what_is_not_said_or_said_twice_is_an_error() {
    assert_replies(&[
        (
            "GEOSEARCH Sicily BYRADIUS 1 m ASC ASC ASC",
            "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH",
        ),
        (
            "geosearch Sicily FROMMEMBER Palermo ASC ASC ASC",
            "-ERR exactly one of BYRADIUS and BYBOX can be specified for geosearch",
        ),
        ("GEOSEARCH Sicily FROMMEMBER Palermo FROMLONLAT 1 1 BYRADIUS 1 m", "-ERR syntax error"),
        ("GEOSEARCH Sicily FROMMEMBER Palermo BYRADIUS 1 m BYBOX 1 1 m", "-ERR syntax error"),
        ("GEOSEARCH Sicily FROMMEMBER x BYRADIUS 1 m", "-ERR could not decode requested zset member"),
        ("GEOSEARCH Sicily FROMMEMBER Palermo BYRADIUS -1 m", "-ERR radius cannot be negative"),
        ("GEOSEARCH Sicily FROMMEMBER Palermo BYBOX 1 x m", "-ERR need numeric height"),
        ("GEORADIUS Sicily 1 1 1 m ANY", "-ERR the ANY argument requires COUNT argument"),
        ("GEORADIUS Sicily 1 1 1 m COUNT 0", "-ERR COUNT must be > 0"),
        (
            "GEORADIUS Sicily 1 1 1 m STORE d WITHDIST",
            "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
        ),
        (
            "GEOSEARCHSTORE d Sicily FROMLONLAT 1 1 BYRADIUS 1 m WITHHASH",
            "-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
        ),
    ]);
}
