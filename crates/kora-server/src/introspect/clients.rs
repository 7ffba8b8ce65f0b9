//! CLIENT LIST and INFO lines; the filters of CLIENT LIST and KILL; CLIENT HELP.

mod filter;
mod help;

use kora_core::error::{CommandError, CommandResult};
use std::fmt::Write;

pub use filter::{KillFilter, ListFilter, ServerFacts};
pub use help::HELP;

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
    /// Bytes read from it.
    pub received_bytes: u64,
    /// Bytes sent to it.
    pub sent_bytes: u64,
    /// Commands it sent that ran.
    pub commands: u64,
    /// Whether it understands that it is told to go to another server (CLIENT CAPA REDIRECT).
    pub takes_redirects: bool,
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
        line.clear();
        self.write_traffic(&mut line).expect("a string takes whatever is written");
        out.extend_from_slice(line.as_bytes());
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

    /// What Redis 8.0.2 has no words for follows in the order of Redis 8.2; `capa` is Valkey's.
    fn write_traffic(&self, line: &mut String) -> std::fmt::Result {
        write!(line, " io-thread={} tot-net-in={}", self.worker, self.received_bytes)?;
        write!(line, " tot-net-out={} tot-cmds={}", self.sent_bytes, self.commands)?;
        writeln!(line, " capa={}", self.capabilities())
    }

    /// The letters of what it claims to be able to do.
    fn capabilities(&self) -> &'static str {
        if self.takes_redirects { "r" } else { "" }
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
            b"master" | b"primary" => Ok(Self::Master),
            _ => {
                let name = kora_core::text::of(name);
                Err(CommandError::Other(format!("ERR Unknown client type '{name}'").into()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
