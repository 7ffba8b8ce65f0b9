//! A collection whose documents lie beside the others, with indexes on some of its fields: what it is told and asked.

use std::collections::BTreeSet;

use kora_core::reply::Value;

use super::condition::{Document, Meaning, Plain, sort};
use super::document::bytes;
use super::schema::words;
use super::world::{Words, World};

/// What its keys begin with.
const PREFIX: &str = "__kora:doc:c:";
/// Ids that changes choose from.
const IDS: usize = 20;
/// Fields that are asked for.
const PATHS: [&str; 5] = ["a", "b", "t", "o.p", "t.0"];
/// Questions about the same documents.
const QUESTIONS: usize = 6;

fn command(parts: &[&str]) -> Words {
    parts.iter().map(|part| part.as_bytes().to_vec()).collect()
}

impl World {
    fn scalar(&mut self) -> Plain {
        let random = &mut self.random;
        match random.below(8) {
            0 => Plain::Null,
            1 => Plain::Bool(random.one_in(2)),
            2 => Plain::Double(0.5 + f64::from(u8::try_from(random.below(4)).unwrap_or(0))),
            3 => Plain::Integer((1 << 53) + i128::from(random.bits() % 3)),
            4 | 5 => Plain::Text((*random.choose(&["x", "xy", "", "it's", "Z\\", "and"])).to_owned()),
            _ => Plain::Integer(i128::from(random.bits() % 8) - 2),
        }
    }

    fn json_document(&mut self) -> String {
        let mut members = vec![("a".to_owned(), self.scalar())];
        if self.random.one_in(2) {
            members.push(("b".to_owned(), self.scalar()));
        }
        let count = self.random.below(4);
        members.push(("t".to_owned(), Plain::Array((0..count).map(|_| self.scalar()).collect())));
        members.push(("o".to_owned(), Plain::Object(vec![("p".to_owned(), self.scalar())])));
        Plain::Object(members).json()
    }

    /// Changes some of its documents, or its indexes.
    pub(super) fn change_collection(&mut self) {
        let (id, other) = (self.random.below(IDS).to_string(), self.random.below(IDS).to_string());
        let (one, two, scalar) = (self.json_document(), self.json_document(), self.scalar().json());
        let path = *self.random.choose(&PATHS);
        let kind = *self.random.choose(&["hash", "sorted", "array"]);
        let (key, other_key) = (format!("{PREFIX}{id}"), format!("{PREFIX}{other}"));
        let ms = (1 + self.random.below(60)).to_string();
        let set = command(&["DOC.SET", "c", &id, &one]);
        let commands = match self.random.below(18) {
            0 => vec![command(&["DOC.CREATE", "c"])],
            1 => vec![command(&["DOC.CREATEINDEX", "c", path, kind])],
            2 => vec![command(&["DOC.DROPINDEX", "c", path])],
            3 => vec![command(&["DOC.MSET", "c", &id, &one, &other, &two])],
            4 => vec![command(&["DOC.UPDATE", "c", &id, "SET", "a", &scalar, "PUSH", "t", &scalar])],
            5 => vec![command(&["DOC.UPDATE", "c", &id, "INCR", "a", "1", "DEL", "b"])],
            6 => vec![command(&["DOC.DEL", "c", &id, &other])],
            7 => vec![command(&["RENAME", &key, &other_key])],
            8 => vec![command(&["COPY", &key, &other_key, "REPLACE"])],
            9 => vec![command(&["PEXPIRE", &key, &ms])],
            10 => vec![command(&["JSON.SET", &key, "$.a", &scalar])],
            11 => vec![words("MULTI"), set, command(&["DOC.DEL", "c", &other]), words("EXEC")],
            12 => vec![super::changes::script("error('no')", &[&set])],
            13 => vec![command(&["DOC.SET", "c", &id, &one, "PX", &ms])],
            14 if self.random.one_in(10) => vec![command(&["DOC.DROP", "c"])],
            _ => vec![set],
        };
        self.tally.changes += 1;
        self.run_all(self.writer, commands);
    }

