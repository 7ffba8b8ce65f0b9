//! Reads through indexes: what clients send about hashes with an index and about a collection with a unique one, and what a model that has no
//! index says to it.
//!
//! A search must find just what the writes before it in the order have left; a document whose unique value another one has is refused, and then
//! nothing changes. A document stands in the model as a string of its key, which nothing else in the workload changes but what is done to
//! all keys.

use kora_core::db::DbIndex;
use kora_core::entry::StringRef;
use kora_core::reply::Value;
use kora_core::slot::{ShardId, Slot};
use kora_core::time::UnixMs;
use kora_core::types::hash::HashRef;

use super::model::Model;
use super::random::Random;
use super::record::{Args, is_refusal};
use super::workload::{TTL_MS_MAX, words};

/// What keys of documents begin with.
const DOCUMENTS: &str = "__kora:doc:c:";
/// Documents.
const DOCUMENT_COUNT: usize = 5;
/// Values of the unique field: fewer than documents.
const VALUE_COUNT: usize = 4;
/// The database of indexes and collections.
const DB: DbIndex = DbIndex(0);

/// Whether clients use indexes in the simulation of this seed.
pub(super) fn has_documents(seed: u64) -> bool {
    seed % 5 == 4
}

/// Makes commands about documents.
#[derive(Debug)]
pub(super) struct Documents {
    /// Hashes, one on each shard.
    hashes: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    CreateIndex,
    DropIndex,
    CreateCollection,
    WriteHash,
    DeleteField,
    Delete,
    Rename,
    Copy,
    Expire,
    Search,
    Put,
    PutFor,
    PutTwo,
    Remove,
    Find,
    Read,
}

const KINDS: &[(usize, Kind)] = &[
    (3, Kind::CreateIndex),
    (1, Kind::DropIndex),
    (4, Kind::CreateCollection),
    (12, Kind::WriteHash),
    (2, Kind::DeleteField),
    (2, Kind::Delete),
    (2, Kind::Rename),
    (2, Kind::Copy),
    (2, Kind::Expire),
    (14, Kind::Search),
    (16, Kind::Put),
    (2, Kind::PutFor),
    (3, Kind::PutTwo),
    (3, Kind::Remove),
    (8, Kind::Find),
    (3, Kind::Read),
];

impl Documents {
    pub(super) fn new(shard_count: u16) -> Self {
        let hash = |shard: ShardId| {
            let mut names = (0..).map(|number| format!("h{number}").into_bytes());
            names.find(|key| Slot::of(key).shard(shard_count) == shard).expect("names have no end")
        };
        Self { hashes: (0..shard_count).map(|shard| hash(ShardId(shard))).collect() }
    }

    /// Whether a word is a key of these.
    pub(super) fn has_key(&self, word: &Vec<u8>) -> bool {
        self.hashes.contains(word)
    }

    /// A command; or several, in a transaction: the collection is never without its index.
    pub(super) fn commands(&self, random: &mut Random) -> Vec<Args> {
        match random.weighted(KINDS) {
            Kind::CreateCollection => vec![
                words(&["MULTI"]),
                words(&["DOC.CREATE", "c"]),
                words(&["DOC.CREATEINDEX", "c", "u", "UNIQUE"]),
                words(&["EXEC"]),
            ],
            kind => vec![self.command(kind, random)],
        }
    }

    /// A command that may stand in a transaction or a script.
    pub(super) fn inner(&self, random: &mut Random) -> Args {
        loop {
            match random.weighted(KINDS) {
                Kind::CreateCollection => {}
                kind => return self.command(kind, random),
            }
        }
    }

