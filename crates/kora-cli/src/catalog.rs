//! The commands that the connected server knows, as it describes them: read from `COMMAND DOCS`, so that help, hints and
//! completion are those of the server and not of the client.

pub(crate) mod syntax;

use std::collections::BTreeMap;
use std::io;

use kora_protocol::Frame;

use crate::connection::Connection;
use syntax::Argument;

/// What a server says about one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// Name in capitals; that of a subcommand has two words.
    pub(crate) name: String,
    /// One sentence.
    pub(crate) summary: String,
    /// Version of the server that had it first.
    pub(crate) since: String,
    /// Group.
    pub(crate) group: String,
    /// What it costs.
    pub(crate) complexity: String,
    /// Arguments after the name.
    pub(crate) arguments: Vec<Argument>,
}

/// Indexes that are asked about at once.
const INDEXES_MAX: usize = 100;

/// All commands of a server, by name in capitals.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    commands: BTreeMap<String, Command>,
    /// Names of the server's configuration directives.
    directives: Vec<String>,
    /// Indexes, and the names of their fields.
    indexes: BTreeMap<String, Vec<String>>,
    /// Names of collections of documents.
    collections: Vec<String>,
}

impl Catalog {
    /// Asks the server. One that does not tell has an empty catalog.
    ///
    /// # Errors
    /// If the connection is broken.
    pub(crate) fn fetch(connection: &mut Connection) -> io::Result<Self> {
        let mut catalog = connection.request(&["COMMAND", "DOCS"]).map(|reply| Self::read(&reply))?;
        catalog.read_directives(&connection.request(&["CONFIG", "GET", "*"])?);
        catalog.fetch_indexes(connection)?;
        Ok(catalog)
    }

    /// Asks for the indexes and the collections that there are now.
    ///
    /// # Errors
    /// If the connection is broken.
    pub(crate) fn fetch_indexes(&mut self, connection: &mut Connection) -> io::Result<()> {
        self.indexes.clear();
        self.collections.clear();
        if self.commands.contains_key("DOC.LIST") {
            self.read_collections(&connection.request(&["DOC.LIST"])?);
        }
        if !self.commands.contains_key("FT._LIST") {
            return Ok(());
        }
        let names = connection.request(&["FT._LIST"])?;
        for name in elements(&names).iter().map(text).take(INDEXES_MAX) {
            let about = connection.request(&["FT.INFO", name])?;
            self.read_index(name, &about);
        }
        Ok(())
    }

    /// Reads what FT.INFO tells of an index.
    pub(crate) fn read_index(&mut self, name: &str, about: &Frame) {
        let fields = field(about, "attributes").map(elements).unwrap_or_default();
        let names = fields.iter().filter_map(|field| self::field(field, "attribute"));
        self.indexes.insert(name.to_owned(), names.map(|name| text(name).to_owned()).collect());
    }

    /// Reads the reply to DOC.LIST.
    pub(crate) fn read_collections(&mut self, reply: &Frame) {
        self.collections = elements(reply).iter().map(|name| text(name).to_owned()).collect();
    }

    /// Names of collections that `prefix` begins.
    pub(crate) fn collections(&self, prefix: &str) -> impl Iterator<Item = &str> {
        self.collections.iter().map(String::as_str).filter(move |name| name.starts_with(prefix))
    }

    /// Names of indexes that `prefix` begins.
    pub(crate) fn indexes(&self, prefix: &str) -> impl Iterator<Item = &str> {
        self.indexes.keys().map(String::as_str).filter(move |name| name.starts_with(prefix))
    }

    /// Names of the fields of an index that `prefix` begins.
    pub(crate) fn index_fields(&self, index: &str, prefix: &str) -> impl Iterator<Item = &str> {
        let fields = self.indexes.get(index).map(Vec::as_slice).unwrap_or_default();
        fields.iter().map(String::as_str).filter(move |name| name.starts_with(prefix))
    }

    /// Reads the names in the reply to `CONFIG GET *`.
    pub(crate) fn read_directives(&mut self, reply: &Frame) {
        self.directives = entries(reply).into_iter().map(|(name, _)| text(name).to_owned()).collect();
    }

