//! What single commands on collections reply, on one shard and on four.

use std::time::Duration;

use kora_core::db::DbIndex;
use kora_core::reply::Value;
use kora_core::slot::WorkerId;
use kora_engine::front::Origin;
use kora_engine::session::Choice;
use kora_testkit::stepped::Stepped;

struct World {
    engine: Stepped,
    client: Origin,
}

impl World {
    fn new(workers: u16, shards: u16) -> Self {
        let mut engine = Stepped::new(workers, shards, 5);
        let client = engine.connect(WorkerId(0), Choice { style: false, ..Choice::of_program(DbIndex(0)) });
        Self { engine, client }
    }

    /// Runs a command whose words are separated by `|`.
    fn run(&mut self, line: &str) -> Value {
        let words = line.split('|').map(|word| word.as_bytes().to_vec()).collect();
        self.engine.send(self.client, [words]);
        self.engine.settle();
        self.engine.answers().pop().unwrap_or_else(|| panic!("{line} has a reply")).1
    }

    fn error(&mut self, line: &str) -> String {
        match self.run(line) {
            Value::Error(words) => words,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// A collection with documents `0` to `199`, their numbers in the field `n`.
    fn fill(&mut self) {
        assert_eq!(self.run("DOC.CREATE|c"), ok());
        for number in 0..200 {
            assert_eq!(
                self.run(&format!("DOC.SET|c|{number}|{{\"n\":{number},\"g\":{}}}", number % 5)),
                ok()
            );
        }
    }

    /// A number that DOC.INFO tells.
    fn info(&mut self, name: &str) -> i64 {
        let flat: Vec<Value> = match self.run("DOC.INFO|c") {
            Value::Map(pairs) => pairs.into_iter().flat_map(|(name, value)| [name, value]).collect(),
            Value::Array(flat) => flat,
            other => panic!("{other:?}"),
        };
        let at = flat.iter().position(|part| *part == Value::Bulk(name.into())).expect("it is told");
        match flat[at + 1] {
            Value::Integer(number) => number,
            ref other => panic!("{other:?}"),
        }
    }
}

fn ok() -> Value {
    Value::Simple("OK".to_owned())
}

fn worlds() -> [World; 2] {
    [World::new(1, 1), World::new(2, 4)]
}

/// The cursor and the documents of a page.
fn page(reply: Value) -> (String, usize) {
    let Value::Array(mut parts) = reply else { panic!("{reply:?}") };
    match (parts.pop(), parts.pop()) {
        (Some(Value::Array(documents)), Some(Value::Bulk(cursor))) => {
            (String::from_utf8_lossy(&cursor).into_owned(), documents.len())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cursor_is_of_one_collection_whatever_its_name() {
    for mut world in worlds() {
        world.fill();
        world.run("DOC.CREATEINDEX|c|n|sorted");
        for order in ["|ORDER|BY|n", "|ORDER|BY|g|DESC|n", ""] {
            let question = format!("DOC.FIND|c|LIMIT|10{order}|CURSOR");
            let (cursor, count) = page(world.run(&format!("{question}|0")));
            assert_eq!(count, 10);
            assert_eq!(page(world.run(&format!("{question}|{cursor}"))).1, 10);
            assert_eq!(world.run("DOC.DROP|c"), Value::Integer(1));
            world.fill();
            world.run("DOC.CREATEINDEX|c|n|sorted");
            let error = world.error(&format!("{question}|{cursor}"));
            assert!(error.starts_with("ERR invalid cursor"), "{error}");
        }
    }
}

#[test]
fn a_time_of_creation_is_not_negative() {
    for mut world in worlds() {
        for at in ["-1", "-9223372036854775808"] {
            assert!(world.error(&format!("DOC.CREATE|c|AT|{at}")).contains("not negative"));
        }
        assert_eq!(world.run("DOC.CREATE|c|AT|0"), ok());
        assert_eq!(world.info("created_at"), 0);
    }
}

#[test]
fn conditions_are_nested_as_deep_as_is_told_whatever_indexes_there_are() {
    for mut world in worlds() {
        world.fill();
        for index in ["", "DOC.CREATEINDEX|c|g|hash"] {
            if !index.is_empty() {
                assert_eq!(world.run(index), ok());
            }
            for (count, fits) in [(63, true), (64, true), (65, false)] {
                let nested = format!("{}g = 1{}", "(".repeat(count), ")".repeat(count));
                let odd = format!("{}g = 1", "NOT ".repeat(count));
                let expected = [40, if count % 2 == 0 { 40 } else { 160 }];
                for (condition, expected) in [nested, odd].into_iter().zip(expected) {
                    for command in ["DOC.COUNT|c|WHERE", "DOC.FIND|c|LIMIT|200|WHERE", "DOC.EXPLAIN|c|WHERE"]
                    {
                        match world.run(&format!("{command}|{condition}")) {
                            Value::Error(words) => {
                                assert!(!fits && words.ends_with("nested more than 64 deep"), "{words}");
                            }
                            Value::Integer(found) => {
                                assert!(
                                    fits && usize::try_from(found) == Ok(expected),
                                    "{condition}: {found}"
                                );
                            }
                            Value::Array(found) if command.contains("FIND") => {
                                assert!(fits && found.len() == expected);
                            }
                            _ => assert!(fits, "{condition}"),
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn what_indexes_take_is_told_and_comes_back() {
    for mut world in worlds() {
        world.fill();
        let table = world.info("table_bytes");
        assert!(table > 0);
        assert_eq!(world.info("index_bytes"), 0);
        for (index, least) in [("n|sorted", 200 * 4), ("g|hash", 200 * 4)] {
            let before = world.info("index_bytes");
            assert_eq!(world.run(&format!("DOC.CREATEINDEX|c|{index}")), ok());
            assert!(world.info("index_bytes") >= before + least);
        }
        assert_eq!((world.run("DOC.DROPINDEX|c|g"), world.run("DOC.DROPINDEX|c|n")), (ok(), ok()));
        assert_eq!(world.info("index_bytes"), 0);
        let after = world.info("table_bytes");
        assert!(after <= table + table / 8, "{after} and {table} before");
    }
}

#[test]
fn the_documents_of_a_collection_go_with_it_and_those_of_others_stay() {
    for mut world in worlds() {
        world.fill();
        assert_eq!(world.run("DOC.CREATE|other"), ok());
        assert_eq!(world.run("DOC.SET|other|1|{\"n\":1}"), ok());
        assert_eq!(world.run("SET|__kora:doc:c:text|x"), ok());
        assert_eq!(world.run("PEXPIRE|__kora:doc:c:1|50"), Value::Integer(1));
        assert_eq!(world.run("PEXPIRE|__kora:doc:c:2|5"), Value::Integer(1));
        world.engine.pass(Duration::from_millis(20));
        assert_eq!(world.run("DOC.DROP|c"), Value::Integer(1));
        assert_eq!(world.run("DBSIZE"), Value::Integer(2));
        assert_eq!(world.run("DOC.LIST"), Value::Array(vec![Value::Bulk(b"other".to_vec())]));
        assert!(world.error("DOC.SET|c|1|{}").starts_with("ERR unknown collection"));
        world.fill();
        world.engine.pass(Duration::from_millis(200));
        assert_eq!(world.run("DOC.COUNT|c"), Value::Integer(200));
        assert_eq!(world.run("DOC.COUNT|other|WHERE|n = 1"), Value::Integer(1));
    }
}

/// An index that is deleted is not used any more, and neither is the field that it had.
#[test]
fn indexes_that_are_left_answer_as_before() {
    for mut world in worlds() {
        world.fill();
        for index in ["g|hash", "n|sorted", "u|unique"] {
            assert_eq!(world.run(&format!("DOC.CREATEINDEX|c|{index}")), ok());
        }
        for (line, fits) in
            [("DOC.SET|c|x|{\"u\":1,\"n\":-1,\"g\":7}", true), ("DOC.SET|c|y|{\"u\":1}", false)]
        {
            assert_eq!(world.run(line) == ok(), fits);
        }
        let transaction = ["MULTI", "DOC.DROPINDEX|c|g", "DOC.COUNT|c|WHERE|n < 5", "EXEC"];
        let replies = transaction.map(|line| world.run(line));
        assert_eq!(replies[3], Value::Array(vec![ok(), Value::Integer(6)]));
        assert!(world.run("DOC.SET|c|y|{\"u\":1}") != ok());
        assert_eq!(world.run("DOC.DROPINDEX|c|u"), ok());
        assert_eq!(world.run("DOC.SET|c|y|{\"u\":1,\"n\":-2}"), ok());
        assert_eq!(world.run("DOC.COUNT|c|WHERE|n < 0 AND u = 1"), Value::Integer(2));
        assert_eq!(world.run("DOC.COUNT|c|WHERE|g = 1"), Value::Integer(40));
        let first = world.run("DOC.FIND|c|ORDER|BY|n|LIMIT|1|PROJECT|n");
        assert_eq!(first, Value::Array(vec![Value::Bulk(b"{\"n\":-2}".to_vec())]));
    }
}
