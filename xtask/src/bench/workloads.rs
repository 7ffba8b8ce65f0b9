//! What the load generator does: the speed rows of the goals.

use anyhow::{Context as _, ensure};
use kora_testkit::frame::Frame;
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpTarget;

/// One kind of work. Options are valkey-benchmark's.
pub(super) struct Workload {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) operations: f64,
    pub(super) options: &'static str,
    pub(super) command: &'static str,
    /// Fills what the command reads: options and command. A row that reads measures hits whichever rows are run with it.
    pub(super) preparation: &'static [(&'static str, &'static str)],
    /// What must be stored once it has run.
    pub(super) stored: Option<Stored>,
    /// Most CPU against Valkey: in total, and in user space.
    pub(super) goal: (f64, f64),
}

/// A value as the row's name claims it.
pub(super) struct Stored {
    bytes: usize,
    /// Matches the keys that hold such values.
    pattern: &'static str,
    /// Answers with a value or its length, where `$key` is a key.
    command: &'static str,
}

const fn stored(bytes: usize, pattern: &'static str, command: &'static str) -> Option<Stored> {
    Some(Stored { bytes, pattern, command })
}

const RANDOM_256: &str = "-c 50 -d 256 -r 200000";

/// Fills almost all the keys that a random GET may meet.
const FILL_256: (&str, &str) = ("-c 50 -P 16 -d 256 -r 200000 -n 1000000", "SET key:__rand_int__ __data__");

pub(super) const MSET_10: &str = "MSET a:__rand_int__ __data__ b:__rand_int__ __data__ c:__rand_int__ __data__ \
                       d:__rand_int__ __data__ e:__rand_int__ __data__ f:__rand_int__ __data__ \
                       g:__rand_int__ __data__ h:__rand_int__ __data__ i:__rand_int__ __data__ \
                       j:__rand_int__ __data__";

