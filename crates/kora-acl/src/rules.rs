//! The rules of ACL SETUSER, one by one: how a user changes by each, and what is wrong with those that are refused.

use crate::catalog::{Catalog, CommandId, Named, category};
use crate::password::Digest;
use crate::pattern::{Form, KeyPattern, has_no_space};
use crate::selector::Selector;
use crate::user::User;

/// Why a rule is refused, in Redis's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// It names what there is not.
    #[error("Unknown command or category name in ACL")]
    Unknown,
    /// It has no known form.
    #[error("Syntax error")]
    Syntax,
    /// All keys are allowed already.
    #[error(
        "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try \
         'resetkeys' to start with an empty list of patterns"
    )]
    AllKeys,
    /// All channels are allowed already.
    #[error(
        "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. \
         Try 'resetchannels' to start with an empty list of channels"
    )]
    AllChannels,
    /// There is no such password.
    #[error("The password you are trying to remove from the user does not exist")]
    NoSuchPassword,
    /// A digest is not one.
    #[error(
        "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
    )]
    Hash,
    /// A configuration file has the user twice.
    #[error("Duplicate user found. A user can only be defined once in config files")]
    Duplicate,
    /// A subcommand has no first arguments.
    #[error("Allowing first-arg of a subcommand is not supported")]
    FirstArgument,
}

/// What rules are read with.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The commands.
    pub catalog: &'a Catalog,
    /// `acl-pubsub-default`: whether new users and selectors may use all channels.
    pub all_channels: bool,
}

impl User {
    /// Changes the user by one rule. What was changed by rules before it stays if it is refused.
    ///
    /// # Errors
    /// If it has no known form, or names what there is not.
    pub fn apply(&mut self, rule: &[u8], context: Context<'_>) -> Result<(), RuleError> {
        match rule.to_ascii_lowercase().as_slice() {
            b"" => {}
            b"on" => self.is_on = true,
            b"off" => self.is_on = false,
            b"nopass" => {
                self.needs_no_password = true;
                self.passwords.clear();
            }
            b"resetpass" => {
                self.needs_no_password = false;
                self.passwords.clear();
            }
            b"sanitize-payload" => self.skips_sanitizing = false,
            b"skip-sanitize-payload" => self.skips_sanitizing = true,
            b"clearselectors" => self.selectors.clear(),
            b"reset" => {
                let (name, serial) = (std::mem::take(&mut self.name), self.serial);
                *self = Self { serial, ..Self::new(name, context) };
            }
            _ => return self.apply_marked(rule, context),
        }
        Ok(())
    }

    /// Changes the user by a rule whose first byte says what it is about.
    fn apply_marked(&mut self, rule: &[u8], context: Context<'_>) -> Result<(), RuleError> {
        match rule {
            [b'>', password @ ..] => self.add_password(Digest::of(password)),
            [b'#', digits @ ..] => self.add_password(Digest::from_digits(digits).ok_or(RuleError::Hash)?),
            [b'<', password @ ..] => return self.remove_password(&Digest::of(password)),
            [b'!', digits @ ..] => {
                return self.remove_password(&Digest::from_digits(digits).ok_or(RuleError::Hash)?);
            }
            [b'(', inside @ .., b')'] => self.selectors.push(selector_of(inside, context)?),
            _ => return self.root.apply(rule, context.catalog),
        }
        Ok(())
    }

    fn add_password(&mut self, digest: Digest) {
        self.needs_no_password = false;
        if !self.passwords.contains(&digest) {
            self.passwords.push(digest);
        }
    }

    fn remove_password(&mut self, digest: &Digest) -> Result<(), RuleError> {
        let at = self.passwords.iter().position(|known| known == digest).ok_or(RuleError::NoSuchPassword)?;
        self.passwords.remove(at);
        Ok(())
    }
}

/// A selector with the rules between parentheses. One that would be read as something else where it is written in a file, say for a
/// pattern that ends in a parenthesis, is refused.
fn selector_of(inside: &[u8], context: Context<'_>) -> Result<Selector, RuleError> {
    let selector = read_selector(inside, context)?;
    let rules = selector.describe(Form::File);
    let written = [b"(", &rules[..], b")"].concat();
    let words: Vec<&[u8]> = written.split(|byte| *byte == b' ').collect();
    let is_one = merge_selectors(&words).is_ok_and(|merged| merged == [&written[..]]);
    if is_one && read_selector(&rules, context)?.describe(Form::File) == rules {
        return Ok(selector);
    }
    Err(RuleError::Syntax)
}

/// Quotes group words as in a line of a configuration file; where they don't match, there are no rules.
fn read_selector(inside: &[u8], context: Context<'_>) -> Result<Selector, RuleError> {
    let mut selector = Selector::new(context);
    for rule in kora_protocol::split_line(inside).unwrap_or_default() {
        selector.apply(&rule, context.catalog)?;
    }
    Ok(selector)
}

