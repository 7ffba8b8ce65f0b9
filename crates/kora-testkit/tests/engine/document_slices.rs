//! Questions about collections and builds of their indexes that go on aside, a slice at a time, beside clients that change documents: each answer is
//! that of the moment at which the question began, and in the end nothing is kept.

use std::time::Duration;

use kora_core::reply::Value;
use kora_core::slot::WorkerId;
use kora_search::Pace;
use kora_testkit::stepped::Stepped;

use crate::beside::{Subject, choice, words};

/// Documents that changes choose from.
const IDS: u64 = 150;
/// Slices of a few documents.
const PACE: Pace = Pace { whole_steps: 40, slice_steps: 40 };
const DROPPED: &str = "ERR the collection was deleted before the answer was found";
const BUSY: &str =
    "ERR another index of the collection is being created or deleted: try again when that is done";
const OK: &str = "OK";
/// Indexes on vectors, whose answers are exact: so many candidates are as good as all.
const FLAT: &str = "v|vector|FLAT|DIM|3|DISTANCE_METRIC|L2";
const GRAPH: &str = "w|vector|DIM|3|EF_RUNTIME|1000";

struct Documents;

impl Subject for Documents {}

type World = crate::beside::World<Documents>;

fn ok() -> Value {
    Value::Simple(OK.to_owned())
}

impl World {
    /// A collection with documents and some indexes.
    fn new(workers: u16, shards: u16, seed: u64) -> Self {
        let mut world = Self::of(Stepped::at_pace(workers, shards, seed, PACE), workers, shards, seed);
        world.begin();
        world
    }

    fn begin(&mut self) {
        assert_eq!(self.run(self.writer, "DOC.CREATE|c"), ok());
        for index in ["a|sorted", "g|hash", "t|array", FLAT, GRAPH] {
            assert_eq!(self.run(self.writer, &format!("DOC.CREATEINDEX|c|{index}")), ok());
        }
        for number in 0..IDS {
            let document = self.document();
            assert_eq!(self.run(self.writer, &format!("DOC.SET|c|{number}|{document}")), ok());
        }
    }

    fn document(&mut self) -> String {
        let mut members = vec![format!("\"x\":{}", self.below(1000))];
        if self.below(5) > 0 {
            members.push(format!("\"a\":{}", self.below(12)));
        }
        members.push(format!("\"g\":\"{}\"", self.choose(&["red", "blue", "green"])));
        members.push(format!("\"t\":[{},{}]", self.below(5), self.below(5)));
        for field in ["v", "w"] {
            if self.below(6) > 0 {
                members.push(format!("\"{field}\":{}", self.vector()));
            }
        }
        format!("{{{}}}", members.join(","))
    }

    fn vector(&mut self) -> String {
        format!("[{},{},{}]", 1 + self.below(50), self.below(50), self.below(50))
    }

    /// A change of documents: some of them by what is no command of collections.
    fn change(&mut self) {
        let (id, other) = (self.below(IDS), self.below(IDS));
        let (key, other_key) = (format!("__kora:doc:c:{id}"), format!("__kora:doc:c:{other}"));
        let line = match self.below(18) {
            0 => format!("DOC.DEL|c|{id}"),
            1 => format!("RENAME|{key}|{other_key}"),
            2 => format!("COPY|{key}|{other_key}|REPLACE"),
            3 => format!("PEXPIRE|{key}|20"),
            4 => format!("DOC.UPDATE|c|{id}|INCR|x|1"),
            5 => format!("DOC.UPDATE|c|{id}|SET|a|{}", self.below(12)),
            6 => format!("JSON.SET|{key}|$.x|{}", self.below(1000)),
            7 => format!("SET|{key}|text"),
            8 => {
                self.engine.pass(Duration::from_millis(15));
                return;
            }
            9 => format!("EVAL|redis.call('JSON.SET',KEYS[1],'$','{{\"a\":1}}') error('back')|1|{key}"),
            10 => {
                let (one, two) = (self.document(), self.document());
                self.send_change("MULTI");
                self.send_change(&format!("DOC.SET|c|{id}|{one}"));
                self.send_change(&format!("DOC.SET|c|{other}|{two}"));
                "EXEC".to_owned()
            }
            11 => format!("DOC.DELETE|c|WHERE|x = {}", self.below(1000)),
            _ => format!("DOC.SET|c|{id}|{}", self.document()),
        };
        self.send_change(&line);
    }

