//! Queries and builds of indexes that go on aside, a slice at a time, beside clients that change what they look at: each answer is that of the moment
//! at which the query began, to the last field, and in the end nothing is kept.

#[path = "search_slices/endings.rs"]
mod endings;
#[path = "search_slices/patterns.rs"]
mod patterns;

use std::time::Duration;

use kora_core::reply::Value;
use kora_core::slot::WorkerId;
use kora_search::Pace;
use kora_testkit::stepped::Stepped;

use crate::beside::{ROUNDS_MAX, Subject, choice};

/// Documents that changes choose from.
const KEYS: u64 = 150;
const WORDS: [&str; 6] = ["apple", "plum", "tree", "stone", "river", "cloud"];
const TAGS: [&str; 4] = ["red", "blue", "green", "grey"];
/// Slices of a few documents.
const PACE: Pace = Pace { whole_steps: 40, slice_steps: 40 };
const CREATE: &str = "FT.CREATE|idx|PREFIX|1|doc:|SCHEMA|t|TEXT|NOSTEM|n|NUMERIC|s|NUMERIC|SORTABLE|g|TAG|v|VECTOR|FLAT|6|TYPE|FLOAT32|DIM|1|\
     DISTANCE_METRIC|L2";
const DROPPED: &str = "The index was dropped before the query could be executed";

struct Hashes;

impl Subject for Hashes {
    fn words(line: &str) -> Vec<Vec<u8>> {
        words(line)
    }
}

type World = crate::beside::World<Hashes>;

/// Queries have bars of their own.
fn words(line: &str) -> Vec<Vec<u8>> {
    line.split('|').map(|word| word.replace(" or ", "|").into_bytes()).collect()
}

impl World {
    fn new(workers: u16, shards: u16, seed: u64) -> Self {
        Self::of(Stepped::at_pace(workers, shards, seed, PACE), workers, shards, seed)
    }

    fn key(&mut self) -> String {
        let prefix = self.choose(&["doc:", "doc:", "doc:", "other:"]);
        format!("{prefix}{}", self.below(KEYS))
    }

    fn document(&mut self) -> String {
        let (one, two, tag) = (self.choose(&WORDS), self.choose(&WORDS), self.choose(&TAGS));
        let (n, s, x) = (self.below(30), self.below(30), self.below(1000));
        format!(
            "t|{one} {two}|n|{n}|s|{s}|g|{tag}|x|{x}|v|{}",
            self.choose(&["aaaa", "bbbb", "cccc", "dddd"])
        )
    }

    /// A change of documents: some of them at once, some by what is not a command of a hash.
    fn change(&mut self) {
        let (key, other) = (self.key(), self.key());
        let line = match self.below(20) {
            0 => format!("DEL|{key}"),
            1 => format!("RENAME|{key}|{other}"),
            2 => format!("COPY|{key}|{other}|REPLACE"),
            3 => format!("PEXPIRE|{key}|20"),
            4 => format!("HPEXPIRE|{key}|20|FIELDS|2|g|x"),
            5 => format!("HSET|{key}|x|{}", self.below(1000)),
            6 => format!("HDEL|{key}|x|n"),
            7 => format!("SET|{key}|text"),
            8 => {
                self.engine.pass(Duration::from_millis(15));
                return;
            }
            9 => format!("EVAL|redis.call('HSET',KEYS[1],'x','taken') error('back')|1|{key}"),
            10 => {
                let (one, two) = (self.document(), self.document());
                self.send_change("MULTI");
                self.send_change(&format!("HSET|{key}|{one}"));
                self.send_change(&format!("HSET|{other}|{two}"));
                "EXEC".to_owned()
            }
            _ => format!("HSET|{key}|{}", self.document()),
        };
        self.send_change(&line);
    }

    /// The writer's command runs at once, or stands behind what came before it; nobody waits for it.
    fn send_change(&mut self, line: &str) {
        self.engine.send(self.writer, [words(line)]);
    }

    fn fill(&mut self) {
        for number in 0..KEYS {
            let document = self.document();
            self.run(self.writer, &format!("HSET|doc:{number}|{document}"));
        }
    }

