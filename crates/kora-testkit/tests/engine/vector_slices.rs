//! Searches and insertions of vector sets that go on aside, a slice at a time, beside clients that change the sets: a search is answered of the moment at
//! which it began, an insertion is made where it ends, and nothing is lost.

use kora_core::reply::Value;
use kora_core::slot::WorkerId;
use kora_search::Pace;
use kora_testkit::stepped::Stepped;

use crate::beside::{Subject, choice, words};

/// Slices of a few distances.
const PACE: Pace = Pace { whole_steps: 30, slice_steps: 30 };
const ELEMENTS: u64 = 200;
const DIMENSIONS: usize = 5;

struct Sets;

impl Subject for Sets {}

type World = crate::beside::World<Sets>;

impl World {
    fn new(workers: u16, shards: u16, seed: u64) -> Self {
        let mut world = Self::of(Stepped::at_pace(workers, shards, seed, PACE), workers, shards, seed);
        for number in 0..2 * ELEMENTS {
            let line = world.addition(&format!("k{}", number % 2), &format!("e{}", number / 2), 20);
            world.run(world.writer, &line);
        }
        world
    }

    fn vector(&mut self) -> String {
        let elements: Vec<String> =
            (0..DIMENSIONS).map(|_| format!("{}", self.below(2000).cast_signed() - 1000)).collect();
        format!("VALUES|{DIMENSIONS}|{}", elements.join("|"))
    }

    fn addition(&mut self, key: &str, name: &str, ef: usize) -> String {
        let (vector, number) = (self.vector(), self.below(10));
        format!("VADD|{key}|{vector}|{name}|M|4|EF|{ef}|SETATTR|{{\"n\":{number}}}")
    }

    /// A change of one of two sets, by a client that nobody waits for.
    fn change(&mut self) {
        let (key, name) = (format!("k{}", self.below(2)), format!("e{}", self.below(ELEMENTS)));
        let line = match self.below(60) {
            0 => format!("DEL|{key}"),
            1 => "RENAME|k0|k1".to_owned(),
            2 => "COPY|k0|k1|REPLACE".to_owned(),
            3 => "FLUSHALL".to_owned(),
            4 => "SWAPDB|0|1".to_owned(),
            5 => format!("SET|{key}|text"),
            6 => format!("EVAL|redis.call('VREM',KEYS[1],ARGV[1]) error('back')|1|{key}|{name}"),
            7..25 => format!("VREM|{key}|{name}"),
            25..30 => format!("VSETATTR|{key}|{name}|{{\"n\":3}}"),
            _ => self.addition(&key, &name, 10),
        };
        self.engine.send(self.writer, [words(&line)]);
    }

    fn question(&mut self) -> String {
        let (key, vector) = (format!("k{}", self.below(2)), self.vector());
        let rest = match self.below(6) {
            0 => "COUNT|5|TRUTH",
            1 => "COUNT|300|TRUTH|WITHATTRIBS|WITHSCORES",
            2 => "COUNT|20|TRUTH|FILTER|.n > 4",
            3 => "COUNT|10|EF|30",
            4 => "COUNT|40|EPSILON|0.4|EF|60",
            _ => "COUNT|3|EF|20|WITHSCORES",
        };
        format!("VSIM|{key}|{vector}|WITHSCORES|{rest}")
    }

    /// What a command is answered, while others change the sets.
    fn run_beside(&mut self, line: &str) -> Value {
        self.engine.send(self.asking, [words(line)]);
        self.wait_beside(line, Self::change)
    }

    /// Both sets are whole again, after what may have deleted them.
    fn fill(&mut self) {
        self.engine.settle();
        self.engine.answers();
        for key in ["k0", "k1"] {
            let count = self.run(self.asking, &format!("VCARD|{key}"));
            if count
                == Value::Error("WRONGTYPE Operation against a key holding the wrong kind of value".into())
            {
                self.run(self.asking, &format!("DEL|{key}"));
            } else if matches!(count, Value::Integer(count) if count > 100) {
                continue;
            }
            for number in 0..ELEMENTS {
                let line = self.addition(key, &format!("e{number}"), 10);
                self.run(self.asking, &line);
            }
        }
    }
}

fn play(workers: u16, shards: u16, seed: u64, steps: usize) {
    let mut world = World::new(workers, shards, seed);
    let mut was_long = 0;
    for _ in 0..steps {
        world.fill();
        let question = world.question();
        let expected = world.ask_at_once(&question);
        let before = world.rounds;
        // What the writer sent is run behind the question on its shard, or before: so it sends nothing in the first round.
        world.engine.send(world.asking, [words(&question)]);
        let first = (0..world.engine.turns.len()).find_map(|worker| {
            world.engine.round(worker);
            world.engine.answers().pop()
        });
        let found = match first {
            Some((_, found)) => found,
            None => world.wait_beside(&question, World::change),
        };
        was_long += usize::from(world.rounds - before > 2);
        assert_eq!(found, expected, "{question}");
    }
    assert!(was_long > steps / 3, "only {was_long} searches of {steps} went on aside");
}

#[test]
fn a_search_aside_is_answered_of_the_moment_at_which_it_began() {
    for seed in 0..4 {
        play(1, 1, seed, 60);
        play(2, 4, seed, 60);
    }
}

#[test]
fn an_insertion_aside_puts_its_element_in() {
    for (workers, shards, seed) in [(1, 1, 1), (2, 4, 2), (1, 1, 3), (2, 4, 4)] {
        let mut world = World::new(workers, shards, seed);
        let (mut was_long, mut kept) = (0, 0);
        for number in 0..60 {
            world.fill();
            let key = format!("k{}", world.below(2));
            let line = world.addition(&key, &format!("own{number}"), 400);
            let before = world.rounds;
            let reply = world.run_beside(&line);
            was_long += usize::from(world.rounds - before > 3);
            world.engine.settle();
            world.engine.answers();
            match reply {
                Value::Error(text) => assert!(text.starts_with("WRONGTYPE"), "{line}: {text}"),
                reply => {
                    assert_eq!(reply, Value::Integer(1), "{line}");
                    // Others may have deleted its set since.
                    let found = world.run(world.asking, &format!("VSIM|{key}|ELE|own{number}|COUNT|1"));
                    kept +=
                        usize::from(found == Value::Array(vec![Value::Bulk(format!("own{number}").into())]));
                }
            }
        }
        assert!(was_long > 20, "only {was_long} insertions went on aside");
        assert!(kept > 25, "only {kept} elements are found");
    }
}

#[test]
fn who_leaves_has_put_in_what_was_sent() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        let mut world = World::new(workers, shards, 5);
        for number in 0..20 {
            let line = if number % 2 == 0 {
                world.addition("k0", "left", 400)
            } else {
                "VSIM|k0|VALUES|5|1|2|3|4|5|TRUTH".to_owned()
            };
            world.engine.send(world.asking, [words(&line)]);
            for _ in 0..2 {
                assert_eq!(world.round(), None, "{line} is not over yet");
            }
            world.engine.leave(world.asking);
            world.engine.settle();
            world.asking = world.engine.connect(WorkerId(0), choice());
        }
        // What was to be put in is put in.
        assert_eq!(world.run(world.writer, "VCARD|k0"), Value::Integer(201));
    }
}
