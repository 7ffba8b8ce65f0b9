//! How an index is asked, and what must be answered.

use std::collections::BTreeSet;

use kora_core::reply::Value;

use super::changes::script;
use super::document::{Document, Shown, bytes};
use super::question::{Question, distance};
use super::schema::{Field, Schema, words};
use super::world::{ROUNDS_MAX, Words, World};

/// Most documents that a query asks for: more than there are.
const ALL: &str = "LIMIT 0 1000";
/// Queries about the same documents.
const QUERIES: usize = 8;

/// In which way an index is asked.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// For keys alone.
    Keys,
    /// For keys, in the order of numbers.
    Sorted { is_descending: bool },
    /// For whole documents.
    Whole,
    /// How many there are.
    Count,
    /// Numbers and how often each is there.
    Groups,
    /// Rows, a few at a time.
    Cursor,
    /// The nearest ones.
    Nearest { count: usize },
    /// A page behind the first documents.
    Page { from: usize, count: usize },
}

/// A query that was sent.
#[derive(Debug)]
struct Asked {
    schema: Schema,
    question: Question,
    form: Form,
    at: [f32; 2],
    command: Words,
}

impl World {
    fn draw_query(&mut self) -> Asked {
        let schema = self.random.choose(&self.schemas).clone();
        // The star stands alone, or in parentheses before a vector's part.
        let is_all = self.random.one_in(12);
        let question = if is_all { Question::All } else { Question::draw(&schema, 3, &mut self.random) };
        let at = self.vector();
        let has = |field| schema.fields.contains(&field);
        let form = match self.random.below(10) {
            0 if has(Field::Number) => Form::Sorted { is_descending: self.random.one_in(2) },
            1 => Form::Whole,
            2 => Form::Count,
            3 if has(Field::Number) && schema.kind == super::schema::Kind::Hash => Form::Groups,
            4 => Form::Cursor,
            5 if has(Field::Vector) => Form::Nearest { count: 1 + self.random.below(6) },
            6 => Form::Page { from: self.random.below(6), count: self.random.below(8) },
            _ => Form::Keys,
        };
        let command = form.command(&schema, &question, at);
        Asked { schema, question, form, at, command }
    }

    /// Asks a few queries, each answered before anything else runs, and looks at all documents then.
    pub(super) fn check(&mut self) -> Result<(), String> {
        match self.random.below(24) {
            0 => self.restore(),
            1 => self.long_script()?,
            _ => {}
        }
        if !self.is_building {
            self.engine.settle();
            self.engine.answers();
            self.note_dropped();
            if self.schemas.is_empty() {
                return Ok(());
            }
        }
        // What is evicted behind a query is not there any more when it is compared.
        let before = if self.is_short { self.documents().len() } else { 0 };
        let mut all = Vec::new();
        for at in 0..QUERIES {
            let asked = self.draw_query();
            // Scripts lose digits of the cursor's number.
            let may_be_within = at == 0 && !self.is_short && !matches!(asked.form, Form::Cursor);
            let reply = if may_be_within && self.random.one_in(4) {
                self.ask_within(&asked)?
            } else {
                self.run(asked.command.clone())
            };
            let reply = self.read_rest(&asked, reply)?;
            all.push((asked, reply));
        }
        self.tally.building += if self.is_building { QUERIES as u64 } else { 0 };
        self.is_building = false;
        let documents = self.documents();
        if self.is_short && documents.len() != before {
            return Ok(());
        }
        for (asked, reply) in &all {
            self.tally.queries += 1;
            asked.compare(reply, &documents, &mut self.tally.found)?;
        }
        Ok(())
    }

    /// Asks within a transaction or a script that has written before.
    fn ask_within(&mut self, asked: &Asked) -> Result<Value, String> {
        let write = self.write();
        self.tally.within += 1;
        if self.random.one_in(2) {
            let commands = vec![words("MULTI"), write, asked.command.clone(), words("EXEC")];
            return match self.run_all(self.asking, commands).pop() {
                Some(Value::Array(mut replies)) if replies.len() == 2 => Ok(replies.remove(1)),
                other => Err(format!("EXEC replies {other:?}")),
            };
        }
        let numbers: Vec<_> =
            (0..asked.command.len()).map(|at| format!("ARGV[{}]", write.len() + at + 1)).collect();
        let mut command = script(&format!("return redis.call({})", numbers.join(",")), &[&write]);
        command.extend(asked.command.clone());
        Ok(self.run(command))
    }