impl Selector {
    /// Changes the selector by one rule.
    ///
    /// # Errors
    /// If it has no known form, or names what there is not.
    pub(crate) fn apply(&mut self, rule: &[u8], catalog: &Catalog) -> Result<(), RuleError> {
        match rule.to_ascii_lowercase().as_slice() {
            b"allkeys" | b"~*" => {
                self.has_all_keys = true;
                self.keys.clear();
            }
            b"resetkeys" => {
                self.has_all_keys = false;
                self.keys.clear();
            }
            b"allchannels" | b"&*" => {
                self.has_all_channels = true;
                self.channels.clear();
            }
            b"resetchannels" => {
                self.has_all_channels = false;
                self.channels.clear();
            }
            b"allcommands" | b"+@all" => self.allow_all(catalog),
            b"nocommands" | b"-@all" => self.forbid_all(),
            lower => return self.apply_marked(rule, lower, catalog),
        }
        Ok(())
    }

    fn apply_marked(&mut self, rule: &[u8], lower: &[u8], catalog: &Catalog) -> Result<(), RuleError> {
        match (rule, lower) {
            ([b'~' | b'%', ..], _) => self.add_keys(rule),
            ([b'&', channel @ ..], _) => self.add_channel(channel),
            ([sign @ (b'+' | b'-'), b'@', name @ ..], _) => {
                let category = category(name).ok_or(RuleError::Unknown)?;
                self.note_rule(*sign, &lower[1..]);
                for (id, known) in catalog.iter().filter(|(_, known)| known.categories.has(category)) {
                    self.set(id, *sign == b'+');
                    known.subcommands.iter().for_each(|id| self.set_bit(*id, *sign == b'+'));
                }
                Ok(())
            }
            ([b'+', name @ ..], [_, lower @ ..]) => self.allow(name, lower, catalog),
            ([b'-', name @ ..], [_, lower @ ..]) => {
                if let Named::Command(id) = catalog.find(name).ok_or(RuleError::Unknown)? {
                    self.set_with_subcommands(id, false, catalog);
                }
                self.note_rule(b'-', lower);
                Ok(())
            }
            _ => Err(RuleError::Syntax),
        }
    }

    fn add_keys(&mut self, rule: &[u8]) -> Result<(), RuleError> {
        if self.has_all_keys {
            return Err(RuleError::AllKeys);
        }
        let found = KeyPattern::parse(rule).ok_or(RuleError::Syntax)?;
        match self.keys.iter_mut().find(|known| known.pattern == found.pattern) {
            Some(known) => known.extend(&found),
            None => self.keys.push(found),
        }
        Ok(())
    }

    fn add_channel(&mut self, channel: &[u8]) -> Result<(), RuleError> {
        if self.has_all_channels {
            return Err(RuleError::AllChannels);
        }
        if !has_no_space(channel) {
            return Err(RuleError::Syntax);
        }
        if !self.channels.iter().any(|known| **known == *channel) {
            self.channels.push(channel.into());
        }
        Ok(())
    }

    /// A rule that allows a command, a subcommand, or a command with this first argument.
    fn allow(&mut self, name: &[u8], lower: &[u8], catalog: &Catalog) -> Result<(), RuleError> {
        let bar = name.iter().rposition(|byte| *byte == b'|');
        let found = match bar {
            None => catalog.find(name).ok_or(RuleError::Unknown)?,
            Some(bar) => {
                let container = catalog.find(&name[..bar]).ok_or(RuleError::Unknown)?;
                if name[..bar].contains(&b'|') {
                    return Err(RuleError::FirstArgument);
                }
                let argument = &name[bar + 1..];
                if argument.is_empty() || !has_no_space(argument) {
                    return Err(RuleError::Syntax);
                }
                if !catalog.has_subcommands(container, &name[..bar]) {
                    if let Named::Command(id) = container {
                        self.add_first_argument(id, argument);
                    }
                    self.note_rule(b'+', lower);
                    return Ok(());
                }
                catalog.find(name).ok_or(RuleError::Unknown)?
            }
        };
        if let Named::Command(id) = found {
            self.set_with_subcommands(id, true, catalog);
        }
        self.note_rule(b'+', lower);
        Ok(())
    }

    fn set_with_subcommands(&mut self, id: CommandId, is_allowed: bool, catalog: &Catalog) {
        self.set(id, is_allowed);
        catalog.get(id).subcommands.iter().for_each(|id| self.set_bit(*id, is_allowed));
    }

    /// Keeps a rule about commands for those who ask. It takes the place of those before it that it makes void: about the
    /// same, or a part of it.
    fn note_rule(&mut self, sign: u8, about: &[u8]) {
        self.rules.retain(|rule| {
            let rest = rule[1..].strip_prefix(about);
            !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"|"))
        });
        self.rules.push([&[sign], about].concat().into());
    }
}

/// The rules of ACL SETUSER with those of a selector put together that came as several words.
///
/// # Errors
/// The place of the parenthesis that is not closed.
pub fn merge_selectors(words: &[&[u8]]) -> Result<Vec<Vec<u8>>, usize> {
    let mut rules = Vec::with_capacity(words.len());
    let mut open: Option<(usize, Vec<u8>)> = None;
    for (at, word) in words.iter().enumerate() {
        match open.take() {
            Some((begin, mut rule)) => {
                rule.push(b' ');
                rule.extend_from_slice(word);
                if word.ends_with(b")") {
                    rules.push(rule);
                } else {
                    open = Some((begin, rule));
                }
            }
            None if word.starts_with(b"(") && !word.ends_with(b")") => open = Some((at, word.to_vec())),
            None => rules.push(word.to_vec()),
        }
    }
    match open {
        None => Ok(rules),
        Some((begin, _)) => Err(begin),
    }
}
