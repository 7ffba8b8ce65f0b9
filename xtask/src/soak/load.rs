//! Clients that read and write keys of all types. What they store has deadlines, so that it goes when memory is short.

use std::time::Duration;

use kora_testkit::frame::Frame;
use kora_testkit::simulation::random::Random;
use parking_lot::Mutex;

use super::ledger::Ledger;
use super::link::{Command, Link, Outcome, words};
use super::stage::Stage;

/// Keys of each type.
const KEYS: usize = 5_000;

/// Actions sent before their replies are read, at most.
const ACTIONS_MAX: usize = 8;

/// What values are made of.
const LETTERS: &[char] = &['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k'];

/// Where the server is gone, clients try again after this.
const RETRY: Duration = Duration::from_millis(20);

/// A command of which there are many: `$k` and `$j` stand for numbers of keys, `$v` for a value, `$n` for a small number.
struct Template {
    kind: &'static str,
    /// The command; the key that it writes gets a deadline behind it, if there is one.
    line: &'static str,
    written: Option<&'static str>,
}

const fn write(kind: &'static str, line: &'static str, written: &'static str) -> Template {
    Template { kind, line, written: Some(written) }
}

const fn read(kind: &'static str, line: &'static str) -> Template {
    Template { kind, line, written: None }
}

const TEMPLATES: &[Template] = &[
    write("commands: strings", "SET s:$k $v EX 30", "s:$k"),
    write("commands: strings", "APPEND s:$k $v", "s:$k"),
    write("commands: strings", "SETRANGE s:$k $n $v", "s:$k"),
    write("commands: strings", "INCR n:$k", "n:$k"),
    write("commands: strings", "MSET s:$k $v s:$j $n", "s:$j"),
    read("commands: strings", "GET s:$k"),
    read("commands: strings", "MGET s:$k s:$j n:$k n:$j"),
    read("commands: strings", "GETEX s:$k EX 10"),
    write("commands: bitmaps", "SETBIT b:$k $n 1", "b:$k"),
    read("commands: bitmaps", "BITCOUNT b:$k"),
    write("commands: lists", "RPUSH l:$k $v $v $n", "l:$k"),
    write("commands: lists", "LPUSH l:$k $v", "l:$k"),
    write("commands: lists", "LMOVE l:$k l:$j LEFT RIGHT", "l:$j"),
    read("commands: lists", "LTRIM l:$k 0 100"),
    read("commands: lists", "LRANGE l:$k 0 20"),
    read("commands: lists", "RPOP l:$k 2"),
    write("commands: hashes", "HSET h:$k f$n $v g$n $n", "h:$k"),
    write("commands: hashes", "HINCRBY h:$k count $n", "h:$k"),
    read("commands: hashes", "HPEXPIRE h:$k $n FIELDS 2 f$n g$n"),
    read("commands: hashes", "HGETALL h:$k"),
    read("commands: hashes", "HDEL h:$k f$n"),
    write("commands: sets", "SADD t:$k $v $n m$n", "t:$k"),
    write("commands: sets", "SUNIONSTORE t:$k t:$k t:$j", "t:$k"),
    write("commands: sets", "SMOVE t:$k t:$j $n", "t:$j"),
    read("commands: sets", "SPOP t:$k 3"),
    read("commands: sets", "SINTER t:$k t:$j"),
    write("commands: sorted sets", "ZADD z:$k $n $v 1.5 m$n", "z:$k"),
    write("commands: sorted sets", "ZUNIONSTORE z:$k 2 z:$k z:$j", "z:$k"),
    read("commands: sorted sets", "ZRANGE z:$k 0 10 WITHSCORES"),
    read("commands: sorted sets", "ZPOPMIN z:$k 5"),
    write("commands: streams", "XADD x:$k MAXLEN ~ 100 * f $v", "x:$k"),
    read("commands: streams", "XGROUP CREATE x:$k group 0 MKSTREAM"),
    write("commands: streams", "XREADGROUP GROUP group c$n COUNT 3 STREAMS x:$k >", "x:$k"),
    read("commands: streams", "XRANGE x:$k - + COUNT 10"),
    write("commands: HyperLogLogs", "PFADD p:$k $v $n", "p:$k"),
    read("commands: HyperLogLogs", "PFCOUNT p:$k p:$j"),
    write("commands: geo", "GEOADD g:$k 13.3 52.$n m$n", "g:$k"),
    read("commands: geo", "GEOSEARCH g:$k FROMLONLAT 13.3 52.5 BYRADIUS 50 km ASC"),
    write("commands: keys", "RENAME s:$k s:$j", "s:$j"),
    write("commands: keys", "COPY h:$k h:$j REPLACE", "h:$j"),
    read("commands: keys", "UNLINK l:$k t:$k z:$j h:$j"),
    read("commands: keys", "DEL s:$k x:$j"),
    read("commands: keys", "SCAN $n MATCH s:* COUNT 50"),
    read("commands: keys", "OBJECT ENCODING z:$k"),
    read("commands: keys", "DUMP h:$k"),
    read("commands: keys", "SORT l:$k ALPHA LIMIT 0 10"),
    write("commands: scripts", "EVAL return(redis.call('APPEND',KEYS[1],ARGV[1])) 1 s:$k $n", "s:$k"),
    write("commands: scripts", "EVAL return(redis.call('LPUSH','l:'..ARGV[1],ARGV[2])) 0 $k $v", "l:$k"),
];

