//! Counters and gauges, each declared once.
//!
//! A declaration says what a number is called, what it tells, in which section of INFO it stands, how it adds up over the
//! workers, and whether CONFIG RESETSTAT starts it anew. Everything that shows or resets numbers walks the tables of
//! declarations: nothing else has to be told of a new one.
//!
//! [`metrics!`](crate::metrics!) declares the cells that a worker counts in, together with their metrics. A number that is
//! derived when somebody asks is a [`Metric`] written out.

mod measure;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

pub use measure::{Measure, PREFIX};

/// Adds to a counter that only the calling thread writes: a plain load and store, not a locked instruction.
#[inline]
pub fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
}

/// A section of INFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Redis's and explain themselves")]
pub enum Section {
    Server,
    Clients,
    Memory,
    Persistence,
    Threads,
    Stats,
    Replication,
    Cpu,
    Modules,
    Commandstats,
    Errorstats,
    Latencystats,
    Cluster,
    Keyspace,
    Keysizes,
    Debug,
}

/// Whether a number only grows until it is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It counts events.
    Counter,
    /// It says how things stand.
    Gauge,
}

/// How the numbers of several workers make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// They are added.
    Sum,
    /// The largest counts.
    Max,
}

/// What a number is shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// As it is.
    Whole,
    /// In thousands, such as nanoseconds as microseconds.
    Thousands,
    /// Bytes as kilobytes, with two digits after the point.
    Kilobytes,
    /// Hundredths as a number with two digits after the point.
    Hundredths,
}

/// What is declared of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Its field in INFO.
    pub name: &'static str,
    /// What it tells, in a few words.
    pub help: &'static str,
    /// Counter or gauge.
    pub kind: Kind,
    /// Its section of INFO.
    pub section: Section,
    /// How it adds up over the workers.
    pub merge: Merge,
    /// What it is shown in.
    pub unit: Unit,
    /// What it is measured in.
    pub measure: Measure,
    /// Whether CONFIG RESETSTAT starts it anew.
    pub is_reset: bool,
}

/// Where the numbers of a metric come from.
#[derive(Debug)]
pub enum Source<S: 'static> {
    /// A cell that one worker writes.
    Cell(fn(&S) -> &AtomicU64),
    /// Derived when somebody asks.
    Derived {
        /// Finds it out.
        read: fn(&S) -> u64,
        /// Starts it anew, if CONFIG RESETSTAT does.
        reset: Option<fn(&S)>,
    },
}

/// A counter or gauge of a source: of a worker, or of the process.
#[derive(Debug)]
pub struct Metric<S: 'static> {
    /// What is declared of it.
    pub about: About,
    /// Where its numbers come from.
    pub source: Source<S>,
}

impl<S> Metric<S> {
    /// A gauge of a source of which there is one, found out when somebody asks.
    #[must_use]
    pub const fn gauge(
        section: Section,
        name: &'static str,
        help: &'static str,
        read: fn(&S) -> u64,
    ) -> Self {
        let (kind, merge, unit, measure) = (Kind::Gauge, Merge::Sum, Unit::Whole, Measure::Things);
        let about = About { name, help, kind, section, merge, unit, measure, is_reset: false };
        Self { about, source: Source::Derived { read, reset: None } }
    }

    /// A counter that is derived when somebody asks.
    #[must_use]
    pub const fn counter(
        section: Section,
        name: &'static str,
        help: &'static str,
        read: fn(&S) -> u64,
    ) -> Self {
        let mut metric = Self::gauge(section, name, help, read);
        metric.about.kind = Kind::Counter;
        metric
    }

    /// Shows it in `unit`.
    #[must_use]
    pub const fn shown_in(mut self, unit: Unit) -> Self {
        self.about.unit = unit;
        self
    }

    /// Says what it is measured in.
    #[must_use]
    pub const fn measured_in(mut self, measure: Measure) -> Self {
        self.about.measure = measure;
        self
    }

    /// Has CONFIG RESETSTAT start a derived one anew by `reset`.
    #[must_use]
    pub const fn reset_by(mut self, reset: fn(&S)) -> Self {
        if let Source::Derived { reset: place, .. } = &mut self.source {
            *place = Some(reset);
            self.about.is_reset = true;
        }
        self
    }

    /// The number of one source.
    pub fn at(&self, source: &S) -> u64 {
        match self.source {
            Source::Cell(cell) => cell(source).load(Ordering::Relaxed),
            Source::Derived { read, .. } => read(source),
        }
    }

    /// The number, over all sources.
    pub fn of<'a>(&self, sources: impl Iterator<Item = &'a S>) -> u64 {
        let numbers = sources.map(|source| self.at(source));
        match self.about.merge {
            Merge::Sum => numbers.sum(),
            Merge::Max => numbers.max().unwrap_or(0),
        }
    }

    /// CONFIG RESETSTAT: starts it anew, if its declaration says so.
    pub fn reset(&self, source: &S) {
        match self.source {
            Source::Cell(cell) if self.about.is_reset => cell(source).store(0, Ordering::Relaxed),
            Source::Derived { reset: Some(reset), .. } => reset(source),
            Source::Cell(_) | Source::Derived { reset: None, .. } => {}
        }
    }
}

/// A metric's number as INFO shows it.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// What is declared of the metric.
    pub about: &'static About,
    /// Its number, before it is put in its unit.
    pub value: u64,
}

impl fmt::Display for Reading {
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.about.unit {
            Unit::Whole => write!(f, "{}", self.value),
            Unit::Thousands => write!(f, "{}", self.value / 1000),
            Unit::Kilobytes => write!(f, "{:.2}", self.value as f64 / 1024.0),
            Unit::Hundredths => write!(f, "{:.2}", self.value as f64 / 100.0),
        }
    }
}