    fn command(&self, kind: Kind, random: &mut Random) -> Args {
        let id = format!("d{}", random.below(DOCUMENT_COUNT));
        let value = random.below(VALUE_COUNT);
        let document = format!("{{\"u\":{value}}}");
        let tag = *random.choose(&["a", "b", "c"]);
        let (key, other) = (random.choose(&self.hashes).clone(), random.choose(&self.hashes).clone());
        let ms = (1 + random.below(TTL_MS_MAX)).to_string();
        let with_key =
            |name: &str, rest: &[&str]| [vec![name.as_bytes().to_vec(), key.clone()], words(rest)].concat();
        match kind {
            Kind::CreateIndex | Kind::CreateCollection => {
                words(&["FT.CREATE", "i", "ON", "HASH", "PREFIX", "1", "h", "SCHEMA", "g", "TAG"])
            }
            Kind::DropIndex => words(&["FT.DROPINDEX", "i"]),
            Kind::WriteHash => with_key("HSET", &["g", tag]),
            Kind::DeleteField => with_key("HDEL", &["g"]),
            Kind::Delete => with_key("DEL", &[]),
            Kind::Rename => vec![b"RENAME".to_vec(), key, other],
            Kind::Copy => vec![b"COPY".to_vec(), key, other, b"REPLACE".to_vec()],
            Kind::Expire => with_key("PEXPIRE", &[&ms]),
            Kind::Search => {
                let query = if random.one_in(4) { "*".to_owned() } else { format!("@g:{{{tag}}}") };
                words(&["FT.SEARCH", "i", &query, "NOCONTENT", "LIMIT", "0", "100", "DIALECT", "2"])
            }
            Kind::Put => words(&["DOC.SET", "c", &id, &document]),
            Kind::PutFor => words(&["DOC.SET", "c", &id, &document, "PX", &ms]),
            Kind::PutTwo => {
                let (second, other) = (random.below(DOCUMENT_COUNT), random.below(VALUE_COUNT));
                let (second, other) = (format!("d{second}"), format!("{{\"u\":{other}}}"));
                words(&["DOC.MSET", "c", &id, &document, &second, &other])
            }
            Kind::Remove => words(&["DOC.DEL", "c", &id]),
            Kind::Find => words(&["DOC.FIND", "c", "WHERE", &format!("u = {value}"), "WITHIDS"]),
            Kind::Read => words(&["DOC.GET", "c", &id]),
        }
    }

    /// Commands that read all documents, through indexes and past them.
    pub(super) fn reading_all(&self) -> Vec<Args> {
        let ids = (0..DOCUMENT_COUNT).map(|id| words(&["DOC.GET", "c", &format!("d{id}")]));
        let values = (0..VALUE_COUNT)
            .map(|value| words(&["DOC.FIND", "c", "WHERE", &format!("u = {value}"), "WITHIDS"]));
        let hashes = self.hashes.iter().map(|key| vec![b"HGET".to_vec(), key.clone(), b"g".to_vec()]);
        let queries = ["*", "@g:{a}", "@g:{b}", "@g:{c}"];
        let searches = queries
            .map(|query| words(&["FT.SEARCH", "i", query, "NOCONTENT", "LIMIT", "0", "100", "DIALECT", "2"]));
        ids.chain(values).chain(hashes).chain(searches).collect()
    }
}

/// What the model knows of declarations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Declared {
    has_index: bool,
    has_collection: bool,
    has_unique: bool,
}

