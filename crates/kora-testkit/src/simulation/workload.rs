//! What clients send: commands over few keys, so that they meet, with a new value in every write, so that a reply
//! tells which writes came before it.

use kora_core::slot::{ShardId, Slot};

use super::documents::Documents;
use super::random::Random;
use super::record::Args;
use super::transaction::{is_transactional, script};

/// Number of databases.
pub(super) const DATABASE_COUNT: u16 = 3;

/// Longest pipeline.
const PIPELINE_MAX: usize = 8;

/// Most commands of a transaction.
const TRANSACTION_MAX: usize = 6;

/// Longest time to live, in milliseconds.
pub(super) const TTL_MS_MAX: usize = 40;

/// Longest time that a client waits for a key, if it does not wait for ever, in milliseconds.
const TIMEOUT_MS_MAX: usize = 60;

/// Makes commands.
#[derive(Debug)]
pub(super) struct Workload {
    texts: Vec<Vec<u8>>,
    numbers: Vec<Vec<u8>>,
    lists: Vec<Vec<u8>>,
    /// Number of the next value.
    next: u64,
    /// Scripts take long: there are more of them, and somebody kills them. Nobody watches keys.
    has_long_scripts: bool,
    /// Indexes are used.
    documents: Option<Documents>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Get,
    Set,
    SetFor,
    Append,
    GetRange,
    Increment,
    SetMany,
    GetMany,
    SetManyNew,
    Delete,
    Exists,
    Rename,
    RenameNew,
    Copy,
    Count,
    Keys,
    FlushAll,
    Swap,
    GetDelete,
    Push,
    Range,
    Pop,
    Move,
    BlockingPop,
    BlockingMove,
    BlockingPopMany,
    Watch,
    Unwatch,
    Script,
    Kill,
}

const KINDS: &[(usize, Kind)] = &[
    (14, Kind::Get),
    (3, Kind::Set),
    (2, Kind::SetFor),
    (9, Kind::Append),
    (2, Kind::GetRange),
    (4, Kind::Increment),
    (8, Kind::SetMany),
    (8, Kind::GetMany),
    (3, Kind::SetManyNew),
    (2, Kind::Delete),
    (2, Kind::Exists),
    (4, Kind::Rename),
    (3, Kind::RenameNew),
    (3, Kind::Copy),
    (2, Kind::Count),
    (2, Kind::Keys),
    (1, Kind::FlushAll),
    (1, Kind::Swap),
    (3, Kind::GetDelete),
    (14, Kind::Push),
    (8, Kind::Range),
    (3, Kind::Pop),
    (4, Kind::Move),
    (7, Kind::BlockingPop),
    (4, Kind::BlockingMove),
    (2, Kind::BlockingPopMany),
    (7, Kind::Watch),
    (1, Kind::Unwatch),
    (4, Kind::Script),
];

/// One in so many steps of a pipeline is a transaction.
const TRANSACTION_STEPS: usize = 14;

/// Most commands of a script.
const SCRIPT_MAX: usize = 4;

impl Workload {
    /// A workload whose keys lie on all of `shard_count` shards: on each one that holds a number, one that holds a list and
    /// `text_count` that hold text.
    pub(super) fn new(
        shard_count: u16,
        text_count: usize,
        has_long_scripts: bool,
        documents: Option<Documents>,
    ) -> Self {
        let keys = |prefix: &str, count: usize| {
            let mut keys = Vec::new();
            for shard in (0..shard_count).map(ShardId) {
                let names = (0..).map(|number| format!("{prefix}{number}").into_bytes());
                keys.extend(names.filter(|key| Slot::of(key).shard(shard_count) == shard).take(count));
            }
            keys
        };
        let (texts, numbers, lists) = (keys("t", text_count), keys("n", 1), keys("l", 1));
        Self { texts, numbers, lists, next: 0, has_long_scripts, documents }
    }

    /// A pipeline of 1 to 8 commands.
    pub(super) fn pipeline(&mut self, random: &mut Random) -> Vec<Args> {
        let count = if random.one_in(3) { 1 } else { 1 + random.below(PIPELINE_MAX) };
        let mut commands = Vec::new();
        if random.one_in(3) {
            let db = if random.one_in(4) { database(random) } else { b"0".to_vec() };
            commands.push(select(db));
        }
        for _ in 0..count {
            if random.one_in(TRANSACTION_STEPS) {
                commands.extend(self.transaction(random));
            } else if let Some(documents) = self.documents.as_ref().filter(|_| random.one_in(2)) {
                commands.extend(documents.commands(random));
            } else {
                commands.push(self.command(random));
            }
        }
        commands
    }

