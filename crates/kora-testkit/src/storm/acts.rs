//! What is done on a connection: one command or several that belong together, or bytes that are none.

use std::fmt;

use kora_core::rdb::dump;

use super::draw;
use super::table::Table;
use crate::differential::Rng;
use crate::target::encode_into;

/// Payloads kept to be altered.
const PAYLOADS: usize = 32;

/// Bytes of a payload that is kept.
const PAYLOAD_BYTES_MAX: usize = 1 << 16;

/// Bytes of an argument that are shown.
const SHOWN: usize = 200;

/// What makes later commands meet something.
const SETTINGS: &[&str] = &[
    "FT.CREATE i:1 ON HASH PREFIX 1 hash SCHEMA field TEXT a NUMERIC b TAG v VECTOR FLAT 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2",
    "FT.CREATE i:2 ON JSON PREFIX 2 module {t}module SCHEMA $.a AS a NUMERIC $.c AS c TAG $..b AS b TEXT",
    "XGROUP CREATE stream:1 g $ MKSTREAM",
    "XGROUP CREATE stream:2 g 0 MKSTREAM",
    "XADD stream:1 * field a",
    "XREADGROUP GROUP g alice COUNT 3 STREAMS stream:1 >",
    "VADD module:3 VALUES 3 1 2 3 m1",
    "JSON.SET module:1 $ {\"a\":[1,2,{\"b\":\"x\"}],\"c\":\"y\"}",
    "CONFIG SET notify-keyspace-events KEA",
    "CONFIG SET maxmemory-policy allkeys-lru",
    "CONFIG SET maxmemory-policy noeviction",
    "CONFIG SET hash-max-listpack-entries 3",
    "CONFIG SET zset-max-listpack-entries 3",
    "CONFIG SET set-max-intset-entries 3",
    "CONFIG SET list-max-listpack-size 2",
    "CONFIG SET tracking-table-max-keys 5",
    "CONFIG SET latency-tracking no",
    "CLIENT TRACKING ON",
    "CLIENT TRACKING ON BCAST PREFIX hash PREFIX list",
    "CLIENT TRACKING ON OPTIN NOLOOP",
    "CLIENT TRACKING OFF",
    "HELLO 3",
    "HELLO 2",
    "RESET",
    "AUTH u1 p",
    "AUTH u2 p",
    "AUTH u3 p",
    "ACL SETUSER u1 on >p ~{t}* %R~hash* &* +@all -@dangerous",
    "ACL SETUSER u2 on >p resetkeys ~list* -@all +@list +@keyspace +multi +exec (~hash* +@hash)",
    "ACL SETUSER u3 on >p reset allkeys +@all -@write",
    "ACL DELUSER u1",
    "WATCH string:1 list:1 hash:1",
    "SUBSCRIBE a b",
    "PSUBSCRIBE * __key*__:*",
    "FLUSHALL ASYNC",
    "SWAPDB 0 1",
    "SELECT 1",
    "SELECT 0",
];

/// Scripts; KEYS and ARGV are drawn.
const SCRIPTS: &[&str] = &[
    "return redis.call(unpack(ARGV))",
    "return redis.pcall(unpack(ARGV))",
    "local t = {} for i = 1, 200 do t[i] = {i, tostring(i)} end return t",
    "redis.setresp(3) return redis.call('HGETALL', KEYS[1])",
    "for i = 1, 50 do redis.call('RPUSH', KEYS[1], i) end return redis.call('LLEN', KEYS[1])",
    "redis.call('SET', KEYS[1], 'x') error('on purpose')",
    "return cjson.decode(ARGV[1] or 'null')",
    "return cmsgpack.unpack(ARGV[1] or '')",
    "return {redis.call('DUMP', KEYS[1]), struct.pack('>I4', #ARGV)}",
    "return string.rep('x', 100000)",
    "return setmetatable({}, {__index = function() return redis.call('DBSIZE') end})",
    "while true do end",
];

