//! Which arguments of a command are keys: the one place that routing, COMMAND GETKEYS and ACL checks ask.
//!
//! The positions follow from the declaration ([`KeySpec`]) and the arguments as sent; nothing is read from a store. All
//! arithmetic on numbers that a client sent is checked, and no more is reserved than there are arguments.
//!
//! Source: Redis documentation, "Command key specifications".

use smallvec::SmallVec;

use crate::command::spec::{BeginSearch, Facts, FindKeys, Flags, KeyFlags, KeySpec};
use crate::number::parse_i64;

/// An argument that is a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyAt {
    /// Which argument; 0 is the command's name.
    pub index: u32,
    /// Which of the command's key specifications found it.
    pub spec: u8,
}

impl KeyAt {
    /// The flags of the key in the command `args`, declared by `facts`: those of its specification, or those that the
    /// arguments give where the declaration leaves it to them.
    #[must_use]
    pub fn flags(self, facts: &Facts, args: &[&[u8]]) -> KeyFlags {
        match facts.key_flags {
            Some(flags) => flags(args),
            None => facts.keys[usize::from(self.spec)].flags.of_found(),
        }
    }
}

/// The keys among a command's arguments, in the order of the specifications.
pub type Keys = SmallVec<[KeyAt; 8]>;

/// Adds the keys among `args` by rules of one command.
pub type KeyFinder = fn(args: &[&[u8]], keys: &mut Keys) -> Result<(), InvalidKeys>;

/// The arguments contradict the command's key specifications: a count that is no number or promises more keys than
/// there are arguments, or a missing keyword.
///
/// The command itself will answer with a syntax error. COMMAND GETKEYS answers with an error of its own, or
/// with no keys if the command is flagged [`Flags::NO_MANDATORY_KEYS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ERR Invalid arguments specified for command")]
pub struct InvalidKeys;

impl Facts {
    /// The index of the key of a command that always has exactly one, at a fixed place.
    #[inline]
    #[must_use]
    pub fn only_key(&self) -> Option<usize> {
        match self.keys {
            [KeySpec { begin: BeginSearch::Index(index), find: FindKeys::Range { last: 0, .. }, .. }] => {
                Some(*index)
            }
            _ => None,
        }
    }
}

impl Facts {
    /// First key and distance between keys of a command whose keys go on to its last argument.
    #[inline]
    #[must_use]
    pub fn keys_to_end(&self) -> Option<(usize, usize)> {
        match self.keys {
            [
                KeySpec {
                    begin: BeginSearch::Index(first),
                    find: FindKeys::Range { last: -1, step, .. },
                    ..
                },
            ] => Some((*first, *step)),
            _ => None,
        }
    }
}

/// The keys among `args`, the command's name included.
///
/// Complexity: O(keys), after O(arguments) to find a keyword.
///
/// # Errors
/// [`InvalidKeys`] if the arguments contradict the specifications.
#[inline]
pub fn extract_keys(facts: &Facts, args: &[&[u8]]) -> Result<Keys, InvalidKeys> {
    let mut keys = Keys::new();
    match facts.only_key() {
        Some(index) => push(&mut keys, index, 0, args.len())?,
        None => extract_each(facts, args, &mut keys)?,
    }
    Ok(keys)
}

fn extract_each(facts: &Facts, args: &[&[u8]], keys: &mut Keys) -> Result<(), InvalidKeys> {
    if let Some(find) = facts.key_finder {
        return find(args, keys);
    }
    for (number, spec) in facts.keys.iter().enumerate() {
        let begin = begin(spec.begin, args).ok_or(InvalidKeys)?;
        let Some(found) = range(spec.find, begin, args, facts.flags)? else { continue };
        let mut index = found.first;
        for _ in 0..found.count {
            push(keys, index, number, args.len())?;
            index = index.saturating_add(found.step);
        }
    }
    Ok(())
}

/// Adds the argument at `index` as a key that the specification numbered `spec` describes. That it is one of the
/// arguments bounds every loop that calls this.
///
/// # Errors
/// [`InvalidKeys`] if there is no such argument.
#[inline]
pub fn push(keys: &mut Keys, index: usize, spec: usize, argument_count: usize) -> Result<(), InvalidKeys> {
    if index >= argument_count {
        return Err(InvalidKeys);
    }
    let index = u32::try_from(index).map_err(|_| InvalidKeys)?;
    let spec = u8::try_from(spec).expect("no command declares more than a handful of specifications");
    keys.push(KeyAt { index, spec });
    Ok(())
}

/// Where keys begin; `None` if the keyword is missing.
fn begin(search: BeginSearch, args: &[&[u8]]) -> Option<usize> {
    let (keyword, from) = match search {
        BeginSearch::Index(index) => return Some(index),
        BeginSearch::Unknown => return Some(0),
        BeginSearch::Keyword(keyword, from) => (keyword.as_bytes(), from),
    };
    let is_keyword = |index: &usize| args[*index].eq_ignore_ascii_case(keyword);
    let distance = from.unsigned_abs() as usize;
    let at = if from >= 0 {
        (distance..args.len()).find(is_keyword)?
    } else {
        // The name itself is never the keyword.
        (1..=args.len().checked_sub(distance)?).rev().find(is_keyword)?
    };
    Some(at + 1)
}

/// `count` keys, every `step`-th argument from `first`.
struct Found {
    first: usize,
    count: usize,
    step: usize,
}

/// The keys of one specification; `None` if the arguments end before the first.
fn range(find: FindKeys, begin: usize, args: &[&[u8]], flags: Flags) -> Result<Option<Found>, InvalidKeys> {
    match find {
        FindKeys::Unknown(find) => Ok(find(args).map(|first| Found { first, count: 1, step: 1 })),
        FindKeys::Range { last, step, limit } => Ok(fixed_range(begin, last, step.max(1), limit, args.len())),
        FindKeys::KeyNum { number_at, first, step } => {
            let number = args.get(begin.saturating_add(number_at)).ok_or(InvalidKeys)?;
            let count = parse_i64(number).and_then(|count| usize::try_from(count).ok()).ok_or(InvalidKeys)?;
            if count == 0 && !flags.has(Flags::NO_MANDATORY_KEYS) {
                return Err(InvalidKeys);
            }
            Ok(Some(Found { first: begin.saturating_add(first), count, step: step.max(1) }))
        }
    }
}

fn fixed_range(first: usize, last: i32, step: usize, limit: usize, argument_count: usize) -> Option<Found> {
    let rest = argument_count.checked_sub(first).filter(|&rest| rest > 0)?;
    let from_end = last.unsigned_abs() as usize;
    // Counted from `first`: how far away the last key is.
    let distance = if last >= 0 {
        from_end
    } else if limit >= 2 {
        (rest / limit).checked_sub(from_end)?
    } else {
        rest.checked_sub(from_end)?
    };
    Some(Found { first, count: distance / step + 1, step })
}

#[cfg(test)]
mod tests;
