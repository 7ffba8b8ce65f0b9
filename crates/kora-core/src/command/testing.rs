//! A bare shard for tests of commands: no thread, no socket, a clock that stands still until told otherwise.

use std::any::Any;
use std::collections::BTreeMap;

use crate::command::FAMILIES;
use crate::command::spec::CommandSpec;
use crate::config::CoreConfig;
use crate::context::{Ctx, Stores};
use crate::db::DbIndex;
use crate::entry::data_type::DataType;
use crate::entry::object::Object;
use crate::entry::{Account, Encoding, Entry, Kind, StringRef};
use crate::error::CommandError;
use crate::journal::{Effect, Journal};
use crate::reply::tree::TreeSink;
use crate::reply::{Reply, Value};
use crate::slot::ShardId;
use crate::store::{Keyspace, ShardStore};
use crate::time::UnixMs;

/// The time at which a bare shard starts.
pub(crate) const START: UnixMs = UnixMs(1_700_000_000_000);

/// Value and deadline of each key, by database.
pub(crate) type Contents = BTreeMap<(DbIndex, Vec<u8>), (Vec<u8>, Option<UnixMs>)>;

/// One store with its journal, driven command by command.
#[derive(Debug)]
pub(crate) struct BareShard {
    pub(crate) store: Box<ShardStore>,
    pub(crate) journal: Journal,
    pub(crate) now: UnixMs,
    pub(crate) db: DbIndex,
    pub(crate) is_resp3: bool,
    /// CLIENT NO-TOUCH.
    pub(crate) no_touch: bool,
    /// Every effect since the start.
    history: Vec<Effect>,
}

impl BareShard {
    pub(crate) fn new() -> Self {
        Self::with_config(CoreConfig::default())
    }

    pub(crate) fn with_config(config: CoreConfig) -> Self {
        let mut journal = Journal::default();
        journal.set_recording(true);
        journal.set_event_mask(u32::MAX);
        let store = Box::new(ShardStore::new(ShardId(0), config, 1));
        let (now, db) = (START, DbIndex(0));
        Self { store, journal, now, db, is_resp3: true, no_touch: false, history: Vec::new() }
    }

