//! Replies, effects and events of the hash commands, on a bare shard whose clock stands still.

use crate::command::testing::{BareShard, START};
use crate::config::CoreConfig;
use crate::time::UnixMs;

const WRONG_TYPE: &str = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";

fn later(shard: &mut BareShard, ms: i64) {
    shard.now = UnixMs(shard.now.0 + ms);
}

#[test]
fn fields_are_set_read_and_deleted() {
    let mut shard = BareShard::new();
    shard.check(
        r#"
        HSET h a 1 b 2 a 3      => 2    | HSET h a 1 b 2 a 3 | new h, hset h
        HSET h a 4              => 0    | HSET h a 4 | hset h
        HMSET h c 5             => OK   | HMSET h c 5 | hset h
        HSETNX h c 6            => 0    ||
        HSETNX h d 7            => 1    | HSETNX h d 7 | hset h
        HGET h a                => "4"  ||
        HGET h x                => nil  ||
        HMGET h a x d           => ["4", nil, "7"] ||
        HGETALL h               => {"a": "4", "b": "2", "c": "5", "d": "7"} ||
        HKEYS h                 => ["a", "b", "c", "d"]
        HVALS h                 => ["4", "2", "5", "7"]
        HLEN h                  => 4
        HSTRLEN h a             => 1
        HEXISTS h x             => 0
        HDEL h a x              => 1    | HDEL h a x | hdel h
        HDEL h x                => 0    ||
        HGETDEL h FIELDS 2 b x  => ["2", nil] | HDEL h b | hdel h
        HDEL h c d              => 2    | HDEL h c d | hdel h, del h
        EXISTS h                => 0
        "#,
    );
    shard.check_replay();
}

#[test]
fn numbers_are_added_to() {
    let mut shard = BareShard::new();
    shard.check(
        r#"
        HINCRBY h n 5           => 5       | HINCRBY h n 5 | new h, hincrby h
        HINCRBY h n -7          => -2      | HINCRBY h n -7 | hincrby h
        HINCRBYFLOAT h f 0.5    => "0.5"   | HSETEX h KEEPTTL FIELDS 1 f 0.5 | hincrbyfloat h
        HINCRBYFLOAT h n 1.25   => "-0.75" | HSETEX h KEEPTTL FIELDS 1 n -0.75 | hincrbyfloat h
        HINCRBY h n 1           => (error) ERR hash value is not an integer ||
        HINCRBYFLOAT h n inf    => (error) ERR value is NaN or Infinity ||
        HSET h t abc            => 1
        HINCRBYFLOAT h t 1      => (error) ERR hash value is not a float |||
        HSET h m 9223372036854775807 => 1
        HINCRBY h m 1           => (error) ERR increment or decrement would overflow |||
        "#,
    );
    shard.check_replay();
}

#[test]
fn fields_are_given_deadlines() {
    let mut shard = BareShard::new();
    let at = START.0 + 100_000;
    shard.check(&format!(
        r#"
        HSET h a 1 b 2 c 3      => 3
        HEXPIRE h 100 FIELDS 2 a x => [1, -2] | HPEXPIREAT h {at} FIELDS 1 a | hexpire h
        HEXPIRE h 100 NX FIELDS 2 a b => [0, 1] | HPEXPIREAT h {at} FIELDS 1 b | hexpire h
        HTTL h FIELDS 4 a b c x => [100, 100, -1, -2] ||
        HPTTL h FIELDS 1 a      => [100000]
        HPEXPIRETIME h FIELDS 1 a => [{at}]
        HEXPIREAT h 1 LT FIELDS 1 b => [2] | HDEL h b | hdel h
        HPERSIST h FIELDS 3 a c x => [1, -1, -2] | HPERSIST h FIELDS 1 a | hpersist h
        HPERSIST h FIELDS 1 a   => [-1] ||
        HGETEX h PX 100000 FIELDS 2 a x => ["1", nil] | HPEXPIREAT h {at} FIELDS 1 a | hexpire h
        HGETEX h PERSIST FIELDS 2 a c => ["1", "3"] | HPERSIST h FIELDS 1 a | hpersist h
        HGETEX h FIELDS 1 a     => ["1"] ||
        HGETEX h EX 0 FIELDS 1 a => ["1"] | HDEL h a | hdel h
        HEXPIRE h 0 FIELDS 1 c  => [2]  | HDEL h c | hdel h, del h
        HEXPIRE h 10 FIELDS 2 a b => [-2, -2] ||
        "#,
    ));
    shard.check_replay();
}

