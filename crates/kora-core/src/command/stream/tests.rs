//! What the stream commands answer, record and tell, on a bare shard.

use crate::command::testing::BareShard;
use crate::reply::Value;
use crate::time::UnixMs;

/// Runs a script on a new shard, and checks that its effects reproduce what it did.
fn check(script: &str) {
    let mut shard = BareShard::new();
    shard.check(script);
    shard.check_replay();
}

#[test]
fn entries_are_added_with_the_ids_asked_for() {
    check(
        r#"
        XADD s 1-1 a b => "1-1" | XADD s 1-1 a b | new s, xadd s
        XADD s 1-* a b => "1-2" | XADD s 1-2 a b | xadd s
        XADD s * a b => "1700000000000-0" | XADD s 1700000000000-0 a b | xadd s
        XADD s * a b => "1700000000000-1" | XADD s 1700000000000-1 a b | xadd s
        XADD s 5 a b => (error) ERR The ID specified in XADD is equal or smaller than the target stream top item | |
        XADD none NOMKSTREAM * a b => nil | |
        XLEN s => 4
        XRANGE s (1-1 1 COUNT 9 => [["1-2", ["a", "b"]]]
        XREVRANGE s + - COUNT 1 => [["1700000000000-1", ["a", "b"]]]
        "#,
    );
}

#[test]
fn trimming_is_recorded_exactly() {
    check(
        r#"
        XADD s 1-1 a b => "1-1"
        XADD s 2-1 a b => "2-1"
        XADD s MAXLEN ~ 1 3-1 a b => "3-1" | XADD s MAXLEN = 3 3-1 a b | xadd s
        XADD s MAXLEN 2 4-1 a b => "4-1" | XADD s MAXLEN 2 4-1 a b | xadd s, xtrim s
        XADD s MINID = 4 * a b => "1700000000000-0" | XADD s MINID = 4-0 1700000000000-0 a b | xadd s, xtrim s
        XTRIM s MAXLEN ~ 0 => 2 | XTRIM s MAXLEN = 0 | xtrim s
        XTRIM s MAXLEN 0 => 0 | |
        "#,
    );
}

#[test]
fn reading_starts_behind_an_id() {
    check(
        r#"
        XADD s 1-1 a b => "1-1"
        XADD s 2-1 a c => "2-1"
        XREAD STREAMS s none 0 0 => {"s": [["1-1", ["a", "b"]], ["2-1", ["a", "c"]]]} | | keymiss none, keymiss none
        XREAD COUNT 1 STREAMS s 0 => {"s": [["1-1", ["a", "b"]]]}
        XREAD STREAMS s $ => nil
        XREAD STREAMS s + => {"s": [["2-1", ["a", "c"]]]}
        XDEL s 2-1 3-1 => 1 | XDEL s 2-1 3-1 | xdel s
        XREAD STREAMS s + => {"s": [["1-1", ["a", "b"]]]}
        XSETID s 5-0 ENTRIESADDED 9 MAXDELETEDID 4-0 => OK | XSETID s 5-0 ENTRIESADDED 9 MAXDELETEDID 4-0 | xsetid s
        "#,
    );
}

#[test]
fn groups_give_each_entry_to_one_consumer() {
    check(
        r#"
        XGROUP CREATE s g $ MKSTREAM => OK | XGROUP CREATE s g $ MKSTREAM | new s, xgroup-create s
        XADD s 1-1 a b => "1-1"
        XADD s 1-2 a b => "1-2"
        XREADGROUP GROUP g c COUNT 1 STREAMS s > => {"s": [["1-1", ["a", "b"]]]} | XGROUP CREATECONSUMER s g c; XCLAIM s g c 0 1-1 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1; XGROUP SETID s g 1-1 ENTRIESREAD 1 | xgroup-createconsumer s
        XREADGROUP GROUP g d NOACK STREAMS s s > > => {"s": [["1-2", ["a", "b"]]]} | XGROUP CREATECONSUMER s g d; XGROUP SETID s g 1-2 ENTRIESREAD 2 | xgroup-createconsumer s
        XREADGROUP GROUP g c STREAMS s > => nil | |
        XREADGROUP GROUP g c STREAMS s 0 => {"s": [["1-1", ["a", "b"]]]} | XCLAIM s g c 0 1-1 TIME 1700000000000 RETRYCOUNT 2 FORCE JUSTID LASTID 1-2 |
        XPENDING s g => [1, "1-1", "1-1", [["c", "1"]]]
        XPENDING s g - + 10 c => [["1-1", "c", 0, 2]]
        XCLAIM s g d 0 1-1 => [["1-1", ["a", "b"]]] | XCLAIM s g d 0 1-1 TIME 1700000000000 RETRYCOUNT 3 FORCE JUSTID LASTID 1-2 |
        XAUTOCLAIM s g e 0 0 JUSTID => ["0-0", ["1-1"], []] | XGROUP CREATECONSUMER s g e; XCLAIM s g e 0 1-1 TIME 1700000000000 RETRYCOUNT 3 FORCE JUSTID LASTID 1-2 | xgroup-createconsumer s
        XDEL s 1-1 => 1
        XAUTOCLAIM s g e 0 0 => ["0-0", [], ["1-1"]] | XACK s g 1-1 |
        XGROUP DELCONSUMER s g c => 0 | XGROUP DELCONSUMER s g c | xgroup-delconsumer s
        XGROUP DESTROY s g => 1 | XGROUP DESTROY s g | xgroup-destroy s
        "#,
    );
}

#[test]
fn deleting_minds_references() {
    check(
        r#"
        XADD s 1-0 a b => "1-0"
        XADD s 2-0 a b => "2-0"
        XADD s 3-0 a b => "3-0"
        XADD s 4-0 a b => "4-0"
        XDELEX none IDS 2 1 2 => [-1, -1] | |
        XGROUP CREATE s g 0 => OK
        XGROUP CREATE s h 0 => OK
        XREADGROUP GROUP g c COUNT 3 NOACK STREAMS s > => {"s": [["1-0", ["a", "b"]], ["2-0", ["a", "b"]], ["3-0", ["a", "b"]]]}
        XREADGROUP GROUP h c COUNT 2 STREAMS s > => {"s": [["1-0", ["a", "b"]], ["2-0", ["a", "b"]]]}
        XDELEX s ACKED IDS 3 1 2 4 => [2, 2, 2] | |
        XACKDEL s h ACKED IDS 2 1 4 => [1, -1] | XACKDEL s h ACKED IDS 2 1 4 | xdel s
        XACKDEL s none IDS 1 1 => [-1] | |
        XDELEX s DELREF IDS 2 1 2 => [-1, 1] | XDELEX s DELREF IDS 2 1 2 | xdel s
        XPENDING s h => [0, nil, nil, nil]
        XREADGROUP GROUP h c STREAMS s > => {"s": [["3-0", ["a", "b"]], ["4-0", ["a", "b"]]]}
        XDEL s 3-0 => 1
        XACKDEL s h IDS 1 3-0 => [1] | XACKDEL s h IDS 1 3-0 |
        XDELEX s KEEPREF IDS 1 4-0 => [1]
        XDELEX s DELREF IDS 1 4-0 => [-1] | XDELEX s DELREF IDS 1 4-0 |
        XPENDING s h => [0, nil, nil, nil]
        XDELEX s IDS 0 1 => (error) ERR Number of IDs must be a positive integer
        XDELEX s IDS x 1 => (error) ERR Number of IDs must be a positive integer
        XDELEX s IDS 2 1 => (error) ERR The `numids` parameter must match the number of arguments
        XDELEX s IDS 1 1 2 => (error) ERR syntax error
        XACKDEL s h KEEPREF ACKED IDS 1 1 => (error) ERR syntax error
        "#,
    );
}

#[test]
fn trimming_minds_references() {
    check(
        r#"
        XADD s 1-0 a b => "1-0"
        XADD s 2-0 a b => "2-0"
        XADD s 3-0 a b => "3-0"
        XGROUP CREATE s g 0 => OK
        XREADGROUP GROUP g c COUNT 2 STREAMS s > => {"s": [["1-0", ["a", "b"]], ["2-0", ["a", "b"]]]}
        XACK s g 2-0 => 1
        XTRIM s MAXLEN ~ 0 ACKED => 1 | XTRIM s MAXLEN = 2 ACKED | xtrim s
        XTRIM s MINID = 9 ACKED => 0 | |
        XADD s DELREF MAXLEN = 1 4-0 a b => "4-0"
        XPENDING s g => [0, nil, nil, nil]
        XLEN s => 1
        XTRIM s MAXLEN 0 KEEPREF DELREF => (error) ERR syntax error
        "#,
    );
}

#[test]
fn a_replayed_claim_keeps_its_time_though_the_clock_was_set_back() {
    let mut replica = BareShard::new();
    replica.now = UnixMs(0);
    replica.store.set_replaying(Some(UnixMs(5)));
    replica.run("XADD s 1-1 a b");
    replica.run("XGROUP CREATE s g 0");
    replica.run("XCLAIM s g c 0 1-1 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1");
    replica.store.set_replaying(None);
    replica.now = UnixMs(1_700_000_000_500);
    for (idle_ms, expected) in [(500, 1), (501, 0)] {
        let pending = replica.run(&format!("XPENDING s g IDLE {idle_ms} - + 9"));
        let Value::Array(pending) = pending else { panic!("{pending:?}") };
        assert_eq!(pending.len(), expected);
    }
}
