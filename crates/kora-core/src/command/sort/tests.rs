use std::cmp::Ordering;

use proptest::prelude::*;

use super::options::find_store_key;
use super::reads_patterns;
use crate::command::testing::BareShard;
use crate::db::DbIndex;
use crate::reply::Value;

fn words(line: &str) -> Vec<&[u8]> {
    line.split(' ').map(str::as_bytes).collect()
}

#[test]
fn keys_named_by_elements_need_all_stores() {
    for (line, expected) in [
        ("SORT l", false),
        ("SORT l BY nosort GET # STORE d", false),
        ("SORT l GET plain", false),
        ("SORT l BY w*", true),
        ("SORT l GET h*->f", true),
        ("SORT l BY w* BY nosort", false),
        ("SORT l STORE w*", false),
        ("SORT l GET w* nonsense", false),
    ] {
        assert_eq!(reads_patterns(&words(line)), expected, "{line}");
    }
}

#[test]
fn the_key_behind_store_is_found() {
    for (line, expected) in [
        ("SORT l", None),
        ("SORT l STORE d", Some(3)),
        ("SORT l store a STORE b", Some(5)),
        ("SORT l GET STORE STORE x", Some(5)),
        ("SORT l LIMIT 0 STORE d e", None),
        ("SORT l STORE", None),
    ] {
        assert_eq!(find_store_key(&words(line)), expected, "{line}");
    }
}

#[test]
fn results_are_stored_as_lists() {
    let mut shard = BareShard::new();
    shard.check(
        r#"
        RPUSH l 3 1 2 => 3
        MSET w1 b w2 a w3 c => OK
        HSET h1 f 10 => 1
        HSET h2 f 5 => 1
        SORT l STORE d => 3 | DEL d; RPUSH d 1 2 3
        SORT l BY w* ALPHA GET # GET w* STORE d => 6 | DEL d; RPUSH d 2 a 1 b 3 c
        LRANGE d 0 -1 => ["2", "a", "1", "b", "3", "c"]
        SORT l BY h*->f GET h*->f STORE d => 3
        LRANGE d 0 -1 => ["", "5", "10"]
        SADD s 10 9 8 => 3
        SORT s BY nosort STORE d => 3
        LRANGE d 0 -1 => ["10", "8", "9"]
        "#,
    );
    shard.effects();
    shard.events();
    shard.check(
        r"
        SORT none STORE d => 0 | SORT none STORE d | keymiss none, del d
        SORT none STORE d => 0 | | keymiss none
        SORT l LIMIT 1 1 STORE l => 1 | DEL l; RPUSH l 2 | sortstore l
        ",
    );
    shard.check_replay();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any part of the order is the same as that part of the whole order.
    #[test]
    fn limits_cut_the_whole_order(
        numbers in prop::collection::vec(-30..30i32, 0..60),
        offset in -3..70i64,
        count in -2..70i64,
        is_descending: bool,
        is_alphabetic: bool,
    ) {
        let mut shard = BareShard::new();
        for number in &numbers {
            shard.run(&format!("RPUSH l {number}"));
        }
        let order = |one: &String, other: &String| {
            let by_number = one.parse::<i32>().unwrap().cmp(&other.parse().unwrap());
            let order = if is_alphabetic { Ordering::Equal } else { by_number }.then_with(|| one.cmp(other));
            if is_descending { order.reverse() } else { order }
        };
        let mut expected: Vec<String> = numbers.iter().map(i32::to_string).collect();
        expected.sort_by(order);
        let start = usize::try_from(offset).unwrap_or(0);
        let count_kept = usize::try_from(count).unwrap_or(usize::MAX);
        let expected: Vec<_> = expected.into_iter().skip(start).take(count_kept).collect();
        let direction = if is_descending { "DESC" } else { "ASC" };
        let alpha = if is_alphabetic { "ALPHA" } else { "" };
        let reply = shard.run(&format!("SORT l {direction} LIMIT {offset} {count} {alpha}"));
        prop_assert_eq!(crate::command::testing::render(&reply), format!("{:?}", expected));
    }
}

#[test]
fn what_replaces_a_hash_takes_the_deadlines_of_its_fields_with_it() {
    let mut shard = BareShard::new();
    for line in ["HSET h f v", "HPEXPIRE h 100 FIELDS 1 f", "RPUSH l 2 1", "SORT l STORE h"] {
        shard.run(line);
    }
    assert_eq!(shard.store.database(DbIndex(0)).expiring_hashes(), 0);
    shard.now.0 += 1000;
    let now = shard.now;
    shard.store.sweep(&mut shard.journal, now, 1000);
    assert_eq!(shard.run("LLEN h"), Value::Integer(2));
}
