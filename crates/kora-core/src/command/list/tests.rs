//! Effects and events of the family; replies are checked by the transcripts.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{position, span};
use crate::command::testing::BareShard;

const WRONG_TYPE: &str = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";

#[test]
fn pushes_and_pops() {
    BareShard::new().check(
        r#"
        RPUSH l a b             => 2        | RPUSH l a b | new l, rpush l
        LPUSH l c               => 3        | LPUSH l c   | lpush l
        LRANGE l 0 -1           => ["c", "a", "b"]
        LPUSHX m a              => 0        |  |
        RPUSHX l d 7            => 5        | RPUSHX l d 7 | rpush l
        LPOP l                  => "c"      | LPOP l      | lpop l
        RPOP l 2                => ["7", "d"] | RPOP l 2  | rpop l
        LPOP l 0                => []       |  |
        LPOP m 0                => nil      |  |
        LPOP m                  => nil      |  |
        LPOP l 9                => ["a", "b"] | LPOP l 9  | lpop l, del l
        EXISTS l                => 0
        "#,
    );
}

#[test]
fn elements_change_in_place() {
    BareShard::new().check(
        r#"
        RPUSH l a b a b a       => 5        | RPUSH l a b a b a | new l, rpush l
        LSET l -1 c             => OK       | LSET l -1 c | lset l
        LSET l 5 c              => (error) ERR index out of range |  |
        LSET l 4294967300 c     => OK       | LSET l 4294967300 c | lset l
        LSET m 0 c              => (error) ERR no such key |  |
        LINSERT l BEFORE b x    => 6        | LINSERT l BEFORE b x | linsert l
        LINSERT l AFTER b y     => 7        | LINSERT l AFTER b y | linsert l
        LINSERT l AFTER z y     => -1       |  |
        LINSERT m AFTER z y     => 0        |  |
        LRANGE l 0 -1           => ["a", "x", "b", "y", "a", "b", "c"]
        LREM l -1 a             => 1        | LREM l -1 a | lrem l
        LREM l 0 z              => 0        |  |
        LTRIM l 0 -1            => OK       |  | ltrim l
        LTRIM l 1 -2            => OK       | LTRIM l 1 -2 | ltrim l
        LRANGE l 0 -1           => ["x", "b", "y", "b"]
        LREM l 0 b              => 2        | LREM l 0 b | lrem l
        LTRIM l 5 9             => OK       | LTRIM l 5 9 | ltrim l, del l
        LTRIM l 0 1             => OK       |  |
        RPUSH l a               => 1
        LREM l 0 a              => 1        | LREM l 0 a  | lrem l, del l
        "#,
    );
}

#[test]
fn elements_move() {
    BareShard::new().check(
        r#"
        RPUSH l a b 3           => 3        | RPUSH l a b 3 | new l, rpush l
        LMOVE l m RIGHT LEFT    => "3"      | LMOVE l m RIGHT LEFT | new m, lpush m, rpop l
        RPOPLPUSH l m           => "b"      | RPOPLPUSH l m | lpush m, rpop l
        LMOVE l m LEFT RIGHT    => "a"      | LMOVE l m LEFT RIGHT | rpush m, lpop l, del l
        LRANGE m 0 -1           => ["b", "3", "a"]
        LMOVE m m LEFT RIGHT    => "b"      | LMOVE m m LEFT RIGHT | rpush m, lpop m
        RPOPLPUSH m m           => "b"      | RPOPLPUSH m m | lpush m, rpop m
        LMOVE x m LEFT LEFT     => nil      |  |
        LMPOP 2 x m RIGHT COUNT 2 => ["m", ["a", "3"]] | RPOP m 2 | rpop m
        LMPOP 2 x m LEFT        => ["m", ["b"]] | LPOP m 1 | lpop m, del m
        LMPOP 2 x m LEFT        => nil      |  |
        RPUSH l a               => 1        | RPUSH l a | new l, rpush l
        LMOVE l l LEFT LEFT     => "a"      | LMOVE l l LEFT LEFT | lpush l, lpop l
        "#,
    );
}

#[test]
fn nothing_changes_when_a_key_holds_another_type() {
    let mut shard = BareShard::new();
    shard.check(&format!(
        r#"
        SET s 1                 => OK
        RPUSH l a b             => 2
        LPUSH s a               => {WRONG_TYPE} ||
        LPOP s 0                => {WRONG_TYPE} ||
        LINDEX s x              => {WRONG_TYPE} ||
        LPOS s a                => {WRONG_TYPE} ||
        LMPOP 2 x s LEFT        => {WRONG_TYPE} ||
        LMOVE s l LEFT LEFT     => {WRONG_TYPE} ||
        LMOVE l s LEFT LEFT     => {WRONG_TYPE} ||
        LMOVE x s LEFT LEFT     => nil ||
        LRANGE l 0 -1           => ["a", "b"]
        "#,
    ));
}

fn line() -> impl Strategy<Value = String> {
    let key = prop_oneof![Just("a"), Just("b"), Just("c")];
    (key.clone(), key, -3i64..4, -3i64..4, 0u8..12).prop_map(|(key, other, first, second, form)| match form {
        0 => format!("LPUSH {key} {first} x{second}"),
        1 | 2 => format!("RPUSH {key} {first} {second} {first}"),
        3 => format!("LPOP {key} {}", first.abs()),
        4 => format!("RPOP {key}"),
        5 => format!("LSET {key} {first} {second}"),
        6 => format!("LINSERT {key} BEFORE {first} {second}"),
        7 => format!("LREM {key} {first} {second}"),
        8 => format!("LTRIM {key} {first} {second}"),
        9 => format!("LMOVE {key} {other} LEFT RIGHT"),
        10 => format!("RPOPLPUSH {key} {other}"),
        _ => format!("LMPOP 2 {key} {other} LEFT COUNT {}", first.abs() + 1),
    })
}

proptest! {
    #[test]
    fn effects_reproduce_what_commands_did(lines in vec(line(), 1..40)) {
        let mut shard = BareShard::new();
        for line in &lines {
            shard.run(line);
        }
        shard.check_replay();
    }

    /// Index by index: `start` and `stop` name the first and last element, clamped to the list.
    #[test]
    fn spans_lie_within_the_list(start in -12i64..12, stop in -12i64..12, len in 0usize..10) {
        let from_front = |index: i64| if index < 0 { index + len.cast_signed() as i64 } else { index };
        let model: Vec<usize> = (0..len)
            .filter(|&at| (from_front(start)..=from_front(stop)).contains(&(at.cast_signed() as i64)))
            .collect();
        prop_assert_eq!(span(start, stop, len).collect::<Vec<_>>(), model);
        let place = usize::try_from(from_front(start)).ok().filter(|&at| at < len);
        prop_assert_eq!(position(start, len), place);
    }
}

#[test]
fn the_farthest_indexes_are_none() {
    assert_eq!(span(i64::MIN, i64::MAX, 3), 0..3);
    assert_eq!(span(i64::MAX, i64::MIN, 3), 0..0);
    assert_eq!(position(i64::MIN, 3), None);
    assert_eq!(position(i64::MAX, 3), None);
}
