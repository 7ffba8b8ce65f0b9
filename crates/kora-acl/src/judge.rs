//! May this user run this command with these keys and channels?

use kora_core::command::keys::{Keys, extract_keys};
use kora_core::command::spec::{Channels, Facts, Flags, KeyFlags};
use kora_core::glob;

use crate::catalog::{Catalog, CommandId};
use crate::pattern::Access;
use crate::selector::Selector;
use crate::user::User;

/// What a user may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denial {
    /// Run the command at all.
    Command,
    /// Use the key at this place among the arguments.
    Key(usize),
    /// Use the channel at this place.
    Channel(usize),
}

/// The judgement: nothing, or what stands against it.
pub type Verdict = Result<(), Denial>;

/// A command that a user asks for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The commands.
    pub catalog: &'a Catalog,
    /// Its number.
    pub id: CommandId,
    /// Its declaration.
    pub facts: &'a Facts,
    /// Its arguments, the name included; as many as its arity wants.
    pub args: &'a [&'a [u8]],
}

impl Question<'_> {
    /// Whether `user` may.
    ///
    /// One selector must allow it all. If none does, what is told is what the most willing of them has against it.
    ///
    /// # Errors
    /// What the user may not.
    pub fn judge(&self, user: &User) -> Verdict {
        let mut keys = None;
        let mut worst = Denial::Command;
        for selector in user.every_selector() {
            match self.ask(selector, &mut keys) {
                Ok(()) => return Ok(()),
                Err(denial) => worst = worst.max(denial),
            }
        }
        Err(worst)
    }

    /// Whether `user` may, and may besides do `access` with all keys there are: what a command asks that finds keys by what
    /// others hold.
    #[must_use]
    pub fn may_with_all_keys(&self, user: &User, access: Access) -> bool {
        let mut keys = None;
        user.every_selector()
            .any(|selector| self.ask(selector, &mut keys).is_ok() && has_all_keys(selector, access))
    }

    /// Whether one selector of `user` allows the command, and `access` with all keys that begin with one of `prefixes`. Arguments
    /// are not looked at.
    #[must_use]
    pub fn may_with_prefixes(&self, user: &User, prefixes: &[&[u8]], access: Access) -> bool {
        user.every_selector().any(|selector| {
            self.may_run(selector) && prefixes.iter().all(|prefix| has_prefix(selector, prefix, access))
        })
    }

    fn may_run(&self, selector: &Selector) -> bool {
        self.catalog.get(self.id).is_open || selector.allows_command(self.id, self.args.get(1).copied())
    }

    fn ask(&self, selector: &Selector, keys: &mut Option<Keys>) -> Verdict {
        if !self.may_run(selector) {
            return Err(Denial::Command);
        }
        if !selector.has_all_keys && (!self.facts.keys.is_empty() || self.facts.key_finder.is_some()) {
            let keys = keys.get_or_insert_with(|| extract_keys(self.facts, self.args).unwrap_or_default());
            for found in keys {
                let flags = found.flags(self.facts, self.args);
                let (access, index) = (Access::of(flags), found.index as usize);
                if !flags.has(KeyFlags::NOT_KEY)
                    && !selector.keys.iter().any(|pattern| pattern.allows(self.args[index], access))
                {
                    return Err(Denial::Key(index));
                }
            }
        }
        if let Some(prefix) = self.facts.key_prefix.and_then(|prefix| prefix(self.args)) {
            let access = Access { reads: true, writes: self.facts.flags.has(Flags::WRITE) };
            if !has_prefix(selector, &prefix, access) {
                return Err(Denial::Key(1));
            }
        }
        match self.facts.channels {
            Channels::None => Ok(()),
            _ if selector.has_all_channels => Ok(()),
            Channels::One => self.ask_channels(selector, 1..2, false),
            Channels::Literals => self.ask_channels(selector, 1..self.args.len(), false),
            Channels::Patterns => self.ask_channels(selector, 1..self.args.len(), true),
        }
    }

    fn ask_channels(
        &self,
        selector: &Selector,
        places: std::ops::Range<usize>,
        are_patterns: bool,
    ) -> Verdict {
        let denied = places.into_iter().find(|&at| {
            self.args
                .get(at)
                .is_some_and(|channel| !allows_channel(&selector.channels, channel, are_patterns))
        });
        denied.map_or(Ok(()), |at| Err(Denial::Channel(at)))
    }
}

fn has_all_keys(selector: &Selector, access: Access) -> bool {
    selector.has_all_keys || selector.keys.iter().any(|pattern| pattern.allows_all(access))
}

fn has_prefix(selector: &Selector, prefix: &[u8], access: Access) -> bool {
    selector.has_all_keys || selector.keys.iter().any(|pattern| pattern.allows_prefix(prefix, access))
}

/// Whether rules allow a channel; a pattern of channels must stand among them as it is.
fn allows_channel(allowed: &[Box<[u8]>], channel: &[u8], is_pattern: bool) -> bool {
    allowed.iter().any(|known| if is_pattern { **known == *channel } else { glob::matches(known, channel) })
}

impl User {
    /// Whether the user may be subscribed to a channel, or to a pattern of channels.
    #[must_use]
    pub fn may_hear(&self, channel: &[u8], is_pattern: bool) -> bool {
        self.every_selector().any(|selector| {
            selector.has_all_channels || allows_channel(&selector.channels, channel, is_pattern)
        })
    }
}