/// The workloads, in the order they run.
pub(super) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "p1-set",
        what: "SET of 256 bytes, unpipelined",
        operations: 150e3,
        options: RANDOM_256,
        command: "SET key:__rand_int__ __data__",
        preparation: &[],
        stored: stored(256, "key:*", "STRLEN $key"),
        goal: (0.85, 0.50),
    },
    Workload {
        name: "p1-get",
        what: "GET of 256 bytes, unpipelined",
        operations: 150e3,
        options: RANDOM_256,
        command: "GET key:__rand_int__",
        preparation: &[FILL_256],
        stored: stored(256, "key:*", "STRLEN $key"),
        goal: (0.85, 0.50),
    },
    Workload {
        name: "p16-set",
        what: "SET of 256 bytes, pipeline 16",
        operations: 1.5e6,
        options: "-P 16 -c 50 -d 256 -r 200000",
        command: "SET key:__rand_int__ __data__",
        preparation: &[],
        stored: stored(256, "key:*", "STRLEN $key"),
        goal: (0.52, 0.45),
    },
    Workload {
        name: "p16-get",
        what: "GET of 256 bytes, pipeline 16",
        operations: 1.5e6,
        options: "-P 16 -c 50 -d 256 -r 200000",
        command: "GET key:__rand_int__",
        preparation: &[FILL_256],
        stored: stored(256, "key:*", "STRLEN $key"),
        goal: (0.60, 0.45),
    },
    Workload {
        name: "p16-incr",
        what: "INCR, pipeline 16",
        operations: 1.5e6,
        options: "-P 16 -c 50 -r 200000",
        command: "INCR n:__rand_int__",
        preparation: &[],
        stored: None,
        goal: (0.58, 0.45),
    },
    Workload {
        name: "p64-set",
        what: "SET of 32 bytes, pipeline 64",
        operations: 3e6,
        options: "-P 64 -c 50 -d 32 -r 200000",
        command: "SET k:__rand_int__ __data__",
        preparation: &[],
        stored: stored(32, "k:*", "STRLEN $key"),
        goal: (0.55, 0.42),
    },
    Workload {
        name: "p64-get",
        what: "GET of 32 bytes, pipeline 64",
        operations: 3e6,
        options: "-P 64 -c 50 -r 200000",
        command: "GET k:__rand_int__",
        preparation: &[("-c 50 -P 64 -d 32 -r 200000 -n 1000000", "SET k:__rand_int__ __data__")],
        stored: stored(32, "k:*", "STRLEN $key"),
        goal: (0.48, 0.42),
    },
    Workload {
        name: "get16k",
        what: "GET of 16 KiB, unpipelined",
        operations: 150e3,
        options: "-c 20 -d 16384 -r 2000",
        command: "GET big:__rand_int__",
        preparation: &[("-c 20 -d 16384 -r 2000 -n 20000", "SET big:__rand_int__ __data__")],
        stored: stored(16384, "big:*", "STRLEN $key"),
        goal: (0.88, 0.50),
    },
    Workload {
        name: "lpush",
        what: "LPUSH of 32 bytes, pipeline 16",
        operations: 1e6,
        options: "-c 50 -P 16 -d 32 -r 20000",
        command: "LPUSH l:__rand_int__ __data__",
        preparation: &[],
        stored: stored(32, "l:*", "LINDEX $key 0"),
        goal: (0.62, 0.50),
    },
    Workload {
        name: "lrange",
        what: "LRANGE of 100 elements of 32 bytes, pipeline 4",
        operations: 100e3,
        options: "-c 50 -P 4 -r 200",
        command: "LRANGE lr:__rand_int__ 0 99",
        preparation: &[("-c 50 -P 16 -d 32 -r 200 -n 60000", "RPUSH lr:__rand_int__ __data__")],
        stored: stored(32, "lr:*", "LINDEX $key 0"),
        goal: (0.62, 0.50),
    },
    Workload {
        name: "hset",
        what: "HSET of 2 fields of 32 bytes, pipeline 16",
        operations: 1e6,
        options: "-c 50 -P 16 -d 32 -r 100000",
        command: "HSET h:__rand_int__ f1 __data__ f2 __data__",
        preparation: &[],
        stored: stored(32, "h:*", "HGET $key f2"),
        goal: (0.62, 0.50),
    },
    Workload {
        name: "hgetall",
        what: "HGETALL of 2 fields of 32 bytes, pipeline 16",
        operations: 1e6,
        options: "-c 50 -P 16 -r 100000",
        command: "HGETALL h:__rand_int__",
        preparation: &[(
            "-c 50 -P 16 -d 32 -r 100000 -n 500000",
            "HSET h:__rand_int__ f1 __data__ f2 __data__",
        )],
        stored: stored(32, "h:*", "HGET $key f2"),
        goal: (0.62, 0.50),
    },
    Workload {
        name: "sadd",
        what: "SADD of 14 bytes, pipeline 16",
        operations: 1e6,
        options: "-c 50 -P 16 -r 1000000",
        command: "SADD bigset m:__rand_int__",
        preparation: &[],
        stored: None,
        goal: (0.62, 0.50),
    },
    Workload {
        name: "zadd",
        what: "ZADD of 14 bytes, pipeline 16",
        operations: 1e6,
        options: "-c 50 -P 16 -r 1000000",
        command: "ZADD bigz __rand_int__ m:__rand_int__",
        preparation: &[],
        stored: None,
        goal: (0.62, 0.50),
    },
    Workload {
        name: "zrange",
        what: "ZRANGE of 100 members of 14 bytes, pipeline 4",
        operations: 100e3,
        options: "-c 50 -P 4",
        command: "ZRANGE bigz 1000 1099",
        preparation: &[("-c 50 -P 16 -r 1000000 -n 500000", "ZADD bigz __rand_int__ m:__rand_int__")],
        stored: None,
        goal: (0.62, 0.50),
    },
    Workload {
        name: "xadd",
        what: "XADD of 32 bytes, pipeline 16",
        operations: 500e3,
        options: "-c 50 -P 16 -d 32 -r 100",
        command: "XADD x:__rand_int__ MAXLEN ~ 10000 * f __data__",
        preparation: &[],
        stored: stored(32, "x:*", "XRANGE $key - + COUNT 1"),
        goal: (0.62, 0.50),
    },
    Workload {
        name: "mset10",
        what: "MSET of 10 keys, 16 bytes each, pipeline 4",
        operations: 200e3,
        options: "-P 4 -c 50 -d 16 -r 100000",
        command: MSET_10,
        preparation: &[],
        stored: stored(16, "j:*", "STRLEN $key"),
        goal: (0.62, 0.50),
    },
    Workload {
        name: "mget10",
        what: "MGET of 10 keys, 16 bytes each, pipeline 4",
        operations: 200e3,
        options: "-P 4 -c 50 -r 100000",
        command: "MGET a:__rand_int__ b:__rand_int__ c:__rand_int__ d:__rand_int__ e:__rand_int__ \
                  f:__rand_int__ g:__rand_int__ h:__rand_int__ i:__rand_int__ j:__rand_int__",
        preparation: &[("-c 50 -P 4 -d 16 -r 100000 -n 500000", MSET_10)],
        stored: stored(16, "j:*", "STRLEN $key"),
        goal: (0.62, 0.50),
    },
    Workload {
        name: "eval",
        what: "EVAL of a GET of 256 bytes, pipeline 16",
        operations: 500e3,
        options: "-P 16 -c 50 -r 200000",
        command: "EVAL return(redis.call('GET',KEYS[1])) 1 key:__rand_int__",
        preparation: &[FILL_256],
        stored: stored(256, "key:*", "STRLEN $key"),
        goal: (0.60, 0.60),
    },
    Workload {
        name: "evalsha",
        what: "EVALSHA of the same, pipeline 16",
        operations: 500e3,
        options: "-P 16 -c 50 -r 200000",
        command: "EVALSHA bfef805d9dcd9d3857da9372933ef22c17736f58 1 key:__rand_int__",
        preparation: &[FILL_256, ("-n 1", "SCRIPT LOAD return(redis.call('GET',KEYS[1]))")],
        stored: stored(256, "key:*", "STRLEN $key"),
        goal: (0.60, 0.60),
    },
];