impl Model<'_> {
    /// Runs a command about documents; none if it is another one.
    pub(super) fn run_on_documents(&mut self, args: &[&[u8]], db: DbIndex, now: UnixMs) -> Option<Value> {
        let ok = Value::Simple("OK".to_owned());
        let error = Value::Error(String::new());
        let declare = |flag: &mut bool, may: bool| {
            let is_new = may && !std::mem::replace(flag, true);
            if is_new { ok.clone() } else { error.clone() }
        };
        let reply = match args[0] {
            b"FLUSHALL" => {
                self.declared = Declared::default();
                return None;
            }
            b"FT.CREATE" if db != DB => error,
            b"FT.CREATE" => declare(&mut self.declared.has_index, true),
            b"FT.DROPINDEX" if self.declared.has_index => {
                self.declared.has_index = false;
                ok
            }
            b"FT.SEARCH" if self.declared.has_index => {
                self.settle_hashes(now);
                self.search(args[2], now)
            }
            b"DOC.CREATE" if db != DB => error,
            b"DOC.CREATE" => declare(&mut self.declared.has_collection, true),
            b"DOC.CREATEINDEX" => {
                declare(&mut self.declared.has_unique, self.declared.has_collection && db == DB)
            }
            b"JSON.SET" => self.run_core(&[b"SET", args[1], args[3]], db, now),
            name if !name.starts_with(b"DOC.") && !name.starts_with(b"FT.") => return None,
            name if !name.starts_with(b"DOC.") || !self.declared.has_collection || db != DB => error,
            b"DOC.SET" => self.put(&[[args[2], args[3]]], &args[4..], now),
            b"DOC.MSET" => self.put(&[[args[2], args[3]], [args[4], args[5]]], &[], now),
            b"DOC.DEL" => self.run_core(&[b"DEL", &key_of(args[2])], DB, now),
            b"DOC.GET" => self.run_core(&[b"GET", &key_of(args[2])], DB, now),
            b"DOC.FIND" => {
                self.settle(DOCUMENTS.as_bytes(), now);
                self.find(args[3], now)
            }
            name => unreachable!("the workload has no {}", name.escape_ascii()),
        };
        Some(reply)
    }

    /// A search has begun, whatever became of it.
    pub(super) fn settle_hashes(&mut self, now: UnixMs) {
        self.settle(b"h", now);
    }

    /// Who looks at all of an index has deleted what is due of it.
    fn settle(&mut self, prefix: &[u8], now: UnixMs) {
        let mut due = Vec::new();
        self.each_entry(DB, |entry| {
            if entry.key().starts_with(prefix) && entry.is_expired(now) {
                due.push(entry.key().to_vec());
            }
        });
        due.iter().for_each(|key| self.look(DB, key, now));
    }

    /// Hashes with a tag, or all.
    fn search(&mut self, query: &[u8], now: UnixMs) -> Value {
        let tag = query.strip_prefix(b"@g:{").and_then(|rest| rest.strip_suffix(b"}"));
        let mut keys = Vec::new();
        self.each_entry(DB, |entry| {
            let Some(hash) = HashRef::of(entry) else { return };
            let own = hash.get(b"g").map(|field| field.value.with(<[u8]>::to_vec));
            if !entry.is_expired(now) && (tag.is_none() || own.as_deref() == tag) {
                keys.push(Value::Bulk(entry.key().to_vec()));
            }
        });
        let count = Value::Integer(i64::try_from(keys.len()).expect("there are few keys"));
        sorted(std::iter::once(count).chain(keys).collect())
    }

    /// Documents that are there: ids and texts.
    fn documents(&mut self, now: UnixMs) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut documents = Vec::new();
        self.each_entry(DB, |entry| {
            if let Some(id) = entry.key().strip_prefix(DOCUMENTS.as_bytes())
                && let Some(text) = entry.string()
                && !entry.is_expired(now)
            {
                documents.push((id.to_vec(), bytes_of(&text)));
            }
        });
        documents
    }

    /// Puts documents in place, all or none.
    fn put(&mut self, new: &[[&[u8]; 2]], deadline: &[&[u8]], now: UnixMs) -> Value {
        let is_last = |at: usize| !new[at + 1..].iter().any(|[id, _]| *id == new[at][0]);
        let put: Vec<_> = (0..new.len()).filter(|at| is_last(*at)).map(|at| new[at]).collect();
        if self.declared.has_unique {
            self.settle(DOCUMENTS.as_bytes(), now);
        }
        let mut others = self.documents(now);
        others.retain(|(own, _)| !put.iter().any(|[id, _]| id == own));
        let is_taken = |[id, text]: &[&[u8]; 2]| {
            others.iter().any(|(_, other)| other == text)
                || put.iter().any(|[other, value]| other != id && value == text)
        };
        if self.declared.has_unique && put.iter().any(is_taken) {
            return Value::Error(String::new());
        }
        for [id, text] in put {
            let key = key_of(id);
            self.run_core(&[&[b"SET", key.as_slice(), text][..], deadline].concat(), DB, now);
        }
        Value::Simple("OK".to_owned())
    }

    /// Documents whose unique value is asked for.
    fn find(&mut self, condition: &[u8], now: UnixMs) -> Value {
        let value = condition.strip_prefix(b"u = ").expect("the workload asks for this field");
        let text = [b"{\"u\":", value, b"}"].concat();
        let found = self.documents(now).into_iter().filter(|(_, own)| *own == text);
        sorted(found.map(|(id, text)| Value::Array(vec![Value::Bulk(id), Value::Bulk(text)])).collect())
    }
}

fn bytes_of(text: &StringRef<'_>) -> Vec<u8> {
    match text {
        StringRef::Integer(number) => number.to_string().into_bytes(),
        StringRef::Bytes(bytes) => bytes.to_vec(),
    }
}

fn key_of(id: &[u8]) -> Vec<u8> {
    [DOCUMENTS.as_bytes(), id].concat()
}

/// What a search answers whose index goes while it is under way.
const DROPPED: &str = "The index was dropped before the query could be executed";

/// Whether this is such an answer: it tells nothing of what there is.
pub(super) fn is_dropped(reply: &Value) -> bool {
    matches!(reply, Value::Error(text) if text == DROPPED)
}

/// What is found has no order, and errors are compared without their words.
pub(super) fn comparable(name: &[u8], reply: Value) -> Value {
    match reply {
        Value::Error(_) if is_dropped(&reply) => reply,
        Value::Error(_) if !is_refusal(&reply) && (name.starts_with(b"FT.") || name.starts_with(b"DOC.")) => {
            Value::Error(String::new())
        }
        Value::Array(values) if matches!(name, b"FT.SEARCH" | b"DOC.FIND") => sorted(values),
        reply => reply,
    }
}

fn sorted(mut values: Vec<Value>) -> Value {
    values.sort_by(|one, other| format!("{one:?}").cmp(&format!("{other:?}")));
    Value::Array(values)
}
