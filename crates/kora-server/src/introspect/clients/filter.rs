//! The filters of CLIENT LIST and CLIENT KILL: those of Redis 8.0, and those that Valkey 9 has besides.
//!
//! All that are given must hold. One that is given twice replaces the first; numbers of clients add up.

use kora_core::error::{CommandError, CommandResult};
use kora_core::number::parse_i64;

use super::{ClientClass, ClientInfo};

/// Letters that stand for something in the field `flags`, here or in Redis and Valkey.
const FLAG_LETTERS: &[u8] = b"AbBcdeEiIMNOPrRStTuUx";

/// What filters need to know of the server.
pub trait ServerFacts {
    /// Whether there is a user of that name.
    fn is_user(&self, name: &[u8]) -> bool;

    /// Number of databases.
    fn database_count(&self) -> u16;
}

/// What one filter asks of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Ids(Vec<u64>),
    Class(ClientClass),
    Address(Vec<u8>),
    LocalAddress(Vec<u8>),
    Ip(Vec<u8>),
    User(Vec<u8>),
    Name(Vec<u8>),
    LibraryName(Vec<u8>),
    LibraryVersion(Vec<u8>),
    /// Letters that must all be there.
    Flags(Vec<u8>),
    /// The same of what it claims to be able to do.
    Capabilities(Vec<u8>),
    Database(u16),
    /// Seconds it is connected at least.
    Age(u64),
    /// Seconds since its last command at least.
    Idle(u64),
}

impl Condition {
    fn holds(&self, client: &ClientInfo) -> bool {
        match self {
            Self::Ids(ids) => ids.contains(&client.id),
            Self::Class(class) => client.class() == *class,
            Self::Address(address) => address == client.addr.as_bytes(),
            Self::LocalAddress(address) => address == client.laddr.as_bytes(),
            Self::Ip(ip) => ip == ip_of(&client.addr).as_bytes(),
            Self::User(user) => user == client.user.as_bytes(),
            Self::Name(name) => *name == client.name,
            Self::LibraryName(name) => *name == client.library_name,
            Self::LibraryVersion(version) => *version == client.library_version,
            Self::Flags(letters) => has_all(&client.flags.letters(), letters),
            Self::Capabilities(letters) => has_all(client.capabilities(), letters),
            Self::Database(db) => client.db == *db,
            Self::Age(seconds) => client.age_seconds >= *seconds,
            Self::Idle(seconds) => client.idle_seconds >= *seconds,
        }
    }

    /// Whether `other` is given by the same word.
    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

fn has_all(text: &str, letters: &[u8]) -> bool {
    letters.iter().all(|letter| text.as_bytes().contains(letter))
}

/// An address without its port, nor the brackets around one of IPv6.
fn ip_of(address: &str) -> &str {
    let ip = address.rsplit_once(':').map_or(address, |(ip, _)| ip);
    ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip)
}

/// Which connections are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Filter {
    /// Those that must hold, and those that must not (`NOT-`).
    conditions: Vec<(Condition, Meant)>,
    skips_me: Option<bool>,
}

/// Whether a condition must hold, or must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meant {
    Those,
    Others,
}

/// How a command reads numbers of clients: Redis's CLIENT LIST takes any number, CLIENT KILL positive ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ids {
    Any,
    Positive,
}

impl Ids {
    fn parse(self, text: &[u8]) -> CommandResult<u64> {
        let id = parse_i64(text).and_then(|id| u64::try_from(id).ok());
        match self {
            // A negative number is some number that no connection has.
            Self::Any if parse_i64(text).is_some() => Ok(id.unwrap_or(0)),
            Self::Any => Err(CommandError::text("ERR Invalid client ID")),
            Self::Positive => {
                id.filter(|id| *id > 0).ok_or(CommandError::text("ERR client-id should be greater than 0"))
            }
        }
    }
}