#[test]
fn fields_are_set_with_deadlines() {
    let mut shard = BareShard::new();
    let at = START.0 + 5000;
    shard.check(&format!(
        r#"
        HSETEX h FXX FIELDS 1 a 1 => 0 ||
        HSETEX h EX 5 FIELDS 2 a 1 b 2 => 1 | HSETEX h PXAT {at} FIELDS 2 a 1 b 2 | new h, hset h, hexpire h
        HSETEX h FNX FIELDS 2 c 1 a 2 => 0 ||
        HSETEX h FXX KEEPTTL FIELDS 1 a 3 => 1 | HSETEX h FXX KEEPTTL FIELDS 1 a 3 | hset h
        HTTL h FIELDS 2 a b     => [5, 5]
        HSETEX h FIELDS 1 a 4   => 1 | HSETEX h FIELDS 1 a 4 | hset h
        HINCRBY h b 1           => 3
        HTTL h FIELDS 2 a b     => [-1, 5]
        HSET h b 5              => 0
        HTTL h FIELDS 2 a b     => [-1, -1]
        HSETEX h EX 0 FIELDS 2 b 1 z 1 => 1 | HDEL h b z | hset h, hdel h
        HSETEX h EX 0 FIELDS 1 a 1 => 1 | HDEL h a | hset h, hdel h, del h
        HSETEX h PXAT 1 FIELDS 1 a 1 => 1 | HDEL h a | new h, hset h, hdel h, del h
        "#,
    ));
    shard.check_replay();
}

/// Small and large hashes in turn.
fn each_form(check: impl Fn(&mut BareShard)) {
    for entries in [128, 0] {
        let config = CoreConfig { hash_max_listpack_entries: entries, ..CoreConfig::default() };
        check(&mut BareShard::with_config(config));
    }
}

#[test]
fn fields_whose_time_has_come_are_never_seen() {
    each_form(|shard| {
        shard.check("HSET h a 1 b 2 c 3 => 3\n HPEXPIRE h 10 FIELDS 2 a b => [1, 1]");
        later(shard, 10);
        shard.check("HMGET h a b c => [\"1\", \"2\", \"3\"]");
        later(shard, 1);
        shard.check(
            r#"
            HLEN h                  => 3 ||
            HGETALL h               => {"c": "3"} ||
            HVALS h                 => ["3"] ||
            HSCAN h 0               => ["0", ["c", "3"]] ||
            HTTL h FIELDS 2 a c     => [-2, -1] ||
            HLEN h                  => 3
            HGET h a                => nil | HDEL h a | hexpired h
            HLEN h                  => 2
            HSET h a 5              => 1
            HSTRLEN h b             => 0 | HDEL h b | hexpired h
            HSETNX h b 6            => 1
            HPEXPIRE h 10 FIELDS 1 a => [1]
            "#,
        );
        shard.check_replay();
        later(shard, 11);
        shard.check("HINCRBY h a 3 => 3 | HDEL h a; HINCRBY h a 3 | hexpired h, hincrby h");
        shard.check("HDEL h b c => 2\n HPEXPIRE h 10 FIELDS 1 a => [1]");
        later(shard, 11);
        shard.check("HRANDFIELD h => nil | HDEL h a | hexpired h, del h\n EXISTS h => 0");
        shard.check_replay();
    });
}

/// Redis counts a field whose time has come until a command looks it up.
#[test]
fn fields_whose_time_has_come_count_as_stored_until_they_are_met() {
    each_form(|shard| {
        shard.check("HSET h a 1 b 2 c 3 d 4 e 5 => 5\n HPEXPIRE h 10 FIELDS 4 a b c d => [1, 1, 1, 1]");
        later(shard, 11);
        shard.check(
            r#"
            HPERSIST h FIELDS 1 a        => [-2] ||
            HPEXPIRE h 10 NX FIELDS 1 a  => [0] ||
            HSET h a 6                   => 0 | HSET h a 6 | hset h
            HPEXPIRE h 10000 FIELDS 1 b  => [1]
            HDEL h c                     => 1 | HDEL h c | hdel h
            HPEXPIRE h 0 FIELDS 1 d      => [2] | HDEL h d | hdel h
            HMGET h a b c d e            => ["6", "2", nil, nil, "5"]
            HLEN h                       => 3
            "#,
        );
        shard.check_replay();
    });
    each_form(|shard| {
        shard.check("HSET h a 1 => 1\n HPEXPIRE h 10 FIELDS 1 a => [1]");
        later(shard, 11);
        shard.check("HGETALL h => {} ||\n EXISTS h => 1 ||\n HDEL h a => 1 | HDEL h a | hdel h, del h\n EXISTS h => 0");
        shard.check_replay();
    });
}

/// A look-up of one field leaves the others, whether their time has come or not.
#[test]
fn a_look_up_expires_the_fields_that_it_names() {
    each_form(|shard| {
        shard.check("HSET h a 1 b 2 c 3 => 3\n HPEXPIRE h 10 FIELDS 2 a b => [1, 1]");
        later(shard, 11);
        shard.check("HGET h c => \"3\" ||\n HGET h a => nil | HDEL h a | hexpired h\n HDEL h b => 1");
        shard.check_replay();
    });
}

#[test]
fn a_condition_looks_at_fields_that_are_left() {
    each_form(|shard| {
        shard.check("HSET h a 1 b 2 => 2\n HPEXPIRE h 10 FIELDS 1 a => [1]");
        later(shard, 11);
        shard.check(
            r#"
            HSETEX h FXX FIELDS 1 a 2 => 0
            HSETEX h FNX FIELDS 1 a 2 => 1
            HTTL h FIELDS 1 a       => [-1]
            "#,
        );
        shard.check_replay();
    });
}