    /// Commands that together read everything in one database.
    pub(super) fn reading_all(&self, db: u16) -> Vec<Args> {
        let mut commands =
            vec![select(db.to_string().into_bytes()), words(&["DBSIZE"]), words(&["KEYS", "*"])];
        for key in self.texts.iter().chain(&self.numbers) {
            commands.push(vec![b"PEXPIRETIME".to_vec(), key.clone()]);
            commands.push(vec![b"GET".to_vec(), key.clone()]);
        }
        for key in &self.lists {
            commands.push(vec![b"PEXPIRETIME".to_vec(), key.clone()]);
            commands.push(whole_list(key));
        }
        if db == 0 {
            commands.extend(self.documents.iter().flat_map(Documents::reading_all));
        }
        commands
    }

    fn command(&mut self, random: &mut Random) -> Args {
        if let Some(documents) = self.documents.as_ref().filter(|_| random.one_in(2)) {
            return documents.inner(random);
        }
        let mut kind = random.weighted(KINDS);
        if self.has_long_scripts {
            kind = match kind {
                Kind::Watch if random.one_in(2) => Kind::Script,
                Kind::Watch => Kind::Kill,
                kind => kind,
            };
        }
        match kind {
            Kind::Get => self.on_key(random, "GET"),
            Kind::GetDelete => self.on_key(random, "GETDEL"),
            Kind::Set => self.writing(random, "SET"),
            Kind::Append => self.writing(random, "APPEND"),
            Kind::SetFor => {
                let mut args = self.writing(random, "SET");
                args.extend([b"PX".to_vec(), (1 + random.below(TTL_MS_MAX)).to_string().into_bytes()]);
                args
            }
            Kind::GetRange => {
                let mut args = self.on_key(random, "GETRANGE");
                args.extend(words(&["0", *random.choose(&["-1", "3", "9"])]));
                args
            }
            Kind::Increment => vec![b"INCR".to_vec(), random.choose(&self.numbers).clone()],
            Kind::SetMany => self.on_pairs(random, "MSET"),
            Kind::SetManyNew => self.on_pairs(random, "MSETNX"),
            Kind::GetMany => self.on_keys(random, "MGET"),
            Kind::Delete => self.on_keys(random, "DEL"),
            Kind::Exists => self.on_keys(random, "EXISTS"),
            Kind::Rename => self.on_two_keys(random, "RENAME"),
            Kind::RenameNew => self.on_two_keys(random, "RENAMENX"),
            Kind::Copy => {
                let mut args = self.on_two_keys(random, "COPY");
                if random.one_in(3) {
                    args.extend([b"DB".to_vec(), database(random)]);
                }
                if random.one_in(2) {
                    args.extend(words(&["REPLACE"]));
                }
                args
            }
            Kind::Count => words(&["DBSIZE"]),
            Kind::Keys => words(&["KEYS", *random.choose(&["*", "t*", "n*", "l*"])]),
            Kind::FlushAll => words(&["FLUSHALL"]),
            Kind::Swap => vec![b"SWAPDB".to_vec(), database(random), database(random)],
            Kind::Watch => {
                let count = 1 + random.below(3);
                let keys =
                    (0..count).map(|_| if random.one_in(4) { self.list(random) } else { self.key(random) });
                std::iter::once(b"WATCH".to_vec()).chain(keys.collect::<Vec<_>>()).collect()
            }
            Kind::Unwatch => words(&["UNWATCH"]),
            Kind::Script => self.script(random),
            Kind::Kill => words(&["KILL"]),
            Kind::Push
            | Kind::Range
            | Kind::Pop
            | Kind::Move
            | Kind::BlockingPop
            | Kind::BlockingMove
            | Kind::BlockingPopMany => self.on_lists(random, kind),
        }
    }

    /// MULTI, commands, EXEC. Some select another database, or several.
    fn transaction(&mut self, random: &mut Random) -> Vec<Args> {
        let count = 1 + random.below(TRANSACTION_MAX);
        let mut commands = self.inner(random, count);
        if random.one_in(3) {
            for _ in 0..1 + random.below(2) {
                let at = random.below(commands.len() + 1);
                commands.insert(at, select(database(random)));
            }
        }
        commands.insert(0, words(&["MULTI"]));
        commands.push(words(&["EXEC"]));
        commands
    }

    /// Commands that a transaction or a script can have.
    fn inner(&mut self, random: &mut Random, count: usize) -> Vec<Args> {
        let mut commands = Vec::new();
        while commands.len() < count {
            let command = self.command(random);
            if !is_transactional(&command) {
                commands.push(command);
            }
        }
        if random.one_in(4) {
            commands.insert(random.below(commands.len()), words(&["PING"]));
        }
        commands
    }

