//! What Tab offers: commands, subcommands, the words that announce arguments, and topics of `help`.

use std::collections::BTreeSet;
use std::sync::Arc;

use reedline::{Completer, CompletionResult, Span, Suggestion};

use crate::catalog::Catalog;
use crate::format::write_quoted;
use crate::preferences::Preferences;
use crate::shared::{KeysSeen, Shared};
use crate::words::{Word, repeat_prefix, words};

/// Commands of the client itself.
const OWN_COMMANDS: [&str; 6] = [":clear", ":connect", ":help", ":peek", ":quit", ":set"];

/// Commands of the family that take no index first.
const ON_NO_INDEX: [&str; 10] = [
    "FT._LIST",
    "FT.CREATE",
    "FT.CONFIG",
    "FT.ALIASADD",
    "FT.ALIASDEL",
    "FT.ALIASUPDATE",
    "FT.SUGADD",
    "FT.SUGGET",
    "FT.SUGDEL",
    "FT.SUGLEN",
];

/// Completes from what is known about the server's commands.
#[derive(Debug)]
pub(super) struct CommandCompleter {
    shared: Arc<Shared>,
}

impl CommandCompleter {
    /// Completes from `shared`.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl Completer for CommandCompleter {
    fn complete(&mut self, line: &str, pos: usize) -> CompletionResult {
        let typed = line.get(..pos).unwrap_or(line);
        let Ok(catalog) = self.shared.catalog.read() else {
            return CompletionResult::fresh(Vec::new());
        };
        let (start, texts) = candidates(&catalog, &self.shared.keys, typed);
        let suggestions: Vec<Suggestion> = texts
            .into_iter()
            .map(|(value, description)| Suggestion {
                value,
                description,
                span: Span::new(start, pos.max(start)),
                append_whitespace: true,
                ..Suggestion::default()
            })
            .collect();
        CompletionResult::fresh(suggestions)
    }
}

/// A text to offer and what it is.
type Candidate = (String, Option<String>);

/// Where the text to replace begins, and what may stand there.
fn candidates(catalog: &Catalog, keys: &KeysSeen, typed: &str) -> (usize, Vec<Candidate>) {
    let words = words(typed);
    let words = words.get(repeat_prefix(&words)..).unwrap_or_default();
    let start = words.first().map_or(typed.len(), |word| word.range.start);
    let whole = typed.get(start..).unwrap_or_default();
    if let Some((_, prefix)) = whole.split_once(' ')
        && whole.starts_with(":set ")
    {
        let words = Preferences::words().filter(|word| word.starts_with(prefix));
        return (typed.len() - prefix.len(), words.map(|word| (word.to_owned(), None)).collect());
    }
    if let Some((name, prefix)) = whole.split_once(' ')
        && [":peek", "peek"].iter().any(|peek| name.eq_ignore_ascii_case(peek))
    {
        return (typed.len() - prefix.len(), seen(keys, prefix));
    }
    if whole.starts_with(':') {
        let own = OWN_COMMANDS.iter().filter(|own| own.starts_with(whole));
        return (start, own.map(|own| ((*own).to_owned(), None)).collect());
    }
    if let Some(help) = words.first().filter(|word| word.text.eq_ignore_ascii_case("help"))
        && let Some(topic) = typed.get(help.range.end..).filter(|topic| !topic.is_empty())
    {
        let topic_start = typed.len() - topic.trim_start().len();
        return (topic_start, topics(catalog, topic.trim_start()));
    }
    let mut prefix = words.iter().map(|word| word.text).collect::<Vec<_>>().join(" ");
    if whole.ends_with(char::is_whitespace) {
        prefix.push(' ');
    }
    let commands = commands(catalog, &prefix);
    if !commands.is_empty() {
        return (start, commands);
    }
    tokens(catalog, keys, typed, words)
}

/// Keys seen before that `prefix` begins, quoted where that is needed.
fn seen(keys: &KeysSeen, prefix: &str) -> Vec<Candidate> {
    let written = |key: String| {
        let is_plain =
            key.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\'));
        if is_plain {
            return key;
        }
        let mut quoted = Vec::new();
        write_quoted(&mut quoted, key.as_bytes());
        String::from_utf8_lossy(&quoted).into_owned()
    };
    keys.starting_with(prefix).into_iter().map(|key| (written(key), None)).collect()
}