impl Filter {
    /// Reads words and values.
    fn parse(args: &[&[u8]], ids: Ids, facts: &impl ServerFacts) -> CommandResult<Self> {
        let mut filter = Self::default();
        let mut rest = args;
        while let [word, tail @ ..] = rest {
            let word = word.to_ascii_lowercase();
            let (word, meant) = match word.strip_prefix(b"not-") {
                Some(word) => (word, Meant::Others),
                None => (word.as_slice(), Meant::Those),
            };
            rest = match (word, meant, tail) {
                (b"id", ..) => filter.read_ids(meant, ids, tail)?,
                (b"skipme", Meant::Those, [value, tail @ ..]) => {
                    filter.skips_me = Some(parse_yes(value)?);
                    tail
                }
                (_, _, [value, tail @ ..]) => {
                    filter.put((condition(word, value, meant, facts)?, meant));
                    tail
                }
                _ => return Err(CommandError::Syntax),
            };
        }
        Ok(filter)
    }

    /// Reads numbers of clients up to the next word; what is left.
    fn read_ids<'a, 'b>(
        &mut self,
        meant: Meant,
        ids: Ids,
        args: &'a [&'b [u8]],
    ) -> CommandResult<&'a [&'b [u8]]> {
        let [first, rest @ ..] = args else { return Err(CommandError::Syntax) };
        let mut found = vec![ids.parse(first)?];
        let is_number = |text: &&&[u8]| parse_i64(text).is_some();
        let count = rest.iter().take_while(is_number).count();
        let (more, rest) = rest.split_at(count);
        for id in more {
            found.push(ids.parse(id)?);
        }
        if ids == Ids::Any && rest.first().is_some_and(|word| !is_word(word)) {
            return Err(CommandError::text("ERR Invalid client ID"));
        }
        let known = self.conditions.iter_mut().find_map(|(condition, of)| match condition {
            Condition::Ids(known) if *of == meant => Some(known),
            _ => None,
        });
        match known {
            Some(known) => known.extend(found),
            None => self.conditions.push((Condition::Ids(found), meant)),
        }
        Ok(rest)
    }

    fn put(&mut self, (condition, meant): (Condition, Meant)) {
        self.conditions.retain(|(known, of)| *of != meant || !known.is_like(&condition));
        self.conditions.push((condition, meant));
    }

    fn matches(&self, client: &ClientInfo, me: u64, skips_me: bool) -> bool {
        let is_me = client.id == me;
        !(is_me && self.skips_me.unwrap_or(skips_me))
            && self
                .conditions
                .iter()
                .all(|(condition, meant)| condition.holds(client) == (*meant == Meant::Those))
    }

    /// The numbers asked for, in their order.
    fn ids(&self) -> Option<&[u64]> {
        self.conditions.iter().find_map(|(condition, meant)| match condition {
            Condition::Ids(ids) if *meant == Meant::Those => Some(ids.as_slice()),
            _ => None,
        })
    }
}

/// What stands in front of a value, `NOT-` or not.
const WORDS: [&str; 15] = [
    "addr", "capa", "db", "flags", "id", "idle", "ip", "laddr", "lib-name", "lib-ver", "maxage", "name",
    "skipme", "type", "user",
];

fn is_word(text: &[u8]) -> bool {
    let text = text.to_ascii_lowercase();
    let text = text.strip_prefix(b"not-").unwrap_or(&text);
    WORDS.iter().any(|word| word.as_bytes() == text)
}

/// The condition that `word` puts with its value.
fn condition(word: &[u8], value: &[u8], meant: Meant, facts: &impl ServerFacts) -> CommandResult<Condition> {
    Ok(match (word, meant) {
        (b"type", _) => Condition::Class(ClientClass::parse(value)?),
        (b"addr", _) => Condition::Address(value.to_vec()),
        (b"laddr", _) => Condition::LocalAddress(value.to_vec()),
        (b"ip", _) => Condition::Ip(value.to_vec()),
        (b"user", _) if facts.is_user(value) => Condition::User(value.to_vec()),
        (b"user", _) => return Err(no_such_user(value)),
        (b"name", _) => Condition::Name(value.to_vec()),
        (b"lib-name", _) => Condition::LibraryName(value.to_vec()),
        (b"lib-ver", _) => Condition::LibraryVersion(value.to_vec()),
        (b"flags", _) => Condition::Flags(letters(value, FLAG_LETTERS, "flags", meant)?),
        (b"capa", _) => Condition::Capabilities(letters(value, b"r", "capa", meant)?),
        (b"db", _) => Condition::Database(parse_database(value, facts.database_count())?),
        (b"maxage", Meant::Those) => Condition::Age(parse_seconds("maxage", value)?),
        (b"idle", Meant::Those) => Condition::Idle(parse_seconds("idle", value)?),
        _ => return Err(CommandError::Syntax),
    })
}

