//! How documents change, and indexes with them.

use kora_core::reply::Value;

use super::document::bytes;
use super::question::{POINTS, TAGS, WORDS};
use super::schema::{FIELDS, Field, Schema, words};
use super::world::{ROUNDS_MAX, Words, World};

/// Keys that changes choose from.
const KEYS: usize = 32;
/// The names of indexes. Those of hashes begin with an `i`.
const NAMES: [&str; 3] = ["idx", "iix", "jdx"];

impl World {
    pub(super) fn key(&mut self) -> String {
        let prefix = *self.random.choose(&["doc:", "doc:", "doc:", "doc:", "other:"]);
        format!("{prefix}{}", self.random.below(KEYS))
    }

    /// What a field of a hash is set to; seldom, what does not fit its type.
    fn value(&mut self, field: Field) -> Vec<u8> {
        let random = &mut self.random;
        if random.one_in(30) {
            return b"no value of its type".to_vec();
        }
        let text = match field {
            Field::Text => {
                let count = random.below(4);
                (0..count).map(|_| *random.choose(&WORDS)).collect::<Vec<_>>().join(" ")
            }
            Field::Tag => {
                let count = 1 + random.below(2);
                (0..count).map(|_| *random.choose(&TAGS)).collect::<Vec<_>>().join(",")
            }
            Field::Number if random.one_in(4) => format!("{}.5", random.below(40)),
            Field::Number => random.below(40).to_string(),
            Field::Point => {
                let (longitude, latitude) = random.choose(&POINTS);
                format!("{longitude},{latitude}")
            }
            Field::Vector => return self.vector().iter().flat_map(|element| element.to_le_bytes()).collect(),
        };
        text.into_bytes()
    }

    /// A vector of small whole numbers.
    pub(super) fn vector(&mut self) -> [f32; 2] {
        [(); 2].map(|()| f32::from(u8::try_from(self.random.below(6)).unwrap_or(0)))
    }

    /// The same as JSON.
    fn json_value(&mut self, field: Field) -> String {
        if self.random.one_in(20) {
            return (*self.random.choose(&["null", "{}", "true", "\"x\"", "7", "[]"])).to_owned();
        }
        let mut one = || match field {
            Field::Vector => {
                let [one, other] = self.vector();
                format!("[{one},{other}]")
            }
            // One tag has no comma.
            Field::Tag => format!("\"{}\"", self.random.choose(&TAGS)),
            Field::Number => self.random.below(40).to_string(),
            _ => format!("\"{}\"", self.value(field).escape_ascii()),
        };
        let (first, second) = (one(), one());
        if field != Field::Vector && self.random.one_in(4) { format!("[{first},{second}]") } else { first }
    }

    fn hash_write(&mut self, key: &str) -> Words {
        let mut command = words(&format!("HSET {key} x {}", self.random.below(1000)));
        for field in FIELDS {
            if !self.random.one_in(3) {
                command.extend([field.name().as_bytes().to_vec(), self.value(field)]);
            }
        }
        command
    }

    fn json_write(&mut self, key: &str) -> Words {
        let mut members = Vec::new();
        for field in FIELDS {
            if !self.random.one_in(3) {
                members.push(format!("\"{}\":{}", field.name(), self.json_value(field)));
            }
        }
        vec![
            b"JSON.SET".to_vec(),
            key.as_bytes().to_vec(),
            b"$".to_vec(),
            format!("{{{}}}", members.join(",")).into_bytes(),
        ]
    }

    /// A command that writes a document or a part of one.
    pub(super) fn write(&mut self) -> Words {
        let key = self.key();
        let field = *self.random.choose(&FIELDS);
        let name = field.name();
        let with = |line: String, last: Vec<u8>| {
            let mut command = words(&line);
            command.push(last);
            command
        };
        match self.random.below(16) {
            0 => with(format!("HSET {key} {name}"), self.value(field)),
            1 => words(&format!("HINCRBY {key} n 1")),
            2 => words(&format!("HDEL {key} {name} g")),
            3 => with(format!("HSETNX {key} {name}"), self.value(field)),
            4 => with(format!("JSON.SET {key} $.{name}"), self.json_value(field).into_bytes()),
            5 => words(&format!("JSON.NUMINCRBY {key} $.n 1")),
            6 => words(&format!("JSON.DEL {key} $.{name}")),
            7 => with(
                format!("JSON.MERGE {key} $"),
                format!("{{\"{name}\":{}}}", self.json_value(field)).into_bytes(),
            ),
            8 => with(format!("JSON.ARRAPPEND {key} $.g"), b"\"green\"".to_vec()),
            9 => words(&format!("HINCRBYFLOAT {key} n 0.5")),
            10..13 => self.json_write(&key),
            _ => self.hash_write(&key),
        }
    }

