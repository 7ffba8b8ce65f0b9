//! `--latency` and `--latency-history`: how long the server takes to answer a `PING`.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::args::Args;
use crate::connection::Connection;
use crate::format::Form;
use crate::setup::Setup;

/// Pause between samples.
const SAMPLE_PAUSE: Duration = Duration::from_millis(10);

/// How long to sample if the figures are printed once, unless told otherwise.
const ONCE_DEFAULT: Duration = Duration::from_secs(1);

/// How long each line of a history covers, unless told otherwise.
const HISTORY_DEFAULT: Duration = Duration::from_secs(15);

/// Figures of the samples taken so far, in whole milliseconds.
#[derive(Debug, Default)]
struct Samples {
    min_ms: u128,
    max_ms: u128,
    total_ms: u128,
    count: u32,
}

impl Samples {
    fn add(&mut self, sample_ms: u128) {
        self.min_ms = if self.count == 0 { sample_ms } else { self.min_ms.min(sample_ms) };
        self.max_ms = self.max_ms.max(sample_ms);
        self.total_ms += sample_ms;
        self.count += 1;
    }

    fn take(&mut self, connection: &mut Connection) -> io::Result<()> {
        let start = Instant::now();
        connection.request(&["PING"])?;
        self.add(start.elapsed().as_millis());
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds spent sampling are far below 2^53")]
    fn average_ms(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.total_ms as f64 / f64::from(self.count) }
    }

    /// The figures in the form of replies.
    fn text(&self, form: Form) -> String {
        let Self { min_ms: min, max_ms: max, count, .. } = self;
        let average = self.average_ms();
        match form {
            Form::Standard => format!("min: {min}, max: {max}, avg: {average:.2} ({count} samples)"),
            Form::Raw => format!("{min} {max} {average:.2} {count}"),
            Form::Csv => format!("{min},{max},{average:.2},{count}"),
            Form::Json | Form::QuotedJson => {
                format!(r#"{{"min": {min}, "max": {max}, "avg": {average:.2}, "count": {count}}}"#)
            }
        }
    }
}

/// Samples until the user has enough; once and for a while if nobody watches.
///
/// # Errors
/// If the connection breaks or standard output cannot be written.
pub(crate) fn run(setup: &Setup, args: &Args) -> Result<ExitCode> {
    let mut connection = setup.connect()?;
    let form = setup.formatter.form;
    if args.latency_history {
        return history(&mut connection, form, args.interval.unwrap_or(HISTORY_DEFAULT));
    }
    if io::stdout().is_terminal() && form == Form::Standard {
        return live(&mut connection);
    }
    let samples = sample_for(&mut connection, args.interval.unwrap_or(ONCE_DEFAULT), |_| Ok(()))?;
    writeln!(io::stdout(), "{}", samples.text(form))?;
    Ok(ExitCode::SUCCESS)
}

fn sample_for(
    connection: &mut Connection,
    length: Duration,
    mut each: impl FnMut(&Samples) -> io::Result<()>,
) -> io::Result<Samples> {
    let start = Instant::now();
    let mut samples = Samples::default();
    while start.elapsed() < length {
        samples.take(connection)?;
        each(&samples)?;
        std::thread::sleep(SAMPLE_PAUSE);
    }
    Ok(samples)
}

/// Shows the figures on one line, over and over.
fn live(connection: &mut Connection) -> Result<ExitCode> {
    let mut out = io::stdout().lock();
    let mut samples = Samples::default();
    loop {
        samples.take(connection)?;
        show_over(&mut out, &samples.text(Form::Standard))?;
        std::thread::sleep(SAMPLE_PAUSE);
    }
}

fn history(connection: &mut Connection, form: Form, length: Duration) -> Result<ExitCode> {
    let mut out = io::stdout().lock();
    let live = io::stdout().is_terminal();
    loop {
        let start = Instant::now();
        let samples = sample_for(connection, length, |samples| {
            if live { show_over(&mut out, &samples.text(form)) } else { Ok(()) }
        })?;
        let seconds = start.elapsed().as_secs_f64();
        if live {
            out.write_all(b"\r")?;
        }
        writeln!(out, "{} -- {seconds:.2} seconds range", samples.text(form))?;
        out.flush()?;
    }
}

/// Writes `text` over the line that stands there.
fn show_over(out: &mut impl Write, text: &str) -> io::Result<()> {
    write!(out, "\r\x1b[0K{text}")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::{Form, Samples};

    #[test]
    fn figures_take_the_form_of_replies() {
        let mut samples = Samples::default();
        for sample_ms in [3, 1, 4] {
            samples.add(sample_ms);
        }
        assert_eq!(samples.text(Form::Raw), "1 4 2.67 3");
        assert_eq!(samples.text(Form::Csv), "1,4,2.67,3");
        assert_eq!(samples.text(Form::Json), r#"{"min": 1, "max": 4, "avg": 2.67, "count": 3}"#);
        assert_eq!(samples.text(Form::Standard), "min: 1, max: 4, avg: 2.67 (3 samples)");
        assert_eq!(Samples::default().text(Form::Raw), "0 0 0.00 0");
    }
}