    /// The writer's command runs at once, or stands behind what came before it; nobody waits for it.
    fn send_change(&mut self, line: &str) {
        self.engine.send(self.writer, [words(line)]);
    }

    fn question(&mut self) -> String {
        let (low, high) = (self.below(8), 3 + self.below(9));
        let x = self.below(800);
        let what = match self.below(7) {
            0 => String::new(),
            1 => format!("|WHERE|a >= {low} AND a < {high}"),
            2 => format!("|WHERE|x > {x}"),
            3 => format!("|WHERE|g = 'red' AND x < {x}"),
            4 => format!("|WHERE|t CONTAINS {low} OR g = 'blue'"),
            5 => format!("|WHERE|NOT a = {low}"),
            _ => format!("|WHERE|g IN ('red','green') AND a > {low}"),
        };
        if self.below(4) == 0 {
            let (field, vector) = (self.choose(&["v", "w"]), self.vector());
            let command = self.choose(&["FIND", "FIND", "EXPLAIN"]);
            let rest = if command == "FIND" { "|WITHIDS|WITHDISTANCES" } else { "" };
            return format!("DOC.{command}|c{what}|NEAREST|{field}|{}|{vector}{rest}", 1 + self.below(40));
        }
        let rest = match self.below(12) {
            0 => "",
            1 => "|WITHIDS",
            2 => "|LIMIT|60|OFFSET|3",
            3 => "|ORDER|BY|a|LIMIT|40|WITHIDS",
            4 => "|ORDER|BY|a|DESC|x|LIMIT|30",
            5 => "|ORDER|BY|x|DESC|WITHIDS",
            6 => "|ORDER|BY|g|a|LIMIT|200|PROJECT|x|g",
            7 => "|CURSOR|0|LIMIT|25|WITHIDS",
            8 => "|CURSOR|0|LIMIT|140|ORDER|BY|a|DESC",
            9 => return format!("DOC.COUNT|c{what}"),
            10 => return format!("DOC.EXPLAIN|c{what}"),
            _ => return format!("DOC.EXPLAIN|c{what}|ORDER|BY|a|LIMIT|100"),
        };
        format!("DOC.FIND|c{what}{rest}")
    }

    /// Lets all run to their end that was sent: a command that goes on aside holds back what its client has sent behind it.
    fn quiet(&mut self) {
        self.engine.settle();
        while !self.engine.answers().is_empty() {
            self.engine.settle();
        }
    }

    /// Nothing is left of any question.
    fn assert_nothing_kept(&mut self) {
        self.quiet();
        assert_eq!(self.keep_count(), 0);
    }
}

fn play(workers: u16, shards: u16, seed: u64, steps: usize) {
    let mut world = World::new(workers, shards, seed);
    let mut was_long = 0;
    for _ in 0..steps {
        (0..10).for_each(|_| world.change());
        world.quiet();
        let question = world.question();
        let expected = world.ask_at_once(&question);
        let before = world.rounds;
        let found = world.ask_beside(&question, World::change);
        was_long += usize::from(world.rounds - before > 3);
        assert_eq!(found, expected, "{question}");
    }
    assert!(was_long > steps / 2, "only {was_long} questions of {steps} went on aside");
    world.assert_nothing_kept();
}

#[test]
fn a_question_aside_is_answered_of_the_moment_at_which_it_began_on_one_shard() {
    (0..6).for_each(|seed| play(1, 1, seed, 150));
}

#[test]
fn a_question_aside_is_answered_of_the_moment_at_which_it_began_on_four_shards() {
    (0..6).for_each(|seed| play(2, 4, seed, 150));
}

