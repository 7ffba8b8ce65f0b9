//! Finds a command by its name: the core's families and the driver's own in one table.

use crate::command::help::shown_name;
use crate::command::later::{REASON, is_later_command, is_later_subcommand};
use crate::command::spec::{CommandSpec, Facts};
use crate::context::CoreHandler;
use crate::error::{CommandError, CommandResult};
use crate::hash::{Map, key_hasher};
use crate::text;

/// Longest name that is looked up; no command comes near it.
const NAME_BYTES_MAX: usize = 64;

/// What runs a command: the core on a shard, or the driver on the connection it came from.
#[derive(Clone, Copy, Debug)]
pub enum Handler<H> {
    /// Runs on the shards of its keys.
    Core(CoreHandler),
    /// Runs where the driver says.
    Driver(H),
}

/// A command in the table.
#[derive(Debug)]
pub struct Command<H> {
    /// What is known of it.
    pub facts: &'static Facts,
    /// What runs it.
    pub handler: Handler<H>,
    /// Its place in the table, for per-command counters.
    pub id: usize,
    /// Places of its subcommands.
    pub subcommands: Vec<usize>,
}

/// All commands by name. `H` is the driver's type of handler.
#[derive(Debug)]
pub struct CommandTable<H> {
    commands: Vec<Command<H>>,
    /// By their declared names.
    by_name: Map<&'static [u8], usize>,
    /// What clients call the commands that are no subcommands, in lower case, where that is not how they are declared.
    renamed: Option<Map<Box<[u8]>, usize>>,
}

/// Why a command is not renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenameError {
    /// There is no command of the old name.
    #[error("No such command in rename-command")]
    Unknown,
    /// There is a command of the new name.
    #[error("Target command name already exists")]
    Taken,
    /// The new name has a `|`, which stands between a command and its subcommand.
    #[error("Target command name contains '|'")]
    NotAName,
}