    /// The rows of a cursor that are still to come, in one array with those that came.
    fn read_rest(&mut self, asked: &Asked, reply: Value) -> Result<Value, String> {
        if !matches!(asked.form, Form::Cursor) {
            return Ok(reply);
        }
        let mut rows = vec![Value::Integer(0)];
        let mut page = reply;
        for _ in 0..ROUNDS_MAX {
            let (part, cursor) = match page {
                Value::Array(mut parts) if parts.len() == 2 => (parts.swap_remove(0), parts.remove(0)),
                other => return Err(format!("{}: {other:?}", asked.shown())),
            };
            let Value::Array(part) = part else { return Err(format!("{}: {part:?}", asked.shown())) };
            rows.extend(part.into_iter().skip(1));
            match cursor {
                Value::Integer(0) => return Ok(Value::Array(rows)),
                Value::Integer(id) => {
                    page = self.line(&format!("FT.CURSOR READ {} {id} COUNT 3", asked.schema.name));
                }
                other => return Err(format!("{}: cursor {other:?}", asked.shown())),
            }
        }
        Err(format!("{} has no end", asked.shown()))
    }

    /// Looks at all documents and asks a query, which goes on aside while they change.
    pub(super) fn check_beside_changes(&mut self) -> Result<(), String> {
        self.engine.settle();
        self.note_dropped();
        if self.schemas.is_empty() {
            return Ok(());
        }
        let documents = self.documents();
        let mut asked = self.draw_query();
        if matches!(asked.form, Form::Cursor) {
            asked.form = Form::Whole;
            asked.command = asked.form.command(&asked.schema, &asked.question, asked.at);
        }
        self.send(self.asking, vec![asked.command.clone()]);
        for round in 0..ROUNDS_MAX {
            if let Some(reply) = self.answers_of(self.asking).pop() {
                self.tally.queries += 1;
                self.tally.aside += u64::from(round > 0);
                let is_gone = matches!(&reply, Value::Error(text) if text.contains("dropped before"));
                return if is_gone {
                    Ok(())
                } else {
                    asked.compare(&reply, &documents, &mut self.tally.found)
                };
            }
            for _ in 0..self.random.below(3) {
                // Who asks is answered meanwhile, perhaps: changes take nobody's answers.
                self.change();
            }
            let worker = self.random.below(self.engine.turns.len());
            self.engine.round(worker);
        }
        Err(format!("{} has no end", asked.shown()))
    }
}

impl Form {
    fn command(self, schema: &Schema, question: &Question, at: [f32; 2]) -> Words {
        let text = question.text();
        let text = match self {
            Self::Nearest { count } if matches!(question, Question::All) => {
                format!("*=>[KNN {count} @v $b AS d]")
            }
            Self::Nearest { count } => format!("({text})=>[KNN {count} @v $b AS d]"),
            _ => text,
        };
        let (name, rest) = match self {
            Self::Keys => ("FT.SEARCH", format!("NOCONTENT {ALL}")),
            Self::Sorted { is_descending: true } => ("FT.SEARCH", format!("NOCONTENT SORTBY n DESC {ALL}")),
            Self::Sorted { is_descending: false } => ("FT.SEARCH", format!("NOCONTENT SORTBY n ASC {ALL}")),
            Self::Whole => ("FT.SEARCH", ALL.to_owned()),
            Self::Count => ("FT.SEARCH", "LIMIT 0 0".to_owned()),
            Self::Groups => ("FT.AGGREGATE", "GROUPBY 1 @n REDUCE COUNT 0 AS c".to_owned()),
            Self::Cursor => ("FT.AGGREGATE", "LOAD 1 @__key WITHCURSOR COUNT 2".to_owned()),
            Self::Nearest { .. } => ("FT.SEARCH", format!("NOCONTENT {ALL}")),
            Self::Page { from, count } => ("FT.SEARCH", format!("NOCONTENT LIMIT {from} {count}")),
        };
        let mut command = vec![name.into(), schema.name.into(), text.into_bytes()];
        command.extend(words(&rest));
        let blob = at.iter().flat_map(|element| element.to_le_bytes()).collect();
        command.extend(words("PARAMS 2 b"));
        command.push(blob);
        command.extend(words("DIALECT 2"));
        command
    }
}

impl Asked {
    fn shown(&self) -> String {
        let words: Vec<_> = self.command.iter().map(|word| word.escape_ascii().to_string()).collect();
        format!("{} ({:?})", words.join(" "), self.schema)
    }

    /// Compares an answer with what these documents say.
    fn compare(&self, reply: &Value, documents: &[Document], found: &mut u64) -> Result<(), String> {
        let expected: Vec<&Document> = documents
            .iter()
            .filter(|document| {
                document.is_in(&self.schema) && self.question.holds(document, &self.schema, self.at)
            })
            .collect();
        *found += expected.len() as u64;
        let Value::Array(parts) = reply else { return Err(format!("{}: {reply:?}", self.shown())) };
        let fits = match self.form {
            Form::Keys => has_count(parts, expected.len()) && keys(&parts[1..]) == keys_of(&expected),
            Form::Count => has_count(parts, expected.len()),
            Form::Page { from, count } => {
                let own = keys(&parts[1..]);
                has_count(parts, expected.len())
                    && own.len() == count.min(expected.len().saturating_sub(from))
                    && own.is_subset(&keys_of(&expected))
            }
            Form::Sorted { is_descending } => {
                has_count(parts, expected.len())
                    && keys(&parts[1..]) == keys_of(&expected)
                    && is_sorted(&parts[1..], &expected, is_descending)
            }
            Form::Whole => has_count(parts, expected.len()) && are_whole(&parts[1..], &expected),
            Form::Cursor => rows(&parts[1..]) == rows_of(&expected),
            Form::Groups => groups(&parts[1..]) == groups_of(&expected),
            Form::Nearest { count } => self.are_nearest(&parts[1..], &expected, count),
        };
        if fits {
            return Ok(());
        }
        let expected: Vec<_> = expected.iter().map(|document| format!("\n  {document:?}")).collect();
        Err(format!("{}:\nfound {reply:?}\nexpected {}:{}", self.shown(), expected.len(), expected.concat()))
    }

