//! One command, given on the command line, run once or several times.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};

use crate::args::Args;
use crate::connection::reason;
use crate::session::Outcome;
use crate::setup::Setup;
use crate::shell::Shell;

/// The command that the arguments ask for, with standard input in its place; empty if they ask for none.
///
/// # Errors
/// If a script or standard input cannot be read, or a quoted string is none.
pub(crate) fn command(args: &Args) -> Result<Vec<Vec<u8>>> {
    let mut command = args.command()?;
    if let Some(path) = &args.eval {
        let script = std::fs::read(path)
            .map_err(|error| anyhow!("Can't open file '{}': {}", path.display(), reason(&error)))?;
        return Ok(eval(script, command));
    }
    if args.stdin_last && !command.is_empty() {
        command.push(read_input()?);
    }
    if let Some(tag) = args.stdin_tag.as_deref().map(OsStr::as_bytes) {
        if !command.iter().any(|word| word == tag) {
            bail!("Using -X option but stdin tag not match.");
        }
        let input = read_input()?;
        for word in command.iter_mut().filter(|word| *word == tag) {
            word.clone_from(&input);
        }
    }
    Ok(command)
}

fn read_input() -> io::Result<Vec<u8>> {
    let mut input = Vec::new();
    io::stdin().lock().read_to_end(&mut input)?;
    Ok(input)
}

/// `EVAL` of `script`; a comma in `words` separates its keys from its arguments.
fn eval(script: Vec<u8>, words: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let comma = words.iter().position(|word| word == b",");
    let key_count = comma.unwrap_or(words.len());
    let mut command = vec![b"EVAL".to_vec(), script, key_count.to_string().into_bytes()];
    let words = words.into_iter().enumerate().filter(|(index, _)| Some(*index) != comma);
    command.extend(words.map(|(_, word)| word));
    command
}

/// Runs `command` as often as asked.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn run(setup: Setup, args: &Args, command: &[Vec<u8>]) -> Result<ExitCode> {
    let coloured = setup.coloured;
    let mut session = setup.into_session();
    if is_help(command) {
        let mut line = b"help".to_vec();
        for topic in command.iter().skip(1) {
            line.push(b' ');
            line.extend_from_slice(topic);
        }
        Shell::new(session, coloured).run_line(&line, &mut io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Err(error) = session.connect() {
        session.report_unreachable(&error);
        return Ok(ExitCode::FAILURE);
    }
    session.withhold_errors = args.fail_on_error;
    let interval = args.interval.unwrap_or(Duration::ZERO);
    let mut out = io::stdout().lock();
    let mut left = args.repeat;
    while left != 0 {
        match session.run(command, &mut out)? {
            Outcome::Lost => return Ok(ExitCode::FAILURE),
            Outcome::Refused(error) if args.fail_on_error => {
                eprintln!("{}", String::from_utf8_lossy(&error));
                return Ok(ExitCode::FAILURE);
            }
            Outcome::Refused(_) | Outcome::Done => {}
        }
        // A negative count never ends.
        left = if left > 0 { left - 1 } else { left };
        if left != 0 && !interval.is_zero() {
            std::thread::sleep(interval);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn is_help(command: &[Vec<u8>]) -> bool {
    command.first().is_some_and(|name| name.eq_ignore_ascii_case(b"help") || name == b"?")
}

#[cfg(test)]
mod tests {
    use super::eval;

    fn check(words: &str, expected: &str) {
        let words = words.split_whitespace().map(|word| word.as_bytes().to_vec()).collect();
        let command = eval(b"return-1".to_vec(), words);
        let command: Vec<_> = command.iter().map(|word| String::from_utf8_lossy(word)).collect();
        assert_eq!(command.join(" "), expected);
    }

    #[test]
    fn a_comma_separates_keys_from_arguments() {
        check("k1 k2 , a b", "EVAL return-1 2 k1 k2 a b");
        check("k1 k2", "EVAL return-1 2 k1 k2");
        check(", a , b", "EVAL return-1 0 a , b");
        check("", "EVAL return-1 0");
    }
}