/// Reads the metrics of `tables` that are `wanted`, over all sources.
pub fn read<'a, S>(
    tables: &[&'static [Metric<S>]],
    sources: impl Iterator<Item = &'a S> + Clone,
    wanted: impl Fn(&About) -> bool,
    readings: &mut Vec<Reading>,
) {
    let metrics = tables.iter().copied().flatten().filter(|metric| wanted(&metric.about));
    readings
        .extend(metrics.map(|metric| Reading { about: &metric.about, value: metric.of(sources.clone()) }));
}

/// The numbers of a metric, source by source.
#[derive(Clone, Debug)]
pub struct Series {
    /// What is declared of the metric.
    pub about: &'static About,
    /// What tells the sources apart, such as `worker`; none if there is one.
    pub label: Option<&'static str>,
    /// The number of each source, before it is put in a unit.
    pub numbers: Vec<u64>,
}

/// Reads all metrics of `tables`, source by source.
pub fn read_series<'a, S>(
    tables: &[&'static [Metric<S>]],
    label: Option<&'static str>,
    sources: impl Iterator<Item = &'a S> + Clone,
    series: &mut Vec<Series>,
) {
    series.extend(tables.iter().copied().flatten().map(|metric| Series {
        about: &metric.about,
        label,
        numbers: sources.clone().map(|source| metric.at(source)).collect(),
    }));
}

/// Starts the metrics of `tables` anew that CONFIG RESETSTAT resets, at one source.
pub fn reset<S>(tables: &[&'static [Metric<S>]], source: &S) {
    tables.iter().copied().flatten().for_each(|metric| metric.reset(source));
}

/// Declares what is counted in cells, and the table of their metrics, `CELLS`.
///
/// A line: the cell; [`Kind`]; [`Merge`]; [`Unit`]; [`Section`] and field of INFO; whether CONFIG RESETSTAT resets it (`reset` or
/// `kept`); what it tells; its [`Measure`], unless that is things. Behind `besides` stand fields that INFO does not show as numbers of their own.
#[macro_export]
macro_rules! metrics {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident {
            $($cell:ident: $kind:ident $merge:ident $unit:ident, $section:ident $field:literal, $reset:ident, $help:literal $(, $measure:ident)?;)*
        }
        besides {
            $($(#[$other_attribute:meta])* $other:ident: $type:ty,)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Default)]
        $visibility struct $name {
            $(#[doc = $help] $visibility $cell: std::sync::atomic::AtomicU64,)*
            $($(#[$other_attribute])* $visibility $other: $type,)*
        }

        impl $name {
            /// The metrics of its cells.
            $visibility const CELLS: &'static [$crate::metrics::Metric<Self>] = &[$(
                $crate::metrics::Metric {
                    about: $crate::metrics::About {
                        name: $field,
                        help: $help,
                        kind: $crate::metrics::Kind::$kind,
                        section: $crate::metrics::Section::$section,
                        merge: $crate::metrics::Merge::$merge,
                        unit: $crate::metrics::Unit::$unit,
                        measure: $crate::metrics!(@measure $($measure)?),
                        is_reset: $crate::metrics!(@ $reset),
                    },
                    source: $crate::metrics::Source::Cell(|counters| &counters.$cell),
                },
            )*];
        }
    };
    (@measure) => { $crate::metrics::Measure::Things };
    (@measure $measure:ident) => { $crate::metrics::Measure::$measure };
    (@ reset) => { true };
    (@ kept) => { false };
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::metrics! {
        /// What a worker of this test counts.
        struct Counted {
            events: Counter Sum Whole, Stats "events", reset, "Events";
            largest: Gauge Max Kilobytes, Memory "largest", kept, "The largest thing";
        }
        besides {
            /// Not a metric.
            others: Vec<u8>,
        }
    }

    const DERIVED: &[Metric<Counted>] = &[
        Metric::<Counted>::counter(Section::Stats, "thousands", "Events in thousands", |counted| {
            counted.events.load(Ordering::Relaxed)
        })
        .shown_in(Unit::Thousands)
        .reset_by(|counted| counted.events.store(7000, Ordering::Relaxed)),
        Metric::<Counted>::gauge(Section::Server, "one", "One", |_| 1).shown_in(Unit::Hundredths),
    ];

    fn readings(counted: &[Counted], wanted: impl Fn(&About) -> bool) -> Vec<String> {
        let mut readings = Vec::new();
        read(&[Counted::CELLS, DERIVED], counted.iter(), wanted, &mut readings);
        readings.iter().map(|reading| format!("{}:{reading}", reading.about.name)).collect()
    }

    #[test]
    fn numbers_merge_are_shown_and_start_anew_as_declared() {
        let counted = [Counted::default(), Counted { others: vec![1], ..Counted::default() }];
        assert_eq!(counted[1].others, [1], "fields besides are the type's own");
        for (of_worker, number) in counted.iter().zip([1500, 2500]) {
            of_worker.events.store(number, Ordering::Relaxed);
            of_worker.largest.store(number, Ordering::Relaxed);
        }
        let all = ["events:4000", "largest:2.44", "thousands:4", "one:0.02"];
        assert_eq!(readings(&counted, |_| true), all);
        assert_eq!(readings(&counted, |about| about.section == Section::Memory), ["largest:2.44"]);
        reset(&[Counted::CELLS], &counted[0]);
        assert_eq!(readings(&counted, |_| true)[..2], ["events:2500", "largest:2.44"]);
        reset(&[DERIVED], &counted[1]);
        assert_eq!(readings(&counted, |about| about.kind == Kind::Counter), ["events:7000", "thousands:7"]);
    }
}
