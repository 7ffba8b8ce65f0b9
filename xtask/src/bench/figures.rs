//! Measured figures as a file: one row for each workload and server, tab between fields.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, ensure};

/// The first line of a file.
const HEAD: &str = "workload\tserver\tcpu_us\toperations_per_second\tp50_ms\tp99_ms";

/// What one server spent on one workload: medians of the rounds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) workload: String,
    pub(crate) server: String,
    /// CPU time per operation, in microseconds.
    pub(crate) cpu_us: f64,
    pub(crate) rate: f64,
    /// Latencies, where they were measured.
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
}

/// The text of a file of figures.
fn text(figures: &[Figure]) -> String {
    let mut text = format!("{HEAD}\n");
    for Figure { workload, server, cpu_us, rate, p50_ms, p99_ms } in figures {
        // A string takes whatever is written.
        let [p50_ms, p99_ms] =
            [p50_ms, p99_ms].map(|ms| ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.3}")));
        let _ = writeln!(text, "{workload}\t{server}\t{cpu_us:.3}\t{rate:.0}\t{p50_ms}\t{p99_ms}");
    }
    text
}

fn parse(text: &str) -> anyhow::Result<Vec<Figure>> {
    let mut lines = text.lines();
    ensure!(lines.next() == Some(HEAD), "the first line is not {HEAD}");
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [workload, server, cpu_us, rate, p50_ms, p99_ms] = fields[..] else {
                anyhow::bail!("not six fields: {line}")
            };
            Ok(Figure {
                workload: workload.to_owned(),
                server: server.to_owned(),
                cpu_us: cpu_us.parse()?,
                rate: rate.parse()?,
                p50_ms: latency(p50_ms)?,
                p99_ms: latency(p99_ms)?,
            })
        })
        .collect()
}

fn latency(field: &str) -> anyhow::Result<Option<f64>> {
    (field != "-").then(|| Ok(field.parse()?)).transpose()
}

/// Writes a file of figures.
pub(crate) fn write(path: &Path, figures: &[Figure]) -> anyhow::Result<()> {
    std::fs::write(path, text(figures)).with_context(|| path.display().to_string())
}

/// Reads one.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Figure>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    parse(&text).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_come_back_from_a_file() {
        let figure = Figure {
            workload: "GET of 256 bytes".to_owned(),
            server: "kora-2".to_owned(),
            cpu_us: 0.525,
            rate: 812_345.0,
            p50_ms: Some(0.25),
            p99_ms: None,
        };
        let figures = [figure.clone(), Figure { server: "valkey".to_owned(), ..figure }];
        assert_eq!(parse(&text(&figures)).unwrap(), figures);
        assert!(parse("").is_err());
        assert!(parse(&format!("{HEAD}\na\tb\t1\n")).is_err());
    }
}
