//! Queries of many patterns and fuzzy words: they go on a slice at a time, and what asks for too many words is refused.

use kora_core::reply::Value;

use super::{CREATE, ROUNDS_MAX, World, words};

const TOO_MANY: &str = "The query's patterns stand for too many words";

fn world(workers: u16, shards: u16) -> World {
    let mut world = World::new(workers, shards, 8);
    world.fill();
    world.run(world.asking, CREATE);
    world
}

#[test]
fn others_are_answered_while_words_of_patterns_are_gathered() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        let mut world = world(workers, shards);
        let of_words = |write: &dyn Fn(usize) -> String| (0..300).map(write).collect::<Vec<_>>().join(" or ");
        let prefixes = of_words(&|number| format!("zz{number}*"));
        let fuzzy = of_words(&|number| format!("%%%{}{number}%%%", "longword".repeat(25)));
        for query in [prefixes, fuzzy] {
            world.engine.send(world.asking, [words(&format!("FT.SEARCH|idx|{query}|NOCONTENT|DIALECT|2"))]);
            let mut answered = 0;
            let found = (0..ROUNDS_MAX).find_map(|_| {
                world.engine.send(world.writer, [words("GET|other")]);
                let worker = usize::from(workers) - 1;
                world.engine.round(worker);
                let answers = world.engine.answers();
                answered += answers.iter().filter(|(of, _)| *of == world.writer.client).count();
                answers
                    .into_iter()
                    .find_map(|(of, value)| (of == world.asking.client).then_some(value))
                    .or_else(|| world.round())
            });
            assert_eq!(found, Some(Value::Array(vec![Value::Integer(0)])));
            assert!(answered > 5, "others had {answered} answers");
        }
    }
}

#[test]
fn patterns_that_stand_for_too_many_words_are_refused() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        let mut world = world(workers, shards);
        let refused = Value::Error(TOO_MANY.to_owned());
        for (pattern, rest) in [("ap*", ""), ("%aple%", ""), ("*ppl*", ""), ("ap*", "|INKEYS|1|doc:1")] {
            let many = vec![pattern; 40_001].join(" or ");
            let query = format!("FT.SEARCH|idx|{many}|NOCONTENT|DIALECT|2{rest}");
            assert_eq!(world.run(world.asking, &query), refused, "{pattern}");
            assert_eq!(world.ask_at_once(&query), refused, "{pattern}");
        }
        let query = format!("FT.SEARCH|idx|{}|NOCONTENT|DIALECT|2", ["ap*"; 300].join(" or "));
        assert!(matches!(world.run(world.asking, &query), Value::Array(found) if found.len() > 1));
        world.assert_nothing_kept();
    }
}