#[test]
fn indexes_that_come_and_go_leave_a_question_as_it_is() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        let mut world = World::new(workers, shards, 9);
        for round in 0..40 {
            let question = world.question();
            let expected = world.ask_at_once(&question);
            let found = world.ask_beside(&question, |world| {
                let line = [
                    "DOC.DROPINDEX|c|a",
                    "DOC.CREATEINDEX|c|a|sorted",
                    "DOC.CREATEINDEX|c|x|hash",
                    "DOC.DROPINDEX|c|x",
                ];
                let line = world.choose(&line);
                world.send_change(line);
                world.change();
            });
            assert_eq!(found, expected, "{round}: {question}");
            world.quiet();
        }
        world.assert_nothing_kept();
    }
}

/// Shards are done with it one after the other: until then their indexes lie otherwise than those of others.
#[test]
fn questions_that_begin_while_an_index_is_deleted_find_the_same() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        let mut world = World::new(workers, shards, 4);
        for question in [
            "DOC.FIND|c|WHERE|g = 'red'|WITHIDS",
            "DOC.FIND|c|WHERE|t CONTAINS 3 OR g = 'blue'|WITHIDS",
            "DOC.FIND|c|NEAREST|w|7|[1,2,3]|WHERE|g = 'red'|WITHIDS|WITHDISTANCES",
        ] {
            let expected = world.run(world.asking, question);
            for _ in 0..5 {
                world.send_change("DOC.DROPINDEX|c|a");
                for _ in 0..4 {
                    assert_eq!(world.ask_beside(question, |_| ()), expected, "{question}");
                }
                world.quiet();
                assert_eq!(world.run(world.writer, "DOC.CREATEINDEX|c|a|sorted"), ok());
                // It stands behind the others now, and is deleted and created in front of them in the next turn.
                for index in ["g|hash", "t|array"] {
                    let path = index.split('|').next().unwrap_or_default();
                    assert_eq!(world.run(world.writer, &format!("DOC.DROPINDEX|c|{path}")), ok());
                    assert_eq!(world.run(world.writer, &format!("DOC.CREATEINDEX|c|{index}")), ok());
                }
                for index in [FLAT, GRAPH] {
                    let path = index.split('|').next().unwrap_or_default();
                    assert_eq!(world.run(world.writer, &format!("DOC.DROPINDEX|c|{path}")), ok());
                    assert_eq!(world.run(world.writer, &format!("DOC.CREATEINDEX|c|{index}")), ok());
                }
            }
        }
        world.assert_nothing_kept();
    }
}

/// A question that is about to go on aside, and a few of its slices.
fn begin(world: &mut World, question: &str) {
    world.engine.send(world.asking, [words(question)]);
    for _ in 0..3 {
        world.change();
        assert_eq!(world.round(), None, "{question} is not over yet");
    }
}

#[test]
fn nothing_is_kept_for_a_client_that_has_left() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        let mut world = World::new(workers, shards, 5);
        for _ in 0..20 {
            begin(&mut world, "DOC.FIND|c|ORDER|BY|x");
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
fn a_question_whose_collection_goes_ends_with_an_error() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        for line in ["DOC.DROP|c", "FLUSHALL", "SWAPDB|0|1"] {
            let mut world = World::new(workers, shards, 6);
            begin(&mut world, "DOC.FIND|c|WHERE|x >= 0");
            world.engine.send(world.writer, [words(line)]);
            // Another collection takes its name.
            world.engine.send(world.writer, [words("DOC.CREATE|c"), words("DOC.SET|c|1|{\"x\":1}")]);
            let answers = std::iter::from_fn(|| Some(world.round())).take(500).flatten();
            let answers: Vec<_> = answers.collect();
            assert_eq!(answers, [Value::Error(DROPPED.to_owned())], "{line}");
            world.assert_nothing_kept();
        }
    }
}

