//! The report of `--keystats`, in redis-cli's layout.

use std::io::{self, Write};

use super::super::figures::{average, human_bytes, human_size, percentage};
use super::super::keys::{Measure, quoted};
use super::{Distribution, KeyStats, TypeStats};
use crate::format::write_escaped;

impl KeyStats {
    /// Writes all that is known; the server has `total` keys.
    pub(super) fn write(&self, out: &mut impl Write, total: u64) -> io::Result<()> {
        writeln!(out, "{:6.2}% keys scanned", percentage(self.key_count(), total))?;
        writeln!(out, "Keys sampled: {}", self.key_count())?;
        writeln!(out, "Keys size:    {}", human_size(self.sizes.sum()))?;
        writeln!(out, "\n--- Top {} key sizes ---", self.top_max)?;
        for (number, entry) in (1..).zip(&self.top) {
            let (size, key) = (human_bytes(entry.bytes), quoted(&entry.key));
            writeln!(out, "{number:3} {size:>8} {:<10} {key}", entry.key_type)?;
        }
        writeln!(out, "\n--- Top size per type ---")?;
        for (name, stats) in &self.by_type {
            let (key, size) = (escaped(&stats.most_bytes.key), human_bytes(stats.most_bytes.size));
            writeln!(out, "{name:<10} {key} is {size}")?;
        }
        writeln!(out, "\n--- Top length and cardinality per type ---")?;
        for (name, stats) in &self.by_type {
            let (key, length) = (escaped(&stats.most_elements.key), length(name, stats.most_elements.size));
            writeln!(out, "{name:<10} {key} has {length}")?;
        }
        writeln!(out)?;
        write_sizes(out, &self.sizes)?;
        writeln!(out)?;
        write_names(out, &self.names)?;
        writeln!(out)?;
        self.write_types(out)
    }

    fn write_types(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "Type        Total keys  Keys % Tot size Avg size  Total length/card Avg ln/card")?;
        writeln!(out, "--------- ------------ ------- -------- -------- ------------------ -----------")?;
        for (name, stats) in &self.by_type {
            let TypeStats { key_count, bytes, elements, .. } = stats;
            let percent = percentage(*key_count, self.key_count());
            let (size, size_average) = (human_bytes(*bytes), human_size(average(*bytes, *key_count)));
            let elements_average = average(*elements, *key_count);
            let elements_average = match name.as_str() {
                "string" => human_size(elements_average),
                _ => format!("{elements_average:.2}"),
            };
            let elements = length(name, *elements);
            writeln!(
                out,
                "{name:<9} {key_count:>12} {percent:>6.2}% {size:>8} {size_average:>8} {elements:>18} {elements_average:>11}"
            )?;
        }
        Ok(())
    }
}

fn write_sizes(out: &mut impl Write, sizes: &Distribution) -> io::Result<()> {
    writeln!(out, "Key size Percentile Total keys")?;
    writeln!(out, "-------- ---------- -----------")?;
    for line in sizes.percentiles() {
        writeln!(out, "{:>8} {:>9.4}% {:>11}", human_bytes(line.value), line.percent, line.count)?;
    }
    let (mean, deviation) = (human_size(sizes.mean()), human_size(sizes.deviation()));
    writeln!(out, "Note: 0.01% size precision, Mean: {mean}, StdDeviation: {deviation}")
}

fn write_names(out: &mut impl Write, names: &Distribution) -> io::Result<()> {
    writeln!(out, "Key name length Percentile Total keys")?;
    writeln!(out, "--------------- ---------- -----------")?;
    for line in names.percentiles() {
        writeln!(out, "{:>15} {:>9.4}% {:>11}", human_bytes(line.value), line.percent, line.count)?;
    }
    writeln!(out, "Total key length is {} ({} avg)", human_size(names.sum()), human_size(names.mean()))
}

/// A number of elements with what they are called; the length of a string in bytes.
fn length(key_type: &str, elements: u64) -> String {
    match key_type {
        "string" => human_bytes(elements),
        _ => format!("{elements} {}", Measure::Elements.unit(key_type)),
    }
}

fn escaped(key: &[u8]) -> String {
    let mut text = Vec::new();
    write_escaped(&mut text, key);
    String::from_utf8_lossy(&text).into_owned()
}
