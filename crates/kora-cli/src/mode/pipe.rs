//! `--pipe`: sends standard input, which is in the protocol's format, and counts what is answered.
//!
//! One thread sends and one reads, as a server that is not read from stops reading. After the input an `ECHO` of a text
//! that nobody else can have sent marks the end: its answer is the last. Only what the server says decides when the
//! end is reached, so the input may hold commands in any number and form.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kora_protocol::{Decoder, Frame, encode_request};

use crate::connection::Stream;
use crate::setup::Setup;

/// Bytes moved at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// How often a reader that waits looks at the clock.
const POLL: Duration = Duration::from_millis(100);

/// What was counted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    errors: u64,
    replies: u64,
    /// Whether the answer to the mark came.
    finished: bool,
}

/// Transfers standard input.
///
/// # Errors
/// If standard input cannot be read or the server not be reached.
pub(crate) fn run(setup: &Setup, timeout: Duration) -> Result<ExitCode> {
    let stream = setup.connect()?.into_stream();
    let mark = mark();
    let all_sent = AtomicBool::new(false);
    let (sent, tally) = std::thread::scope(|scope| {
        let reader = stream.try_clone()?;
        let counting = scope.spawn(|| count_replies(reader, &mark, &all_sent, timeout));
        let sent = send_input(&stream, &mark);
        match &sent {
            Ok(()) => {
                all_sent.store(true, Ordering::Release);
                writeln!(io::stdout(), "All data transferred. Waiting for the last reply...")?;
            }
            Err(_) => stream.shut_down(),
        }
        let tally = counting.join().expect("the counting thread does not panic");
        anyhow::Ok((sent, tally))
    })?;
    let mut out = io::stdout().lock();
    if tally.finished {
        writeln!(out, "Last reply received from server.")?;
    }
    writeln!(out, "errors: {}, replies: {}", tally.errors, tally.replies)?;
    sent.context("Error writing to the server")?;
    Ok(if tally.finished && tally.errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A text that occurs in no other reply.
fn mark() -> String {
    let random = |seed: u8| RandomState::new().hash_one(seed);
    format!("{:016x}{:016x}", random(0), random(1))
}

/// Sends standard input and the mark.
fn send_input(stream: &Stream, mark: &str) -> io::Result<()> {
    let mut stream = stream.try_clone()?;
    let progress = progress_bar();
    let mut input = io::stdin().lock();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let len = input.read(&mut chunk)?;
        if len == 0 {
            break;
        }
        stream.write_all(chunk.get(..len).expect("no more is read than was asked for"))?;
        progress.inc(u64::try_from(len).expect("a chunk's length fits"));
    }
    let mut last = Vec::new();
    encode_request(&mut last, &["ECHO", mark]);
    stream.write_all(&last)?;
    progress.finish_and_clear();
    Ok(())
}

/// Shows on a terminal's standard error how much was sent, and of how much if that is known.
fn progress_bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let status = rustix::fs::fstat(io::stdin()).ok();
    let is_file = |status: &rustix::fs::Stat| rustix::fs::FileType::from_raw_mode(status.st_mode).is_file();
    let len = status.filter(is_file).and_then(|status| u64::try_from(status.st_size).ok());
    let (bar, template) = match len {
        Some(len) => (ProgressBar::new(len), "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}"),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} {bytes_per_sec}"),
    };
    bar.with_style(ProgressStyle::with_template(template).expect("the templates above are well formed"))
}

/// Counts replies until the one that answers the mark, or until there is no hope for it.
fn count_replies(mut stream: Stream, mark: &str, all_sent: &AtomicBool, timeout: Duration) -> Tally {
    let mut tally = Tally::default();
    let mut decoder = Decoder::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut last_reply = Instant::now();
    if let Err(error) = stream.set_read_timeout(Some(POLL)) {
        eprintln!("{error}");
        return tally;
    }
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => {
                eprintln!("Server closed the connection");
                return tally;
            }
            Ok(len) => {
                last_reply = Instant::now();
                decoder.feed(chunk.get(..len).expect("no more is read than was asked for"));
                if !tally.count(&mut decoder, mark) {
                    return tally;
                }
            }
            Err(error) if is_pause(&error) => {
                if !all_sent.load(Ordering::Acquire) {
                    last_reply = Instant::now();
                } else if !timeout.is_zero() && last_reply.elapsed() >= timeout {
                    eprintln!("No replies for {} seconds: exiting.", timeout.as_secs());
                    return tally;
                }
            }
            Err(error) => {
                eprintln!("Error reading from the server: {error}");
                return tally;
            }
        }
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

impl Tally {
    /// Counts the replies that are whole; returns whether more are to come.
    fn count(&mut self, decoder: &mut Decoder, mark: &str) -> bool {
        loop {
            match decoder.next_frame() {
                Ok(None) => return true,
                Ok(Some(frame)) => {
                    if matches!(frame.bare(), Frame::Bulk(text) if text == mark.as_bytes()) {
                        self.finished = true;
                        return false;
                    }
                    if let Some(error) = frame.as_error() {
                        self.errors += 1;
                        eprintln!("{}", String::from_utf8_lossy(error));
                    }
                    self.replies += 1;
                }
                Err(error) => {
                    eprintln!("Error reading from the server: {error}");
                    return false;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Decoder, Tally, mark};

    #[test]
    fn replies_are_counted_up_to_the_mark() {
        let mut decoder = Decoder::new();
        let mut tally = Tally::default();
        decoder.feed(b"+OK\r\n-ERR no\r\n*1\r\n$4\r\nmark\r\n$4\r\nma");
        assert!(tally.count(&mut decoder, "mark"));
        assert_eq!(tally, Tally { errors: 1, replies: 3, finished: false });
        decoder.feed(b"rk\r\n+OK\r\n");
        assert!(!tally.count(&mut decoder, "mark"));
        assert_eq!(tally, Tally { errors: 1, replies: 3, finished: true });
    }

    #[test]
    fn bytes_that_are_no_reply_end_the_counting() {
        let mut decoder = Decoder::new();
        let mut tally = Tally::default();
        decoder.feed(b"+OK\r\nnonsense\r\n");
        assert!(!tally.count(&mut decoder, "mark"));
        assert!(!tally.finished);
    }

    #[test]
    fn marks_differ() {
        assert_ne!(mark(), mark());
    }
}
