//! Transactions and scripts as the history knows them: one command that holds others.
//!
//! A transaction is `EXEC`, whose arguments are the commands in it, each behind the number of its words: it runs as a unit or
//! not at all, and the sequential model must agree on which. The arguments of a script are written the same way.

use super::record::Args;

/// A script that runs the commands in its arguments, and replies with all their replies.
pub(super) const SCRIPT: &str = "local replies, at = {}, 1 \
     while at <= #ARGV do \
       local words = {} \
       for i = 1, tonumber(ARGV[at]) do words[i] = ARGV[at + i] end \
       replies[#replies + 1] = redis.pcall(unpack(words)) \
       at = at + #words + 1 \
     end \
     return replies";

/// A transaction as one command.
pub(super) fn encode(commands: &[Args]) -> Args {
    std::iter::once(b"EXEC".to_vec()).chain(words(commands)).collect()
}

/// A script that declares keys.
pub(super) fn script(keys: &[Vec<u8>], commands: &[Args]) -> Args {
    let count = keys.len().to_string().into_bytes();
    let head = [b"EVAL".to_vec(), SCRIPT.as_bytes().to_vec(), count];
    head.into_iter().chain(keys.iter().cloned()).chain(words(commands)).collect()
}

/// Commands, each behind the number of its words.
fn words(commands: &[Args]) -> Args {
    let mut words = Vec::new();
    for command in commands {
        words.push(command.len().to_string().into_bytes());
        words.extend_from_slice(command);
    }
    words
}

/// The commands in a transaction or a script; none if it is another command.
pub(super) fn inner<T: AsRef<[u8]>>(args: &[T]) -> Option<Vec<&[T]>> {
    let number = |word: &T| -> Option<usize> { std::str::from_utf8(word.as_ref()).ok()?.parse().ok() };
    let mut rest = match args[0].as_ref() {
        b"EXEC" => &args[1..],
        b"EVAL" => &args[3 + number(&args[2])?..],
        _ => return None,
    };
    let mut commands = Vec::new();
    while let [count, words @ ..] = rest {
        let (command, behind) = words.split_at(number(count)?);
        commands.push(command);
        rest = behind;
    }
    Some(commands)
}

/// Whether a command is about a transaction or its session, so that it can stand in none.
pub(super) fn is_transactional(args: &Args) -> bool {
    matches!(args[0].as_slice(), b"MULTI" | b"EXEC" | b"WATCH" | b"UNWATCH" | b"KILL")
}

/// The database that a command leaves selected, if it selects one: SELECT, or EXEC if that runs it.
pub(super) fn selected<T: AsRef<[u8]>>(args: &[T]) -> Option<u16> {
    match args[0].as_ref() {
        b"SELECT" => std::str::from_utf8(args[1].as_ref()).ok()?.parse().ok(),
        b"EXEC" => inner(args)?.into_iter().rev().find_map(selected),
        _ => None,
    }
}
