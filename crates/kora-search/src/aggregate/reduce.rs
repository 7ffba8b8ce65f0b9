//! What is computed of a group, as states that can be merged: a state of some rows and one of others make that of all of them.

use std::collections::HashSet;

use super::Limits;
use super::error::AggregateError;
use super::key;
use super::plan::Reduction;
use super::row::Row;
use super::sketch::Sketch;
use crate::expression::Row as Readable;
use crate::value::Value;

/// A reducer whose properties are columns.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    pub(super) function: Reduction,
    /// The property; 0 where there is none.
    pub(super) column: usize,
    /// By which property the first value is taken.
    pub(super) by: usize,
}

/// A computation that some rows have gone into.
#[derive(Clone, Debug)]
pub(super) enum State {
    Count(u64),
    Distinct(HashSet<Vec<u8>>),
    Distinctish(Sketch),
    Sum(f64),
    Extreme {
        value: Option<f64>,
        is_greatest: bool,
    },
    /// The rows are counted, with a number or without.
    Avg {
        sum: f64,
        count: u64,
    },
    StdDev(Spread),
    Quantile {
        numbers: Vec<f64>,
        part: f64,
    },
    List {
        values: Vec<Value>,
        seen: HashSet<Vec<u8>>,
    },
    /// The order of the first row, and its value.
    First(Option<(u64, Option<Value>)>),
    FirstBy {
        best: Option<Candidate>,
        descending: bool,
    },
    Sample {
        kept: Vec<(u64, Value)>,
        size: usize,
    },
}

/// A value, and what it is chosen by.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    value: Value,
    by: Option<Value>,
}

/// Count, mean and the sum of squared distances from it. Sources: Welford (1962); Chan, Golub and LeVeque (1979).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, number: f64) {
        self.merge(Self { count: 1.0, mean: number, squares: 0.0 });
    }

    fn merge(&mut self, other: Self) {
        let count = self.count + other.count;
        if other.count == 0.0 {
            return;
        }
        let distance = other.mean - self.mean;
        self.squares += other.squares + distance * distance * self.count * other.count / count;
        self.mean += distance * other.count / count;
        self.count = count;
    }

    /// Of a sample: divided by one less than the count.
    fn deviation(&self) -> f64 {
        if self.count < 2.0 { 0.0 } else { (self.squares / (self.count - 1.0)).sqrt() }
    }
}

impl State {
    pub(super) fn new(function: &Reduction) -> Self {
        match function {
            Reduction::Count => Self::Count(0),
            Reduction::CountDistinct(_) => Self::Distinct(HashSet::new()),
            Reduction::CountDistinctish(_) => Self::Distinctish(Sketch::new()),
            Reduction::Sum(_) => Self::Sum(0.0),
            Reduction::Min(_) => Self::Extreme { value: None, is_greatest: false },
            Reduction::Max(_) => Self::Extreme { value: None, is_greatest: true },
            Reduction::Avg(_) => Self::Avg { sum: 0.0, count: 0 },
            Reduction::StdDev(_) => Self::StdDev(Spread::default()),
            Reduction::Quantile { part, .. } => Self::Quantile { numbers: Vec::new(), part: *part },
            Reduction::ToList(_) => Self::List { values: Vec::new(), seen: HashSet::new() },
            Reduction::FirstValue { by: None, .. } => Self::First(None),
            Reduction::FirstValue { by: Some((_, descending)), .. } => {
                Self::FirstBy { best: None, descending: *descending }
            }
            Reduction::RandomSample { size, .. } => {
                Self::Sample { kept: Vec::new(), size: usize::try_from(*size).unwrap_or(usize::MAX) }
            }
        }
    }

    /// Takes a row. `chance` is a number by chance, the same for no two rows.
    pub(super) fn add(&mut self, reducer: &Compiled, row: &Row, chance: u64) {
        let value = row.value(reducer.column);
        let number = value.and_then(Value::to_number);
        match self {
            Self::Count(count) => *count += 1,
            Self::Avg { sum, count } => {
                *sum += number.unwrap_or(0.0);
                *count += 1;
            }
            Self::First(first) => _ = first.get_or_insert_with(|| (row.order, value.cloned())),
            Self::Sum(sum) => *sum += number.unwrap_or(0.0),
            Self::Extreme { .. } | Self::StdDev(_) | Self::Quantile { .. } => {
                if let Some(number) = number {
                    self.add_number(number);
                }
            }
            _ => {
                if let Some(value) = value {
                    self.add_value(value, row.value(reducer.by), chance);
                }
            }
        }
    }

    fn add_number(&mut self, number: f64) {
        match self {
            Self::Extreme { value, is_greatest } => *value = Some(extreme(*value, number, *is_greatest)),
            Self::StdDev(spread) => spread.add(number),
            Self::Quantile { numbers, .. } => numbers.push(number),
            _ => unreachable!("other states take rows or values"),
        }
    }

    fn add_value(&mut self, value: &Value, by: Option<&Value>, chance: u64) {
        match self {
            Self::Distinct(seen) => _ = seen.insert(key::of(value)),
            Self::Distinctish(sketch) => sketch.insert(key::hash(&key::of(value))),
            Self::List { values, seen } => {
                if seen.insert(key::of(value)) {
                    values.push(value.clone());
                }
            }
            Self::FirstBy { best, descending } => {
                let candidate = Candidate { value: value.clone(), by: by.cloned() };
                choose(best, candidate, *descending);
            }
            Self::Sample { kept, size } => {
                kept.push((chance, value.clone()));
                if kept.len() > size.saturating_mul(2) {
                    cut_sample(kept, *size);
                }
            }
            _ => unreachable!("other states take rows or numbers"),
        }
    }