    fn query(&mut self) -> String {
        let (word, other, tag) = (self.choose(&WORDS), self.choose(&WORDS), self.choose(&TAGS));
        let (low, high) = (self.below(20), 10 + self.below(20));
        let what = match self.below(7) {
            0 | 1 => "*".to_owned(),
            2 => word.to_owned(),
            3 => format!("{word} or {other}"),
            4 => format!("@n:[{low} {high}]"),
            5 => format!("-@g:{{{tag}}}"),
            _ => "*=>[KNN 40 @v xxxx AS d]".replace("xxxx", "$b"),
        };
        let params = "PARAMS|2|b|bbba|DIALECT|2";
        let rest = match self.below(12) {
            0 => "LIMIT|0|500",
            1 => "SORTBY|n|DESC|LIMIT|3|40",
            2 => "SORTBY|s|LIMIT|0|20|RETURN|2|x|s",
            3 => "RETURN|3|x|n|t|WITHSCORES|LIMIT|0|300",
            4 => "NOCONTENT|SORTBY|n|LIMIT|0|200",
            5 => "WITHSCORES|EXPLAINSCORE|NOCONTENT|LIMIT|5|5",
            6 => "LIMIT|0|0",
            7 => "GROUPBY|1|@g|REDUCE|COUNT|0|AS|c|REDUCE|SUM|1|@n|AS|sum|SORTBY|2|@c|DESC",
            8 => "LOAD|*|SORTBY|2|@n|ASC|LIMIT|0|200",
            9 => "LOAD|2|@x|@t|APPLY|@x+1|AS|y|LIMIT|0|400",
            10 => "GROUPBY|1|@x|REDUCE|TOLIST|1|@__key|AS|keys|SORTBY|2|@x|ASC|MAX|400",
            _ => "GROUPBY|0|REDUCE|AVG|1|@s|AS|mean|REDUCE|COUNT|0|AS|c",
        };
        let name = if rest.contains('@') { "FT.AGGREGATE" } else { "FT.SEARCH" };
        if rest.contains("@__key") {
            return format!("{name}|idx|{what}|LOAD|2|@__key|@x|{rest}|{params}");
        }
        format!("{name}|idx|{what}|{rest}|{params}")
    }

    /// Nothing is left of any query: neither documents that they would have shown nor what they saw of the index.
    fn assert_nothing_kept(&mut self) {
        self.engine.settle();
        self.engine.answers();
        assert_eq!(self.keep_count(), 0);
        for number in 0..KEYS {
            self.run(self.writer, &format!("DEL|doc:{number}"));
        }
        // What died while a query looked at it is freed by the changes that follow.
        for number in 0..2 * KEYS {
            self.run(self.writer, &format!("HSET|doc:{number}|t|word"));
            self.run(self.writer, &format!("DEL|doc:{number}"));
        }
        let Value::Array(info) = self.run(self.writer, "FT.INFO|idx") else { panic!("FT.INFO lists") };
        for name in ["num_docs", "num_records", "inverted_sz_mb"] {
            let at = info.iter().position(|value| *value == Value::Simple(name.to_owned()));
            let value = at.map(|at| &info[at + 1]);
            assert!(
                [Some(&Value::Integer(0)), Some(&Value::Bulk(b"0".to_vec()))].contains(&value),
                "{name}: {value:?}"
            );
        }
    }
}

fn play(workers: u16, shards: u16, seed: u64, steps: usize) {
    let mut world = World::new(workers, shards, seed);
    world.fill();
    world.run(world.asking, CREATE);
    let mut was_long = 0;
    for _ in 0..steps {
        (0..10).for_each(|_| world.change());
        world.engine.settle();
        world.engine.answers();
        let query = world.query();
        let expected = world.ask_at_once(&query);
        let before = world.rounds;
        let found = world.ask_beside(&query, World::change);
        was_long += usize::from(world.rounds - before > 3);
        assert_eq!(found, expected, "{query}");
    }
    assert!(was_long > steps / 2, "only {was_long} queries of {steps} went on aside");
    world.assert_nothing_kept();
}

#[test]
fn a_query_aside_answers_of_the_moment_at_which_it_began_on_one_shard() {
    (0..4).for_each(|seed| play(1, 1, seed, 120));
}

#[test]
fn a_query_aside_answers_of_the_moment_at_which_it_began_on_four_shards() {
    (0..4).for_each(|seed| play(2, 4, seed, 120));
}

/// A query that is about to go on aside, and a few of its slices.
fn begin(world: &mut World, query: &str) {
    world.engine.send(world.asking, [words(query)]);
    for _ in 0..3 {
        world.change();
        assert_eq!(world.round(), None, "{query} is not over yet");
    }
}