    /// A change of keys, which need not be over when this returns if it stands behind something.
    pub(super) fn change(&mut self) {
        self.tally.changes += 1;
        let command = self.change_command();
        self.send(self.writer, command);
    }

    /// Commands that change something; none if time passed instead.
    fn change_command(&mut self) -> Vec<Words> {
        let (key, other) = (self.key(), self.key());
        let (one, two) = (self.write(), self.write());
        let ms = 1 + self.random.below(60);
        let line = match self.random.below(34) {
            0 => format!("DEL {key} {other}"),
            1 => format!("RENAME {key} {other}"),
            2 => format!("COPY {key} {other} REPLACE"),
            3 => format!("PEXPIRE {key} {ms}"),
            4 => format!("HPEXPIRE {key} {ms} FIELDS 2 g n"),
            5 => format!("PERSIST {key}"),
            6 => format!("SET {key} string"),
            7 | 8 => {
                self.pass(ms as u64 / 2);
                return Vec::new();
            }
            9 | 10 => return vec![words("MULTI"), one, two, words("EXEC")],
            11 => return vec![words("MULTI"), one, two, words("DISCARD")],
            12 => return vec![script("error('no')", &[&one, &two])],
            13 => return vec![script("return 1", &[&one, &two])],
            14 => return vec![script("return redis.call('NO')", &[&one])],
            15 if self.random.one_in(6) => "SWAPDB 0 1".to_owned(),
            16 => format!("MOVE {key} 1"),
            17 => format!("UNLINK {key}"),
            18 if self.random.one_in(8) => self.random.choose(&["FLUSHALL", "FLUSHDB"]).to_string(),
            19 => format!("RENAMENX {key} {other}"),
            20 => format!("HGETDEL {key} FIELDS 1 g"),
            21 => format!("HGETEX {key} PX {ms} FIELDS 1 n"),
            22 => {
                return vec![
                    [words(&format!("HSETEX {key} PX {ms} FIELDS 1 t")), vec![self.value(Field::Text)]]
                        .concat(),
                ];
            }
            23 => format!("GETEX {key} PX {ms}"),
            24 => format!("HPERSIST {key} FIELDS 2 g n"),
            _ => return vec![one],
        };
        vec![words(&line)]
    }

    /// Dumps a key and restores it, mostly as another.
    pub(super) fn restore(&mut self) {
        let (key, other) = (self.key(), self.key());
        let Value::Bulk(payload) = self.line(&format!("DUMP {key}")) else { return };
        let ttl = if self.random.one_in(2) { "0" } else { "30" };
        let mut command = words(&format!("RESTORE {other} {ttl}"));
        command.extend([payload, b"REPLACE".to_vec()]);
        self.run(command);
    }

    /// A script that takes long is killed, or comes to its end beside others.
    pub(super) fn long_script(&mut self) -> Result<(), String> {
        let (one, two) = (self.write(), self.write());
        // One that has written is not killed.
        let is_endless = self.random.one_in(2);
        let (tail, writes): (_, &[&Words]) = if is_endless {
            ("while true do redis.call('HGET','doc:1','n') end", &[])
        } else {
            ("for i = 1, 20000 do end return 1", &[&one, &two])
        };
        self.engine.settle();
        self.engine.answers();
        self.send(self.writer, vec![script(tail, writes)]);
        for _ in 0..ROUNDS_MAX {
            (0..self.engine.turns.len()).for_each(|worker| self.engine.round(worker));
            if is_endless {
                self.send(self.builder, vec![words("SCRIPT KILL")]);
            }
            let (mut has_ended, mut is_killed) = (false, false);
            for (of, value) in self.engine.answers() {
                has_ended |= of == self.writer.client;
                is_killed |= of == self.builder.client && value == Value::Simple("OK".to_owned());
            }
            self.tally.kills += u64::from(is_killed);
            if has_ended || is_killed {
                self.engine.settle();
                self.engine.answers();
                return Ok(());
            }
        }
        Err("a script has no end".to_owned())
    }