    /// Names of configuration directives that `prefix` begins.
    pub(crate) fn directives(&self, prefix: &str) -> impl Iterator<Item = &str> {
        let prefix = prefix.to_ascii_lowercase();
        self.directives.iter().map(String::as_str).filter(move |name| name.starts_with(&prefix))
    }

    /// Reads the reply to `COMMAND DOCS`, in RESP2 or RESP3.
    pub(crate) fn read(reply: &Frame) -> Self {
        let mut catalog = Self::default();
        for (name, facts) in entries(reply) {
            catalog.add(text(name), facts);
        }
        catalog
    }

    fn add(&mut self, name: &str, facts: &Frame) {
        let name = name.replace('|', " ").to_ascii_uppercase();
        let fact = |key: &str| field(facts, key).map(text).unwrap_or_default().to_owned();
        let command = Command {
            summary: fact("summary"),
            since: fact("since"),
            group: fact("group"),
            complexity: fact("complexity"),
            arguments: field(facts, "arguments").map(Argument::read_all).unwrap_or_default(),
            name: name.clone(),
        };
        self.commands.insert(name, command);
        for (name, facts) in field(facts, "subcommands").map(entries).unwrap_or_default() {
            self.add(text(name), facts);
        }
    }

    /// The command that `words` begin with, a subcommand if they name one, and how many words name it.
    pub(crate) fn find(&self, words: &[&str]) -> Option<(&Command, usize)> {
        let name = words.first()?.to_ascii_uppercase();
        let subcommand = words
            .get(1)
            .and_then(|second| self.commands.get(&format!("{name} {}", second.to_ascii_uppercase())));
        match subcommand {
            Some(subcommand) => Some((subcommand, 2)),
            None => self.commands.get(&name).map(|command| (command, 1)),
        }
    }

    /// All commands, by name.
    pub(crate) fn commands(&self) -> impl Iterator<Item = &Command> {
        self.commands.values()
    }

    /// The commands whose name begins with `prefix`, in any case.
    pub(crate) fn starting_with(&self, prefix: &str) -> impl Iterator<Item = &Command> {
        let prefix = prefix.to_ascii_uppercase();
        self.commands
            .range(prefix.clone()..)
            .take_while(move |(name, _)| name.starts_with(&prefix))
            .map(|(_, command)| command)
    }
}

impl Command {
    /// The name of the arguments, as documentation writes them.
    pub(crate) fn syntax(&self) -> String {
        syntax::render_all(&self.arguments)
    }

    /// Whether the word at `position` after the name is a key.
    pub(crate) fn has_key_at(&self, position: usize) -> bool {
        syntax::has_key_at(&self.arguments, position)
    }

    /// What it costs, without the explanation; empty if it takes more than a term to say.
    pub(crate) fn cost(&self) -> &str {
        if !self.complexity.starts_with("O(") {
            return "";
        }
        let mut depth = 0usize;
        for (at, character) in self.complexity.char_indices() {
            match character {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && character == ')' {
                return self.complexity.get(..=at).unwrap_or_default();
            }
        }
        ""
    }
}

/// The pairs of a map, or of an array that stands for one in RESP2.
fn entries(frame: &Frame) -> Vec<(&Frame, &Frame)> {
    match frame.bare() {
        Frame::Map(pairs) => pairs.iter().map(|(key, value)| (key, value)).collect(),
        Frame::Array(elements) => {
            elements.chunks_exact(2).filter_map(|pair| pair.first().zip(pair.get(1))).collect()
        }
        _ => Vec::new(),
    }
}

/// The value of `key` in a map.
fn field<'a>(frame: &'a Frame, key: &str) -> Option<&'a Frame> {
    entries(frame).into_iter().find(|(name, _)| text(name) == key).map(|(_, value)| value)
}

/// The elements of an array or set.
fn elements(frame: &Frame) -> &[Frame] {
    match frame.bare() {
        Frame::Array(elements) | Frame::Set(elements) => elements,
        _ => &[],
    }
}

/// The text of a string; empty for everything else.
fn text(frame: &Frame) -> &str {
    match frame.bare() {
        Frame::Simple(text) | Frame::Bulk(text) | Frame::Verbatim { text, .. } => {
            std::str::from_utf8(text).unwrap_or_default()
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests;