    fn meaning(&mut self, depth: usize) -> Meaning {
        let path = *self.random.choose(&PATHS);
        let several =
            |world: &mut Self| (0..2 + world.random.below(2)).map(|_| world.meaning(depth - 1)).collect();
        match self.random.below(if depth == 0 { 7 } else { 12 }) {
            0 => Meaning::Exists(path),
            1 => Meaning::Contains(path, self.scalar()),
            2 => Meaning::StartsWith(path, (*self.random.choose(&["", "x", "i", "Z\\"])).to_owned()),
            3 => Meaning::In(path, (0..2).map(|_| self.scalar()).collect()),
            4 => Meaning::Compare(path, self.random.choose::<&str>(&["=", "!="]), self.scalar()),
            5 | 6 => {
                let literal = match self.scalar() {
                    Plain::Null => Plain::Integer(2),
                    literal => literal,
                };
                Meaning::Compare(path, self.random.choose::<&str>(&["<", "<=", ">", ">="]), literal)
            }
            7 => Meaning::Not(Box::new(self.meaning(depth - 1))),
            8 | 9 => Meaning::Any(several(self)),
            _ => Meaning::All(several(self)),
        }
    }

    /// All its documents.
    fn collected(&mut self) -> Vec<Document> {
        let Value::Array(keys) = self.run_quietly(vec![words(&format!("KEYS {PREFIX}*"))]).remove(0) else {
            return Vec::new();
        };
        let keys: Vec<_> = keys.iter().map(bytes).collect();
        let reading = keys.iter().map(|key| vec![b"JSON.GET".to_vec(), key.clone()]);
        let replies = self.run_quietly(reading.collect());
        let document = |(key, reply): (&Vec<u8>, &Value)| {
            let Value::Bulk(json) = reply else { return None };
            let id = String::from_utf8_lossy(&key[PREFIX.len()..]).into_owned();
            Document::new(&id, &String::from_utf8_lossy(json))
        };
        keys.iter().zip(&replies).filter_map(document).collect()
    }

    /// Asks a few questions, each answered before anything else runs, and looks at all documents then.
    pub(super) fn check_collection(&mut self) -> Result<(), String> {
        let mut all = Vec::new();
        for _ in 0..QUESTIONS {
            let meaning = self.meaning(2);
            let order = [(*self.random.choose(&PATHS[..4]), self.random.one_in(2))];
            let (limit, offset) = (self.random.below(8), self.random.below(3));
            let (condition, direction) = (meaning.text(), if order[0].1 { "DESC" } else { "ASC" });
            let found = self.run(command(&["DOC.FIND", "c", "WHERE", &condition, "WITHIDS"]));
            let mut sorted =
                command(&["DOC.FIND", "c", "WHERE", &condition, "ORDER", "BY", order[0].0, direction]);
            sorted.extend(words(&format!("WITHIDS LIMIT {limit} OFFSET {offset}")));
            let page = self.run(sorted);
            all.push((meaning, order, (limit, offset), found, page));
        }
        let documents = self.collected();
        for (meaning, order, (limit, offset), found, page) in all {
            // There is no collection, perhaps.
            if matches!(&found, Value::Error(text) if text.contains("unknown collection")) {
                continue;
            }
            self.tally.queries += 2;
            let mut expected: Vec<&Document> =
                documents.iter().filter(|document| meaning.holds(document)).collect();
            self.tally.found += expected.len() as u64;
            let is_all = pairs(&found).is_some_and(|found| {
                let set: BTreeSet<_> = found.iter().cloned().collect();
                found.len() == expected.len() && set == expected.iter().map(|one| pair(one)).collect()
            });
            sort(&mut expected, &order);
            let own: Vec<_> = expected.iter().skip(offset).take(limit).map(|one| pair(one)).collect();
            if !is_all || pairs(&page) != Some(own) {
                return Err(format!(
                    "{} by {order:?} LIMIT {limit} OFFSET {offset}:\nfound {found:?}\npage {page:?}\nexpected {expected:?}",
                    meaning.text()
                ));
            }
        }
        Ok(())
    }
}

fn pair(document: &Document) -> (String, String) {
    (document.id.clone(), document.text.clone())
}

/// Ids and documents.
fn pairs(reply: &Value) -> Option<Vec<(String, String)>> {
    let Value::Array(rows) = reply else { return None };
    let text = |value: &Value| String::from_utf8_lossy(&bytes(value)).into_owned();
    let pair = |row: &Value| match row {
        Value::Array(parts) if parts.len() == 2 => Some((text(&parts[0]), text(&parts[1]))),
        _ => None,
    };
    rows.iter().map(pair).collect()
}