impl<H: Copy> CommandTable<H> {
    /// The core's families together with those of other crates that run on shards, and the driver's.
    ///
    /// # Panics
    /// If two declarations have one name, or a subcommand has no container.
    #[must_use]
    pub fn new(
        shard_families: &[&'static [CommandSpec]],
        driver_families: &[&'static [CommandSpec<H>]],
    ) -> Self {
        let core = super::FAMILIES
            .iter()
            .chain(shard_families)
            .copied()
            .flatten()
            .map(|spec| (&spec.facts, Handler::Core(spec.handler)));
        let driver = driver_families
            .iter()
            .copied()
            .flatten()
            .map(|spec| (&spec.facts, Handler::Driver(spec.handler)));
        let mut all: Vec<_> = core.chain(driver).collect();
        all.sort_by_key(|(facts, _)| facts.name);
        let commands: Vec<_> = all
            .into_iter()
            .enumerate()
            .map(|(id, (facts, handler))| Command { facts, handler, id, subcommands: Vec::new() })
            .collect();
        let mut table = Self { by_name: Map::with_hasher(key_hasher(0)), commands, renamed: None };
        for id in 0..table.commands.len() {
            let name = table.commands[id].facts.name;
            assert!(table.by_name.insert(name.as_bytes(), id).is_none(), "{name} is declared twice");
            if let Some((container, _)) = name.split_once('|') {
                let container = *table
                    .by_name
                    .get(container.as_bytes())
                    .expect("a container sorts before its subcommands");
                table.commands[container].subcommands.push(id);
            }
        }
        table
    }

    /// Gives the command that clients call `from` the name `to`; an empty one takes it away from clients. What the
    /// command declares stays: its name in COMMAND, in errors about its arguments, in what is recorded.
    ///
    /// # Errors
    /// If there is no command `from`, or there is one named `to`.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), RenameError> {
        let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
        if memchr::memchr(b'|', &to).is_some() {
            return Err(RenameError::NotAName);
        }
        let by_name = &self.by_name;
        let renamed = self.renamed.get_or_insert_with(|| {
            let containers = by_name.iter().filter(|(name, _)| !name.contains(&b'|'));
            let mut names = Map::with_hasher(key_hasher(0));
            names.extend(containers.map(|(name, id)| (Box::from(*name), *id)));
            names
        });
        let id = renamed.remove(from.as_slice()).ok_or(RenameError::Unknown)?;
        if renamed.contains_key(to.as_slice()) {
            renamed.insert(from.into(), id);
            return Err(RenameError::Taken);
        }
        if !to.is_empty() {
            renamed.insert(to.into(), id);
        }
        Ok(())
    }

    /// The command that clients call `name`, in any case; not one of its subcommands. Complexity: O(length of the name).
    #[inline]
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&Command<H>> {
        if let Some(renamed) = &self.renamed {
            return self.find_renamed(renamed, name);
        }
        self.find_full(name, None)
    }

    #[cold]
    fn find_renamed(&self, renamed: &Map<Box<[u8]>, usize>, name: &[u8]) -> Option<&Command<H>> {
        renamed.get(name.to_ascii_lowercase().as_slice()).map(|&id| &self.commands[id])
    }

    /// The command or subcommand that is declared with this full name, such as `object|encoding`.
    #[must_use]
    pub fn find_declared(&self, name: &[u8]) -> Option<&Command<H>> {
        self.by_name.get(name).map(|&id| &self.commands[id])
    }

    /// The subcommand of `container` named `name` in any case.
    #[must_use]
    pub fn find_subcommand(&self, container: &Command<H>, name: &[u8]) -> Option<&Command<H>> {
        self.find_full(container.facts.name.as_bytes(), Some(name))
    }

    /// The command or subcommand that clients mean by a full name such as `object|encoding`, in any case.
    #[must_use]
    pub fn find_by_full_name(&self, name: &[u8]) -> Option<&Command<H>> {
        match memchr::memchr(b'|', name) {
            Some(end) => self.find_subcommand(self.find(&name[..end])?, &name[end + 1..]),
            None => self.find(name),
        }
    }

    fn find_full(&self, name: &[u8], subcommand: Option<&[u8]>) -> Option<&Command<H>> {
        let mut full = [0; NAME_BYTES_MAX];
        let mut len = 0;
        let mut put = |bytes: &[u8]| {
            let target = full.get_mut(len..len + bytes.len())?;
            target.copy_from_slice(bytes);
            target.make_ascii_lowercase();
            len += bytes.len();
            Some(())
        };
        if memchr::memchr(b'|', name).is_some() {
            return None;
        }
        put(name)?;
        if let Some(subcommand) = subcommand {
            put(b"|")?;
            put(subcommand)?;
        }
        self.by_name.get(&full[..len]).map(|&id| &self.commands[id])
    }

    /// The command that `args` call, the subcommand where there is one. A command that only has hidden subcommands
    /// answers for those that do not exist.
    ///
    /// # Errors
    /// Redis's texts for a command or subcommand that does not exist, and for a number of arguments that does not
    /// fit. `args` must not be empty.
    #[inline]
    pub fn resolve(&self, args: &[&[u8]]) -> CommandResult<&Command<H>> {
        let command = self.named(args)?;
        if command.facts.takes(args.len()) {
            Ok(command)
        } else {
            Err(CommandError::Arity(command.facts.name.into()))
        }
    }

    /// The command or subcommand that `args` name, however many there are.
    ///
    /// # Errors
    /// Redis's texts for a command or subcommand that does not exist. `args` must not be empty.
    #[inline]
    pub fn named(&self, args: &[&[u8]]) -> CommandResult<&Command<H>> {
        let command = self.find(args[0]).ok_or_else(|| unknown_command(args))?;
        if command.subcommands.is_empty() || args.len() == 1 {
            return Ok(command);
        }
        match self.find_subcommand(command, args[1]) {
            Some(subcommand) => Ok(subcommand),
            None if self.subcommands(command).all(|subcommand| subcommand.facts.hidden) => Ok(command),
            None => Err(unknown_subcommand(command, args)),
        }
    }

    /// The command at `id`.
    #[must_use]
    pub fn get(&self, id: usize) -> &Command<H> {
        &self.commands[id]
    }

    /// All commands and subcommands, by name.
    #[must_use]
    pub fn all(&self) -> &[Command<H>] {
        &self.commands
    }

    /// All commands that are not subcommands, by name.
    pub fn top_level(&self) -> impl Iterator<Item = &Command<H>> {
        self.commands.iter().filter(|command| !command.facts.name.contains('|'))
    }

    /// The subcommands of `container`.
    pub fn subcommands<'a>(&'a self, container: &'a Command<H>) -> impl Iterator<Item = &'a Command<H>> {
        container.subcommands.iter().map(|&id| &self.commands[id])
    }
}

/// Bytes of what the client sent that an error shows.
const SHOWN_BYTES_MAX: usize = 128;

/// What an error shows of `bytes`: like Redis, nothing from a NUL on.
pub(crate) fn shown(bytes: &[u8], bytes_max: usize) -> String {
    text::of(shown_bytes(bytes, bytes_max)).into_owned()
}

fn shown_bytes(bytes: &[u8], bytes_max: usize) -> &[u8] {
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len()).min(bytes_max)]
}