/// One client with its counters. It goes on until the run is over.
pub(super) fn work(stage: &Stage, ledger: &Mutex<Ledger>, seed: u64) {
    let mut random = Random::new(seed);
    let mut link = Link::new(stage);
    while !stage.is_over() {
        let turn = stage.turn();
        let is_served = match random.below(8) {
            0 => {
                ledger.lock().step(random.below(64), &mut link, stage);
                true
            }
            1 => short_lived(&mut link, &mut random, stage),
            2 => transaction(&mut link, &mut random),
            _ => {
                let count = 1 + random.below(ACTIONS_MAX);
                (0..count).all(|_| {
                    let (kind, commands) = action(&mut random);
                    !matches!(link.batch(kind, &commands), Outcome::NotSent)
                })
            }
        };
        drop(turn);
        if !is_served {
            std::thread::sleep(RETRY);
        }
    }
}

/// Commands of one template: itself, and a deadline for what it wrote.
fn action(random: &mut Random) -> (&'static str, Vec<Command>) {
    let template = random.choose(TEMPLATES);
    let key = random.below(KEYS);
    // Another one: some commands refuse a key twice.
    let other = ((key + 1 + random.below(KEYS - 1)) % KEYS).to_string();
    let key = key.to_string();
    let small = random.below(200).to_string();
    let length = random.weighted(&[(60, 20), (30, 300), (9, 3000), (1, 60_000)]);
    let value: String = (0..=random.below(length)).map(|at| LETTERS[at % LETTERS.len()]).collect();
    let fill = |text: &str| {
        text.replace("$k", &key).replace("$j", &other).replace("$n", &small).replace("$v", &value)
    };
    let mut commands = vec![words(&fill(template.line))];
    if let Some(written) = template.written {
        commands.push(words(&format!("EXPIRE {} {}", fill(written), 5 + random.below(60))));
    }
    (template.kind, commands)
}

fn transaction(link: &mut Link<'_>, random: &mut Random) -> bool {
    let (key, other) = (random.below(KEYS), random.below(KEYS));
    let commands = [
        words(&format!("WATCH s:{key} h:{other}")),
        words("MULTI"),
        words(&format!("SET s:{key} transaction EX 20")),
        words(&format!("HSET h:{other} f transaction")),
        words(&format!("EXPIRE h:{other} 20")),
        words("EXEC"),
    ];
    !matches!(link.batch("commands: transactions", &commands), Outcome::NotSent)
}

/// A key and a hash field that must not be seen once their time is over.
fn short_lived(link: &mut Link<'_>, random: &mut Random, stage: &Stage) -> bool {
    let key = format!("brief:{}", random.bits());
    let ms = 5 + random.below(30);
    let writes = [
        words(&format!("SET {key} value PX {ms}")),
        words(&format!("HSET {key}:h stays 1 goes 1")),
        words(&format!("EXPIRE {key}:h 20")),
        words(&format!("HPEXPIRE {key}:h {ms} FIELDS 1 goes")),
    ];
    if link.batch("commands: deadlines", &writes).last().is_none() {
        return false;
    }
    std::thread::sleep(Duration::from_millis(ms as u64 + 2));
    let looks = [words(&format!("EXISTS {key}")), words(&format!("HEXISTS {key}:h goes"))];
    // A round goes by one time: a worker that the system put aside in the middle of one shows once what was there when it began.
    for is_again in [false, true] {
        let Outcome::Replies(frames) = link.batch("commands: deadlines", &looks) else {
            return false;
        };
        if frames.iter().all(|frame: &Frame| frame.number() != Some(1)) {
            break;
        }
        stage.figures.add("looks by a time that was over", 1);
        if is_again {
            stage.fail(&format!("{key} or its field is there {ms} ms and more after it was set for {ms} ms"));
        }
    }
    true
}
