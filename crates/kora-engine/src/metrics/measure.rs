//! What a metric's number is measured in, and its name and value where numbers have units in their names.
//!
//! INFO's names and units are Redis's. Monitoring by Prometheus asks for others: one prefix, base units (seconds, bytes, ratios), a
//! `_total` behind what only grows. Both follow from one declaration.

use super::{About, Kind};

/// What all exported names begin with.
pub const PREFIX: &str = "kora_";

/// What a number is measured in, before INFO puts it in its [`super::Unit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Things, which are counted; or what the name says.
    Things,
    /// Things per second.
    PerSecond,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// Nanoseconds.
    Nanoseconds,
    /// Microseconds.
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Hundredths of a percent.
    HundredthsOfPercent,
}

/// What INFO's names say of units, which are others there.
const UNITS_OF_INFO: [&str; 9] =
    ["_milliseconds", "_usec", "_kbps", "_per_sec", "_perc", "_sum", "_time", "_count", "_bytes"];

impl Measure {
    /// What names end with that say it.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Things => "",
            Self::PerSecond => "_per_second",
            Self::Bytes => "_bytes",
            Self::BytesPerSecond => "_bytes_per_second",
            Self::Nanoseconds | Self::Microseconds | Self::Milliseconds => "_seconds",
            Self::HundredthsOfPercent => "_ratio",
        }
    }

    /// A number in the base unit.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "numbers are exported as doubles")]
    pub fn in_base_unit(self, number: u64) -> f64 {
        let parts = match self {
            Self::Things | Self::PerSecond | Self::Bytes | Self::BytesPerSecond => return number as f64,
            Self::Nanoseconds => 1e9,
            Self::Microseconds => 1e6,
            Self::Milliseconds => 1e3,
            Self::HundredthsOfPercent => 1e4,
        };
        number as f64 / parts
    }
}

impl About {
    /// Its name where units are part of names: `kora_keyspace_hits_total`.
    #[must_use]
    pub fn exported_name(&self) -> String {
        let name = self.name.strip_prefix("total_").unwrap_or(self.name);
        let name = match self.measure {
            Measure::Things => name,
            _ => UNITS_OF_INFO.iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name),
        };
        let total = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("{PREFIX}{name}{}{total}", self.measure.suffix())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Metric, Section, Unit};
    use super::*;

    #[test]
    fn names_have_base_units_and_say_what_only_grows() {
        let names = [
            ("total_commands_processed", Kind::Counter, Measure::Things, "kora_commands_processed_total"),
            ("keyspace_hits", Kind::Counter, Measure::Things, "kora_keyspace_hits_total"),
            ("total_net_input_bytes", Kind::Counter, Measure::Things, "kora_net_input_bytes_total"),
            (
                "eventloop_duration_sum",
                Kind::Counter,
                Measure::Nanoseconds,
                "kora_eventloop_duration_seconds_total",
            ),
            ("expired_stale_perc", Kind::Gauge, Measure::HundredthsOfPercent, "kora_expired_stale_ratio"),
            (
                "instantaneous_input_kbps",
                Kind::Gauge,
                Measure::BytesPerSecond,
                "kora_instantaneous_input_bytes_per_second",
            ),
            ("used_memory_peak", Kind::Gauge, Measure::Bytes, "kora_used_memory_peak_bytes"),
        ];
        for (name, kind, measure, exported) in names {
            let mut metric = Metric::<()>::gauge(Section::Stats, name, "", |()| 0).measured_in(measure);
            metric.about.kind = kind;
            assert_eq!(metric.about.exported_name(), exported);
            assert_eq!(metric.about.unit, Unit::Whole);
        }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "these are exact")]
    fn numbers_come_in_base_units() {
        assert_eq!(Measure::Things.in_base_unit(7), 7.0);
        assert_eq!(Measure::Microseconds.in_base_unit(2_500_000), 2.5);
        assert_eq!(Measure::HundredthsOfPercent.in_base_unit(5000), 0.5);
    }
}