#[cold]
fn unknown_command(args: &[&[u8]]) -> CommandError {
    let name = shown(args[0], SHOWN_BYTES_MAX);
    if is_later_command(args[0]) {
        return CommandError::Other(format!("ERR unknown command '{name}'{REASON}").into());
    }
    let mut begin = Vec::new();
    for arg in &args[1..] {
        let Some(room) = SHOWN_BYTES_MAX.checked_sub(begin.len()).filter(|&room| room > 0) else { break };
        begin.push(b'\'');
        begin.extend_from_slice(shown_bytes(arg, room));
        begin.extend_from_slice(b"' ");
    }
    let begin = text::of(&begin);
    CommandError::Other(format!("ERR unknown command '{name}', with args beginning with: {begin}").into())
}

#[cold]
fn unknown_subcommand<H>(container: &Command<H>, args: &[&[u8]]) -> CommandError {
    let is_later = is_later_subcommand(container.facts.name, args[1]);
    let (name, container) = (shown(args[1], SHOWN_BYTES_MAX), shown_name(args[0]));
    if is_later {
        let text = format!("ERR unknown subcommand '{name}'{REASON}. Try {container} HELP.");
        return CommandError::Other(text.into());
    }
    CommandError::UnknownSubcommand(name, container)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        let table = CommandTable::<()>::new(&[], &[]);
        for command in table.all() {
            let found = match command.facts.name.split_once('|') {
                Some((container, name)) => {
                    let container = table.find(container.to_uppercase().as_bytes()).unwrap();
                    table.find_subcommand(container, name.to_uppercase().as_bytes()).unwrap()
                }
                None => table.find(command.facts.name.to_uppercase().as_bytes()).unwrap(),
            };
            assert_eq!(found.id, command.id);
        }
        assert!(table.find(b"nosuch").is_none());
        assert!(table.find(b"object|encoding").is_none());
        assert!(table.find(&[b'x'; 1000]).is_none());
        assert!(table.find(b"").is_none());
    }

    #[test]
    fn clients_know_a_renamed_command_by_its_new_name() {
        let mut table = CommandTable::<()>::new(&[], &[]);
        let long = [b'a'; 2 * NAME_BYTES_MAX];
        table.rename(b"OBJECT", &long).unwrap();
        table.rename(b"get", b"").unwrap();
        table.rename(b"set", b"GET").unwrap();
        assert_eq!(table.find(&long.to_ascii_uppercase()).unwrap().facts.name, "object");
        assert_eq!(table.resolve(&[&long, b"Encoding", b"k"]).unwrap().facts.name, "object|encoding");
        assert_eq!(table.find(b"get").unwrap().facts.name, "set");
        assert!(table.find(b"object").is_none() && table.find(b"set").is_none() && table.find(b"").is_none());
        assert_eq!(table.find_declared(b"get").unwrap().facts.name, "get");
        let of_long = [&long[..], b"|encoding"].concat();
        assert_eq!(table.find_by_full_name(&of_long).unwrap().facts.name, "object|encoding");
        assert!(table.find_by_full_name(b"object|encoding").is_none());
    }

    #[test]
    fn renames_that_fail_change_nothing() {
        let mut table = CommandTable::<()>::new(&[], &[]);
        assert_eq!(table.rename(b"nosuch", b"x"), Err(RenameError::Unknown));
        assert_eq!(table.rename(b"object|encoding", b"x"), Err(RenameError::Unknown));
        assert_eq!(table.rename(b"get", b"SET"), Err(RenameError::Taken));
        assert_eq!(table.rename(b"get", b"g|t"), Err(RenameError::NotAName));
        assert_eq!(table.find(b"get").unwrap().facts.name, "get");
    }
}
