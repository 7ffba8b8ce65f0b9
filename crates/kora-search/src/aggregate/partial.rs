//! Rows on their way: as many as one shard has, and then those of all.

use std::sync::Arc;

use super::Limits;
use super::error::AggregateError;
use super::groups::Groups;
use super::key::mix;
use super::pipeline::{Action, Cut, Pipeline};
use super::row::Row;
use super::sort::Top;

/// What rows of a shard have come to.
#[derive(Clone, Debug)]
pub struct Partial {
    pipeline: Arc<Pipeline>,
    limits: Limits,
    /// Where what is by chance begins.
    seed: u64,
    kept: Kept,
    /// Rows that came as far as to what is kept.
    count: u64,
}

/// What is kept of rows, by the first action that needs all of them.
#[derive(Clone, Debug)]
enum Kept {
    Rows(Vec<Row>),
    Groups(Groups),
    Top(Top),
}

/// What comes out of an aggregation.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Its rows; their columns have the names of [`Pipeline::names`].
    pub rows: Vec<Row>,
    /// How many rows there were before the last SORTBY or LIMIT left some out.
    pub total: u64,
}

impl Action {
    fn needs_all(&self) -> bool {
        !matches!(self, Self::Apply(..) | Self::Filter(_))
    }
}

impl Partial {
    /// Nothing yet. What is taken by chance depends on the seed and on the order of the rows only.
    #[must_use]
    pub fn new(pipeline: &Arc<Pipeline>, limits: Limits, seed: u64) -> Self {
        let kept = match pipeline.actions.iter().find(|action| action.needs_all()) {
            Some(Action::Group(_)) => Kept::Groups(Groups::default()),
            Some(Action::Sort { keys, cut }) => Kept::Top(Top::new(keys.clone(), cut.end())),
            _ => Kept::Rows(Vec::new()),
        };
        Self { pipeline: Arc::clone(pipeline), limits, seed, kept, count: 0 }
    }

    /// Takes a row, of which the values are taken out only if it is kept: else whoever makes rows has room for the next one.
    ///
    /// Complexity: what the expressions up to the first GROUPBY or SORTBY take, and that one's share.
    ///
    /// # Errors
    ///
    /// An expression has no value for the row, or too much would be kept.
    pub fn add(&mut self, row: &mut Row) -> Result<(), AggregateError> {
        let Self { pipeline, limits, seed, kept, count } = self;
        for (at, action) in pipeline.actions.iter().enumerate() {
            match action {
                Action::Group(by) => {
                    *count += 1;
                    let Kept::Groups(groups) = kept else { return Ok(()) };
                    let seed = mix(*seed ^ mix(row.order));
                    return pipeline.time(at, || groups.add(by, row, seed, limits));
                }
                Action::Sort { .. } | Action::Cut(_) => break,
                _ if !pipeline.time(at, || pass(action, row))? => return Ok(()),
                _ => pipeline.note(at, 1),
            }
        }
        *count += 1;
        let keep = match pipeline.actions.iter().find(|action| action.needs_all()) {
            Some(Action::Cut(cut)) => cut.end(),
            _ => usize::MAX,
        };
        match kept {
            Kept::Top(top) if top.len() >= limits.rows_max => {
                return Err(AggregateError::TooMuch("rows"));
            }
            Kept::Top(top) => top.add(std::mem::take(row)),
            Kept::Rows(rows) if rows.len() >= keep => (),
            Kept::Rows(rows) if rows.len() >= limits.rows_max => {
                return Err(AggregateError::TooMuch("rows"));
            }
            Kept::Rows(rows) => rows.push(std::mem::take(row)),
            Kept::Groups(_) => unreachable!("groups are kept for a GROUPBY only"),
        }
        Ok(())
    }

    /// How many rows or groups it keeps.
    #[must_use]
    pub fn kept_count(&self) -> usize {
        match &self.kept {
            Kept::Rows(rows) => rows.len(),
            Kept::Groups(groups) => groups.len(),
            Kept::Top(top) => top.len(),
        }
    }

