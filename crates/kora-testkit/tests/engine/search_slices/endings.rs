//! How commands that go on aside end: by their time, by themselves a slice at a time, or because their client leaves.

use std::cell::Cell;
use std::time::{Duration, Instant};

use kora_core::reply::Value;
use kora_core::slot::WorkerId;
use kora_testkit::stepped::{Choices, Stepped};

use super::{CREATE, DROPPED, KEYS, PACE, ROUNDS_MAX, World, begin, choice, words};

/// How long it is from one look at the clock to the next.
const TICK: Duration = Duration::from_micros(500);

/// A clock that goes on when it is looked at.
fn ticking() -> Instant {
    thread_local!(static NOW: Cell<Option<Instant>> = const { Cell::new(None) });
    let now = NOW.get().map_or_else(Instant::now, |now| now + TICK);
    NOW.set(Some(now));
    now
}

/// A world with an index, in which time passes.
fn timed(workers: u16, shards: u16) -> World {
    let choices = Choices { pace: PACE, search_clock: Some(ticking), ..Choices::default() };
    let mut world = World::of(Stepped::with(workers, shards, 7, choices), workers, shards, 7);
    world.fill();
    world.run(world.asking, CREATE);
    world
}

/// The answer of a query that goes on aside.
fn ask_aside(world: &mut World, query: &str) -> Value {
    world.engine.send(world.asking, [words(query)]);
    assert_eq!(world.own_answer(), None, "{query} goes on aside");
    let answer = (0..ROUNDS_MAX).find_map(|_| world.round());
    answer.unwrap_or_else(|| panic!("{query} has no end"))
}

const SEARCH: &str = "FT.SEARCH|idx|*|NOCONTENT|LIMIT|0|500";
const COUNT: &str = "FT.AGGREGATE|idx|*|LOAD|1|@x|GROUPBY|0|REDUCE|COUNT|0|AS|c";
const TIMEOUT: &str = "Timeout limit was reached";

#[test]
fn a_query_aside_that_takes_too_long_fails() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        let mut world = timed(workers, shards);
        for query in [SEARCH, COUNT] {
            let answer = ask_aside(&mut world, &format!("{query}|TIMEOUT|3"));
            assert_eq!(answer, Value::Error(TIMEOUT.to_owned()), "{query}");
            world.engine.settle();
            assert_eq!(world.keep_count(), 0);
        }
        // Zero is for ever.
        let Value::Array(rows) = ask_aside(&mut world, &format!("{SEARCH}|TIMEOUT|0")) else {
            panic!("rows")
        };
        assert_eq!(rows.len() as u64, KEYS + 1);
        world.assert_nothing_kept();
    }
}

#[test]
fn a_query_aside_that_takes_too_long_replies_what_it_found_if_that_is_wanted() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        let mut world = timed(workers, shards);
        world.run(world.writer, "FT.CONFIG|SET|ON_TIMEOUT|return");
        let Value::Array(rows) = ask_aside(&mut world, &format!("{SEARCH}|TIMEOUT|3")) else {
            panic!("rows")
        };
        assert!((2..=KEYS).contains(&(rows.len() as u64)), "{rows:?} are some");
        assert_eq!(rows[0], Value::Integer(i64::try_from(rows.len() - 1).unwrap()));
        let Value::Array(rows) = ask_aside(&mut world, &format!("{COUNT}|TIMEOUT|3")) else { panic!("rows") };
        let Value::Array(row) = &rows[1] else { panic!("a row") };
        let Value::Bulk(count) = &row[1] else { panic!("a count") };
        let count: u64 = std::str::from_utf8(count).unwrap().parse().unwrap();
        assert!((1..KEYS).contains(&count), "{count} of {KEYS}");
        world.assert_nothing_kept();
    }
}

/// Documents are deleted a slice at a time: others are served in between, and find the index with those that are left.
#[test]
fn documents_of_an_index_are_deleted_in_slices() {
    for shards in [1, 4] {
        let mut world = World::new(1, shards, 9);
        world.fill();
        world.run(world.asking, CREATE);
        let dropper = world.engine.connect(WorkerId(0), choice());
        world.engine.send(dropper, [words("FT.DROPINDEX|idx|DD")]);
        let mut turns = 0;
        loop {
            world.engine.send(world.asking, [words("EXISTS|other:x")]);
            let answers = world.engine.answers();
            let own = (world.asking.client, Value::Integer(0));
            assert!(answers.contains(&own), "others are answered at once");
            if answers.iter().any(|(of, _)| *of == dropper.client) {
                break;
            }
            turns += 1;
            assert!(turns < ROUNDS_MAX, "it has an end");
            world.engine.round(0);
        }
        assert!(turns > 3, "{turns}: it takes several slices");
        world.engine.settle();
        assert_eq!(world.run(world.writer, "DBSIZE"), Value::Integer(0));
        // At once in a transaction.
        world.fill();
        world.run(world.asking, CREATE);
        assert_eq!(world.ask_at_once("FT.DROPINDEX|idx|DD"), Value::Simple("OK".to_owned()));
        assert_eq!(world.run(world.writer, "DBSIZE"), Value::Integer(0));
    }
}

#[test]
fn what_is_left_when_the_client_leaves_that_deletes_an_index_is_found() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        let mut world = World::new(workers, shards, 10);
        world.fill();
        world.run(world.asking, CREATE);
        let dropper = world.engine.connect(WorkerId(0), choice());
        world.engine.send(dropper, [words("FT.DROPINDEX|idx|DD")]);
        world.engine.leave(dropper);
        world.engine.settle();
        let Value::Integer(left) = world.run(world.writer, "DBSIZE") else { panic!("a number") };
        assert!((1..i64::try_from(KEYS).unwrap()).contains(&left), "{left} are left");
        let Value::Array(found) = world.ask_at_once("FT.SEARCH|idx|*|LIMIT|0|0") else { panic!("a count") };
        assert_eq!(found, [Value::Integer(left)]);
        world.assert_nothing_kept();
    }
}

/// A query that has begun goes on while the documents are deleted: it ends with their index, or before.
#[test]
fn a_query_aside_shows_documents_that_are_deleted_with_their_index() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        let mut world = World::new(workers, shards, 11);
        world.fill();
        world.run(world.asking, CREATE);
        let query = "FT.SEARCH|idx|*|LIMIT|0|200";
        let expected = world.ask_at_once(query);
        world.engine.send(world.asking, [words(query)]);
        world.engine.send(world.writer, [words("FT.DROPINDEX|idx|DD")]);
        let answer = (0..ROUNDS_MAX).find_map(|_| world.round()).expect("it ends");
        assert!(answer == expected || answer == Value::Error(DROPPED.to_owned()), "{answer:?}");
        world.engine.settle();
        assert_eq!(world.run(world.writer, "DBSIZE"), Value::Integer(0));
        assert_eq!(world.keep_count(), 0);
    }
    let mut world = World::new(1, 1, 12);
    world.fill();
    world.run(world.asking, CREATE);
    begin(&mut world, "FT.SEARCH|idx|*|LIMIT|0|200");
    world.engine.leave(world.asking);
    world.engine.settle();
    assert_eq!(world.keep_count(), 0);
}
