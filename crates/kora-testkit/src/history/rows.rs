//! Rows: numbers that only grow by one, in hashes, JSON values and documents of a collection, read through indexes.
//!
//! A row is a list to [`super::lists`]: who counts it up appends, at the place that the reply tells, and who finds it with a number has
//! read so many elements. A search that asks for all rows is one read of all of them, so it must see exactly the writes before it
//! in the order; a row that it does not find it has read as empty.
//!
//! Rows are found by numbers, by tags that are the same numbers, in the order of a sortable field, and by an index that was declared a
//! moment ago.

use std::collections::BTreeMap;

use super::Anomaly;
use super::client::{Args, Client, Planned, words};
use super::lists::{Action, Element, Key};
use crate::frame::Frame;
use crate::simulation::random::Random;

/// Rows of each kind.
const ROWS: usize = 8;

/// Keys below this are lists.
const FIRST_KEY: Key = 1 << 20;

/// What holds a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Hash,
    Json,
    Document,
}

/// A command on rows, before it is answered.
#[derive(Clone, Debug)]
pub(super) enum OnRows {
    /// Counts one up.
    Count(Kind, usize),
    /// Finds all with an index, in order if it says so.
    All { kind: Kind, index: String, is_ordered: bool },
    /// Finds the hashes that hold a number.
    Holding(u64),
}

impl OnRows {
    /// One that a single command does.
    pub(super) fn plan(random: &mut Random, is_read: bool) -> Self {
        let kind = *random.choose(&[Kind::Hash, Kind::Json]);
        match is_read {
            false => Self::Count(kind, random.below(ROWS)),
            true if random.one_in(4) => Self::Holding(1 + random.below(150) as u64),
            true => Self::All { kind, index: kind.index().to_owned(), is_ordered: random.one_in(2) },
        }
    }

    /// Names of the keys that it is about; a search names none.
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::Count(kind, row) => vec![kind.name(*row)],
            Self::All { .. } | Self::Holding(_) => Vec::new(),
        }
    }

    pub(super) fn command(&self) -> Args {
        match self {
            Self::Count(Kind::Hash, row) => words(&["HINCRBY", &Kind::Hash.name(*row), "n", "1"]),
            Self::Count(Kind::Json, row) => words(&["JSON.NUMINCRBY", &Kind::Json.name(*row), "$.n", "1"]),
            Self::Count(Kind::Document, row) => {
                let row = format!("r{row}");
                let script = "redis.call('DOC.UPDATE', 'rows', ARGV[1], 'INCR', 'n', '1')
                    return redis.call('DOC.GET', 'rows', ARGV[1])";
                words(&["EVAL", script, "0", &row])
            }
            Self::All { kind: Kind::Document, is_ordered, .. } => {
                let find = ["DOC.FIND", "rows", "WHERE", "n >= 1", "LIMIT", "100", "WITHIDS"];
                let order: &[&str] = if *is_ordered { &["ORDER", "BY", "n"] } else { &[] };
                words(&[&find, order].concat())
            }
            Self::All { index, is_ordered: true, .. } => {
                let search = ["FT.SEARCH", index, "@n:[1 +inf]", "RETURN", "1", "n", "SORTBY", "n", "ASC"];
                words(&[&search[..], &["LIMIT", "0", "100", "DIALECT", "2"]].concat())
            }
            Self::All { index, .. } => words(&[
                "FT.AGGREGATE",
                index,
                "@n:[1 +inf]",
                "LOAD",
                "2",
                "@__key",
                "@n",
                "LIMIT",
                "0",
                "100",
            ]),
            Self::Holding(number) => {
                let query = format!("@t:{{{number}}}");
                words(&["FT.SEARCH", "rows", &query, "RETURN", "1", "n", "LIMIT", "0", "100", "DIALECT", "2"])
            }
        }
    }

    /// What it has done, by its reply; none if there is no such reply.
    pub(super) fn action(&self, reply: &Frame) -> Option<Action> {
        match self {
            Self::Count(kind, row) => {
                let place = counted(*kind, reply)?;
                Some(Action::Append(
                    kind.key(*row),
                    element(kind.key(*row), place),
                    usize::try_from(place).ok()?,
                ))
            }
            Self::All { kind, is_ordered, .. } => {
                let found = found(*kind, reply)?;
                let rows: BTreeMap<usize, u64> = found.iter().copied().collect();
                let is_in_order = found.is_sorted_by_key(|(_, number)| *number);
                if rows.len() != found.len() || *is_ordered && !is_in_order {
                    return None;
                }
                let read = |row: usize| read_as(kind.key(row), rows.get(&row).copied().unwrap_or(0));
                Some(Action::Read((0..ROWS).map(read).collect()))
            }
            Self::Holding(number) => {
                let found = found(Kind::Hash, reply)?;
                let is_asked = found.iter().all(|(_, own)| own == number);
                is_asked.then(|| {
                    Action::Read(found.iter().map(|(row, own)| read_as(Kind::Hash.key(*row), *own)).collect())
                })
            }
        }
    }
}

