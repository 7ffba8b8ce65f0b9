//! Whether Enter runs what was typed, or goes on in the next line because a quote is still open.

use kora_protocol::split_line;
use reedline::{ValidationResult, Validator};

/// Goes on while a quote is open.
#[derive(Debug)]
pub(super) struct QuotesClosed;

impl Validator for QuotesClosed {
    fn validate(&self, line: &str) -> ValidationResult {
        if is_open(line) { ValidationResult::Incomplete } else { ValidationResult::Complete }
    }
}

/// Whether `line` would be whole with another quote at its end; text that touches a closing quote is wrong, not unfinished.
fn is_open(line: &str) -> bool {
    let closed_by = |quote: &str| split_line(format!("{line}{quote}").as_bytes()).is_ok();
    split_line(line.as_bytes()).is_err() && (closed_by("\"") || closed_by("'") || line.ends_with('\\'))
}

#[cfg(test)]
mod tests {
    use super::is_open;

    #[test]
    fn only_open_quotes_go_on() {
        for open in ["eval \"return 1", "set a 'b", "set a \"b \\\"", "set a \"b\\", "eval \"if x\nthen"] {
            assert!(is_open(open), "{open}");
        }
        for whole in ["get a", "", "set a \"b\"", "set a \"b\"c", "set it's a b'"] {
            assert!(!is_open(whole), "{whole}");
        }
    }
}
