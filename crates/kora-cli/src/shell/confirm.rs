//! The question before commands that destroy much, or keep the server from everything else.

use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::session::ready;

/// What a command would do that is worth a question; `None` for all others.
pub(super) fn danger(words: &[Vec<u8>]) -> Option<&'static str> {
    let word = |index: usize| {
        words.get(index).map(|word| String::from_utf8_lossy(word).to_ascii_uppercase()).unwrap_or_default()
    };
    let has = |name: &str| words.iter().skip(2).any(|word| word.eq_ignore_ascii_case(name.as_bytes()));
    match (word(0).as_str(), word(1).as_str()) {
        ("FLUSHALL", _) => Some("deletes all keys of all databases"),
        ("FLUSHDB", _) => Some("deletes all keys of this database"),
        ("SHUTDOWN", "ABORT") => None,
        ("SHUTDOWN", _) => Some("stops the server"),
        ("KEYS", "*") => Some("lists all keys at once; SCAN does so in steps"),
        ("SWAPDB", _) => Some("exchanges two databases for all clients"),
        ("FUNCTION", "FLUSH") => Some("deletes all libraries of functions"),
        ("FT.DROPINDEX", _) if has("DD") => Some("deletes the index and the keys in it"),
        ("DOC.DROP", _) => Some("deletes the collection with its documents"),
        _ => None,
    }
}

/// Asks whether to go on, and waits for a line; Ctrl-C is a no.
///
/// # Errors
/// If the terminal cannot be used.
pub(super) fn ask(
    words: &[Vec<u8>],
    danger: &str,
    interrupt: Option<&AtomicBool>,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let name =
        words.first().map(|name| String::from_utf8_lossy(name).to_ascii_uppercase()).unwrap_or_default();
    write!(out, "{name} {danger}. Go on? [y/N] ")?;
    out.flush()?;
    let stdin = io::stdin();
    loop {
        if interrupt.is_some_and(|interrupt| interrupt.swap(false, Ordering::Relaxed)) {
            writeln!(out)?;
            return Ok(false);
        }
        let (is_typed, _) = ready(&stdin, &stdin)?;
        if is_typed {
            let mut line = String::new();
            stdin.lock().read_line(&mut line)?;
            return Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::danger;

    #[test]
    fn only_what_destroys_much_is_asked_about() {
        let is_asked = |line: &str| {
            let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            danger(&words).is_some()
        };
        for line in
            ["flushall", "FLUSHDB ASYNC", "shutdown nosave", "keys *", "FT.DROPINDEX i dd", "function flush"]
        {
            assert!(is_asked(line), "{line}");
        }
        for line in ["get flushall", "keys user:*", "shutdown abort", "FT.DROPINDEX dd", "del k"] {
            assert!(!is_asked(line), "{line}");
        }
    }
}
