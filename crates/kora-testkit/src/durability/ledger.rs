//! What a client sent and what was acknowledged, held against what a server holds after its end.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Instant;

use super::change::Change;
use super::state::{Entry, Key, Reading, State, Value};

/// One client's changes since its server was last read.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// What the server held then.
    base: State,
    sent: Vec<Change>,
    /// When the first ones were acknowledged: acknowledgements come in the order of the changes.
    acknowledged: Vec<Instant>,
    /// Where elements of the shared list were said to be.
    positions: Vec<(usize, Vec<u8>)>,
}

/// How many of a client's changes must and may have survived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) least: usize,
    pub(super) most: usize,
}

impl Ledger {
    pub(super) fn send(&mut self, change: Change) {
        self.sent.push(change);
    }

    pub(super) fn acknowledge(&mut self) {
        self.acknowledged.push(Instant::now());
    }

    pub(super) fn note_position(&mut self, position: usize, element: Vec<u8>) {
        self.positions.push((position, element));
    }

    pub(super) fn positions(&self) -> &[(usize, Vec<u8>)] {
        &self.positions
    }

    pub(super) fn sent_count(&self) -> usize {
        self.sent.len()
    }

    pub(super) fn acknowledged_count(&self) -> usize {
        self.acknowledged.len()
    }

    /// How many were acknowledged before `time`.
    pub(super) fn acknowledged_before(&self, time: Instant) -> usize {
        self.acknowledged.partition_point(|&at| at < time)
    }

    /// Begins anew from what was read.
    pub(super) fn begin(&mut self, state: State) {
        *self = Self { base: state, ..Self::default() };
    }

    /// Looks for a number of changes, the first ones, that make what was read; returns it.
    ///
    /// # Errors
    /// What does not fit.
    pub(super) fn explain(&self, reading: &Reading, bounds: Bounds) -> Result<usize, String> {
        let mut state = self.base.clone();
        let mut differing: BTreeSet<Key> = reading
            .state
            .keys()
            .chain(state.keys())
            .filter(|key| !reading.agrees(key, state.get(*key)))
            .cloned()
            .collect();
        let mut nearest: Option<(usize, BTreeSet<Key>, State)> = None;
        let mut explained_by = None;
        for count in 0..=self.sent.len() {
            if let Some(change) = count.checked_sub(1).and_then(|at| self.sent.get(at)) {
                change.apply(&mut state);
                for key in change.keys() {
                    if reading.agrees(key, state.get(key)) {
                        differing.remove(key);
                    } else {
                        differing.insert(key.clone());
                    }
                }
            }
            if differing.is_empty() {
                explained_by = Some(count);
                if (bounds.least..=bounds.most).contains(&count) {
                    return Ok(count);
                }
            }
            let is_nearer = nearest.as_ref().is_none_or(|(_, keys, _)| differing.len() < keys.len());
            if (bounds.least..=bounds.most).contains(&count) && is_nearer {
                nearest = Some((count, differing.clone(), state.clone()));
            }
        }
        Err(self.describe(reading, bounds, explained_by, nearest))
    }

    fn describe(
        &self,
        reading: &Reading,
        bounds: Bounds,
        explained_by: Option<usize>,
        nearest: Option<(usize, BTreeSet<Key>, State)>,
    ) -> String {
        let Bounds { least, most } = bounds;
        let mut text = format!(
            "{} changes sent, {} acknowledged; {least} to {most} must be there. ",
            self.sent.len(),
            self.acknowledged.len()
        );
        let told = match explained_by {
            Some(count) => write!(text, "What is there is the state after {count}."),
            None => write!(text, "What is there is the state after no number of them."),
        };
        told.expect("a string takes whatever is written");
        let Some((count, keys, state)) = nearest else { return text };
        write!(text, " Nearest is {count}:").expect("a string takes whatever is written");
        for key in keys.iter().take(8) {
            let (expected, found) = (show(state.get(key)), show(reading.state.get(key)));
            write!(text, "\n  {}: expected {expected}, found {found}", key.escape_ascii())
                .expect("a string takes whatever is written");
            let touching = self.sent.iter().enumerate().filter(|(_, change)| change.keys().contains(&key));
            for (at, change) in touching.skip_while(|(at, _)| at + 5 < count).take(4) {
                let mut words = format!("{change:?}");
                words.truncate(300);
                write!(text, "\n    change {}: {words}", at + 1).expect("a string takes whatever is written");
            }
        }
        text
    }
}

/// An entry, abbreviated.
fn show(entry: Option<&Entry>) -> String {
    let Some(Entry { value, deadline_ms }) = entry else { return "nothing".to_owned() };
    let text = |bytes: &[u8]| {
        let mut text = bytes.escape_ascii().to_string();
        text.truncate(40);
        text
    };
    let shown = match value {
        Value::Text(bytes) => format!("'{}'", text(bytes)),
        Value::List(elements) => {
            let last = elements.back().map(|element| text(element)).unwrap_or_default();
            format!("a list of {} that ends with '{last}'", elements.len())
        }
        Value::Hash(fields) => format!("a hash of {}", fields.len()),
        Value::Set(members) => format!("a set of {}", members.len()),
        Value::Scores(scores) => {
            format!("a sorted set of {}, sum {}", scores.len(), scores.values().sum::<i64>())
        }
        Value::Stream(entries) => {
            let last = entries.last().map(|(id, _)| text(id)).unwrap_or_default();
            format!("a stream of {} that ends with {last}", entries.len())
        }
    };
    match deadline_ms {
        None => shown,
        Some(at) => format!("{shown} until {at}"),
    }
}

#[cfg(test)]
mod tests;
