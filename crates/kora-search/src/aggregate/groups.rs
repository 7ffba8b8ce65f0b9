//! GROUPBY.

use std::collections::HashMap;

use super::Limits;
use super::error::AggregateError;
use super::key;
use super::reduce::{self, Compiled, State};
use super::row::Row;
use crate::expression::Row as Readable;
use crate::value::Value;

/// A GROUPBY whose properties are columns.
#[derive(Clone, Debug)]
pub(super) struct GroupBy {
    pub(super) columns: Vec<usize>,
    pub(super) reducers: Vec<Compiled>,
}

/// Groups that rows have gone into, in the order in which they came up.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    by_key: HashMap<Vec<u8>, usize>,
    groups: Vec<Group>,
    /// Values that reducers keep.
    kept: usize,
    /// Room for the key of a row.
    scratch: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Group {
    values: Vec<Value>,
    states: Vec<State>,
}

impl Groups {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Takes a row. One with arrays among its properties goes to a group for each combination of their elements.
    pub(super) fn add(
        &mut self,
        by: &GroupBy,
        row: &Row,
        chance: u64,
        limits: &Limits,
    ) -> Result<(), AggregateError> {
        let has_arrays = by.columns.iter().any(|column| matches!(row.value(*column), Some(Value::Array(_))));
        if has_arrays {
            let combinations = combinations(by, row, limits)?;
            return combinations.into_iter().try_for_each(|values| {
                let index = self.group(values, || by.states(), limits)?;
                self.reduce(index, by, row, chance, limits)
            });
        }
        // Without properties there is one group.
        if by.columns.is_empty() && !self.groups.is_empty() {
            return self.reduce(0, by, row, chance, limits);
        }
        self.scratch.clear();
        by.columns.iter().for_each(|column| key::write(row.value(*column), &mut self.scratch));
        let index = match self.by_key.get(self.scratch.as_slice()) {
            Some(index) => *index,
            None => {
                let value = |column: &usize| row.value(*column).cloned().unwrap_or(Value::Null);
                self.group(by.columns.iter().map(value).collect(), || by.states(), limits)?
            }
        };
        self.reduce(index, by, row, chance, limits)
    }

    fn reduce(
        &mut self,
        index: usize,
        by: &GroupBy,
        row: &Row,
        chance: u64,
        limits: &Limits,
    ) -> Result<(), AggregateError> {
        let Some(group) = self.groups.get_mut(index) else { return Ok(()) };
        for (state, reducer) in group.states.iter_mut().zip(&by.reducers) {
            let before = state.kept();
            state.add(reducer, row, chance);
            self.kept = (self.kept + state.kept()).saturating_sub(before);
        }
        reduce::check(self.kept, limits)
    }

    /// The group of these values, which is made if there is none.
    fn group(
        &mut self,
        values: Vec<Value>,
        states: impl FnOnce() -> Vec<State>,
        limits: &Limits,
    ) -> Result<usize, AggregateError> {
        let mut bytes = Vec::new();
        values.iter().for_each(|value| key::write(Some(value), &mut bytes));
        if let Some(index) = self.by_key.get(&bytes) {
            return Ok(*index);
        }
        if self.groups.len() == limits.groups_max {
            return Err(AggregateError::TooMuch("groups"));
        }
        self.by_key.insert(bytes, self.groups.len());
        self.groups.push(Group { values, states: states() });
        Ok(self.groups.len() - 1)
    }

    /// Takes groups of rows behind its own.
    pub(super) fn merge(&mut self, other: Self, limits: &Limits) -> Result<(), AggregateError> {
        for Group { values, states } in other.groups {
            let mut theirs = Some(states);
            let index = self.group(values, || theirs.take().unwrap_or_default(), limits)?;
            let Some(group) = self.groups.get_mut(index) else { continue };
            let Some(theirs) = theirs else {
                self.kept += group.states.iter().map(State::kept).sum::<usize>();
                continue;
            };
            for (ours, theirs) in group.states.iter_mut().zip(theirs) {
                let before = ours.kept();
                ours.merge(theirs);
                self.kept = (self.kept + ours.kept()).saturating_sub(before);
            }
            reduce::check(self.kept, limits)?;
        }
        Ok(())
    }

    /// A row for each group: its properties, then what was computed.
    pub(super) fn finish(self) -> Vec<Row> {
        let row = |(order, group): (u64, Group)| {
            let values = group.values.into_iter().chain(group.states.into_iter().map(State::finish));
            Row { values: values.map(Some).collect(), order, matched_terms: Vec::new() }
        };
        (0..).zip(self.groups).map(row).collect()
    }
}

impl GroupBy {
    fn states(&self) -> Vec<State> {
        self.reducers.iter().map(|reducer| State::new(&reducer.function)).collect()
    }
}

/// The values of a row's properties, one element of each array at a time; an empty one has none.
fn combinations(by: &GroupBy, row: &Row, limits: &Limits) -> Result<Vec<Vec<Value>>, AggregateError> {
    let mut combinations = vec![Vec::with_capacity(by.columns.len())];
    for column in &by.columns {
        let choices = match row.value(*column) {
            Some(Value::Array(values)) if !values.is_empty() => values.clone(),
            None | Some(Value::Array(_)) => vec![Value::Null],
            Some(value) => vec![value.clone()],
        };
        if combinations.len().saturating_mul(choices.len()) > limits.groups_max {
            return Err(AggregateError::TooMuch("groups"));
        }
        let with = |values: &Vec<Value>| {
            let values = values.clone();
            choices.iter().map(move |choice| [values.as_slice(), std::slice::from_ref(choice)].concat())
        };
        combinations = combinations.iter().flat_map(with).collect();
    }
    Ok(combinations)
}