    /// A script of some commands. Mostly it declares the keys of them; sometimes it forgets one.
    fn script(&mut self, random: &mut Random) -> Args {
        let count = 1 + random.below(SCRIPT_MAX);
        let mut commands = self.inner(random, count);
        commands.retain(|args| args[0] != b"EVAL");
        if self.has_long_scripts {
            // Moments in which it may be killed, before it has written or behind.
            let moments = random.below(5);
            (0..moments).for_each(|_| commands.insert(random.below(commands.len() + 1), words(&["PING"])));
        }
        let is_key = |word: &&Vec<u8>| {
            [&self.texts, &self.numbers, &self.lists].iter().any(|keys| keys.contains(word))
                || self.documents.as_ref().is_some_and(|documents| documents.has_key(word))
        };
        let mut keys: Vec<_> = commands.iter().flatten().filter(is_key).cloned().collect();
        if random.one_in(4) {
            keys.pop();
        }
        script(&keys, &commands)
    }

    fn on_lists(&mut self, random: &mut Random, kind: Kind) -> Args {
        let list = self.list(random);
        let [end, other_end] = [(); 2].map(|()| *random.choose(&["LEFT", "RIGHT"]));
        let is_left = end == "LEFT";
        let mut args: Args = match kind {
            Kind::Push => vec![if is_left { "LPUSH" } else { "RPUSH" }.into(), list],
            Kind::Range => whole_list(&list),
            Kind::Pop => vec![if is_left { "LPOP" } else { "RPOP" }.into(), list],
            Kind::Move => vec![b"LMOVE".to_vec(), list, self.list(random), end.into(), other_end.into()],
            Kind::BlockingMove => {
                vec![b"BLMOVE".to_vec(), list, self.list(random), end.into(), other_end.into()]
            }
            Kind::BlockingPopMany => {
                vec![b"BLMPOP".to_vec(), timeout(random), b"2".to_vec(), list, self.list(random)]
            }
            _ => vec![if is_left { "BLPOP" } else { "BRPOP" }.into(), list],
        };
        match kind {
            Kind::Push => args.extend((0..1 + random.below(2)).map(|_| self.value())),
            Kind::BlockingPop => {
                let more = if random.one_in(2) { random.below(3) } else { 0 };
                args.extend((0..more).map(|_| self.list(random)));
                args.push(timeout(random));
            }
            Kind::BlockingPopMany => args.extend(words(&[end, "COUNT", "2"])),
            Kind::BlockingMove => args.push(timeout(random)),
            _ => {}
        }
        args
    }

    fn list(&self, random: &mut Random) -> Vec<u8> {
        random.choose(&self.lists).clone()
    }

    fn key(&self, random: &mut Random) -> Vec<u8> {
        let keys = if random.one_in(5) { &self.numbers } else { &self.texts };
        random.choose(keys).clone()
    }

    fn value(&mut self) -> Vec<u8> {
        self.next += 1;
        format!("{}.", self.next).into_bytes()
    }

    fn on_key(&self, random: &mut Random, name: &str) -> Args {
        vec![name.into(), self.key(random)]
    }

    fn writing(&mut self, random: &mut Random, name: &str) -> Args {
        vec![name.into(), random.choose(&self.texts).clone(), self.value()]
    }

    /// Two keys of one type: no key ever changes its type.
    fn on_two_keys(&self, random: &mut Random, name: &str) -> Args {
        let keys = if random.one_in(3) {
            [self.list(random), self.list(random)]
        } else {
            [self.key(random), self.key(random)]
        };
        std::iter::once(name.into()).chain(keys).collect()
    }

    fn on_keys(&self, random: &mut Random, name: &str) -> Args {
        let count = 1 + random.below(self.texts.len());
        let mut key = || if random.one_in(8) { self.list(random) } else { self.key(random) };
        std::iter::once(name.into()).chain((0..count).map(|_| key())).collect()
    }

    fn on_pairs(&mut self, random: &mut Random, name: &str) -> Args {
        let mut args: Args = vec![name.into()];
        for _ in 0..1 + random.below(4) {
            args.extend([random.choose(&self.texts).clone(), self.value()]);
        }
        args
    }
}

fn whole_list(key: &[u8]) -> Args {
    vec![b"LRANGE".to_vec(), key.to_vec(), b"0".to_vec(), b"-1".to_vec()]
}

/// Mostly soon, sometimes never.
fn timeout(random: &mut Random) -> Vec<u8> {
    let ms = if random.one_in(3) { 0 } else { 1 + random.below(TIMEOUT_MS_MAX) };
    format!("{}.{:03}", ms / 1000, ms % 1000).into_bytes()
}

fn select(db: Vec<u8>) -> Args {
    vec![b"SELECT".to_vec(), db]
}

fn database(random: &mut Random) -> Vec<u8> {
    random.below(usize::from(DATABASE_COUNT)).to_string().into_bytes()
}

pub(super) fn words(words: &[&str]) -> Args {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}