/// One thing to do.
pub(super) enum Act {
    /// Commands.
    Commands(Vec<Vec<Vec<u8>>>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A part of a command; then the connection ends.
    Leave(Vec<u8>),
}

impl Act {
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Commands(commands) => {
                let mut bytes = Vec::new();
                commands.iter().for_each(|args| encode_into(&mut bytes, args));
                bytes
            }
            Self::Bytes(bytes) | Self::Leave(bytes) => bytes.clone(),
        }
    }

    pub(super) fn count(&self) -> u64 {
        if let Self::Commands(commands) = self { commands.len() as u64 } else { 1 }
    }

    pub(super) fn leaves(&self) -> bool {
        matches!(self, Self::Leave(_))
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |bytes: &[u8]| bytes[..bytes.len().min(SHOWN)].escape_ascii().to_string();
        match self {
            Self::Commands(commands) => {
                let lines = commands.iter().map(|args| {
                    let words: Vec<String> = args.iter().map(|arg| format!("\"{}\"", shown(arg))).collect();
                    words.join(" ")
                });
                f.write_str(&lines.collect::<Vec<_>>().join(" ; "))
            }
            Self::Bytes(bytes) => write!(f, "bytes {}", shown(bytes)),
            Self::Leave(bytes) => write!(f, "bytes {}, and the end", shown(bytes)),
        }
    }
}

/// Draws acts.
pub(super) struct Acts {
    rng: Rng,
    table: Table,
    /// The server's own.
    port: String,
    /// What DUMP replied.
    payloads: Vec<Vec<u8>>,
}

impl Acts {
    pub(super) fn new(rng: Rng, table: Table, port: String) -> Self {
        Self { rng, table, port, payloads: Vec::new() }
    }