    fn are_nearest(&self, found: &[Value], expected: &[&Document], count: usize) -> bool {
        let of = |document: &&Document| document.vectors.values().first().map(|own| distance(*own, self.at));
        let sorted = |distances: Vec<f32>| {
            let mut distances = distances;
            distances.sort_by(f32::total_cmp);
            distances
        };
        let mut all = sorted(expected.iter().filter_map(of).collect());
        all.truncate(count);
        let own = keys(found);
        let chosen = expected.iter().filter(|document| own.contains(&document.key));
        own.len() == found.len() && sorted(chosen.filter_map(of).collect()) == all && own.len() == all.len()
    }
}

fn has_count(parts: &[Value], count: usize) -> bool {
    parts.first() == i64::try_from(count).ok().map(Value::Integer).as_ref()
}

fn keys(parts: &[Value]) -> BTreeSet<Vec<u8>> {
    parts.iter().map(bytes).collect()
}

fn keys_of(documents: &[&Document]) -> BTreeSet<Vec<u8>> {
    documents.iter().map(|document| document.key.clone()).collect()
}

/// Numbers go up or down; documents without one come last. Documents with several numbers may stand anywhere.
fn is_sorted(found: &[Value], documents: &[&Document], is_descending: bool) -> bool {
    let number = |key: &Value| {
        let document = documents.iter().find(|document| document.key == bytes(key))?;
        Some(document.numbers.values().to_vec())
    };
    let all: Vec<Vec<f64>> = found.iter().filter_map(number).filter(|numbers| numbers.len() < 2).collect();
    let without = all.iter().skip_while(|numbers| !numbers.is_empty());
    let numbers: Vec<f64> = all.iter().flatten().copied().collect();
    without.clone().all(Vec::is_empty)
        && numbers.windows(2).all(|pair| if is_descending { pair[0] >= pair[1] } else { pair[0] <= pair[1] })
}

/// Keys, each with what it holds.
fn are_whole(found: &[Value], documents: &[&Document]) -> bool {
    let shown = |pair: &[Value]| {
        let Value::Array(parts) = &pair[1] else { return false };
        let parts: Vec<_> = parts.iter().map(bytes).collect();
        let Some(document) = documents.iter().find(|document| document.key == bytes(&pair[0])) else {
            return false;
        };
        match &document.shown {
            Shown::Text(text) => parts.get(1) == Some(text),
            Shown::Fields(fields) => {
                let mut own: Vec<_> =
                    parts.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
                own.sort();
                own == *fields
            }
        }
    };
    found.len() == 2 * documents.len() && found.chunks_exact(2).all(shown)
}

/// The last value of each row, sorted.
fn rows(found: &[Value]) -> Vec<Vec<u8>> {
    let last = |row: &Value| match row {
        Value::Array(parts) => parts.last().map(bytes).unwrap_or_default(),
        other => bytes(other),
    };
    let mut rows: Vec<_> = found.iter().map(last).collect();
    rows.sort();
    rows
}

fn rows_of(documents: &[&Document]) -> Vec<Vec<u8>> {
    let mut keys: Vec<_> = documents.iter().map(|document| document.key.clone()).collect();
    keys.sort();
    keys
}

/// Numbers, or nothing, and how often each is there, sorted.
fn groups(found: &[Value]) -> Vec<(Option<String>, String)> {
    let group = |row: &Value| {
        let Value::Array(parts) = row else { return (None, String::new()) };
        let text = |at: usize| parts.get(at).map(|part| String::from_utf8_lossy(&bytes(part)).into_owned());
        let number = match parts.get(1) {
            Some(Value::Null) | None => None,
            _ => text(1).and_then(|text| text.parse::<f64>().ok()).map(|number| number.to_string()),
        };
        (number, text(3).unwrap_or_default())
    };
    let mut groups: Vec<_> = found.iter().map(group).collect();
    groups.sort();
    groups
}

fn groups_of(documents: &[&Document]) -> Vec<(Option<String>, String)> {
    let mut counts = std::collections::BTreeMap::<Option<String>, usize>::new();
    for document in documents {
        *counts.entry(document.numbers.values().first().map(f64::to_string)).or_default() += 1;
    }
    counts.into_iter().map(|(number, count)| (number, count.to_string())).collect()
}
