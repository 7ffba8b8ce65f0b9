//! Clients that use indexes: they write documents and look for them, while indexes come and go.
//!
//! What a transaction writes it must find, whatever others do, unless its memory was needed. Documents have deadlines, and indexes have as many as there
//! are documents: memory stays flat.

use std::time::Duration;

use kora_testkit::frame::Frame;
use kora_testkit::simulation::random::Random;

use super::link::{Command, Link, Outcome, words};
use super::stage::Stage;

/// What these commands are counted as.
const KIND: &str = "commands: searches";
/// Documents of each type.
const DOCUMENTS: usize = 3_000;
/// Where the server is gone, clients try again after this.
const RETRY: Duration = Duration::from_millis(20);
/// One action in so many deletes an index.
const ACTIONS_PER_DROP: usize = 60;

/// Declarations: those that are there already are refused.
const DECLARATIONS: &[&str] = &[
    "FT._CREATEIFNX hashes ON HASH PREFIX 1 dh: SCHEMA t TEXT n NUMERIC SORTABLE g TAG p GEO",
    "FT._CREATEIFNX json ON JSON PREFIX 1 dj: SCHEMA $.t AS t TEXT $.n AS n NUMERIC $.g AS g TAG",
    "FT._CREATEIFNX mine ON HASH PREFIX 1 own: SCHEMA g TAG",
    "DOC.CREATE people",
    "DOC.CREATEINDEX people n sorted",
    "DOC.CREATEINDEX people g hash",
];

/// Questions: `$n` and `$m` stand for small numbers.
const QUESTIONS: &[&str] = &[
    "FT.SEARCH hashes stone LIMIT 0 5",
    "FT.SEARCH hashes @n:[$n,$m] NOCONTENT SORTBY n LIMIT 0 10",
    "FT.SEARCH hashes @g:{g$n} LIMIT 0 10",
    "FT.SEARCH hashes @p:[13,52,$m,km] NOCONTENT",
    "FT.SEARCH json riv* LIMIT 0 5",
    "FT.SEARCH json @g:{g$n} RETURN 1 n",
    "FT.AGGREGATE hashes * GROUPBY 1 @g REDUCE COUNT 0 AS c REDUCE AVG 1 @n AS mean SORTBY 2 @c DESC MAX 5",
    "FT.AGGREGATE json * LOAD 1 @n APPLY @n*2 AS twice LIMIT 0 20",
    "FT.INFO hashes",
    "DOC.FIND people WHERE n>$n ORDER BY n LIMIT 5 WITHIDS",
    "DOC.COUNT people WHERE g='g$n'",
];

/// One such client. It goes on until the run is over.
pub(super) fn search(stage: &Stage, seed: u64) {
    let mut random = Random::new(seed);
    let mut link = Link::new(stage);
    while !stage.is_over() {
        let turn = stage.turn();
        let is_served = match random.below(10) {
            0 => declare(&mut link, &mut random),
            1 => read_cursor(&mut link),
            2 | 3 => find_own(&mut link, &mut random, stage),
            4..7 => write(&mut link, &mut random),
            _ => {
                let (low, high) = (random.below(20), 20 + random.below(30));
                let fill = |text: &str| text.replace("$n", &low.to_string()).replace("$m", &high.to_string());
                let question: Command = words(random.choose::<&str>(QUESTIONS))
                    .into_iter()
                    .map(|word| {
                        let word = fill(&String::from_utf8_lossy(&word));
                        // Numbers within a word of a query.
                        if word.starts_with('@') { word.replace(',', " ") } else { word }.into_bytes()
                    })
                    .collect();
                !matches!(link.batch(KIND, &[question]), Outcome::NotSent)
            }
        };
        drop(turn);
        if !is_served {
            std::thread::sleep(RETRY);
        }
    }
}

/// Declares what is to be there; seldom, deletes some of it before.
fn declare(link: &mut Link<'_>, random: &mut Random) -> bool {
    let drops = ["FT.DROPINDEX hashes", "FT.DROPINDEX json", "DOC.DROPINDEX people g", "DOC.DROP people"];
    let is_drop = random.one_in(ACTIONS_PER_DROP / 10);
    let drop = is_drop.then(|| words(random.choose::<&str>(&drops)));
    let commands: Vec<Command> =
        drop.into_iter().chain(DECLARATIONS.iter().map(|line| words(line))).collect();
    !matches!(link.batch(KIND, &commands), Outcome::NotSent)
}

/// Documents of each type.
fn write(link: &mut Link<'_>, random: &mut Random) -> bool {
    let text = *random.choose(&["stone", "river", "cloud", "apple"]);
    let (key, other, number) = (random.below(DOCUMENTS), random.below(DOCUMENTS), random.below(50));
    let ttl = 10 + random.below(60);
    let json = format!("{{\"t\":\"{text}\",\"n\":{number},\"g\":[\"g{number}\",\"all\"]}}");
    let document = format!("{{\"n\":{number},\"g\":\"g{number}\"}}");
    let commands = [
        words(&format!("HSET dh:{key} t {text} n {number} g g{number},all p 13.{number},52.{number}")),
        words(&format!("EXPIRE dh:{key} {ttl}")),
        words(&format!("JSON.SET dj:{other} $ {json}")),
        words(&format!("EXPIRE dj:{other} {ttl}")),
        words(&format!("DOC.SET people {key} {document} EX {ttl}")),
        words(&format!("HSET dh:{other} n {}", number + 1)),
        words(&format!("EXPIRE dh:{other} {ttl}")),
    ];
    !matches!(link.batch(KIND, &commands), Outcome::NotSent)
}

/// What a transaction has written is found in it, and no more once it is deleted.
fn find_own(link: &mut Link<'_>, random: &mut Random, stage: &Stage) -> bool {
    let tag = format!("x{}", random.bits());
    let query = format!("FT.SEARCH mine @g:{{{tag}}} NOCONTENT");
    let commands = [
        words("MULTI"),
        words(&format!("HSET own:{tag} g {tag}")),
        words(&query),
        words(&format!("UNLINK own:{tag}")),
        words(&query),
        words("EXEC"),
    ];
    let outcome = link.batch(KIND, &commands);
    let is_sent = !matches!(outcome, Outcome::NotSent);
    if let Some(frame) = outcome.last() {
        let replies = frame.items();
        // Before the index is declared for the first time, there is none.
        let is_searched = replies.len() == 4 && !replies[1].is_error();
        let count = |at: usize| replies[at].items().first().and_then(Frame::number);
        if is_searched && (count(1), count(3)) != (Some(1), Some(0)) {
            stage.fail(&format!("a transaction that wrote and deleted own:{tag} found {frame}"));
        }
    }
    is_sent
}

/// Some pages of a cursor, which is left open now and then.
fn read_cursor(link: &mut Link<'_>) -> bool {
    let begun = link.call(KIND, "FT.AGGREGATE hashes * LOAD 1 @n WITHCURSOR COUNT 50 MAXIDLE 2000");
    if matches!(begun, Outcome::NotSent) {
        return false;
    }
    let cursor = |frame: &Frame| frame.items().get(1).and_then(Frame::number).filter(|cursor| *cursor != 0);
    let mut at = begun.last().as_ref().and_then(cursor);
    for _ in 0..10 {
        let Some(id) = at else { break };
        at = link.call(KIND, &format!("FT.CURSOR READ hashes {id}")).last().as_ref().and_then(cursor);
    }
    true
}