    pub(super) fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// Keeps what may be a payload.
    pub(super) fn learn(&mut self, reply: &[u8]) {
        let Some(at) = reply.iter().position(|byte| *byte == b'\n').filter(|_| reply.first() == Some(&b'$'))
        else {
            return;
        };
        let bytes = reply[at + 1..].strip_suffix(b"\r\n").unwrap_or_default();
        if bytes.len() > PAYLOAD_BYTES_MAX || dump::open(bytes).is_none() {
            return;
        }
        if self.payloads.len() < PAYLOADS {
            self.payloads.push(bytes.to_vec());
        } else {
            let place = self.rng.place(PAYLOADS);
            self.payloads[place] = bytes.to_vec();
        }
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Act {
        match self.rng.below(100) {
            0..8 => Act::Commands(vec![words(self.rng.pick(SETTINGS))]),
            8..16 => self.transaction(),
            16..24 => Act::Commands(vec![self.script()]),
            24..30 => Act::Commands(vec![self.dump()]),
            30..36 => self.restore(),
            36..38 => self.broken(),
            38 => Act::Commands(vec![self.migrate()]),
            39 => {
                let command = self.command();
                let mut bytes = Act::Commands(vec![command]).bytes();
                bytes.truncate(self.rng.place(bytes.len()));
                Act::Leave(bytes)
            }
            40..50 => Act::Commands((0..1 + self.rng.below(30)).map(|_| self.command()).collect()),
            _ => Act::Commands(vec![self.command()]),
        }
    }

    fn command(&mut self) -> Vec<Vec<u8>> {
        let at = self.rng.place(self.table.commands.len());
        draw::command(&mut self.rng, &self.table.commands[at])
    }

    fn transaction(&mut self) -> Act {
        let mut commands = vec![words("MULTI")];
        commands.extend((0..1 + self.rng.below(6)).map(|_| self.command()));
        if !self.rng.one_in(8) {
            commands.push(words(self.rng.pick(&["EXEC", "EXEC", "EXEC", "DISCARD", "RESET"])));
        }
        Act::Commands(commands)
    }

    fn script(&mut self) -> Vec<Vec<u8>> {
        // An endless one is ended by whoever is told that the server is busy.
        let count = if self.rng.one_in(200) { SCRIPTS.len() } else { SCRIPTS.len() - 1 };
        let script = SCRIPTS[self.rng.place(count)];
        let command = self.command();
        let key = command.get(1).cloned().unwrap_or_default();
        let name = self.rng.pick(&["EVAL", "EVAL", "EVAL_RO"]);
        let head = [name.as_bytes().to_vec(), script.as_bytes().to_vec(), b"1".to_vec(), key];
        head.into_iter().chain(command).collect()
    }

    /// A key of any kind.
    fn key(&mut self) -> Vec<u8> {
        let groups = [
            "string",
            "list",
            "hash",
            "set",
            "sorted-set",
            "stream",
            "module",
            "geo",
            "bitmap",
            "hyperloglog",
        ];
        format!("{}:{}", self.rng.pick(&groups), self.rng.below(4)).into_bytes()
    }

    fn dump(&mut self) -> Vec<Vec<u8>> {
        if self.rng.one_in(20) { words("FUNCTION DUMP") } else { vec![b"DUMP".to_vec(), self.key()] }
    }

    /// A payload, mostly altered, and what it made, looked at.
    fn restore(&mut self) -> Act {
        if self.payloads.is_empty() {
            return Act::Commands(vec![self.dump()]);
        }
        let place = self.rng.place(self.payloads.len());
        let mut payload = self.payloads[place].clone();
        let alterations = self.rng.below(4);
        if alterations > 0 {
            payload.truncate(payload.len().saturating_sub(10));
            for _ in 0..alterations {
                alter(&mut self.rng, &mut payload);
            }
            dump::seal(&mut payload);
        }
        let key = format!("{{r}}{}", self.rng.below(3)).into_bytes();
        let restore = [&b"RESTORE"[..], &key, b"0", &payload, b"REPLACE"].map(<[u8]>::to_vec).to_vec();
        let looks = [
            "DUMP",
            "TYPE",
            "OBJECT ENCODING",
            "MEMORY USAGE",
            "HGETALL",
            "SMEMBERS",
            "LPOP",
            "ZPOPMIN",
            "XINFO STREAM",
            "GET",
            "JSON.GET",
            "SORT",
            "DEL",
            "HRANDFIELD",
            "SRANDMEMBER",
            "ZRANDMEMBER",
            "XTRIM",
        ];
        let mut commands = vec![restore];
        for _ in 0..3 {
            let mut look = words(self.rng.pick(&looks));
            look.push(key.clone());
            commands.push(look);
        }
        Act::Commands(commands)
    }

    /// To itself, or to nobody.
    fn migrate(&mut self) -> Vec<Vec<u8>> {
        let port = if self.rng.one_in(2) { self.port.clone() } else { "1".to_owned() };
        let key = self.key();
        [&b"MIGRATE"[..], b"127.0.0.1", port.as_bytes(), &key, b"1", b"100", b"COPY", b"REPLACE"]
            .map(<[u8]>::to_vec)
            .to_vec()
    }

    /// A command of which some bytes are others.
    fn broken(&mut self) -> Act {
        let mut bytes = Act::Commands(vec![self.command()]).bytes();
        for _ in 0..1 + self.rng.below(3) {
            alter(&mut self.rng, &mut bytes);
        }
        Act::Bytes(bytes)
    }
}

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// Changes a little somewhere.
fn alter(rng: &mut Rng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let at = rng.place(bytes.len());
    match rng.below(6) {
        0 => bytes[at] ^= 1 << rng.below(8),
        1 => bytes[at] = rng.next().to_le_bytes()[0],
        2 => bytes[at] = *rng.pick(&[&0, &0xff, &0x7f, &0x80, &b'\n']),
        3 => drop(bytes.remove(at)),
        4 => bytes.insert(at, rng.next().to_le_bytes()[0]),
        _ => bytes.truncate(at),
    }
}
