//! A page of metrics in Prometheus's text format 0.0.4, or in OpenMetrics 1.0 for those who ask for that.

use std::fmt::Write;

use kora_engine::latency::Distribution;
use kora_engine::metrics::{Kind, PREFIX};

/// The ends of the buckets that histograms are shown with, in nanoseconds: from a microsecond to ten seconds, three for each power of ten.
const BUCKETS_NS: [u64; 22] = buckets();

const fn buckets() -> [u64; 22] {
    let mut buckets = [0; 22];
    let (mut at, mut power) = (0, 1000);
    while at < buckets.len() {
        buckets[at] = match at % 3 {
            0 => power,
            1 => power / 10 * 25,
            _ => power * 5,
        };
        at += 1;
        if at % 3 == 0 {
            power *= 10;
        }
    }
    buckets
}

/// Names and values of labels.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// See the module.
#[derive(Debug)]
pub(super) struct Page {
    text: String,
    is_open: bool,
    /// The family that is being written.
    family: String,
}

impl Page {
    /// An empty one, in OpenMetrics if `is_open`.
    pub(super) fn new(is_open: bool) -> Self {
        Self { text: String::new(), is_open, family: String::new() }
    }

    /// Begins a family of samples; `name` is whole but for the prefix.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        self.begin(name, kind, help);
    }

    /// Begins a family whose name says something else than what it is.
    pub(super) fn untyped(&mut self, name: &str, help: &str) {
        let kind = if self.is_open { "unknown" } else { "untyped" };
        self.begin(name, kind, help);
    }

    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        self.family = format!("{PREFIX}{}", name.strip_prefix(PREFIX).unwrap_or(name));
        // A family of counters has its samples' name in one format, and that without the end in the other.
        let shown = if self.is_open && kind == "counter" {
            self.family.strip_suffix("_total").unwrap_or(&self.family)
        } else {
            &self.family
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let lines = write!(self.text, "# HELP {shown} {help}\n# TYPE {shown} {kind}\n");
        lines.expect("a string takes whatever is written");
    }

    /// Adds a sample to the family.
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: f64) {
        self.line("", labels, None, value);
    }

    /// Begins a family of histograms of times, with samples of many commands or one.
    pub(super) fn histograms(&mut self, name: &str, help: &str) {
        self.begin(name, "histogram", help);
    }

    /// Adds a histogram to the family, whose times add up to so much.
    #[expect(clippy::cast_precision_loss, reason = "samples are doubles")]
    pub(super) fn histogram(&mut self, labels: Labels<'_>, times: &Distribution, sum_ns: u64) {
        let total = times.total() as f64;
        for (end, count) in BUCKETS_NS.iter().zip(times.cumulative(&BUCKETS_NS)) {
            self.line("_bucket", labels, Some(*end as f64 / 1e9), count as f64);
        }
        self.line("_bucket", labels, Some(f64::INFINITY), total);
        self.line("_sum", labels, None, sum_ns as f64 / 1e9);
        self.line("_count", labels, None, total);
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, end: Option<f64>, value: f64) {
        self.text.push_str(&self.family);
        self.text.push_str(suffix);
        let mut separator = '{';
        for (name, value) in labels {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(self.text, "{separator}{name}=\"{value}\"").expect("as above");
            separator = ',';
        }
        if let Some(end) = end {
            let end = if end.is_finite() { end.to_string() } else { "+Inf".to_owned() };
            write!(self.text, "{separator}le=\"{end}\"").expect("as above");
            separator = ',';
        }
        if separator == ',' {
            self.text.push('}');
        }
        writeln!(self.text, " {value}").expect("as above");
    }

    /// Its text.
    pub(super) fn finish(mut self) -> String {
        if self.is_open {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

#[cfg(test)]
mod tests {
    use kora_engine::latency::Histogram;

    use super::*;

    fn page(is_open: bool) -> String {
        let mut page = Page::new(is_open);
        page.family("calls_total", Kind::Counter, "Calls\nof \\");
        page.sample(&[("command", "a\"b\\c\nd")], 3.0);
        page.family("kora_ratio", Kind::Gauge, "A ratio");
        page.sample(&[], 0.25);
        page.finish()
    }

    #[test]
    fn both_formats() {
        let sample = "kora_calls_total{command=\"a\\\"b\\\\c\\nd\"} 3\n";
        let ratio = "# HELP kora_ratio A ratio\n# TYPE kora_ratio gauge\nkora_ratio 0.25\n";
        let head = "# HELP kora_calls_total Calls\\nof \\\\\n# TYPE kora_calls_total counter\n";
        assert_eq!(page(false), format!("{head}{sample}{ratio}"));
        let head = head.replace("kora_calls_total", "kora_calls");
        assert_eq!(page(true), format!("{head}{sample}{ratio}# EOF\n"));
    }

    #[test]
    fn buckets_ascend_and_end_with_all() {
        assert_eq!(BUCKETS_NS[..4], [1000, 2500, 5000, 10_000]);
        assert_eq!(BUCKETS_NS[21], 10_000_000_000);
        let histogram = Histogram::default();
        histogram.note(2000, 5);
        histogram.note(1 << 39, 1);
        let mut page = Page::new(false);
        page.histograms("duration_seconds", "Times");
        page.histogram(&[("command", "get")], &Distribution::of([&histogram].into_iter()).unwrap(), 10_000);
        let text = page.finish();
        let lines: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(lines.len(), BUCKETS_NS.len() + 3);
        assert_eq!(lines[0], "kora_duration_seconds_bucket{command=\"get\",le=\"0.000001\"} 0");
        assert_eq!(lines[1], "kora_duration_seconds_bucket{command=\"get\",le=\"0.0000025\"} 5");
        assert_eq!(lines[22], "kora_duration_seconds_bucket{command=\"get\",le=\"+Inf\"} 6");
        assert_eq!(lines[23], "kora_duration_seconds_sum{command=\"get\"} 0.00001");
        assert_eq!(lines[24], "kora_duration_seconds_count{command=\"get\"} 6");
    }
}
