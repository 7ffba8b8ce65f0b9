//! Body of a fuzz target: a function that takes any bytes and panics if a promise about rules is broken.
//!
//! Rules come from clients and from files. Whatever they are, they are refused, and then nothing has changed, or they make users who can
//! be judged, and who are the same when they are written down and read again.

use kora_core::command::FAMILIES;
use kora_core::command::spec::Facts;

use crate::catalog::Catalog;
use crate::files;
use crate::judge::Question;
use crate::pattern::Access;
use crate::rules::{Context, merge_selectors};
use crate::users::Users;

/// Commands that a user is judged for.
const ASKED: usize = 12;

/// Arguments of such a command behind its name, at most.
const ARGUMENTS_MAX: usize = 6;

/// The commands of the core, which rules are about.
#[derive(Debug)]
pub struct Commands {
    catalog: Catalog,
    table: Vec<&'static Facts>,
}

impl Default for Commands {
    fn default() -> Self {
        Self::new()
    }
}

impl Commands {
    /// All of them.
    #[must_use]
    pub fn new() -> Self {
        let table: Vec<&'static Facts> =
            FAMILIES.iter().flat_map(|family| family.iter()).map(|command| &command.facts).collect();
        Self { catalog: Catalog::new(table.iter().copied()), table }
    }

    /// Reads bytes as the rules of a user, and as a file of users; whether either was taken.
    ///
    /// # Panics
    /// If a promise is broken.
    pub fn take(&self, input: &[u8]) -> bool {
        let context = Context { catalog: &self.catalog, all_channels: input.len() % 2 == 1 };
        let words: Vec<&[u8]> = input.split(|byte| *byte == b' ').collect();
        let mut is_taken = false;
        if let Ok(rules) = merge_selectors(&words) {
            let mut users = Users::new(&self.catalog);
            for rule in &rules {
                let before = files::print(&users);
                match users.set(b"u", &[rule], context) {
                    Ok(()) => is_taken = true,
                    Err(_) => {
                        assert_eq!(files::print(&users), before, "a rule that is refused changes nothing")
                    }
                }
            }
            self.check(&users, &words, context);
        }
        if let Ok(users) = files::parse(input, "f", context) {
            is_taken = true;
            self.check(&users, &words, context);
        }
        is_taken
    }

    /// Users can be judged, and written down.
    fn check(&self, users: &Users, words: &[&[u8]], context: Context<'_>) {
        let text = files::print(users);
        let again = files::parse(&text, "f", context);
        let again = again.unwrap_or_else(|error| panic!("{}: {error}", text.escape_ascii()));
        assert_eq!(files::print(&again).escape_ascii().to_string(), text.escape_ascii().to_string());
        let seed: usize = words.iter().map(|word| word.len()).sum();
        for number in 0..ASKED {
            let place = (seed * 31 + number * 97) % self.table.len();
            let facts = self.table[place];
            let least = usize::try_from(facts.arity.unsigned_abs()).unwrap_or(1);
            let count = if facts.arity < 0 { least.max(words.len().min(ARGUMENTS_MAX)) } else { least };
            let args = (0..count).map(|at| match at {
                0 => facts.name.as_bytes(),
                _ => words.get(at - 1).copied().unwrap_or(b"1"),
            });
            let args: Vec<&[u8]> = args.collect();
            let id = self.catalog.of_place(place);
            let question = Question { catalog: &self.catalog, id, facts, args: &args };
            for (user, copy) in users.iter().zip(again.iter()) {
                let verdict = question.judge(user);
                assert_eq!(verdict, question.judge(copy), "{} for {}", facts.name, text.escape_ascii());
                if user.is_unlimited() {
                    assert_eq!(verdict, Ok(()), "{} for one who may do everything", facts.name);
                }
                let prefixes = &args[..args.len().min(2)];
                let may = [Access::READ, Access::ALL].map(|access| {
                    let all = question.may_with_all_keys(user, access);
                    (all, question.may_with_prefixes(user, prefixes, access))
                });
                let is_strange = |&(all, some): &(bool, bool)| all && !some;
                assert!(!may.iter().any(is_strange), "who has all keys has those: {}", text.escape_ascii());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_files_are_taken_and_refused() {
        let commands = Commands::new();
        for taken in [
            "on nopass ~* &* +@all",
            "on >p %R~a* %W~b (~c +@read -get) +config|get -@dangerous",
            "user u on #2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae ~a +get\nuser v off",
        ] {
            assert!(commands.take(taken.as_bytes()), "{taken}");
        }
        for input in [
            // A star among patterns matches no empty key; all keys are all.
            "%RW~*  +@all",
            "on ~x (~a:* +@all -@write) (%RW~* +get &*)",
            // What can't be written in a line, or would end a selector where it stands.
            "on +debug|obj\nect",
            "(%RW~* +get &*))))",
            "(~\"a\\\"b\" +get)",
        ] {
            commands.take(input.as_bytes());
        }
        for refused in ["(", "+debug|a\tb", "(~a)) +get)", "nosuch", "%X~a", "+get|a|b"] {
            assert!(!commands.take(refused.as_bytes()), "{refused}");
        }
    }
}
