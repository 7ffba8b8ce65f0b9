//! A selector: a set of commands with the keys and channels they may be used with.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, CommandId};
use crate::pattern::{Form, KeyPattern};
use crate::rules::Context;

/// Bits of a word of [`Selector::allowed`].
const WORD_BITS: usize = u64::BITS as usize;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    pub(crate) has_all_keys: bool,
    pub(crate) has_all_channels: bool,
    /// All commands are allowed, and none was taken out since.
    pub(crate) has_all_commands: bool,
    /// Commands were allowed all at once: those that come one day, too.
    pub(crate) begins_with_all: bool,
    /// By number, whether a command is allowed; what lies behind the end is not, unless [`Selector::begins_with_all`].
    allowed: Vec<u64>,
    /// First arguments with which a command is allowed that is not allowed as a whole.
    first_arguments: BTreeMap<CommandId, Vec<Box<[u8]>>>,
    pub(crate) keys: Vec<KeyPattern>,
    pub(crate) channels: Vec<Box<[u8]>>,
    /// The rules about commands that count, signs included, in lower case.
    pub(crate) rules: Vec<Box<[u8]>>,
}

impl Selector {
    /// One that allows nothing, but perhaps channels.
    pub(crate) fn new(context: Context<'_>) -> Self {
        Self { has_all_channels: context.all_channels, ..Self::default() }
    }

    /// One that allows everything.
    pub(crate) fn unlimited(catalog: &Catalog) -> Self {
        let mut selector = Self { has_all_keys: true, has_all_channels: true, ..Self::default() };
        selector.allow_all(catalog);
        selector
    }

    /// Whether it allows everything.
    pub(crate) fn is_unlimited(&self) -> bool {
        self.has_all_keys && self.has_all_channels && self.has_all_commands
    }

    pub(crate) fn allow_all(&mut self, catalog: &Catalog) {
        self.allowed = vec![u64::MAX; catalog.len().div_ceil(WORD_BITS)];
        (self.has_all_commands, self.begins_with_all) = (true, true);
        self.rules.clear();
        self.first_arguments.clear();
    }

    pub(crate) fn forbid_all(&mut self) {
        self.allowed.clear();
        (self.has_all_commands, self.begins_with_all) = (false, false);
        self.rules.clear();
        self.first_arguments.clear();
    }

    /// Allows or forbids a command, whatever its first argument.
    pub(crate) fn set(&mut self, id: CommandId, is_allowed: bool) {
        self.set_bit(id, is_allowed);
        self.first_arguments.remove(&id);
    }

    pub(crate) fn set_bit(&mut self, id: CommandId, is_allowed: bool) {
        let (word, bit) = (id.index() / WORD_BITS, 1 << (id.index() % WORD_BITS));
        if is_allowed {
            if word >= self.allowed.len() {
                self.allowed.resize(word + 1, 0);
            }
            self.allowed[word] |= bit;
        } else {
            if let Some(word) = self.allowed.get_mut(word) {
                *word &= !bit;
            }
            while self.allowed.last() == Some(&0) {
                // What allows the same is equal.
                self.allowed.pop();
            }
            self.has_all_commands = false;
        }
    }

    pub(crate) fn add_first_argument(&mut self, id: CommandId, argument: &[u8]) {
        let arguments = self.first_arguments.entry(id).or_default();
        if !arguments.iter().any(|known| known.eq_ignore_ascii_case(argument)) {
            arguments.push(argument.into());
        }
    }

    /// Whether it allows the command, with this first argument if there is one.
    #[inline]
    pub(crate) fn allows_command(&self, id: CommandId, first_argument: Option<&[u8]>) -> bool {
        let word = self.allowed.get(id.index() / WORD_BITS).copied().unwrap_or(0);
        self.has_all_commands
            || word & (1 << (id.index() % WORD_BITS)) != 0
            || first_argument.is_some_and(|argument| self.allows_with(id, argument))
    }

    fn allows_with(&self, id: CommandId, argument: &[u8]) -> bool {
        let allowed = self.first_arguments.get(&id);
        allowed.is_some_and(|allowed| allowed.iter().any(|known| known.eq_ignore_ascii_case(argument)))
    }

    /// The rules about commands.
    #[must_use]
    pub fn commands(&self) -> Vec<u8> {
        let mut out = if self.begins_with_all { b"+@all".to_vec() } else { b"-@all".to_vec() };
        for rule in &self.rules {
            out.push(b' ');
            out.extend_from_slice(rule);
        }
        out
    }

    /// The rules about keys.
    #[must_use]
    pub fn keys(&self) -> Vec<u8> {
        self.keys_as(Form::Shown)
    }

    fn keys_as(&self, form: Form) -> Vec<u8> {
        if self.has_all_keys {
            return b"~*".to_vec();
        }
        let mut out = Vec::new();
        for (index, pattern) in self.keys.iter().enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            pattern.write(&mut out, form);
        }
        out
    }

    /// The rules about channels.
    #[must_use]
    pub fn channels(&self) -> Vec<u8> {
        if self.has_all_channels {
            return b"&*".to_vec();
        }
        let rules: Vec<Vec<u8>> = self.channels.iter().map(|channel| [b"&", &channel[..]].concat()).collect();
        rules.join(&b' ')
    }

    /// All its rules, as they stand in a user's line.
    pub(crate) fn describe(&self, form: Form) -> Vec<u8> {
        let channels = if self.has_all_channels { b"&*".to_vec() } else { self.channels() };
        let reset: &[u8] = if self.has_all_channels { b"" } else { b"resetchannels" };
        let parts = [self.keys_as(form), reset.to_vec(), channels, self.commands()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(&b' ')
    }
}
