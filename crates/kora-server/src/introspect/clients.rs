//! CLIENT LIST and INFO lines, and the filters of CLIENT LIST and KILL.

use kora_core::error::{CommandError, CommandResult};
use kora_core::number::parse_i64;
use std::fmt::Write;

/// Lines of CLIENT HELP.
pub const HELP: &[&str] = &[
    "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "GETREDIR",
    "    Return the client ID we are redirecting to when tracking is enabled.",
    "GETNAME",
    "    Return the name of the current connection.",
    "ID",
    "    Return the ID of the current connection.",
    "INFO",
    "    Return information about the current client connection.",
    "KILL <ip:port>",
    "    Kill connection made from <ip:port>.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    Kill connections. Options are:",
    "    * ADDR (<ip:port>|<unixsocket>:0)",
    "      Kill connections made from the specified address",
    "    * LADDR (<ip:port>|<unixsocket>:0)",
    "      Kill connections made to specified local address",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Kill connections by type.",
    "    * USER <username>",
    "      Kill connections authenticated by <username>.",
    "    * SKIPME (YES|NO)",
    "      Skip killing current connection (default: yes).",
    "    * ID <client-id>",
    "      Kill connections by client id.",
    "    * MAXAGE <maxage>",
    "      Kill connections older than the specified age.",
    "LIST [options ...]",
    "    Return information about client connections. Options:",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Return clients of specified type.",
    "UNPAUSE",
    "    Stop the current client pause, resuming traffic.",
    "PAUSE <timeout> [WRITE|ALL]",
    "    Suspend all, or just write, clients for <timeout> milliseconds.",
    "REPLY (ON|OFF|SKIP)",
    "    Control the replies sent to the current connection.",
    "SETNAME <name>",
    "    Assign the name <name> to the current connection.",
    "SETINFO <option> <value>",
    "    Set client meta attr. Options are:",
    "    * LIB-NAME: the client lib name.",
    "    * LIB-VER: the client lib version.",
    "UNBLOCK <clientid> [TIMEOUT|ERROR]",
    "    Unblock the specified blocked client.",
    "TRACKINGINFO",
    "    Report tracking status for the current connection.",
    "NO-EVICT (ON|OFF)",
    "    Protect current client connection from eviction.",
    "NO-TOUCH (ON|OFF)",
    "    Will not touch LRU/LFU stats when this mode is on.",
    "HELP",
    "    Print this help.",
];

/// What CLIENT LIST tells of a connection.
// Many fields: one for each word of the line.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "fields are named after those of the line, which CLIENT LIST documents")]
pub struct ClientInfo {
    pub id: u64,
    /// Address and port, or path and 0 for a unix socket.
    pub addr: String,
    /// The server's side of the connection, in the same form.
    pub laddr: String,
    pub fd: i64,
    pub name: Vec<u8>,
    pub age_seconds: u64,
    pub idle_seconds: u64,
    pub flags: ClientFlags,
    pub db: u16,
    pub subscriptions: usize,
    pub pattern_subscriptions: usize,
    pub shard_subscriptions: usize,
    /// Commands queued by MULTI; none outside a transaction.
    pub queued: Option<usize>,
    pub watched: usize,
    pub query_bytes: usize,
    pub query_free_bytes: usize,
    pub argv_bytes: usize,
    pub queued_bytes: usize,
    pub reply_buffer_bytes: usize,
    pub reply_buffer_peak_bytes: usize,
    pub output_bytes: usize,
    pub output_blocks: usize,
    pub output_blocks_bytes: usize,
    pub total_bytes: usize,
    /// Whether it can be read, and whether it waits to be written.
    pub is_readable: bool,
    pub is_writable: bool,
    /// The last command's full name.
    pub command: Option<&'static str>,
    pub user: String,
    /// The client that is told of changes in its stead; 0: itself; none if it keeps no copies.
    pub redirect: Option<u64>,
    pub resp: u8,
    pub library_name: Vec<u8>,
    pub library_version: Vec<u8>,
    /// The worker it belongs to.
    pub worker: usize,
}

/// What state a connection is in.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a letter of the flags field, and they combine")]
pub struct ClientFlags {
    /// `O`: is told of all commands.
    pub is_monitor: bool,
    /// `x`: in a transaction.
    pub in_multi: bool,
    /// `d`: a watched key changed.
    pub is_dirty: bool,
    /// `t`: keeps copies of what it reads.
    pub is_caching: bool,
    /// `R`: the client has left that was told in its stead.
    pub is_redirect_broken: bool,
    /// `B`: hears of all keys with some prefixes.
    pub is_broadcast: bool,
    /// `b`: waits in a blocking command.
    pub is_blocked: bool,
    /// `P`: subscribed to channels.
    pub is_subscriber: bool,
    /// `c`: closed once it has read its replies.
    pub closes_after_reply: bool,
    /// `A`: closed as soon as possible.
    pub closes_soon: bool,
    /// `U`: connected through a unix socket.
    pub is_unix: bool,
    /// `e`: exempt from being closed to save memory.
    pub no_evict: bool,
    /// `T`: its look-ups do not count as use of keys.
    pub no_touch: bool,
}