fn letters(value: &[u8], known: &[u8], what: &str, meant: Meant) -> CommandResult<Vec<u8>> {
    if value.iter().all(|letter| known.contains(letter)) {
        return Ok(value.to_vec());
    }
    let (value, filter) = (kora_core::text::of(value), what.to_ascii_uppercase());
    let place = if meant == Meant::Those { "provided".to_owned() } else { format!("NOT-{filter}") };
    Err(CommandError::Other(format!("ERR Unknown {what} found in the {place} filter: {value}").into()))
}

fn parse_database(text: &[u8], count: u16) -> CommandResult<u16> {
    let db = parse_i64(text).ok_or(CommandError::text("ERR DB is not an integer or out of range"))?;
    let db = u16::try_from(db).ok().filter(|db| *db < count);
    db.ok_or_else(|| {
        let last = count.saturating_sub(1);
        CommandError::Other(format!("ERR DB number should be between 0 and {last}").into())
    })
}

fn parse_yes(word: &[u8]) -> CommandResult<bool> {
    match word.to_ascii_lowercase().as_slice() {
        b"yes" => Ok(true),
        b"no" => Ok(false),
        _ => Err(CommandError::Syntax),
    }
}

fn parse_seconds(name: &str, text: &[u8]) -> CommandResult<u64> {
    let wrong = |text: &str| CommandError::Other(format!("ERR {name} {text}").into());
    let seconds = parse_i64(text).ok_or_else(|| wrong("is not an integer or out of range"))?;
    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| wrong("should be greater than 0"))
}

fn no_such_user(name: &[u8]) -> CommandError {
    CommandError::Other(format!("ERR No such user '{}'", kora_core::text::of(name)).into())
}

/// Which connections CLIENT LIST describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListFilter(Filter);

impl ListFilter {
    /// Reads the arguments that follow `CLIENT LIST`.
    ///
    /// # Errors
    /// In Redis's words, if they are no filters.
    pub fn parse(args: &[&[u8]], facts: &impl ServerFacts) -> CommandResult<Self> {
        Filter::parse(args, Ids::Any, facts).map(Self)
    }

    /// The lines of those of `clients` that match on behalf of the connection `me`; by number in the order asked for.
    #[must_use]
    pub fn lines(&self, clients: &[ClientInfo], me: u64) -> Vec<u8> {
        let mut lines = Vec::new();
        let matching = |client: &&ClientInfo| self.0.matches(client, me, false);
        match self.0.ids() {
            Some(ids) => {
                let by_id = |id: &u64| clients.iter().find(|client| client.id == *id).filter(matching);
                ids.iter().filter_map(by_id).for_each(|client| client.write_line(&mut lines));
            }
            None => clients.iter().filter(matching).for_each(|client| client.write_line(&mut lines)),
        }
        lines
    }
}

/// Which connections CLIENT KILL closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KillFilter {
    filter: Filter,
    /// `CLIENT KILL addr:port`: answers OK or an error in place of a count, and does not spare who asks.
    pub is_old_form: bool,
}

impl KillFilter {
    /// Reads the arguments that follow `CLIENT KILL`.
    ///
    /// # Errors
    /// In Redis's words, if they are no filters.
    pub fn parse(args: &[&[u8]], facts: &impl ServerFacts) -> CommandResult<Self> {
        if let [address] = args {
            let conditions = vec![(Condition::Address(address.to_vec()), Meant::Those)];
            let filter = Filter { conditions, skips_me: Some(false) };
            return Ok(Self { filter, is_old_form: true });
        }
        Ok(Self { filter: Filter::parse(args, Ids::Positive, facts)?, is_old_form: false })
    }

    /// Whether `client` is to be closed on behalf of the connection `me`.
    #[must_use]
    pub fn matches(&self, client: &ClientInfo, me: u64) -> bool {
        self.filter.matches(client, me, true)
    }
}