impl Kind {
    const ALL: [Self; 3] = [Self::Hash, Self::Json, Self::Document];

    fn index(self) -> &'static str {
        match self {
            Self::Hash | Self::Document => "rows",
            Self::Json => "jrows",
        }
    }

    /// What the row is called on the server.
    fn name(self, row: usize) -> String {
        match self {
            Self::Hash => format!("row:{row}"),
            Self::Json => format!("jrow:{row}"),
            Self::Document => format!("r{row}"),
        }
    }

    /// The number of the row among all lists.
    fn key(self, row: usize) -> Key {
        FIRST_KEY + self as usize * ROWS + row
    }
}

/// The element at a place of a row, from 1.
fn element(key: Key, place: u64) -> Element {
    (key as u64) << 32 | place
}

fn read_as(key: Key, number: u64) -> (Key, Vec<Element>) {
    (key, (1..=number).map(|place| element(key, place)).collect())
}

/// The number that a row was counted up to.
fn counted(kind: Kind, reply: &Frame) -> Option<u64> {
    let text = std::str::from_utf8(reply.bytes()).ok()?;
    match kind {
        Kind::Hash => text.parse().ok(),
        Kind::Json => text.strip_prefix('[')?.strip_suffix(']')?.parse().ok(),
        Kind::Document => document_number(text),
    }
}

fn document_number(text: &str) -> Option<u64> {
    text.strip_prefix("{\"n\":")?.strip_suffix('}')?.parse().ok()
}

/// Rows found and their numbers, as the reply has them: keys with their fields behind them, or fields with a key among them, or documents with
/// their ids.
fn found(kind: Kind, reply: &Frame) -> Option<Vec<(usize, u64)>> {
    let row_of = |name: &Frame| {
        let name = std::str::from_utf8(name.bytes()).ok()?;
        (0..ROWS).find(|row| kind.name(*row) == name)
    };
    if kind == Kind::Document {
        let pair = |pair: &Frame| {
            let [id, text] = pair.items() else { return None };
            Some((row_of(id)?, document_number(std::str::from_utf8(text.bytes()).ok()?)?))
        };
        return reply.items().iter().map(pair).collect();
    }
    let field = |fields: &[Frame], name: &[u8]| {
        let mut pairs = fields.chunks_exact(2);
        pairs.find(|pair| pair[0].bytes() == name).map(|pair| pair[1].clone())
    };
    let number = |fields: &[Frame]| u64::try_from(field(fields, b"n")?.number()?).ok();
    let (count, rows) = reply.items().split_first()?;
    if rows.iter().all(|row| field(row.items(), b"__key").is_some()) {
        return rows
            .iter()
            .map(|row| Some((row_of(&field(row.items(), b"__key")?)?, number(row.items())?)))
            .collect();
    }
    let pairs: Option<Vec<_>> =
        rows.chunks(2).map(|pair| Some((row_of(pair.first()?)?, number(pair.get(1)?.items())?))).collect();
    pairs.filter(|pairs| count.number() == i64::try_from(pairs.len()).ok())
}