impl ClientFlags {
    fn letters(self) -> String {
        let letters: String = [
            (self.is_monitor, 'O'),
            (self.is_subscriber, 'P'),
            (self.in_multi, 'x'),
            (self.is_blocked, 'b'),
            (self.is_caching, 't'),
            (self.is_redirect_broken, 'R'),
            (self.is_broadcast, 'B'),
            (self.is_dirty, 'd'),
            (self.closes_after_reply, 'c'),
            (self.closes_soon, 'A'),
            (self.is_unix, 'U'),
            (self.no_evict, 'e'),
            (self.no_touch, 'T'),
        ]
        .into_iter()
        .filter_map(|(is_set, letter)| is_set.then_some(letter))
        .collect();
        if letters.is_empty() { "N".into() } else { letters }
    }
}

impl ClientInfo {
    /// Adds the connection's line to `out`, line feed included.
    pub fn write_line(&self, out: &mut Vec<u8>) {
        let mut line = String::new();
        let _ = write!(line, "id={} addr={} laddr={} fd={} name=", self.id, self.addr, self.laddr, self.fd);
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(&self.name);
        line.clear();
        self.write_state(&mut line).expect("a string takes whatever is written");
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(&self.library_name);
        out.extend_from_slice(b" lib-ver=");
        out.extend_from_slice(&self.library_version);
        out.extend_from_slice(format!(" io-thread={}\n", self.worker).as_bytes());
    }

    fn write_state(&self, line: &mut String) -> std::fmt::Result {
        let queued = self.queued.map_or("-1".into(), |count| count.to_string());
        let readable = if self.is_readable { "r" } else { "" };
        let writable = if self.is_writable { "w" } else { "" };
        write!(line, " age={} idle={} flags={}", self.age_seconds, self.idle_seconds, self.flags.letters())?;
        write!(line, " db={} sub={} psub={}", self.db, self.subscriptions, self.pattern_subscriptions)?;
        write!(line, " ssub={} multi={queued} watch={}", self.shard_subscriptions, self.watched)?;
        write!(line, " qbuf={} qbuf-free={}", self.query_bytes, self.query_free_bytes)?;
        write!(line, " argv-mem={} multi-mem={}", self.argv_bytes, self.queued_bytes)?;
        write!(line, " rbs={} rbp={}", self.reply_buffer_bytes, self.reply_buffer_peak_bytes)?;
        write!(line, " obl={} oll={}", self.output_bytes, self.output_blocks)?;
        write!(line, " omem={} tot-mem={}", self.output_blocks_bytes, self.total_bytes)?;
        write!(line, " events={readable}{writable} cmd={}", self.command.unwrap_or("NULL"))?;
        let redirect = self.redirect.map_or("-1".into(), |client| client.to_string());
        write!(line, " user={} redir={redirect} resp={} lib-name=", self.user, self.resp)
    }

    /// The class that limits and filters know it by.
    #[must_use]
    pub fn class(&self) -> ClientClass {
        if self.flags.is_subscriber { ClientClass::Pubsub } else { ClientClass::Normal }
    }
}

/// A class of connections, as the `TYPE` filter names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientClass {
    /// It sends commands.
    Normal,
    /// It is subscribed to channels.
    Pubsub,
    /// It is the connection to the master.
    Master,
    /// It is a replica.
    Replica,
}

impl ClientClass {
    fn parse(name: &[u8]) -> CommandResult<Self> {
        match name.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Self::Normal),
            b"slave" | b"replica" => Ok(Self::Replica),
            b"pubsub" => Ok(Self::Pubsub),
            b"master" => Ok(Self::Master),
            _ => {
                let name = String::from_utf8_lossy(name);
                Err(CommandError::Other(format!("ERR Unknown client type '{name}'").into()))
            }
        }
    }
}

/// Which connections CLIENT LIST describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListFilter {
    /// All.
    All,
    /// Those of a class.
    Class(ClientClass),
    /// Those with these numbers, in this order.
    Ids(Vec<u64>),
}

impl ListFilter {
    /// Reads the arguments that follow `CLIENT LIST`.
    ///
    /// # Errors
    /// In Redis's words, if they are no filter.
    pub fn parse(args: &[&[u8]]) -> CommandResult<Self> {
        match args {
            [] => Ok(Self::All),
            [word, class] if word.eq_ignore_ascii_case(b"type") => ClientClass::parse(class).map(Self::Class),
            [word, ids @ ..] if word.eq_ignore_ascii_case(b"id") && !ids.is_empty() => {
                let id = |text: &&[u8]| {
                    let id = parse_i64(text).ok_or(CommandError::text("ERR Invalid client ID"))?;
                    // A negative number is some number that no connection has.
                    Ok(u64::try_from(id).unwrap_or(0))
                };
                ids.iter().map(id).collect::<CommandResult<_>>().map(Self::Ids)
            }
            _ => Err(CommandError::Syntax),
        }
    }

