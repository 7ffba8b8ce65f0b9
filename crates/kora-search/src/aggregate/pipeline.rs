//! Compiled steps.

use std::collections::HashSet;
use std::sync::Arc;

use kora_index::schema::Schema;
use kora_index::tally::{Clock, Tally};

use super::columns::{Columns, Source};
use super::error::AggregateError;
use super::groups::GroupBy;
use super::plan::{Arrange, Group, Load, Reduction, Step};
use super::reduce::Compiled;
use super::sort::Keys;
use crate::expression::Expression;

/// Rows that SORTBY keeps when neither MAX nor LIMIT says it.
const SORTED_DEFAULT: u64 = 10;

/// A compiled step.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Apply(Expression, usize),
    Filter(Expression),
    Group(GroupBy),
    Sort { keys: Keys, cut: Cut },
    Cut(Cut),
}

impl Action {
    /// Its names in a profile.
    fn names(&self) -> impl Iterator<Item = String> {
        const PAGER: &str = "Pager/Limiter";
        let (first, second) = match self {
            Self::Apply(expression, _) => (format!("Projector - {}", expression.summary()), None),
            Self::Filter(expression) => (format!("Filter - {}", expression.summary()), None),
            Self::Group(_) => ("Grouper".to_owned(), None),
            Self::Sort { cut, .. } => ("Sorter".to_owned(), (cut.offset > 0).then_some(PAGER)),
            Self::Cut(Cut { count: 0, .. }) => ("Counter".to_owned(), None),
            Self::Cut(_) => (PAGER.to_owned(), None),
        };
        std::iter::once(first).chain(second.map(str::to_owned))
    }
}

/// Rows to leave out, and to keep behind them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) offset: usize,
    pub(super) count: usize,
}

/// The steps of an aggregation, whose names are columns.
#[derive(Clone, Debug)]
pub struct Pipeline {
    pub(super) actions: Vec<Action>,
    shown: Vec<(String, usize)>,
    sources: Vec<Source>,
    loads_all: bool,
    /// One for each action, if it is profiled.
    tallies: Option<(Arc<[Tally]>, Clock)>,
}

impl Pipeline {
    /// Compiles steps over documents of an index. Rows begin with columns of the names `given`, such as `__score`.
    ///
    /// # Errors
    ///
    /// A step names what is neither a column nor, where it may be, a field of the index.
    pub fn compile(steps: &[Step], schema: &Schema, given: &[&str]) -> Result<Self, AggregateError> {
        let mut columns = Columns::new(schema);
        for name in given {
            columns.define(name);
        }
        let mut actions = Vec::new();
        let mut loads_all = false;
        for step in steps {
            match step {
                Step::Load(Load::All) => {
                    columns.load_all();
                    loads_all = true;
                }
                Step::Load(Load::Fields(fields)) => fields.iter().for_each(|field| columns.load(field)),
                Step::Apply { expression, name } => {
                    let expression = Expression::parse(expression, |name| columns.find_or_sortable(name))?;
                    actions.push(Action::Apply(expression, columns.define(name)));
                }
                Step::Filter(expression) => {
                    let expression = Expression::parse(expression, |name| columns.find_or_sortable(name))?;
                    actions.push(Action::Filter(expression));
                }
                Step::Group(group) => actions.push(Action::Group(compile_group(group, &mut columns)?)),
                Step::Arrange(arrange) => actions.extend(compile_arrange(arrange, &mut columns)?),
            }
        }
        let (shown, sources) = columns.finish();
        Ok(Self { actions, shown, sources, loads_all, tallies: None })
    }

    /// The same, whose steps are counted.
    #[must_use]
    pub fn profiled(mut self, clock: Clock) -> Self {
        self.tallies = Some((self.actions.iter().map(|_| Tally::default()).collect(), clock));
        self
    }

