//! What geo commands record and report; their replies are in the transcripts.

use crate::command::testing::BareShard;

#[test]
fn positions_are_recorded_as_scores() {
    let mut shard = BareShard::new();
    shard.check(
        r#"
        GEOADD g 13.361389 38.115556 Palermo  => 1 | ZADD g 3479099956230698 Palermo    | new g, zadd g
        GEOADD g NX 1 1 Palermo               => 0 |                                    |
        GEOADD g CH 13.361389 38.115556 Palermo 15.087269 37.502669 Catania => 1 | ZADD g CH 3479099956230698 Palermo 3479447370796909 Catania | zadd g
        ZSCORE g Palermo                      => 3479099956230698
        GEOADD g 181 0 a                      => (error) ERR invalid longitude,latitude pair 181.000000,0.000000 | |
        "#,
    );
    shard.check_replay();
}

#[test]
fn searches_store_or_delete() {
    let mut shard = BareShard::new();
    shard.check(
        r"
        GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania => 2 | ZADD g 3479099956230698 Palermo 3479447370796909 Catania | new g, zadd g
        GEOSEARCHSTORE to g FROMLONLAT 15 37 BYRADIUS 100 km             => 1 | GEOSEARCHSTORE to g FROMLONLAT 15 37 BYRADIUS 100 km | new to, geosearchstore to
        GEORADIUS g 15 37 200 km STORE to                                => 2 | GEORADIUS g 15 37 200 km STORE to | georadiusstore to
        GEORADIUSBYMEMBER g Palermo 10 km STOREDIST to                   => 1 | GEORADIUSBYMEMBER g Palermo 10 km STOREDIST to | georadiusstore to
        ZSCORE to Palermo                                                => 0
        GEORADIUS g 0 0 1 km STORE to                                    => 0 | GEORADIUS g 0 0 1 km STORE to | del to
        GEORADIUS g 0 0 1 km STORE to                                    => 0 |                               |
        ",
    );
    shard.check_replay();
}