impl Client<'_> {
    /// Declares the indexes, and puts rows there that counting does not make.
    pub(super) fn prepare_rows(&mut self) -> Result<(), Anomaly> {
        let mut commands = vec![
            words(&[
                "FT.CREATE",
                "rows",
                "ON",
                "HASH",
                "PREFIX",
                "1",
                "row:",
                "SCHEMA",
                "n",
                "NUMERIC",
                "SORTABLE",
                "n",
                "AS",
                "t",
                "TAG",
            ]),
            words(&[
                "FT.CREATE",
                "jrows",
                "ON",
                "JSON",
                "PREFIX",
                "1",
                "jrow:",
                "SCHEMA",
                "$.n",
                "AS",
                "n",
                "NUMERIC",
                "SORTABLE",
            ]),
            words(&["DOC.CREATE", "rows"]),
            words(&["DOC.CREATEINDEX", "rows", "n", "SORTED"]),
        ];
        for row in 0..ROWS {
            commands.push(words(&["JSON.SET", &Kind::Json.name(row), "$", "{\"n\":0}"]));
            commands.push(words(&["DOC.SET", "rows", &Kind::Document.name(row), "{\"n\":0}"]));
        }
        self.ask(&commands).map(drop)
    }

    /// Counts documents up, and looks for them.
    pub(super) fn use_documents(&mut self) -> Result<(), Anomaly> {
        let mut planned = Vec::new();
        for _ in 0..1 + self.random.below(4) {
            planned.push(Planned::Rows(if self.random.one_in(2) {
                OnRows::Count(Kind::Document, self.random.below(ROWS))
            } else {
                let is_ordered = self.random.one_in(2);
                OnRows::All { kind: Kind::Document, index: String::new(), is_ordered }
            }));
        }
        self.run_planned(planned)
    }

    /// Declares an index of one's own over the rows there are, looks for them, counts one up and looks again.
    pub(super) fn use_new_index(&mut self) -> Result<(), Anomaly> {
        let kind = *self.random.choose(&[Kind::Hash, Kind::Json]);
        let index = format!("own:{}", self.process);
        let (on, prefix, path) =
            if kind == Kind::Hash { ("HASH", "row:", "n") } else { ("JSON", "jrow:", "$.n") };
        let create = ["FT.CREATE", &index, "ON", on, "PREFIX", "1", prefix];
        let schema = ["SCHEMA", path, "AS", "n", "NUMERIC", "SORTABLE"];
        self.ask(&[words(&[&create[..], &schema].concat())])?;
        let mut look = || OnRows::All { kind, index: index.clone(), is_ordered: self.random.one_in(2) };
        let planned = [look(), look()];
        let [first, second] = planned.map(Planned::Rows);
        let count = Planned::Rows(OnRows::Count(kind, self.random.below(ROWS)));
        self.run_planned(vec![first, count, second])?;
        self.ask(&[words(&["FT.DROPINDEX", &index])]).map(drop)
    }

    /// Reads all rows, so that every count has been seen.
    pub(super) fn read_rows(&mut self) -> Result<(), Anomaly> {
        for kind in Kind::ALL {
            let all = OnRows::All { kind, index: kind.index().to_owned(), is_ordered: true };
            self.run_planned(vec![Planned::Rows(all)])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::lists::{Event, check};
    use super::*;

    fn event(process: usize, (began, ended): (u64, u64), on_rows: &OnRows, reply: &str) -> Event {
        let reply = Frame::read(&mut reply.as_bytes()).unwrap();
        let actions = vec![on_rows.action(&reply).expect("there is such a reply")];
        Event { process, began, ended, actions }
    }

    /// Row 3 is counted up, another client searches, and in the end all is read.
    fn outcome(span: (u64, u64), found: &str) -> Result<(), String> {
        let all = |is_ordered| OnRows::All { kind: Kind::Hash, index: "rows".to_owned(), is_ordered };
        let whole = "*3\r\n:1\r\n$5\r\nrow:3\r\n*2\r\n$1\r\nn\r\n$1\r\n1\r\n";
        check(&[
            event(0, (10, 20), &OnRows::Count(Kind::Hash, 3), ":1\r\n"),
            event(1, span, &all(false), found),
            event(2, (90, 99), &all(true), whole),
        ])
    }

    #[test]
    fn a_search_that_misses_a_write_is_noticed() {
        let (nothing, one) =
            ("*1\r\n:0\r\n", "*2\r\n:1\r\n*4\r\n$5\r\n__key\r\n$5\r\nrow:3\r\n$1\r\nn\r\n$1\r\n1\r\n");
        assert!(outcome((0, 5), nothing).is_ok());
        assert!(outcome((0, 30), nothing).is_ok());
        assert!(outcome((0, 30), one).is_ok());
        assert!(outcome((30, 40), one).is_ok());
        assert!(outcome((30, 40), nothing).is_err(), "the write was answered before");
        assert!(outcome((0, 5), one).is_err(), "the write was not sent yet");
    }

    #[test]
    fn a_reply_that_contradicts_itself_is_none() {
        let action = |on_rows: &OnRows, reply: &str| {
            on_rows.action(&Frame::read(&mut reply.as_bytes()).unwrap()).is_some()
        };
        let pair = |row: u8, number: u8| format!("$5\r\nrow:{row}\r\n*2\r\n$1\r\nn\r\n$1\r\n{number}\r\n");
        let all = |is_ordered| OnRows::All { kind: Kind::Hash, index: "rows".to_owned(), is_ordered };
        let reply = |rows: [(u8, u8); 2]| {
            format!("*5\r\n:2\r\n{}{}", pair(rows[0].0, rows[0].1), pair(rows[1].0, rows[1].1))
        };
        assert!(action(&all(true), &reply([(1, 2), (2, 3)])));
        assert!(!action(&all(true), &reply([(1, 3), (2, 2)])), "not in order");
        assert!(!action(&all(false), &reply([(1, 2), (1, 3)])), "one row twice");
        assert!(!action(&OnRows::Holding(2), &reply([(1, 2), (2, 3)])), "another number");
    }
}
