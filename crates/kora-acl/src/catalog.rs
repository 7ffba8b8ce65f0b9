//! The commands as rules know them: by name, with their categories, each with a dense number.
//!
//! It is made of the one table of commands. What is hidden there goes by its container, whose first argument a rule may
//! name. Commands of Redis that this version does not have are known by name: rules of a file that was written for Redis
//! are read, kept and written, and hold as soon as there are such commands.

use std::collections::BTreeMap;

use kora_core::command::later::{is_later_command, is_later_container, is_later_subcommand};
use kora_core::command::spec::{Categories, Facts, Flags};

/// A command's number: dense, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandId(pub u16);

impl CommandId {
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What rules need to know of a command.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) categories: Categories,
    /// Whoever is connected may run it.
    pub(crate) is_open: bool,
    pub(crate) subcommands: Vec<CommandId>,
}

/// What a name in a rule stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A command, or a subcommand if the name has a bar.
    Command(CommandId),
    /// A command that Redis has and this version has not.
    Later,
}

/// See the module.
#[derive(Debug)]
pub struct Catalog {
    known: Vec<Known>,
    by_name: BTreeMap<&'static str, CommandId>,
    /// All declarations by full name, hidden ones too.
    declared: BTreeMap<&'static str, (CommandId, &'static Facts)>,
    /// The numbers of all places of the table.
    of_place: Vec<CommandId>,
}

impl Catalog {
    /// Of the facts of all commands, in the order of the table: a container stands before its subcommands.
    ///
    /// # Panics
    /// If a subcommand has no container, or there are more commands than fit the numbers.
    #[must_use]
    pub fn new(table: impl Iterator<Item = &'static Facts>) -> Self {
        let mut catalog = Self {
            known: Vec::new(),
            by_name: BTreeMap::new(),
            declared: BTreeMap::new(),
            of_place: Vec::new(),
        };
        for facts in table {
            let container = facts.name.split_once('|').map(|(container, _)| {
                *catalog.by_name.get(container).expect("a container stands before its subcommands")
            });
            if let Some(container) = container.filter(|_| facts.hidden) {
                catalog.of_place.push(container);
                catalog.declared.insert(facts.name, (container, facts));
                continue;
            }
            let id =
                CommandId(u16::try_from(catalog.known.len()).expect("there are fewer than 65536 commands"));
            catalog.by_name.insert(facts.name, id);
            catalog.declared.insert(facts.name, (id, facts));
            catalog.of_place.push(id);
            catalog.known.push(Known {
                name: facts.name,
                categories: facts.all_categories(),
                is_open: facts.flags.has(Flags::NO_AUTH),
                subcommands: Vec::new(),
            });
            if let Some(container) = container {
                catalog.known[container.index()].subcommands.push(id);
            }
        }
        catalog
    }

    /// The number of the command at a place of the table.
    #[must_use]
    pub fn of_place(&self, place: usize) -> CommandId {
        self.of_place[place]
    }

    /// The number and the declaration of the command of this full name.
    #[must_use]
    pub fn declared(&self, name: &str) -> Option<(CommandId, &'static Facts)> {
        self.declared.get(name).copied()
    }

    /// How many commands there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub(crate) fn get(&self, id: CommandId) -> &Known {
        &self.known[id.index()]
    }

    /// All commands with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (CommandId, &Known)> {
        (0..).map(CommandId).zip(&self.known)
    }

    /// The names of the commands in a category, in order.
    pub fn names_in(&self, category: Categories) -> impl Iterator<Item = &'static str> {
        self.known.iter().filter(move |known| known.categories.has(category)).map(|known| known.name)
    }

    /// Whether what `name` stands for has subcommands, so that a rule can't name a first argument of it.
    pub(crate) fn has_subcommands(&self, named: Named, name: &[u8]) -> bool {
        match named {
            Named::Command(id) => !self.get(id).subcommands.is_empty(),
            Named::Later => is_later_container(name),
        }
    }

    /// What `name` stands for, in any case; a bar stands before a subcommand.
    pub(crate) fn find(&self, name: &[u8]) -> Option<Named> {
        let lower = name.to_ascii_lowercase();
        let text = str::from_utf8(&lower).ok()?;
        if let Some(&id) = self.by_name.get(text) {
            return Some(Named::Command(id));
        }
        let is_later = match text.split_once('|') {
            Some((container, subcommand)) => is_later_subcommand(container, subcommand.as_bytes()),
            None => is_later_command(&lower),
        };
        is_later.then_some(Named::Later)
    }
}

/// The category called `name`, in any case.
#[must_use]
pub fn category(name: &[u8]) -> Option<Categories> {
    (0..u32::BITS).map(|bit| Categories(1 << bit)).find(|category| {
        category.names().next().is_some_and(|known| known.as_bytes().eq_ignore_ascii_case(name))
    })
}

/// The names of all categories, in the order in which Redis lists them.
pub fn categories() -> impl Iterator<Item = &'static str> {
    Categories(u32::MAX).names()
}
