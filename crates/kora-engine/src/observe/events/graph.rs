//! LATENCY GRAPH: the samples of an event as columns of text.

use std::fmt::Write as _;

use super::{Event, Series};

/// Lines of the graph itself.
const ROWS: usize = 4;
/// The top of a column, by how far it reaches into its line.
const TOPS: [char; 3] = ['_', 'o', '#'];
/// Most columns; older samples are left out.
const COLUMNS_MAX: usize = 80;

/// Draws the samples of an event as of `now_seconds`: a column for each, the oldest first, and below it how long ago that was.
#[must_use]
pub fn graph(event: Event, series: &Series, now_seconds: i64) -> String {
    let left_out = series.samples.len().saturating_sub(COLUMNS_MAX);
    let samples: Vec<_> = series.samples.iter().skip(left_out).collect();
    let values = || samples.iter().map(|sample| sample.milliseconds);
    let (high, low) = (values().max().unwrap_or(0), values().min().unwrap_or(0));
    let mut text = format!(
        "{} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        event.name(),
        series.longest_ms,
        "-".repeat(COLUMNS_MAX)
    );
    let steps = ROWS * TOPS.len();
    let heights: Vec<usize> = values().map(|value| height(value, (low, high), steps)).collect();
    for row in (0..ROWS).rev() {
        text.extend(heights.iter().map(|&height| piece(height, row)));
        text.push('\n');
    }
    let labels: Vec<Vec<char>> =
        samples.iter().map(|sample| ago(now_seconds - sample.at_seconds).chars().collect()).collect();
    let longest = labels.iter().map(Vec::len).max().unwrap_or(0);
    // An empty line, and then the labels from top to bottom.
    text.extend(std::iter::repeat_n(' ', labels.len()));
    text.push('\n');
    for place in 0..longest {
        text.extend(labels.iter().map(|label| label.get(place).copied().unwrap_or(' ')));
        text.push('\n');
    }
    text
}

/// How high a column is, in steps.
fn height(value: u64, (low, high): (u64, u64), steps: usize) -> usize {
    let span = u128::from((high - low).max(1));
    let height = u128::from(value - low) * steps as u128 / span;
    usize::try_from(height).unwrap_or(usize::MAX).min(steps - 1)
}

/// What is seen of a column in a row, counted from below.
fn piece(height: usize, row: usize) -> char {
    match height.checked_sub(row * TOPS.len()) {
        None => ' ',
        Some(above) => TOPS.get(above).copied().unwrap_or('|'),
    }
}

/// How long ago, in the largest unit of which there is one.
fn ago(seconds: i64) -> String {
    let mut text = String::new();
    let _ = match seconds {
        ..60 => write!(text, "{seconds}s"),
        60..3600 => write!(text, "{}m", seconds / 60),
        3600..86_400 => write!(text, "{}h", seconds / 3600),
        _ => write!(text, "{}d", seconds / 86_400),
    };
    text
}
