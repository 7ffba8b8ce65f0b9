//! DOC.DELETE looks for documents aside, beside clients that change them: what goes are those that match at the command's place in the order, all of them and no others.

use std::collections::BTreeMap;

use kora_core::db::DbIndex;
use kora_core::hash::splitmix64;
use kora_core::reply::Value;
use kora_core::slot::WorkerId;
use kora_engine::front::Origin;
use kora_engine::session::Choice;
use kora_search::Pace;
use kora_testkit::stepped::Stepped;

const IDS: u64 = 120;
/// Slices of a few documents.
const PACE: Pace = Pace { whole_steps: 40, slice_steps: 40 };
const ROUNDS_MAX: usize = 20_000;
const COLOURS: [&str; 3] = ["red", "green", "blue"];

/// A change of one document.
#[derive(Clone, Copy, Debug)]
enum Write {
    Set(u64, &'static str),
    Update(u64, &'static str),
    Delete(u64),
}

/// What documents are, by their ids.
type State = BTreeMap<u64, &'static str>;

impl Write {
    fn line(self) -> String {
        match self {
            Self::Set(id, colour) => format!("DOC.SET|c|{id}|{{\"i\":\"{colour}\",\"n\":\"{colour}\"}}"),
            Self::Update(id, colour) => {
                format!("DOC.UPDATE|c|{id}|SET|i|\"{colour}\"|SET|n|\"{colour}\"")
            }
            Self::Delete(id) => format!("DEL|__kora:doc:c:{id}"),
        }
    }

    fn apply(self, state: &mut State) {
        match self {
            Self::Set(id, colour) => drop(state.insert(id, colour)),
            Self::Update(id, colour) => {
                if let Some(own) = state.get_mut(&id) {
                    *own = colour;
                }
            }
            Self::Delete(id) => drop(state.remove(&id)),
        }
    }
}

struct World {
    engine: Stepped,
    deleting: Origin,
    writer: Origin,
    other: Origin,
    random: u64,
    state: State,
}

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split('|').map(|word| word.as_bytes().to_vec()).collect()
}

fn choice() -> Choice<bool> {
    Choice { style: false, ..Choice::of_program(DbIndex(0)) }
}

impl World {
    /// A collection whose documents have the same text in a field with an index, `i`, and in one without, `n`.
    fn new(workers: u16, shards: u16, seed: u64) -> Self {
        let mut engine = Stepped::at_pace(workers, shards, seed, PACE);
        let deleting = engine.connect(WorkerId(0), choice());
        let writer = engine.connect(WorkerId(workers - 1), choice());
        let other = engine.connect(WorkerId(0), choice());
        let mut world = Self { engine, deleting, writer, other, random: seed, state: State::new() };
        world.run("DOC.CREATE|c");
        world.run("DOC.CREATEINDEX|c|i|hash");
        world.fill();
        world
    }

    /// Every id has a document.
    fn fill(&mut self) {
        for id in 0..IDS {
            let write = Write::Set(id, self.colour());
            self.run(&write.line());
            write.apply(&mut self.state);
        }
    }

    fn below(&mut self, limit: u64) -> u64 {
        splitmix64(&mut self.random) % limit
    }

    fn colour(&mut self) -> &'static str {
        let at = self.below(3);
        COLOURS[usize::try_from(at).unwrap_or(0)]
    }

    fn run(&mut self, line: &str) -> Value {
        self.engine.send(self.other, [words(line)]);
        self.engine.settle();
        let answers = self.engine.answers();
        let own = answers.into_iter().rfind(|(of, _)| *of == self.other.client);
        own.unwrap_or_else(|| panic!("{line} has a reply")).1
    }

    fn write(&mut self) -> Write {
        let (id, colour) = (self.below(IDS), self.colour());
        match self.below(4) {
            0 => Write::Delete(id),
            1 => Write::Update(id, colour),
            _ => Write::Set(id, colour),
        }
    }

    fn own_answer(&mut self) -> Option<Value> {
        let client = self.deleting.client;
        self.engine.answers().into_iter().rfind(|(of, _)| *of == client).map(|(_, value)| value)
    }

    fn round(&mut self) -> Option<Value> {
        let worker = usize::try_from(self.below(self.engine.turns.len() as u64)).unwrap_or(0);
        self.engine.round(worker);
        self.own_answer()
    }

