//! What goes when nobody uses it: temporary indexes with their documents, idle cursors.

use std::time::Duration;

use kora_core::db::DbIndex;
use kora_core::reply::Value;
use kora_core::slot::WorkerId;
use kora_engine::front::Origin;
use kora_engine::session::Choice;
use kora_search::Pace;
use kora_testkit::stepped::Stepped;

/// Slices of a few documents.
const PACE: Pace = Pace { whole_steps: 40, slice_steps: 40 };

struct World {
    engine: Stepped,
    client: Origin,
}

impl World {
    fn new(workers: u16, shards: u16) -> Self {
        let mut engine = Stepped::at_pace(workers, shards, 7, PACE);
        let choice = Choice { style: false, ..Choice::of_program(DbIndex(0)) };
        let client = engine.connect(WorkerId(workers - 1), choice);
        Self { engine, client }
    }

    fn run(&mut self, line: &str) -> Value {
        let words = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        self.engine.send(self.client, [words]);
        self.engine.settle();
        self.engine.answers().pop().unwrap_or_else(|| panic!("{line} has a reply")).1
    }

    /// Lets time pass, and what is due go.
    fn pass(&mut self, ms: u64) {
        self.engine.pass(Duration::from_millis(ms));
        self.engine.settle();
        self.engine.turns.iter_mut().for_each(|turn| turn.sweep_expired());
        self.engine.settle();
    }

    fn fill(&mut self, count: usize) {
        for number in 0..count {
            self.run(&format!("HSET d:{number} t word"));
        }
    }

    fn keys(&mut self) -> Value {
        self.run("DBSIZE")
    }

    fn has(&mut self, index: &str) -> bool {
        format!("{:?}", self.run("FT._LIST")).contains(&format!("\"{index}\""))
    }
}

fn both(test: impl Fn(&mut World)) {
    for (workers, shards) in [(1, 1), (2, 4)] {
        test(&mut World::new(workers, shards));
    }
}

#[test]
fn an_index_goes_with_its_documents() {
    both(|world| {
        world.fill(100);
        world.run("SET d:string 1");
        world.run("HSET d:number t word n none");
        world.run("HSET other t word");
        world.run("FT.CREATE i TEMPORARY 10 PREFIX 1 d: SCHEMA t TEXT n NUMERIC");
        world.pass(9_999);
        assert!(world.has("i"));
        // A sweep is no sooner than some milliseconds after another.
        world.pass(10);
        assert!(!world.has("i"));
        // What is no document stays: another type, a number that is none, another prefix.
        assert_eq!(world.keys(), Value::Integer(3));
        assert_eq!(world.run("FT.CREATE i SCHEMA t TEXT"), Value::Simple("OK".into()));
        world.pass(20_000);
        assert!(world.has("i"));
    });
}

#[test]
fn who_uses_an_index_keeps_it() {
    let uses = [
        ("FT.SEARCH i word", true),
        ("FT.SEARCH i ((", true),
        ("FT.AGGREGATE i *", true),
        ("FT.INFO i", true),
        ("FT.EXPLAIN i word", true),
        ("FT.TAGVALS i g", true),
        ("FT.SPELLCHECK i wrod", true),
        ("FT.PROFILE i SEARCH QUERY *", true),
        ("FT.SYNDUMP i", true),
        ("FT.SYNUPDATE i group one two", true),
        ("FT.ALTER i SCHEMA ADD more TEXT", true),
        ("FT.ALIASADD other i", true),
        ("FT.ALIASUPDATE alias i", true),
        ("FT.ALIASDEL alias", true),
        ("FT.SEARCH alias word", true),
        ("FT.GET i d:1", true),
        ("FT._LIST", false),
        ("HSET d:1 t other", false),
        ("FT.CREATE i SCHEMA t TEXT", false),
        ("FT.ALIASADD alias i", true),
    ];
    for (line, is_use) in uses {
        let mut world = World::new(1, 1);
        world.run("FT.CREATE i TEMPORARY 10 PREFIX 1 d: SCHEMA t TEXT g TAG");
        world.run("FT.ALIASADD alias i");
        world.pass(8_000);
        world.run(line);
        world.pass(8_000);
        assert_eq!(world.has("i"), is_use, "{line}");
        world.pass(10_000);
        assert!(!world.has("i"), "{line}");
    }
}

#[test]
fn several_indexes_go_each_in_its_time() {
    both(|world| {
        world.fill(60);
        for seconds in [3, 2, 1, 2] {
            world
                .run(&format!("FT.CREATE i{seconds} TEMPORARY {seconds} PREFIX 1 d:{seconds} SCHEMA t TEXT"));
        }
        world.run("FT.CREATE none TEMPORARY 0 PREFIX 1 none: SCHEMA t TEXT");
        world.pass(10);
        let left = |world: &mut World| ["none", "i1", "i2", "i3"].map(|index| world.has(index));
        assert_eq!(left(world), [false, true, true, true]);
        world.pass(990);
        assert_eq!(left(world), [false, false, true, true]);
        // The driver comes late: both are due.
        world.pass(5_000);
        assert_eq!(left(world), [false; 4]);
        // Those that begin with 1, 2 or 3 are gone.
        assert_eq!(world.keys(), Value::Integer(27));
    });
}

#[test]
fn a_flush_takes_indexes_that_are_due_along() {
    both(|world| {
        world.fill(10);
        world.run("FT.CREATE i TEMPORARY 1 PREFIX 1 d: SCHEMA t TEXT");
        world.run("FLUSHALL");
        world.fill(10);
        world.pass(5_000);
        assert_eq!(world.keys(), Value::Integer(10));
    });
}

#[test]
fn idle_cursors_go_by_themselves() {
    both(|world| {
        world.fill(10);
        world.run("FT.CREATE i PREFIX 1 d: SCHEMA t TEXT");
        world.run("FT.AGGREGATE i * WITHCURSOR COUNT 2 MAXIDLE 500");
        world.run("FT.AGGREGATE i * WITHCURSOR COUNT 2 MAXIDLE 900");
        let open = |world: &mut World| format!("{:?}", world.run("FT.INFO i"));
        let shown =
            |count: i64| format!("{:?}, {:?}", Value::Simple("index_total".into()), Value::Integer(count));
        assert!(open(world).contains(&shown(2)), "{}", open(world));
        world.pass(501);
        assert!(open(world).contains(&shown(1)), "{}", open(world));
        world.pass(500);
        assert!(open(world).contains(&shown(0)), "{}", open(world));
    });
}
