//! Files of users: a line for each, `user <name> <rule> ...`. All of a file counts, or nothing.

use std::collections::BTreeSet;

use crate::pattern::has_no_space;
use crate::rules::{Context, RuleError, merge_selectors};
use crate::user::User;
use crate::users::Users;

/// What ends the list of a file's errors.
const UNCHANGED: &str =
    "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";

/// The users that a file declares; `default` as it is at first, if the file says nothing of it.
///
/// # Errors
/// What is wrong with each line, in Redis's words, which name the file as `name`.
pub fn parse(text: &[u8], name: &str, context: Context<'_>) -> Result<Users, String> {
    let mut users = Users::new(context.catalog);
    let mut declared = BTreeSet::new();
    let mut errors = String::new();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let [b"user", user, rules @ ..] = &words[..] else {
            let text = "should start with user keyword followed by the username. ";
            errors.push_str(&format!("{name}:{number} {text}"));
            continue;
        };
        if !has_no_space(user) {
            errors.push_str(&format!(
                "{name}:{number}: username '{}' contains invalid characters. ",
                shown(user)
            ));
            continue;
        }
        if !declared.insert(*user) {
            errors.push_str(&format!("WARNING: Duplicate user '{}' found on line {number}. ", shown(user)));
            continue;
        }
        let Ok(rules) = merge_selectors(rules) else {
            errors.push_str(&format!("{name}:{number}: Unmatched parenthesis in selector definition."));
            continue;
        };
        let mut made = User::new(*user, context);
        let mut has_told = false;
        for rule in &rules {
            let Err(error) = made.apply(rule.trim_ascii(), context) else { continue };
            if error == RuleError::Unknown {
                let rule = shown(rule);
                errors.push_str(&format!("{name}:{number}: Error in applying operation '{rule}': {error}. "));
            } else if !std::mem::replace(&mut has_told, true) {
                // It may hold a password.
                errors.push_str(&format!("{name}:{number}: {error}. "));
            }
        }
        users.insert(made);
    }
    if errors.is_empty() { Ok(users) } else { Err(errors + UNCHANGED) }
}

fn shown(bytes: &[u8]) -> String {
    kora_core::text::of(bytes).into_owned()
}

/// The text of a file that declares these users.
#[must_use]
pub fn print(users: &Users) -> Vec<u8> {
    users.iter().flat_map(|user| [user.file_line(), b"\n".to_vec()].concat()).collect()
}

/// Reads the words behind `user` in a configuration file into `users`, where the name must be new.
///
/// # Errors
/// The word that is refused, and why.
pub fn declare(
    users: &mut Users,
    declared: &mut BTreeSet<Vec<u8>>,
    words: &[Vec<u8>],
    context: Context<'_>,
) -> Result<(), (Vec<u8>, String)> {
    let Some((name, rules)) = words.split_first() else {
        return Err((Vec::new(), "wrong number of arguments".into()));
    };
    if !declared.insert(name.clone()) {
        return Err((name.clone(), RuleError::Duplicate.to_string()));
    }
    let rules: Vec<&[u8]> = rules.iter().map(Vec::as_slice).collect();
    let merged = merge_selectors(&rules)
        .map_err(|at| (rules[at].to_vec(), "Unmatched parenthesis in selector definition.".into()))?;
    let mut user = User::new(name.clone(), context);
    for rule in &merged {
        user.apply(rule, context).map_err(|error| (rule.clone(), error.to_string()))?;
    }
    users.insert(user);
    Ok(())
}