/// The commands that `prefix` begins, in the case in which it is typed. A subcommand is offered only once its container
/// has been typed.
fn commands(catalog: &Catalog, prefix: &str) -> Vec<Candidate> {
    let lower = prefix.chars().next().is_some_and(char::is_lowercase);
    let depth = prefix.split_whitespace().count() + usize::from(prefix.ends_with(' '));
    catalog
        .starting_with(prefix)
        .filter(|command| command.name.split(' ').count() <= depth.max(1))
        .map(|command| {
            let name = if lower { command.name.to_ascii_lowercase() } else { command.name.clone() };
            (name, None)
        })
        .collect()
}

/// The keys, and the tokens among a command's arguments, that the last word begins.
fn tokens(catalog: &Catalog, keys: &KeysSeen, typed: &str, words: &[Word<'_>]) -> (usize, Vec<Candidate>) {
    let texts: Vec<&str> = words.iter().map(|word| word.text).collect();
    let Some((command, named)) = catalog.find(&texts) else { return (typed.len(), Vec::new()) };
    let (start, prefix) = match words.last() {
        Some(last) if last.range.end == typed.len() && words.len() > named => (last.range.start, last.text),
        _ if typed.ends_with(' ') && command.has_key_at(words.len() - named) => {
            return (typed.len(), seen(keys, ""));
        }
        _ => return (typed.len(), Vec::new()),
    };
    if command.has_key_at(words.len() - named - 1) {
        let found = seen(keys, prefix);
        if !found.is_empty() {
            return (start, found);
        }
    }
    if command.name == "CONFIG GET" || command.name == "CONFIG SET" && (words.len() - named) % 2 == 1 {
        let names: BTreeSet<&str> = catalog.directives(prefix).collect();
        return (start, names.into_iter().map(|name| (name.to_owned(), None)).collect());
    }
    let names = index_names(catalog, &command.name, &texts, prefix);
    if !names.is_empty() {
        let behind = if texts.len() == 2 { prefix } else { names_prefix(prefix) };
        return (typed.len() - behind.len(), names);
    }
    let mut tokens = Vec::new();
    command.arguments.iter().for_each(|argument| argument.tokens(&mut tokens));
    let upper = prefix.to_ascii_uppercase();
    let matching: BTreeSet<&str> = tokens.into_iter().filter(|token| token.starts_with(&upper)).collect();
    let lower = prefix.chars().next().is_some_and(char::is_lowercase);
    let found = matching
        .into_iter()
        .map(|token| (if lower { token.to_ascii_lowercase() } else { token.to_owned() }, None));
    (start, found.collect())
}

/// Names that complete the last word of a command on a collection, or on an index: indexes, or behind `@` the fields of the one named.
fn index_names(catalog: &Catalog, command: &str, words: &[&str], prefix: &str) -> Vec<Candidate> {
    let plain = |name: &str| (name.to_owned(), None);
    match words {
        [_, _] if command.starts_with("DOC.") && command != "DOC.CREATE" => {
            catalog.collections(prefix).map(plain).collect()
        }
        _ if !command.starts_with("FT.") || ON_NO_INDEX.contains(&command) => Vec::new(),
        [_, _] => catalog.indexes(prefix).map(plain).collect(),
        [_, index, ..] if prefix.contains('@') => {
            catalog.index_fields(index, names_prefix(prefix)).map(plain).collect()
        }
        _ => Vec::new(),
    }
}

/// The part of a word that is completed: all of it, or the text behind its last `@`.
fn names_prefix(prefix: &str) -> &str {
    prefix.rsplit_once('@').map_or(prefix, |(_, name)| name)
}

/// The topics of `help` that `prefix` begins.
fn topics(catalog: &Catalog, prefix: &str) -> Vec<Candidate> {
    match prefix.strip_prefix('@') {
        Some(group) => {
            let groups: BTreeSet<&str> = catalog.commands().map(|command| command.group.as_str()).collect();
            let groups = groups.into_iter().filter(|name| name.starts_with(group));
            groups.map(|name| (format!("@{name}"), None)).collect()
        }
        None => catalog
            .starting_with(prefix)
            .map(|command| (command.name.to_ascii_lowercase(), Some(command.summary.clone())))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use kora_protocol::Decoder;

    use super::{Catalog, KeysSeen, candidates};

    /// `config` with the subcommands `get` and `set`; `getex key [PERSIST]` of the group `string`.
    fn catalog() -> Catalog {
        let mut decoder = Decoder::new();
        decoder.feed(
            b"%4\r\n+config\r\n%1\r\n+subcommands\r\n%2\r\n+config|get\r\n%0\r\n+config|set\r\n%0\r\n\
              +ft.search\r\n%0\r\n+doc.find\r\n%0\r\n+getex\r\n%2\r\n+group\r\n+string\r\n+arguments\r\n*2\r\n%2\r\n+name\r\n+key\r\n+type\r\n+key\r\n\
              %3\r\n+name\r\n+p\r\n+type\r\n+pure-token\r\n+token\r\n+PERSIST\r\n",
        );
        let mut catalog = Catalog::read(&decoder.next_frame().expect("valid").expect("whole"));
        decoder.feed(b"*4\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n$3\r\ndir\r\n$1\r\n/\r\n");
        catalog.read_directives(&decoder.next_frame().expect("valid").expect("whole"));
        decoder
            .feed(b"*2\r\n+attributes\r\n*2\r\n*2\r\n+attribute\r\n+name\r\n*2\r\n+attribute\r\n+price\r\n");
        catalog.read_index("shop:items", &decoder.next_frame().expect("valid").expect("whole"));
        decoder.feed(b"*2\r\n$6\r\npeople\r\n$6\r\nplaces\r\n");
        catalog.read_collections(&decoder.next_frame().expect("valid").expect("whole"));
        catalog
    }

    fn check(typed: &str, start: usize, expected: &[&str]) {
        let catalog = catalog();
        let keys = KeysSeen::default();
        ["user:1", "user:2", "a b"].iter().for_each(|key| keys.add(key.as_bytes()));
        let (found_start, found) = candidates(&catalog, &keys, typed);
        let found: Vec<&str> = found.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!((found_start, found.as_slice()), (start, expected), "{typed:?}");
    }

    #[test]
    fn commands_and_subcommands() {
        check("", 0, &["CONFIG", "DOC.FIND", "FT.SEARCH", "GETEX"]);
        check("g", 0, &["getex"]);
        check("  CO", 2, &["CONFIG"]);
        check("config ", 0, &["config get", "config set"]);
        check("config s", 0, &["config set"]);
        check("config   s", 0, &["config set"]);
        check("3 ge", 2, &["getex"]);
        check("nosuch", 6, &[]);
    }

    #[test]
    fn tokens_of_arguments() {
        check("getex k p", 8, &["persist"]);
        check("GETEX k PER", 8, &["PERSIST"]);
        check("getex k x", 8, &[]);
        check("getex k ", 8, &[]);
        check("getex user:", 6, &["user:2", "user:1"]);
        check("getex a", 6, &["\"a b\""]);
        check("peek us", 5, &["user:2", "user:1"]);
    }

    #[test]
    fn directives() {
        check("config get max", 11, &["maxmemory"]);
        check("CONFIG GET dir MAX", 15, &["maxmemory"]);
        check("config set d", 11, &["dir"]);
        check("config set dir m", 15, &[]);
        check("config set dir / m", 17, &["maxmemory"]);
    }

    #[test]
    fn indexes_and_their_fields() {
        check("ft.search sh", 10, &["shop:items"]);
        check("ft.search shop:items @pr", 22, &["price"]);
        check("ft.search shop:items \"@name:x @p", 31, &["price"]);
        check("ft.search other @p", 16, &[]);
        check("doc.find p", 9, &["people", "places"]);
    }

    #[test]
    fn topics_and_own_commands() {
        check("help @s", 5, &["@string"]);
        check("help conf", 5, &["config", "config get", "config set"]);
        check(":s", 0, &[":set"]);
        check(":set noh", 5, &["nohints"]);
    }
}