#[test]
fn others_write_and_ask_while_an_index_is_built_and_it_is_whole_when_it_is_there() {
    for (workers, shards, seed) in [(1, 1, 1), (2, 4, 2), (2, 4, 3), (1, 4, 4)] {
        let mut world = World::new(workers, shards, seed);
        let mut long_count = 0;
        for round in 0..30 {
            let lines = [
                "DOC.CREATEINDEX|c|x|sorted",
                "DOC.DROPINDEX|c|x",
                "DOC.CREATEINDEX|c|x|hash",
                "DOC.DROPINDEX|c|x",
            ];
            let line = lines[round % 4];
            let before = world.rounds;
            let reply = world.ask_beside(line, World::change);
            long_count += usize::from(world.rounds - before > 3);
            assert_eq!(reply, ok(), "{line}");
            world.quiet();
            for _ in 0..4 {
                let low = world.below(900);
                let find = format!("DOC.FIND|c|WHERE|x >= {low}|WITHIDS");
                let scan = format!("DOC.FIND|c|WHERE|x >= {low} AND NOT nothing = 1|WITHIDS");
                let found = world.run(world.asking, &find);
                world.run(world.writer, "DOC.DROPINDEX|c|g");
                assert_eq!(world.run(world.asking, &scan), found, "{line}");
                assert_eq!(world.run(world.writer, "DOC.CREATEINDEX|c|g|hash"), ok());
                assert_eq!(world.run(world.asking, &find), found, "{line}");
            }
            let Value::Integer(all) = world.run(world.asking, "DOC.COUNT|c|WHERE|x >= 0") else {
                panic!("a number")
            };
            assert_eq!(
                world.run(world.asking, "DOC.COUNT|c|WHERE|NOT y = 1 AND x >= 0"),
                Value::Integer(all)
            );
        }
        assert!(long_count > 20, "only {long_count} went on aside");
        world.assert_nothing_kept();
    }
}

#[test]
fn values_that_are_not_unique_when_the_build_is_whole_refuse_it() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        let mut world = World::new(workers, shards, 3);
        for number in 0..IDS {
            world.run(world.writer, &format!("DOC.SET|c|{number}|{{\"u\":{number}}}"));
        }
        let indexes = world.run(world.writer, "DOC.INDEXES|c");
        for (first, second, fits) in [(5, 5, true), (5, 6, false)] {
            world.engine.send(world.asking, [words("DOC.CREATEINDEX|c|u|unique")]);
            world.round();
            // Until it is there, it refuses nothing.
            assert_eq!(world.own_answer(), None);
            world.send_change(&format!("DOC.SET|c|{first}|{{\"u\":\"new\"}}"));
            world.send_change(&format!("DOC.SET|c|{second}|{{\"u\":\"new\"}}"));
            world.engine.settle();
            let reply = world.own_answer();
            assert_eq!(reply == Some(ok()), fits, "{reply:?}");
            if fits {
                let taken = world.run(world.writer, "DOC.SET|c|9|{\"u\":\"new\"}");
                assert!(matches!(taken, Value::Error(_)), "{taken:?}");
                assert_eq!(world.run(world.writer, "DOC.DROPINDEX|c|u"), ok());
            }
            assert_eq!(world.run(world.writer, "DOC.INDEXES|c"), indexes);
        }
    }
}

#[test]
fn a_build_whose_client_leaves_or_whose_collection_goes_leaves_nothing() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        for line in ["", "DOC.DROP|c", "FLUSHALL", "SWAPDB|0|1"] {
            let mut world = World::new(workers, shards, 8);
            let indexes = world.run(world.writer, "DOC.INDEXES|c");
            let builder = world.engine.connect(WorkerId(0), choice());
            world.engine.send(builder, [words("DOC.CREATEINDEX|c|x|sorted")]);
            world.round();
            let busy = "DOC.CREATEINDEX|c|y|sorted";
            world.engine.send(world.asking, [words(busy)]);
            let answer = world.own_answer().or_else(|| world.round()).or_else(|| world.round());
            assert_eq!(answer, Some(Value::Error(BUSY.to_owned())));
            world.engine.leave(builder);
            if !line.is_empty() {
                world.run(world.writer, line);
            }
            world.engine.settle();
            match line {
                "DOC.DROP|c" | "FLUSHALL" => world.begin(),
                _ => {}
            }
            assert_eq!(world.run(world.writer, "DOC.INDEXES|c"), indexes, "{line}");
            assert_eq!(world.run(world.writer, "DOC.CREATEINDEX|c|x|hash"), ok(), "{line}");
        }
    }
}
