//! What sorted set commands record and report; their replies are in the transcripts.

use crate::command::testing::BareShard;
use crate::config::CoreConfig;

/// A shard whose sorted sets are large from the second member on.
fn shard_of_large_sets() -> BareShard {
    BareShard::with_config(CoreConfig { zset_max_listpack_entries: 1, ..CoreConfig::default() })
}

/// Both forms must behave alike.
fn check(script: &str) {
    for mut shard in [BareShard::new(), shard_of_large_sets()] {
        shard.check(script);
        shard.check_replay();
    }
}

#[test]
fn additions_are_reported_if_they_change_something() {
    check(
        r#"
        ZADD z 1 a 2 b          => 2        | ZADD z 1 a 2 b    | new z, zadd z
        ZADD z 1 a 3 b          => 0        | ZADD z 1 a 3 b    | zadd z
        ZADD z 1 a 3 b          => 0        |                   |
        ZADD z CH 2 a 3 b       => 1        | ZADD z CH 2 a 3 b | zadd z
        ZADD z NX 9 a           => 0        |                   |
        ZADD z XX 9 c           => 0        |                   |
        ZADD y XX 9 c           => 0        |                   |
        ZADD z INCR 5 a         => 7        | ZADD z INCR 5 a   | zincr z
        ZADD z NX INCR 5 a      => nil      |                   |
        ZADD z GT INCR -5 a     => nil      |                   |
        ZINCRBY z 1 b           => 4        | ZINCRBY z 1 b     | zincr z
        ZINCRBY z 0 b           => 4        |                   |
        ZRANGE z 0 -1           => ["b", "a"]
        "#,
    );
}

#[test]
fn an_increment_to_no_number_changes_nothing() {
    check(
        r"
        ZADD z inf a            => 1
        ZINCRBY z -inf a        => (error) ERR resulting score is not a number (NaN) | |
        ZSCORE z a              => inf
        ",
    );
}

#[test]
fn removals_delete_an_emptied_set() {
    check(
        r"
        ZADD z 1 a 2 b 3 c 4 d  => 4        | ZADD z 1 a 2 b 3 c 4 d | new z, zadd z
        ZREM z x                => 0        |                        |
        ZREM z a x              => 1        | ZREM z a x             | zrem z
        ZREMRANGEBYRANK z 0 0   => 1        | ZREMRANGEBYRANK z 0 0  | zremrangebyrank z
        ZREMRANGEBYRANK z 5 9   => 0        |                        |
        ZREMRANGEBYSCORE z 3 3  => 1        | ZREMRANGEBYSCORE z 3 3 | zremrangebyscore z
        ZREM z d e              => 1        | ZREM z d e             | zrem z, del z
        EXISTS z                => 0
        ZADD z 1 a 1 b          => 2        | ZADD z 1 a 1 b         | new z, zadd z
        ZREMRANGEBYLEX z - +    => 2        | ZREMRANGEBYLEX z - +   | zremrangebylex z, del z
        ",
    );
}

#[test]
fn pops_are_recorded_as_pops() {
    check(
        r#"
        ZADD z 1 a 2 b 3 c 4 d  => 4           | ZADD z 1 a 2 b 3 c 4 d | new z, zadd z
        ZPOPMIN z               => ["a", 1]    | ZPOPMIN z              | zpopmin z
        ZPOPMAX z 0             => []          |                        |
        ZPOPMAX z 1             => [["d", 4]]  | ZPOPMAX z 1            | zpopmax z
        ZMPOP 2 y z MAX COUNT 9 => ["z", [["c", 3], ["b", 2]]] | ZPOPMAX z 2 | zpopmax z, del z
        ZMPOP 2 y z MIN         => nil         |                        |
        "#,
    );
}

#[test]
fn results_are_stored_over_anything() {
    check(
        r"
        SET to 1                             => OK | SET to 1 | new to, set to
        ZADD a 1 x 2 y                       => 2
        ZADD b 3 y 4 z                       => 2  | ZADD b 3 y 4 z                 | new b, zadd b
        ZUNIONSTORE to 2 a b                 => 3  | ZUNIONSTORE to 2 a b           | zunionstore to
        ZINTERSTORE to 2 a b                 => 1  | ZINTERSTORE to 2 a b           | zinterstore to
        ZDIFFSTORE to 2 a b                  => 1  | ZDIFFSTORE to 2 a b            | zdiffstore to
        ZRANGESTORE to a 0 0                 => 1  | ZRANGESTORE to a 0 0           | zrangestore to
        EXPIRE to 100                        => 1  | PEXPIREAT to 1700000100000     | expire to
        ZRANGESTORE to a 0 0                 => 1  | ZRANGESTORE to a 0 0           | zrangestore to
        TTL to                               => -1
        ZRANGESTORE to a 5 9                 => 0  | ZRANGESTORE to a 5 9           | del to
        ZRANGESTORE to a 5 9                 => 0  |                                |
        ZINTERSTORE to 2 a nothing           => 0  |                                | keymiss nothing
        ",
    );
}

#[test]
fn large_sets_become_packed_only_where_redis_packs_them() {
    let mut shard = BareShard::with_config(CoreConfig {
        zset_max_listpack_entries: 3,
        zset_max_listpack_value: 5,
        ..CoreConfig::default()
    });
    shard.check(
        r#"
        ZADD z 1 a 2 b 3 c                   => 3
        OBJECT ENCODING z                    => "listpack"
        ZADD z 4 d                           => 1
        OBJECT ENCODING z                    => "skiplist"
        ZREM z a b c                         => 3
        OBJECT ENCODING z                    => "skiplist"
        ZRANGESTORE y z 0 -1                 => 1
        OBJECT ENCODING y                    => "listpack"
        ZADD y 1 longer                      => 1
        OBJECT ENCODING y                    => "skiplist"
        ZUNIONSTORE y 1 z                    => 1
        OBJECT ENCODING y                    => "listpack"
        ZADD x 1 a 1 a 1 a 1 a               => 1
        OBJECT ENCODING x                    => "skiplist"
        "#,
    );
}

#[test]
fn random_members_are_members() {
    for mut shard in [BareShard::new(), shard_of_large_sets()] {
        shard.run("ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g");
        for count in 1..10 {
            let reply = shard.run(&format!("ZRANDMEMBER z {count}"));
            let crate::reply::Value::Array(mut members) = reply else { panic!("an array") };
            assert_eq!(members.len(), count.min(7));
            members.sort_by_key(crate::command::testing::render);
            members.dedup();
            assert_eq!(members.len(), count.min(7), "distinct");
            let reply = shard.run(&format!("ZRANDMEMBER z -{count}"));
            assert!(matches!(reply, crate::reply::Value::Array(members) if members.len() == count));
        }
    }
}

#[test]
fn every_member_is_chosen_as_often_as_any_other() {
    let mut shard = shard_of_large_sets();
    shard.run("ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g 8 h");
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..2000 {
        let crate::reply::Value::Array(members) = shard.run("ZRANDMEMBER z 3") else { panic!("an array") };
        for member in members {
            *counts.entry(crate::command::testing::render(&member)).or_insert(0) += 1;
        }
    }
    assert!(counts.len() == 8 && counts.values().all(|count| (650..850).contains(count)), "{counts:?}");
}