    /// Takes the state of rows behind its own.
    pub(super) fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Count(ours), Self::Count(theirs)) => *ours += theirs,
            (Self::Distinct(ours), Self::Distinct(theirs)) => ours.extend(theirs),
            (Self::Distinctish(ours), Self::Distinctish(theirs)) => ours.merge(theirs),
            (Self::Sum(ours), Self::Sum(theirs)) => *ours += theirs,
            (Self::Extreme { value: ours, is_greatest }, Self::Extreme { value: Some(theirs), .. }) => {
                *ours = Some(extreme(*ours, theirs, *is_greatest));
            }
            (Self::Avg { sum, count }, Self::Avg { sum: their_sum, count: their_count }) => {
                *sum += their_sum;
                *count += their_count;
            }
            (Self::StdDev(ours), Self::StdDev(theirs)) => ours.merge(theirs),
            (Self::Quantile { numbers, .. }, Self::Quantile { numbers: theirs, .. }) => {
                numbers.extend(theirs)
            }
            (ours @ Self::List { .. }, Self::List { values, .. }) => {
                values.iter().for_each(|value| ours.add_value(value, None, 0));
            }
            (Self::First(ours), Self::First(Some(theirs)))
                if ours.as_ref().is_none_or(|ours| theirs.0 < ours.0) =>
            {
                *ours = Some(theirs);
            }
            (Self::FirstBy { best, descending }, Self::FirstBy { best: Some(theirs), .. }) => {
                choose(best, theirs, *descending);
            }
            (Self::Sample { kept, size }, Self::Sample { kept: theirs, .. }) => {
                kept.extend(theirs);
                cut_sample(kept, *size);
            }
            // The other state has nothing to add.
            _ => (),
        }
    }

    /// How many values are kept.
    pub(super) fn kept(&self) -> usize {
        match self {
            Self::Distinct(seen) | Self::List { seen, .. } => seen.len(),
            Self::Quantile { numbers, .. } => numbers.len(),
            Self::Sample { kept, .. } => kept.len(),
            _ => 0,
        }
    }

    /// Its value. Where there was no number, it is 0.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    pub(super) fn finish(self) -> Value {
        match self {
            Self::Count(count) => Value::Number(count as f64),
            Self::Distinct(seen) => Value::Number(seen.len() as f64),
            Self::Distinctish(sketch) => Value::Number(sketch.count()),
            Self::Sum(sum) => Value::Number(sum),
            Self::Extreme { value, .. } => Value::Number(value.unwrap_or(0.0)),
            Self::Avg { count: 0, .. } => Value::Number(0.0),
            Self::Avg { sum, count } => Value::Number(sum / count as f64),
            Self::StdDev(spread) => Value::Number(spread.deviation()),
            Self::Quantile { numbers, part } => Value::Number(quantile(numbers, part)),
            Self::List { values, .. } => Value::Array(values),
            Self::First(first) => first.and_then(|(_, value)| value).unwrap_or(Value::Null),
            Self::FirstBy { best, .. } => best.map_or(Value::Null, |best| best.value),
            Self::Sample { mut kept, size } => {
                cut_sample(&mut kept, size);
                Value::Array(kept.into_iter().map(|(_, value)| value).collect())
            }
        }
    }
}

fn extreme(kept: Option<f64>, number: f64, is_greatest: bool) -> f64 {
    match kept {
        None => number,
        Some(kept) if is_greatest => kept.max(number),
        Some(kept) => kept.min(number),
    }
}

/// Keeps the better candidate: one that has something to choose by, then by its order, then the earlier one.
fn choose(best: &mut Option<Candidate>, other: Candidate, descending: bool) {
    let is_better = match best {
        None => true,
        Some(best) => match (&best.by, &other.by) {
            (None, Some(_)) => true,
            (Some(kept), Some(other)) => {
                let order = other.total_order(kept);
                if descending { order.is_gt() } else { order.is_lt() }
            }
            _ => false,
        },
    };
    if is_better {
        *best = Some(other);
    }
}

/// Keeps so many of those with the least numbers by chance.
fn cut_sample(kept: &mut Vec<(u64, Value)>, size: usize) {
    if kept.len() > size {
        kept.sort_by_key(|(chance, _)| *chance);
        kept.truncate(size);
    }
}

/// The least number that at least this part of all numbers is not above.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the rank lies between 0 and the count"
)]
fn quantile(mut numbers: Vec<f64>, part: f64) -> f64 {
    if numbers.is_empty() {
        return 0.0;
    }
    let rank = (part * numbers.len() as f64).ceil().max(1.0) as usize;
    let index = (rank - 1).min(numbers.len() - 1);
    *numbers.select_nth_unstable_by(index, f64::total_cmp).1
}

/// Checks what the states of a group keep.
pub(super) fn check(kept: usize, limits: &Limits) -> Result<(), AggregateError> {
    if kept > limits.values_max { Err(AggregateError::TooMuch("values of reducers")) } else { Ok(()) }
}