    /// Takes what another shard has come to, behind its own. Merging is associative, but for the last digits of sums.
    ///
    /// # Errors
    ///
    /// Too much would be kept.
    pub fn merge(&mut self, other: Self) -> Result<(), AggregateError> {
        self.count += other.count;
        match (&mut self.kept, other.kept) {
            (Kept::Groups(ours), Kept::Groups(theirs)) => ours.merge(theirs, &self.limits)?,
            (Kept::Top(ours), Kept::Top(theirs)) => {
                if ours.len() + theirs.len() > self.limits.rows_max.saturating_mul(2) {
                    return Err(AggregateError::TooMuch("rows"));
                }
                theirs.finish().into_iter().for_each(|row| ours.add(row));
            }
            (Kept::Rows(ours), Kept::Rows(theirs)) => {
                if ours.len() + theirs.len() > self.limits.rows_max {
                    return Err(AggregateError::TooMuch("rows"));
                }
                ours.extend(theirs);
                // Each shard's rows are in order, so this is a merge.
                ours.sort_by_key(|row| row.order);
            }
            _ => unreachable!("both are of one pipeline"),
        }
        Ok(())
    }

    /// Runs the rest of the steps.
    ///
    /// # Errors
    ///
    /// An expression has no value for a row, or too much would be kept.
    pub fn finish(self) -> Result<Outcome, AggregateError> {
        let at = self.pipeline.actions.iter().position(Action::needs_all);
        let rest = at.map_or(&[][..], |at| &self.pipeline.actions[at + 1..]);
        let cut = at.and_then(|at| self.pipeline.actions[at].cut());
        let mut total = self.count;
        let rows = match self.kept {
            Kept::Rows(rows) => rows,
            Kept::Top(top) => top.finish(),
            Kept::Groups(groups) => {
                let rows = groups.finish();
                total = count(&rows);
                rows
            }
        };
        let rows = match cut {
            Some(cut) => cut.of(rows),
            None => rows,
        };
        if let Some(at) = at {
            self.pipeline.note(at, rows.len());
        }
        let mut outcome = Outcome { rows, total };
        let mut is_arranged = cut.is_some();
        for (place, action) in rest.iter().enumerate() {
            let place = place + at.map_or(0, |at| at + 1);
            let (seed, limits) = (self.seed, &self.limits);
            outcome = self.pipeline.time(place, || run(action, outcome, seed, limits))?;
            self.pipeline.note(place, outcome.rows.len());
            match action {
                Action::Group(_) => is_arranged = false,
                Action::Sort { .. } | Action::Cut(_) => is_arranged = true,
                _ => (),
            }
        }
        if !is_arranged {
            outcome.total = count(&outcome.rows);
        }
        Ok(outcome)
    }
}

/// Runs one action on all rows.
fn run(action: &Action, outcome: Outcome, seed: u64, limits: &Limits) -> Result<Outcome, AggregateError> {
    let Outcome { rows, total } = outcome;
    match action {
        Action::Apply(..) | Action::Filter(_) => {
            let mut passed = Vec::with_capacity(rows.len());
            for mut row in rows {
                if pass(action, &mut row)? {
                    passed.push(row);
                }
            }
            Ok(Outcome { rows: passed, total })
        }
        Action::Group(by) => {
            let mut groups = Groups::default();
            for row in &rows {
                groups.add(by, row, mix(seed ^ mix(row.order)), limits)?;
            }
            let rows = groups.finish();
            Ok(Outcome { total: count(&rows), rows })
        }
        Action::Sort { keys, cut } => {
            let total = count(&rows);
            let mut top = Top::new(keys.clone(), cut.end());
            rows.into_iter().for_each(|row| top.add(row));
            Ok(Outcome { rows: cut.of(top.finish()), total })
        }
        Action::Cut(cut) => Ok(Outcome { total: count(&rows), rows: cut.of(rows) }),
    }
}

/// Runs an action that needs one row at a time; whether the row goes on.
fn pass(action: &Action, row: &mut Row) -> Result<bool, AggregateError> {
    match action {
        Action::Apply(expression, column) => {
            let value = expression.evaluate(row)?;
            row.set(*column, value);
            Ok(true)
        }
        Action::Filter(expression) => Ok(expression.evaluate(row)?.to_boolean()),
        _ => Ok(true),
    }
}

fn count(rows: &[Row]) -> u64 {
    u64::try_from(rows.len()).unwrap_or(u64::MAX)
}

impl Action {
    fn cut(&self) -> Option<Cut> {
        match self {
            Self::Sort { cut, .. } | Self::Cut(cut) => Some(*cut),
            _ => None,
        }
    }
}

impl Cut {
    /// How many rows are needed for it.
    fn end(self) -> usize {
        self.offset.saturating_add(self.count)
    }

    fn of(self, rows: Vec<Row>) -> Vec<Row> {
        rows.into_iter().skip(self.offset).take(self.count).collect()
    }
}
