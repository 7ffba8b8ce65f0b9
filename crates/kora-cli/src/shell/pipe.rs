//! Replies to commands of the shell: `GET key | jq .`.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use crate::words::words;

/// A line at its first `|` that is a word of its own and in no quotes: the command, and what its reply goes to.
pub(super) fn split(line: &str) -> Option<(&str, &str)> {
    let words = words(line);
    let bar = words.iter().position(|word| line.get(word.range.clone()) == Some("|"))?;
    let at = words.get(bar)?.range.clone();
    let (command, program) = (line.get(..at.start)?.trim(), line.get(at.end..)?.trim());
    (!command.is_empty() && !program.is_empty()).then_some((command, program))
}

/// Runs `program` with `input`.
///
/// # Errors
/// If there is no shell to run it.
pub(super) fn run(program: &str, input: &[u8]) -> io::Result<()> {
    let mut child = Command::new("sh").args(["-c", program]).stdin(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that reads only what it needs, as `head` does, may be gone.
        let _ = stdin.write_all(input);
    }
    child.wait().map(drop)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_bar_alone_and_unquoted_splits() {
        assert_eq!(split("get k | jq ."), Some(("get k", "jq .")));
        assert_eq!(split("get k | sort | uniq"), Some(("get k", "sort | uniq")));
        for whole in ["get k|wc", "set k \"a | b\"", "set k |", "| wc", "set k '|' x"] {
            assert_eq!(split(whole), None, "{whole}");
        }
    }
}