/// The words of a command. The load generator fills `__rand_int__` in, but not `__data__` in commands of one's own: the
/// payload, of the size that `-d` says, is put in here.
pub(super) fn words(options: &str, command: &str) -> anyhow::Result<Vec<String>> {
    let mut after = options.split_whitespace().skip_while(|option| *option != "-d").skip(1);
    let bytes = after.next().map(str::parse::<usize>).transpose()?;
    let payload = match bytes {
        Some(bytes) => "x".repeat(bytes),
        None => String::new(),
    };
    ensure!(
        !payload.is_empty() || !command.contains("__data__"),
        "no size is given for the data of {command}"
    );
    Ok(command.split_whitespace().map(|word| word.replace("__data__", &payload)).collect())
}

impl Workload {
    /// Holds what a server has stored against what the row claims.
    ///
    /// # Errors
    /// When there is no such key, or its value has another length.
    pub(super) fn check(&self, address: &str) -> anyhow::Result<()> {
        let Some(stored) = &self.stored else { return Ok(()) };
        let found = stored.length(address).with_context(|| format!("what {} stored", self.name))?;
        ensure!(found == stored.bytes, "{} stored values of {found} bytes, not {}", self.name, stored.bytes);
        Ok(())
    }
}

impl Stored {
    /// Length of a value that is stored.
    fn length(&self, address: &str) -> anyhow::Result<usize> {
        let mut connection = TcpTarget::new(address)?.open()?;
        let mut cursor = "0".to_owned();
        loop {
            let reply = connection.call(&["SCAN", &cursor, "MATCH", self.pattern, "COUNT", "1000"])?;
            ensure!(reply.items().len() == 2, "SCAN: {reply}");
            if let Some(key) = reply.items()[1].items().first() {
                let key = String::from_utf8_lossy(key.bytes()).into_owned();
                let command = self.command.replace("$key", &key);
                let reply = connection.call(&command.split(' ').collect::<Vec<_>>())?;
                return length(&reply).with_context(|| format!("{command}: {reply}"));
            }
            cursor = String::from_utf8_lossy(reply.items()[0].bytes()).into_owned();
            ensure!(cursor != "0", "there is no key {}", self.pattern);
        }
    }
}

/// The number that a reply is, or the length of its last string.
fn length(reply: &Frame) -> Option<usize> {
    match reply {
        Frame::Line { kind: b':', .. } => usize::try_from(reply.number()?).ok(),
        Frame::Blob { bytes, .. } => Some(bytes.len()),
        _ => length(reply.items().last()?),
    }
}

#[cfg(test)]
mod tests;