    /// Lets all changes come to their end: what the writer sends behind them is answered.
    pub(super) fn finish_changes(&mut self) {
        let (echo, mark) = marked_end();
        self.engine.send(self.writer, [echo]);
        for _ in 0..ROUNDS_MAX {
            if self.answers_of(self.writer).contains(&mark) {
                break;
            }
            self.engine.settle();
        }
        self.engine.settle();
        self.engine.answers();
    }

    /// Notes which indexes FLUSHALL has deleted.
    pub(super) fn note_dropped(&mut self) {
        self.finish_changes();
        self.is_building = false;
        let Value::Array(names) = self.line("FT._LIST") else { return };
        let names: Vec<_> = names.iter().map(bytes).collect();
        self.schemas.retain(|schema| names.iter().any(|name| name == schema.name.as_bytes()));
    }

    /// An index comes, goes, or gets a field.
    pub(super) fn change_indexes(&mut self) -> Result<(), String> {
        let name = *self.random.choose(&NAMES);
        let at = self.schemas.iter().position(|schema| schema.name == name);
        let command = match at {
            Some(at) if self.random.one_in(2) => {
                let mut schema = self.schemas[at].clone();
                let Some(command) = schema.extend(&mut self.random) else { return Ok(()) };
                self.schemas[at] = schema;
                command
            }
            Some(at) => {
                self.schemas.remove(at);
                words(&format!("FT.DROPINDEX {name}"))
            }
            None => {
                let schema = Schema::draw(name, &mut self.random);
                let command = schema.create(&mut self.random);
                self.schemas.push(schema);
                command
            }
        };
        if self.is_slow && self.random.one_in(2) {
            // Documents change while it is built.
            self.send(self.builder, vec![command]);
            self.is_building = true;
            for _ in 0..self.random.below(8) {
                self.change_while_building();
            }
            return Ok(());
        }
        match self.run(command.clone()) {
            Value::Simple(text) if text == "OK" => Ok(()),
            other => Err(format!("{other:?} to {}", command.concat().escape_ascii())),
        }
    }

    fn change_while_building(&mut self) {
        self.tally.changes += 1;
        if self.random.one_in(2) {
            let write = self.write();
            self.send(self.writer, vec![write]);
            let worker = self.random.below(self.engine.turns.len());
            self.engine.round(worker);
            self.engine.answers();
            return;
        }
        let mut commands = self.change_command();
        // Whether that deletes the index is not known before it is there.
        if commands.iter().any(|command| command[0].starts_with(b"FLUSH")) {
            commands = vec![self.write()];
        }
        self.send(self.writer, commands);
        // What needs several shards may run later than a question that comes behind it.
        self.engine.answers();
        let (echo, mark) = marked_end();
        self.engine.send(self.writer, [echo]);
        for _ in 0..ROUNDS_MAX {
            if self.answers_of(self.writer).contains(&mark) {
                break;
            }
            (0..self.engine.turns.len()).for_each(|worker| self.engine.round(worker));
        }
    }
}

/// A script that stands behind all that was sent before, and its reply.
fn marked_end() -> (Words, Value) {
    let mark = b"all before is done".to_vec();
    let echo = vec![b"EVAL".to_vec(), b"return ARGV[1]".to_vec(), b"0".to_vec(), mark.clone()];
    (echo, Value::Bulk(mark))
}

/// A script that runs commands and then ends so.
pub(super) fn script(tail: &str, commands: &[&Words]) -> Words {
    let mut body = String::new();
    let mut args = Vec::new();
    for command in commands {
        let numbers: Vec<_> = (0..command.len()).map(|at| format!("ARGV[{}]", args.len() + at + 1)).collect();
        body += &format!("redis.pcall({}) ", numbers.join(","));
        args.extend((*command).clone());
    }
    body += tail;
    let head = [b"EVAL".to_vec(), body.into_bytes(), b"0".to_vec()];
    head.into_iter().chain(args).collect()
}
