//! Replies longer than the screen: by the program that `PAGER` names, or a page at a time.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::termios::tcgetwinsize;

use crate::session::{Keys, ready};

/// What is said where the rest of a reply waits.
const MORE: &str = "-- more: blank, Enter (a line), a (all), q (stop) --";

/// What a key means while a reply waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Page,
    Line,
    All,
    Stop,
}

impl Step {
    fn of(key: u8) -> Option<Self> {
        match key {
            b' ' | b'f' => Some(Self::Page),
            b'\r' | b'\n' | b'j' => Some(Self::Line),
            b'a' | b'G' => Some(Self::All),
            b'q' | b'Q' | 0x1b => Some(Self::Stop),
            _ => None,
        }
    }
}

/// Lines of the screen; none if it is not known.
fn screen() -> Option<(usize, usize)> {
    let size = io::stdout().is_terminal().then(|| tcgetwinsize(io::stdout()).ok()).flatten()?;
    (size.ws_row > 2 && size.ws_col > 0).then_some((usize::from(size.ws_row), usize::from(size.ws_col)))
}

/// Writes `text`, a page at a time if it is longer than the screen.
///
/// # Errors
/// If the terminal cannot be used.
pub(super) fn show(text: &[u8], interrupt: Option<&AtomicBool>, out: &mut dyn Write) -> io::Result<()> {
    let Some((rows, columns)) = screen() else { return out.write_all(text) };
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let heights: Vec<usize> = lines.iter().map(|line| width(line).div_ceil(columns).max(1)).collect();
    if heights.iter().sum::<usize>() < rows {
        return out.write_all(text);
    }
    match std::env::var("PAGER") {
        Ok(pager) if !pager.trim().is_empty() => by_program(&pager, text),
        _ => by_pages(&lines, &heights, rows - 1, interrupt, out),
    }
}

/// Columns that a line takes: its characters, without the codes of colours.
fn width(line: &[u8]) -> usize {
    let text = String::from_utf8_lossy(line);
    let mut is_code = false;
    let shown = text.chars().filter(|character| {
        let is_shown = !is_code && !character.is_control();
        is_code = if is_code { !character.is_ascii_alphabetic() } else { *character == '\u{1b}' };
        is_shown
    });
    shown.count()
}

fn by_program(pager: &str, text: &[u8]) -> io::Result<()> {
    let mut child = Command::new("sh").args(["-c", pager]).stdin(Stdio::piped()).spawn()?;
    if let Some(input) = child.stdin.take() {
        // A pager that is left early reads no more.
        let _ = BufWriter::new(input).write_all(text);
    }
    child.wait().map(drop)
}

fn by_pages(
    lines: &[&[u8]],
    heights: &[usize],
    page: usize,
    interrupt: Option<&AtomicBool>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut left = page;
    for (line, height) in lines.iter().zip(heights) {
        if left < *height {
            left = match wait(interrupt, out)? {
                Step::Page => page,
                Step::Line => 1,
                Step::All => usize::MAX,
                Step::Stop => return Ok(()),
            };
        }
        out.write_all(line)?;
        left = if left == usize::MAX { left } else { left.saturating_sub(*height) };
    }
    Ok(())
}

/// Waits for a key that means something.
fn wait(interrupt: Option<&AtomicBool>, out: &mut dyn Write) -> io::Result<Step> {
    out.write_all(MORE.as_bytes())?;
    out.flush()?;
    let stdin = io::stdin();
    let keys = Keys::of(&stdin)?;
    let step = loop {
        if interrupt.is_some_and(|interrupt| interrupt.swap(false, Ordering::Relaxed)) {
            break Step::Stop;
        }
        let (is_pressed, _) = ready(&stdin, &stdin)?;
        if !is_pressed {
            continue;
        }
        let mut key = [0];
        if rustix::io::read(&stdin, &mut key)? == 0 {
            break Step::Stop;
        }
        if let Some(step) = Step::of(key[0]) {
            break step;
        }
    };
    drop(keys);
    out.write_all(b"\r\x1b[K")?;
    Ok(step)
}

#[cfg(test)]
mod tests {
    use super::{Step, width};

    #[test]
    fn codes_of_colours_take_no_columns() {
        assert_eq!(width(b"\x1b[36m(integer) 1\x1b[0m\n"), 11);
        assert_eq!(width("äb\n".as_bytes()), 2);
        assert_eq!(width(b""), 0);
    }

    #[test]
    fn keys_mean_steps() {
        assert_eq!(
            [b' ', b'\r', b'q', b'x'].map(Step::of),
            [Some(Step::Page), Some(Step::Line), Some(Step::Stop), None]
        );
    }
}