    /// Runs a command line: words between spaces; in double quotes also spaces, `\n`, `\"`, `\\` and `\xHH`.
    pub(crate) fn run(&mut self, line: &str) -> Value {
        let args = words(line);
        self.run_args(&args.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// Runs a command.
    pub(crate) fn run_args(&mut self, args: &[&[u8]]) -> Value {
        let spec = spec_of(args).unwrap_or_else(|| panic!("no such command: {args:?}"));
        let mark = self.journal.open_command(self.now);
        let mut sink = TreeSink::new(self.is_resp3);
        let result = if spec.facts.takes(args.len()) {
            let mut ctx = Ctx::bare(Stores::One(&mut self.store), &mut self.journal, self.db, self.now);
            ctx.no_touch = self.no_touch;
            (spec.handler)(&mut ctx, args, &mut sink)
        } else {
            Err(CommandError::Arity(spec.facts.name.into()))
        };
        if let Err(error) = result {
            sink.refuse(&error);
        }
        self.journal.close_command(mark, self.db, spec.facts.name, args);
        let mut values = sink.into_values();
        assert_eq!(values.len(), 1, "{args:?} wrote {values:?}");
        values.remove(0)
    }

    /// Runs a command line that succeeds, and writes its reply to `out`.
    pub(crate) fn run_to(&mut self, line: &str, out: &mut dyn Reply) {
        let args = words(line);
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        let spec = spec_of(&args).unwrap_or_else(|| panic!("no such command: {line:?}"));
        let mut ctx = Ctx::bare(Stores::One(&mut self.store), &mut self.journal, self.db, self.now);
        (spec.handler)(&mut ctx, &args, out).unwrap_or_else(|error| panic!("{line}: {error}"));
    }

    /// Puts a value that is no string under `key`.
    pub(crate) fn put_other_type(&mut self, key: &[u8]) {
        let entry = Entry::new_object(key, Box::new(OtherType::default()), None);
        Keyspace::new(&mut self.store, &mut self.journal, self.db, self.now, true).insert(key, entry);
        self.journal.take_events();
    }

    /// Runs a script: a line is `command => reply`, `command => reply | effects` or
    /// `command => reply | effects | events`, with `; ` between effects and `, ` between events. Replies are written
    /// as [`render`] does; what a line leaves out is not checked.
    pub(crate) fn check(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (command, expected) =
                line.split_once(" =>").unwrap_or_else(|| panic!("no reply in {line:?}"));
            let reply = render(&self.run(command));
            let (effects, events) = (self.effects().join("; "), self.events().join(", "));
            let found = [reply, effects, events];
            for (expected, found) in expected.split('|').zip(&found) {
                assert_eq!(found.trim(), expected.trim(), "{line}");
            }
        }
    }

    /// Effects since the last call, as text: `SET k v`.
    pub(crate) fn effects(&mut self) -> Vec<String> {
        let effects = self.journal.take_effects();
        let texts = effects.iter().map(|effect| text(&effect.args.join(&b' '))).collect();
        self.history.extend(effects);
        texts
    }

    /// Keyspace events since the last call, as text: `set k`.
    pub(crate) fn events(&mut self) -> Vec<String> {
        let events = self.journal.take_events();
        events.iter().map(|event| format!("{} {}", event.name, text(&event.key))).collect()
    }

    /// Every key that is not expired.
    pub(crate) fn contents(&mut self) -> Contents {
        let (mut contents, mut collections) = (Contents::new(), Vec::new());
        for db in (0..self.store.config().database_count).map(DbIndex) {
            let mut keyspace = Keyspace::new(&mut self.store, &mut self.journal, db, self.now, true);
            let mut cursor = 0;
            loop {
                cursor = keyspace.scan(cursor, 100, &mut |entry| {
                    let text = match entry.string() {
                        Some(StringRef::Integer(number)) => number.to_string().into_bytes(),
                        Some(StringRef::Bytes(bytes)) => bytes.to_vec(),
                        None => Vec::new(),
                    };
                    contents.insert((db, entry.key().to_vec()), (text, entry.expiry()));
                    if entry.kind() != Kind::String {
                        collections.push((db, entry.key().to_vec(), entry.kind()));
                    }
                });
                if cursor == 0 {
                    break;
                }
            }
        }
        for (db, key, kind) in collections {
            let text = self.describe(db, &key, kind);
            contents.entry((db, key)).and_modify(|(value, _)| *value = text.into_bytes());
        }
        let now = self.now;
        contents.retain(|_, (_, expiry)| expiry.is_none_or(|at| at >= now));
        contents
    }

    /// All that commands can read of a collection, in an order of its own.
    fn describe(&mut self, db: DbIndex, key: &[u8], kind: Kind) -> String {
        let selected = std::mem::replace(&mut self.db, db);
        let mut read = |args: &[&[u8]]| self.run_args(args);
        let mut replies = match kind {
            Kind::String | Kind::Extension(_) => Vec::new(),
            Kind::List => vec![read(&[b"LRANGE", key, b"0", b"-1"])],
            Kind::Set => vec![read(&[b"SMEMBERS", key])],
            Kind::SortedSet => vec![read(&[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"])],
            Kind::Hash => {
                let fields = read(&[b"HGETALL", key]);
                let Value::Map(pairs) = &fields else { panic!("HGETALL answers a map: {fields:?}") };
                let mut deadline = |(field, _): &(Value, Value)| match field {
                    Value::Bulk(field) => read(&[b"HPEXPIRETIME", key, b"FIELDS", b"1", field]),
                    other => panic!("a field is a string: {other:?}"),
                };
                let mut fields: Vec<_> = pairs
                    .iter()
                    .map(|pair| Value::Array(vec![pair.0.clone(), pair.1.clone(), deadline(pair)]))
                    .collect();
                fields.sort_by_key(render);
                fields
            }
            Kind::Stream => vec![
                read(&[b"XRANGE", key, b"-", b"+"]),
                without_chance(read(&[b"XINFO", b"STREAM", key, b"FULL", b"COUNT", b"0"])),
            ],
        };
        self.db = selected;
        for reply in &mut replies {
            if let Value::Set(members) = reply {
                members.sort_by_key(render);
            }
        }
        replies.iter().map(render).collect::<Vec<_>>().join(" ")
    }

    /// Checks that the effects of everything run so far, run on an empty store, give the same contents. While they run
    /// nothing expires: expiry is an effect too.
    pub(crate) fn check_replay(&mut self) {
        self.effects();
        let mut replica = Self::with_config(self.store.config().clone());
        replica.now = UnixMs(0);
        for effect in &self.history {
            replica.db = effect.db;
            let args: Vec<&[u8]> = effect.args.iter().map(|arg| &arg[..]).collect();
            let reply = replica.run_args(&args);
            assert!(!matches!(reply, Value::Error(_)), "{effect:?} was refused: {reply:?}");
        }
        replica.now = self.now;
        assert_eq!(replica.contents(), self.contents(), "after {:#?}", self.history);
    }
}

/// A value that is no string, and has nothing else to it.
#[derive(Debug, Default)]
struct OtherType(Account);

impl Object for OtherType {
    fn data_type(&self) -> &'static DataType {
        &crate::types::list::DATA_TYPE
    }

    fn encoding(&self) -> Encoding {
        Encoding::ListPack
    }

    fn size(&self) -> usize {
        1
    }

    fn memory_bytes(&self) -> usize {
        0
    }

    fn account(&self) -> &Account {
        &self.0
    }

    fn account_mut(&mut self) -> &mut Account {
        &mut self.0
    }

    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(Self::default())
    }

    fn free_effort(&self) -> usize {
        1
    }

    fn free_some(&mut self, _budget: usize) -> usize {
        0
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// What XINFO tells but for what effects do not reproduce: where blocks of a stream begin, and when consumers were seen.
fn without_chance(reply: Value) -> Value {
    const LEFT_OUT: [&[u8]; 4] = [b"radix-tree-keys", b"radix-tree-nodes", b"seen-time", b"active-time"];
    match reply {
        Value::Map(pairs) => {
            let is_kept = |name: &Value| !matches!(name, Value::Bulk(name) if LEFT_OUT.contains(&&name[..]));
            let kept = pairs.into_iter().filter(|(name, _)| is_kept(name));
            Value::Map(kept.map(|(name, value)| (name, without_chance(value))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(without_chance).collect()),
        other => other,
    }
}

/// A reply on one line: `OK`, `(error) ERR ...`, `1`, `"text"`, `nil`, `[...]`, `{key: value}`.
pub(crate) fn render(value: &Value) -> String {
    let list = |values: &[Value]| values.iter().map(render).collect::<Vec<_>>().join(", ");
    match value {
        Value::Simple(text) => text.clone(),
        Value::Error(text) => format!("(error) {text}"),
        Value::Integer(number) => number.to_string(),
        Value::Bulk(bytes) | Value::Verbatim(_, bytes) => format!("\"{}\"", bytes.escape_ascii()),
        Value::Null | Value::NullArray => "nil".into(),
        Value::Array(values) | Value::Set(values) | Value::Push(values) => format!("[{}]", list(values)),
        Value::Map(pairs) => {
            let pairs: Vec<_> =
                pairs.iter().map(|(key, value)| format!("{}: {}", render(key), render(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Boolean(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::BigNumber(digits) => digits.clone(),
    }
}

/// `+OK`.
pub(crate) fn ok() -> Value {
    Value::Simple("OK".into())
}

/// A bulk string.
pub(crate) fn bulk(bytes: &str) -> Value {
    Value::Bulk(bytes.into())
}

/// An error.
pub(crate) fn error(text: &str) -> Value {
    Value::Error(text.into())
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// The declaration for `args`: that of the subcommand if there is one.
fn spec_of(args: &[&[u8]]) -> Option<&'static CommandSpec> {
    let name = String::from_utf8_lossy(args.first()?).to_lowercase();
    let subcommand = args.get(1).map(|sub| format!("{name}|{}", String::from_utf8_lossy(sub).to_lowercase()));
    let find = |name: &str| FAMILIES.iter().copied().flatten().find(|spec| spec.facts.name == name);
    subcommand.and_then(|full| find(&full)).or_else(|| find(&name))
}

fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let word;
        (word, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_word(quoted),
            None => {
                let end = rest.find(' ').unwrap_or(rest.len());
                (rest.as_bytes()[..end].to_vec(), &rest[end..])
            }
        };
        words.push(word);
        rest = rest.trim_start();
    }
    words
}

/// Reads to the closing quote; returns the word and what follows it.
fn quoted_word(text: &str) -> (Vec<u8>, &str) {
    let mut word = Vec::new();
    let mut at = 0;
    let bytes = text.as_bytes();
    while bytes[at] != b'"' {
        if bytes[at] != b'\\' {
            word.push(bytes[at]);
            at += 1;
            continue;
        }
        at += 2;
        word.push(match bytes[at - 1] {
            b'n' => b'\n',
            b'x' => {
                at += 2;
                u8::from_str_radix(&text[at - 2..at], 16).expect("`\\x` and two hexadecimal digits")
            }
            escaped => escaped,
        });
    }
    (word, &text[at + 1..])
}