    /// Whether `client` is to be described.
    #[must_use]
    pub fn matches(&self, client: &ClientInfo) -> bool {
        match self {
            Self::All => true,
            Self::Class(class) => client.class() == *class,
            Self::Ids(ids) => ids.contains(&client.id),
        }
    }

    /// The lines of those of `clients` that match, in the filter's order.
    #[must_use]
    pub fn lines(&self, clients: &[ClientInfo]) -> Vec<u8> {
        let mut lines = Vec::new();
        if let Self::Ids(ids) = self {
            for client in ids.iter().filter_map(|id| clients.iter().find(|client| client.id == *id)) {
                client.write_line(&mut lines);
            }
            return lines;
        }
        for client in clients.iter().filter(|client| self.matches(client)) {
            client.write_line(&mut lines);
        }
        lines
    }
}

/// Which connections CLIENT KILL closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KillFilter {
    /// `ID`.
    pub id: Option<u64>,
    /// `TYPE`.
    pub class: Option<ClientClass>,
    /// `ADDR`.
    pub addr: Option<Vec<u8>>,
    /// `LADDR`.
    pub laddr: Option<Vec<u8>>,
    /// `USER`.
    pub user: Option<Vec<u8>>,
    /// `MAXAGE`: connections at least this old.
    pub age_seconds_min: Option<u64>,
    /// `SKIPME`: whether the connection that asks is spared.
    pub skips_me: bool,
    /// `CLIENT KILL addr:port`: answers OK or an error in place of a count.
    pub is_old_form: bool,
}

impl KillFilter {
    /// Reads the arguments that follow `CLIENT KILL`. `is_user` tells whether a user of that name exists.
    ///
    /// # Errors
    /// In Redis's words, if they are no filter.
    pub fn parse(args: &[&[u8]], is_user: impl Fn(&[u8]) -> bool) -> CommandResult<Self> {
        let mut filter = Self {
            id: None,
            class: None,
            addr: None,
            laddr: None,
            user: None,
            age_seconds_min: None,
            skips_me: true,
            is_old_form: false,
        };
        if let [addr] = args {
            return Ok(Self { addr: Some(addr.to_vec()), skips_me: false, is_old_form: true, ..filter });
        }
        let (pairs, rest) = args.as_chunks::<2>();
        for [name, value] in pairs {
            match name.to_ascii_lowercase().as_slice() {
                b"id" => filter.id = Some(parse_id(value)?),
                b"type" => filter.class = Some(ClientClass::parse(value)?),
                b"addr" => filter.addr = Some(value.to_vec()),
                b"laddr" => filter.laddr = Some(value.to_vec()),
                b"user" if is_user(value) => filter.user = Some(value.to_vec()),
                b"user" => return Err(no_such_user(value)),
                b"maxage" => filter.age_seconds_min = Some(parse_age(value)?),
                b"skipme" if value.eq_ignore_ascii_case(b"yes") => filter.skips_me = true,
                b"skipme" if value.eq_ignore_ascii_case(b"no") => filter.skips_me = false,
                _ => return Err(CommandError::Syntax),
            }
        }
        if rest.is_empty() { Ok(filter) } else { Err(CommandError::Syntax) }
    }

    /// Whether `client` is to be closed on behalf of the connection `me`.
    #[must_use]
    pub fn matches(&self, client: &ClientInfo, me: u64) -> bool {
        let is_one = |wanted: &Option<Vec<u8>>, text: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.as_slice() == text.as_bytes())
        };
        !(self.skips_me && client.id == me)
            && self.id.is_none_or(|id| id == client.id)
            && self.class.is_none_or(|class| class == client.class())
            && is_one(&self.addr, &client.addr)
            && is_one(&self.laddr, &client.laddr)
            && is_one(&self.user, &client.user)
            && self.age_seconds_min.is_none_or(|seconds| client.age_seconds >= seconds)
    }
}

fn parse_id(text: &[u8]) -> CommandResult<u64> {
    let id = parse_i64(text).and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
    id.ok_or(CommandError::text("ERR client-id should be greater than 0"))
}

fn parse_age(text: &[u8]) -> CommandResult<u64> {
    let age = parse_i64(text).ok_or(CommandError::text("ERR maxage is not an integer or out of range"))?;
    let age = u64::try_from(age).ok().filter(|age| *age > 0);
    age.ok_or(CommandError::text("ERR maxage should be greater than 0"))
}

fn no_such_user(name: &[u8]) -> CommandError {
    CommandError::Other(format!("ERR No such user '{}'", String::from_utf8_lossy(name)).into())
}

#[cfg(test)]
mod tests;