    /// What a deletion replies, after how many rounds, and what was written meanwhile.
    fn delete_beside(&mut self, line: &str) -> (Value, usize, Vec<Write>) {
        let mut writes = Vec::new();
        self.engine.send(self.deleting, [words(line)]);
        for round in 0..ROUNDS_MAX {
            if let Some(reply) = self.own_answer() {
                return (reply, round, writes);
            }
            for _ in 0..self.below(4) {
                let write = self.write();
                self.engine.send(self.writer, [words(&write.line())]);
                writes.push(write);
            }
            if self.below(60) == 0 {
                let line = ["DOC.DROPINDEX|c|i", "DOC.CREATEINDEX|c|i|hash"]
                    [usize::from(self.random.is_multiple_of(2))];
                self.engine.send(self.other, [words(line)]);
            }
            if let Some(reply) = self.round() {
                return (reply, round, writes);
            }
        }
        panic!("{line} has no end");
    }

    /// Lets all run to their end that was sent.
    fn quiet(&mut self) {
        self.engine.settle();
        while !self.engine.answers().is_empty() {
            self.engine.settle();
        }
    }

    /// What the documents are now.
    fn documents(&mut self) -> State {
        let found = (0..IDS).filter_map(|id| match self.run(&format!("DOC.GET|c|{id}|FIELDS|n")) {
            Value::Bulk(text) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                COLOURS.into_iter().find(|colour| text.contains(colour)).map(|colour| (id, colour))
            }
            _ => None,
        });
        found.collect()
    }
}

/// How many are of a colour; they go.
fn delete(state: &mut State, colour: &str) -> i64 {
    let before = state.len();
    state.retain(|_, own| *own != colour);
    i64::try_from(before - state.len()).unwrap_or(0)
}

fn play(workers: u16, shards: u16, seed: u64) {
    let mut world = World::new(workers, shards, seed);
    let (mut long_count, mut late_count) = (0, 0);
    for _ in 0..40 {
        world.fill();
        let colour = world.colour();
        let field = ["i", "n"][usize::from(world.below(3) > 0)];
        let line = format!("DOC.DELETE|c|WHERE|{field} = '{colour}'");
        let (reply, rounds, writes) = world.delete_beside(&line);
        long_count += usize::from(rounds > 3);
        world.quiet();
        let after = world.documents();
        let place = (0..=writes.len()).rev().find(|place| {
            let mut state = world.state.clone();
            writes[..*place].iter().for_each(|write| write.apply(&mut state));
            let count = delete(&mut state, colour);
            writes[*place..].iter().for_each(|write| write.apply(&mut state));
            reply == Value::Integer(count) && state == after
        });
        let place = place.unwrap_or_else(|| panic!("{line} replied {reply:?} at no place among {writes:?}"));
        late_count += usize::from(place > 3);
        world.state = after;
    }
    assert!(long_count > 15 && late_count > 15, "{long_count} long ones, {late_count} after writes");
}

#[test]
fn a_deletion_takes_what_matches_at_its_place_on_one_shard() {
    (0..6).for_each(|seed| play(1, 1, seed));
}

#[test]
fn a_deletion_takes_what_matches_at_its_place_on_four_shards() {
    (0..6).for_each(|seed| play(2, 4, seed));
}

#[test]
fn nothing_goes_for_a_client_that_has_left() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        let mut world = World::new(workers, shards, 7);
        for _ in 0..20 {
            world.engine.send(world.deleting, [words("DOC.DELETE|c|WHERE|n = 'red'")]);
            for _ in 0..3 {
                assert_eq!(world.round(), None);
            }
            world.engine.leave(world.deleting);
            world.engine.settle();
            assert_eq!(world.documents(), world.state);
            world.deleting = world.engine.connect(WorkerId(0), choice());
        }
        let red = delete(&mut world.state, "red");
        assert_eq!(world.run("DOC.DELETE|c|WHERE|n = 'red'"), Value::Integer(red));
        assert_eq!(world.documents(), world.state);
    }
}

#[test]
fn a_deletion_from_a_collection_that_goes_touches_no_other() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        for line in ["DOC.DROP|c", "FLUSHALL", "SWAPDB|0|1"] {
            let mut world = World::new(workers, shards, 8);
            world.engine.send(world.deleting, [words("DOC.DELETE|c|WHERE|n = 'red'")]);
            for _ in 0..3 {
                assert_eq!(world.round(), None);
            }
            world.engine.send(world.writer, [words(line)]);
            let answers: Vec<_> = std::iter::from_fn(|| Some(world.round())).take(800).flatten().collect();
            let unknown = Value::Error("ERR unknown collection 'c'".to_owned());
            let expected = if line == "SWAPDB|0|1" { Value::Integer(0) } else { unknown };
            assert_eq!(answers, [expected], "{line}");
        }
    }
}
