//! A row: a command line, and how its cost may grow.
//!
//! In a line, `{first}`, `{eighth}`, `{quarter}`, `{third}`, `{middle}`, `{upper}` and `{last}` stand for positions, which differ from turn to
//! turn: what one row removes, others must not look for. `{new}` stands for a text that is new each time, `{size}` for the size, `{main}`
//! for the group's large value and `{payload}` for the DUMP of that.

use crate::shard::Shard;
use crate::whole;

/// Times that a row's command is run, if it costs little.
pub(crate) const TURNS: usize = 16;

/// Times that a row's command is run, if it or what precedes it costs much.
const FEW_TURNS: usize = 1;

/// How the cost of a command may grow with the size of its collection.
#[derive(Clone, Copy)]
pub(crate) enum Growth {
    /// Not at all, or with the logarithm.
    Flat,
    /// In proportion to the size, or that times its logarithm.
    Linear,
}

/// A command to be measured.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// The command line.
    pub(crate) command: &'static str,
    pub(crate) growth: Growth,
    /// Command lines before each turn, not measured.
    pub(crate) before: &'static [&'static str],
    /// The group's large value.
    pub(crate) main: &'static str,
    is_late: bool,
}

/// One that should not grow.
pub(crate) const fn flat(command: &'static str) -> Row {
    Row { command, growth: Growth::Flat, before: &[], main: "", is_late: false }
}

/// One that may grow in proportion.
pub(crate) const fn linear(command: &'static str) -> Row {
    Row { growth: Growth::Linear, ..flat(command) }
}

impl Row {
    /// With these commands before each turn.
    pub(crate) const fn before(self, before: &'static [&'static str]) -> Self {
        Self { before, ..self }
    }

    /// Run when everything with a deadline has expired.
    pub(crate) const fn late(self) -> Self {
        Self { is_late: true, ..self }
    }

    /// How often it is run.
    pub(crate) fn turns(&self) -> usize {
        let is_costly = matches!(self.growth, Growth::Linear) || !self.before.is_empty();
        if is_costly { FEW_TURNS } else { TURNS }
    }

    /// The time at which it is run, in milliseconds.
    pub(crate) fn time(&self) -> i64 {
        if self.is_late { 1_000_000 } else { 1 }
    }
}

/// Rows on the same keys.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    /// The large value, for the rows that all types have in common; none if it has no such.
    pub(crate) main: Option<&'static str>,
    /// Makes the keys, with so many elements.
    pub(crate) fill: fn(&mut Shard, usize),
    pub(crate) rows: &'static [Row],
}

impl Group {
    /// Its rows with their command lines.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (Row, String)> {
        let own = self.rows.iter().map(|row| (*row, row.command.to_owned()));
        let shared = self.main.into_iter().flat_map(|main| {
            whole::ROWS.iter().map(move |row| (Row { main, ..*row }, row.command.replace("{main}", main)))
        });
        own.chain(shared)
    }
}

/// The words of a line in its turn.
pub(crate) fn words(line: &str, size: usize, turn: usize, payload: &[u8]) -> Vec<Vec<u8>> {
    let places = [
        ("{first}", turn.to_string()),
        ("{eighth}", (size / 8 + turn).to_string()),
        ("{quarter}", (size / 4 + turn).to_string()),
        ("{third}", (size / 3 + turn).to_string()),
        ("{middle}", (size / 2 + turn).to_string()),
        ("{upper}", (size * 3 / 4 + turn).to_string()),
        ("{last}", (size - TURNS + turn).to_string()),
        ("{new}", format!("new:{turn:08}")),
        ("{size}", size.to_string()),
    ];
    let filled =
        |word: &str| places.iter().fold(word.to_owned(), |word, (name, text)| word.replace(name, text));
    let bytes = |word: &str| if word == "{payload}" { payload.to_vec() } else { filled(word).into_bytes() };
    line.split(' ').map(bytes).collect()
}