#[test]
fn the_sweep_finds_fields_that_nobody_looks_up() {
    each_form(|shard| {
        for hash in 0..20 {
            shard.run(&format!("HSET h{hash} a 1 b 2 c 3"));
            shard.run(&format!("HPEXPIRE h{hash} {} FIELDS 2 a b", hash + 1));
        }
        shard.run("HSET all a 1");
        shard.run("HPEXPIRE all 5 FIELDS 1 a");
        assert_eq!(shard.store.database(shard.db).expiring_hashes(), 21);
        later(shard, 11);
        shard.effects();
        shard.events();
        assert!(shard.store.sweep(&mut shard.journal, shard.now, 5).is_cut_short);
        while shard.store.sweep(&mut shard.journal, shard.now, 5).is_cut_short {}
        assert_eq!(shard.store.stats().expired_fields, 21);
        assert_eq!(shard.store.database(shard.db).expiring_hashes(), 10);
        shard.check("HLEN h0 => 1\n HLEN h9 => 1\n HLEN h10 => 3\n EXISTS all => 0");
        shard.check_replay();
    });
}

#[test]
fn deadlines_of_fields_stay_when_keys_move() {
    each_form(|shard| {
        shard.check(
            r#"
            HSET h a 1 b 2          => 2
            HPEXPIREAT h 33177117420000 FIELDS 1 a => [1]
            RENAME h i              => OK
            COPY i j                => 1
            MOVE i 1                => 1
            HPEXPIRETIME j FIELDS 2 a b => [33177117420000, -1]
            "#,
        );
        assert_eq!(shard.store.database(shard.db).expiring_hashes(), 1);
        shard.check(
            r#"
            SET j 1                 => OK
            SWAPDB 0 1              => OK
            HPEXPIRETIME i FIELDS 2 a b => [33177117420000, -1]
            "#,
        );
        assert_eq!(shard.store.database(shard.db).expiring_hashes(), 1);
        shard.check("FLUSHALL => OK");
        assert_eq!(shard.store.database(shard.db).expiring_hashes(), 0);
    });
}

#[test]
fn values_of_other_types_are_refused() {
    BareShard::new().check(&format!(
        r#"
        SET s 1                 => OK
        HSET s a 1              => {WRONG_TYPE} |||
        HGET s a                => {WRONG_TYPE}
        HLEN s                  => {WRONG_TYPE}
        HEXPIRE s abc FOO 1 a a => {WRONG_TYPE}
        HGETEX s EX abc FIELDS 1 a => {WRONG_TYPE}
        HSETEX s EX abc FIELDS 1 a 1 => (error) ERR value is not an integer or out of range
        HSCAN s 0 COUNT 0       => {WRONG_TYPE}
        "#,
    ));
}

#[test]
fn encodings_follow_the_settings() {
    let config =
        CoreConfig { hash_max_listpack_entries: 4, hash_max_listpack_value: 4, ..CoreConfig::default() };
    BareShard::with_config(config).check(
        r#"
        HSET a 1 1 2 2 3 3 4 4  => 4
        OBJECT ENCODING a       => "listpack"
        HSETNX a 1 12345        => 0
        OBJECT ENCODING a       => "listpack"
        HEXPIRE a 10 FIELDS 1 x => [-2]
        OBJECT ENCODING a       => "listpackex"
        HSET a 5 5              => 1
        OBJECT ENCODING a       => "hashtable"
        HDEL a 1 2 3 4          => 4
        OBJECT ENCODING a       => "hashtable"
        HSET b 1 1 1 2 1 3 1 4 1 5 => 1
        OBJECT ENCODING b       => "hashtable"
        HSET c 1 1234           => 1
        HINCRBY c 1 99999       => 101233
        OBJECT ENCODING c       => "hashtable"
        HSETEX d EX 10 FIELDS 1 a 1 => 1
        OBJECT ENCODING d       => "listpackex"
        HSETEX e KEEPTTL FIELDS 1 a 1 => 1
        OBJECT ENCODING e       => "listpack"
        HGETEX e FIELDS 1 a     => ["1"]
        OBJECT ENCODING e       => "listpack"
        HGETEX e PERSIST FIELDS 1 a => ["1"]
        OBJECT ENCODING e       => "listpackex"
        "#,
    );
}

#[test]
fn random_fields_differ_where_they_must() {
    each_form(|shard| {
        let pairs: Vec<String> = (0..100).map(|number| format!("f{number} {number}")).collect();
        shard.run(&format!("HSET h {}", pairs.join(" ")));
        for (count, distinct) in [(1, 1), (20, 20), (60, 60), (100, 100), (500, 100)] {
            let crate::reply::Value::Array(mut fields) = shard.run(&format!("HRANDFIELD h {count}")) else {
                panic!("an array");
            };
            let len = fields.len();
            fields.sort_by_key(|field| format!("{field:?}"));
            fields.dedup();
            assert_eq!((len, fields.len()), (distinct, distinct));
        }
        let crate::reply::Value::Array(fields) = shard.run("HRANDFIELD h -500 WITHVALUES") else {
            panic!("an array");
        };
        assert_eq!(fields.len(), 500);
    });
}
