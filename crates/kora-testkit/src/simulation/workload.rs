//! What clients send: commands over few keys, so that they meet, with a new value in every write, so that a reply
//! tells which writes came before it.

use kora_core::slot::{ShardId, Slot};

use super::random::Random;
use super::record::Args;

/// Number of databases.
pub(super) const DATABASE_COUNT: u16 = 3;

/// Longest pipeline.
const PIPELINE_MAX: usize = 8;

/// Longest time to live, in milliseconds.
const TTL_MS_MAX: usize = 40;

/// Makes commands.
#[derive(Debug)]
pub(super) struct Workload {
    texts: Vec<Vec<u8>>,
    numbers: Vec<Vec<u8>>,
    /// Number of the next value.
    next: u64,
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
];

impl Workload {
    /// A workload whose keys lie on all of `shard_count` shards: on each one that holds a number and `text_count`
    /// that hold text.
    pub(super) fn new(shard_count: u16, text_count: usize) -> Self {
        let keys = |prefix: &str, count: usize| {
            let mut keys = Vec::new();
            for shard in (0..shard_count).map(ShardId) {
                let names = (0..).map(|number| format!("{prefix}{number}").into_bytes());
                keys.extend(names.filter(|key| Slot::of(key).shard(shard_count) == shard).take(count));
            }
            keys
        };
        Self { texts: keys("t", text_count), numbers: keys("n", 1), next: 0 }
    }

    /// A pipeline of 1 to 8 commands.
    pub(super) fn pipeline(&mut self, random: &mut Random) -> Vec<Args> {
        let count = if random.one_in(3) { 1 } else { 1 + random.below(PIPELINE_MAX) };
        (0..count).map(|_| self.command(random)).collect()
    }

    /// Commands that together read everything in one database.
    pub(super) fn reading_all(&self) -> Vec<Args> {
        let mut commands = vec![words(&["DBSIZE"]), words(&["KEYS", "*"])];
        for key in self.texts.iter().chain(&self.numbers) {
            commands.push(vec![b"PEXPIRETIME".to_vec(), key.clone()]);
            commands.push(vec![b"GET".to_vec(), key.clone()]);
        }
        commands
    }

    fn command(&mut self, random: &mut Random) -> Args {
        match random.weighted(KINDS) {
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
            Kind::Keys => words(&["KEYS", *random.choose(&["*", "t*", "n*"])]),
            Kind::FlushAll => words(&["FLUSHALL"]),
            Kind::Swap => vec![b"SWAPDB".to_vec(), database(random), database(random)],
        }
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

    fn on_two_keys(&self, random: &mut Random, name: &str) -> Args {
        vec![name.into(), self.key(random), self.key(random)]
    }

    fn on_keys(&self, random: &mut Random, name: &str) -> Args {
        let count = 1 + random.below(self.texts.len());
        std::iter::once(name.into()).chain((0..count).map(|_| self.key(random))).collect()
    }

    fn on_pairs(&mut self, random: &mut Random, name: &str) -> Args {
        let mut args: Args = vec![name.into()];
        for _ in 0..1 + random.below(4) {
            args.extend([random.choose(&self.texts).clone(), self.value()]);
        }
        args
    }
}

fn database(random: &mut Random) -> Vec<u8> {
    random.below(usize::from(DATABASE_COUNT)).to_string().into_bytes()
}

fn words(words: &[&str]) -> Args {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}