#[test]
fn nothing_is_kept_for_a_client_that_has_left() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        let mut world = World::new(workers, shards, 5);
        world.fill();
        world.run(world.asking, CREATE);
        for _ in 0..20 {
            begin(&mut world, "FT.AGGREGATE|idx|*|LOAD|*|SORTBY|1|@n");
            assert!(world.keep_count() > 0, "it may show documents that change");
            world.engine.leave(world.asking);
            world.engine.settle();
            assert_eq!(world.keep_count(), 0);
            world.asking = world.engine.connect(WorkerId(0), choice());
        }
        world.assert_nothing_kept();
    }
}

#[test]
fn a_query_whose_index_goes_ends_with_an_error() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        for line in ["FT.DROPINDEX|idx", "FLUSHALL", "SWAPDB|0|1"] {
            let mut world = World::new(workers, shards, 6);
            world.fill();
            world.run(world.asking, CREATE);
            begin(&mut world, "FT.SEARCH|idx|*|LIMIT|0|200");
            world.engine.send(world.writer, [words(line)]);
            // Another index takes its name.
            let (create, query) = (words(CREATE), words("FT.SEARCH|idx|*"));
            world.engine.send(world.writer, [create, query]);
            let answers = std::iter::from_fn(|| Some(world.round())).take(500).flatten();
            let answers: Vec<_> = answers.collect();
            assert_eq!(answers, [Value::Error(DROPPED.to_owned())], "{line}");
            world.assert_nothing_kept();
        }
    }
}

#[test]
fn others_are_served_while_an_index_is_built_and_queries_of_it_are_exact() {
    for (workers, shards, seed) in [(1, 1, 1), (2, 4, 2), (2, 4, 3), (1, 4, 4)] {
        let mut world = World::new(workers, shards, seed);
        world.fill();
        let builder = world.engine.connect(WorkerId(0), choice());
        let lines = [
            CREATE,
            "FT.ALTER|idx|SCHEMA|ADD|x|NUMERIC",
            "FT.SYNUPDATE|idx|group|apple|plum",
            "SWAPDB|0|1",
            "SWAPDB|0|1",
        ];
        for line in lines {
            world.engine.send(builder, [words(line)]);
            assert!(world.engine.answers().is_empty() || line.starts_with("SWAPDB"), "{line} takes its time");
            for _ in 0..world.below(8) {
                world.engine.send(world.writer, [words("GET|other:x")]);
                assert_eq!(world.engine.answers().len(), 1, "{line}: others are answered at once");
                world.change();
                world.round();
            }
            let query = world.query();
            world.engine.send(world.asking, [words(&query)]);
            let mut answer = world.own_answer();
            for _ in 0..ROUNDS_MAX {
                if answer.is_some() {
                    break;
                }
                // No more changes: its place in the order is known then.
                answer = world.round();
            }
            assert_eq!(answer, Some(world.ask_at_once(&query)), "{line}: {query}");
            world.engine.settle();
            world.engine.answers();
            let query = world.query();
            let expected = world.ask_at_once(&query);
            assert_eq!(world.ask_beside(&query, World::change), expected, "{line}: {query}");
            world.engine.settle();
        }
        world.assert_nothing_kept();
    }
}

#[test]
fn an_index_is_built_though_its_client_leaves_and_none_though_it_is_deleted() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        let mut world = World::new(workers, shards, 8);
        world.fill();
        let builder = world.engine.connect(WorkerId(0), choice());
        world.engine.send(builder, [words(CREATE)]);
        let Value::Array(info) = world.run_info() else { panic!("FT.INFO lists") };
        let indexing = info.iter().position(|value| *value == Value::Simple("indexing".to_owned()));
        assert_eq!(indexing.map(|at| &info[at + 1]), Some(&Value::Integer(1)));
        world.engine.leave(builder);
        world.engine.settle();
        let Value::Array(info) = world.run_info() else { panic!("FT.INFO lists") };
        assert_eq!(indexing.map(|at| &info[at + 1]), Some(&Value::Integer(0)));
        for line in ["FT.DROPINDEX|idx", "FLUSHALL"] {
            world.fill();
            let builder = world.engine.connect(WorkerId(0), choice());
            world.run(world.writer, "FT._DROPINDEXIFX|idx");
            world.engine.send(builder, [words(CREATE)]);
            world.round();
            world.run(world.writer, line);
            world.engine.settle();
            assert_eq!(world.run(world.asking, "FT._LIST"), Value::Array(Vec::new()), "{line}");
        }
    }
}

impl World {
    /// FT.INFO, before anything else runs.
    fn run_info(&mut self) -> Value {
        self.engine.send(self.asking, [words("FT.INFO|idx")]);
        self.own_answer().expect("FT.INFO runs at once")
    }
}