    /// The steps behind what documents are loaded, by the names that profiles have for them, and what was counted.
    #[must_use]
    pub fn profile(&self) -> Vec<(String, &Tally)> {
        let Some((tallies, _)) = &self.tallies else { return Vec::new() };
        let pairs = self.actions.iter().zip(tallies.iter());
        pairs.flat_map(|(action, tally)| action.names().map(move |name| (name, tally))).collect()
    }

    /// Does something of the action at this place.
    pub(super) fn time<T>(&self, at: usize, body: impl FnOnce() -> T) -> T {
        match &self.tallies {
            Some((tallies, clock)) => tallies[at].time(*clock, body),
            None => body(),
        }
    }

    /// So many rows have come out of the action at this place.
    pub(super) fn note(&self, at: usize, rows: usize) {
        if let Some((tallies, _)) = &self.tallies {
            tallies[at].note(rows as u64);
        }
    }

    /// The names of what the rows that come out show, and its columns.
    #[must_use]
    pub fn shown(&self) -> &[(String, usize)] {
        &self.shown
    }

    /// What documents are loaded into the rows that go in.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// LOAD *: a reply has all fields of a document, unless a GROUPBY follows.
    #[must_use]
    pub fn loads_all(&self) -> bool {
        self.loads_all && !self.actions.iter().any(|action| matches!(action, Action::Group(_)))
    }
}

fn compile_group(group: &Group, columns: &mut Columns<'_>) -> Result<GroupBy, AggregateError> {
    let mut by = GroupBy { columns: Vec::new(), reducers: Vec::new() };
    for name in &group.properties {
        by.columns.push(columns.find_or_load(name).ok_or_else(|| AggregateError::Group(name.clone()))?);
    }
    for reducer in &group.reducers {
        let mut column = |name: Option<&String>| match name {
            Some(name) => columns.find_or_load(name).ok_or_else(|| AggregateError::Reduce(name.clone())),
            None => Ok(0),
        };
        let (property, chosen_by) = properties(&reducer.function);
        let (column, by_column) = (column(property)?, column(chosen_by)?);
        by.reducers.push(Compiled { function: reducer.function.clone(), column, by: by_column });
    }
    // A property that is named twice is one column, and the row has one value for it.
    let mut seen = HashSet::new();
    let pairs = group.properties.iter().cloned().zip(by.columns);
    let (names, kept): (Vec<_>, _) = pairs.filter(|(name, _)| seen.insert(name.clone())).unzip();
    by.columns = kept;
    columns.regroup(names.into_iter().chain(group.reducers.iter().map(|reducer| reducer.name.clone())));
    Ok(by)
}

/// The properties that a reducer reads: its own, and what it chooses by.
fn properties(function: &Reduction) -> (Option<&String>, Option<&String>) {
    match function {
        Reduction::Count => (None, None),
        Reduction::FirstValue { property, by } => (Some(property), by.as_ref().map(|(by, _)| by)),
        Reduction::CountDistinct(property)
        | Reduction::CountDistinctish(property)
        | Reduction::Sum(property)
        | Reduction::Min(property)
        | Reduction::Max(property)
        | Reduction::Avg(property)
        | Reduction::StdDev(property)
        | Reduction::ToList(property)
        | Reduction::Quantile { property, .. }
        | Reduction::RandomSample { property, .. } => (Some(property), None),
    }
}

fn compile_arrange(arrange: &Arrange, columns: &mut Columns<'_>) -> Result<Option<Action>, AggregateError> {
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let limit = arrange.limit.map(|limit| Cut { offset: size(limit.offset), count: size(limit.count) });
    let Some(sort) = &arrange.keys else { return Ok(limit.map(Action::Cut)) };
    let mut keys = Vec::new();
    for (name, descending) in sort {
        let column = columns.find_or_load(name).ok_or_else(|| AggregateError::Sort(name.clone()))?;
        keys.push((column, *descending));
    }
    let count = size(arrange.max.unwrap_or(SORTED_DEFAULT));
    Ok(Some(Action::Sort { keys, cut: limit.unwrap_or(Cut { offset: 0, count }) }))
}
