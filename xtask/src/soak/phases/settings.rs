//! CONFIG SET beside the load: what was set is what CONFIG GET says.

use std::time::Duration;

use anyhow::ensure;

use super::{Guide, order};
use crate::soak::LIMIT_BYTES;
use crate::soak::stage::Provoked;

/// A directive and values that the run bears.
const CHOICES: &[(&str, &[&str])] = &[
    ("maxmemory-policy", &["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"]),
    ("maxmemory-samples", &["3", "5", "10"]),
    ("hz", &["10", "50"]),
    ("notify-keyspace-events", &["", "AKE"]),
    ("list-max-listpack-size", &["-2", "16"]),
    ("hash-max-listpack-entries", &["8", "512"]),
    ("zset-max-listpack-entries", &["8", "128"]),
    ("set-max-intset-entries", &["16", "512"]),
    ("lazyfree-lazy-eviction", &["yes", "no"]),
    ("lazyfree-lazy-expire", &["yes", "no"]),
    ("auto-aof-rewrite-min-size", &["4mb", "32mb"]),
    ("maxclients", &["5000", "10000"]),
];

/// Changes in one phase.
const CHANGES: usize = 10;

/// A limit that everything stored exceeds.
const TIGHT: &str = "8mb";

/// It lasts so long.
const TIGHT_FOR: Duration = Duration::from_millis(500);

impl Guide<'_> {
    pub(super) fn change_settings(&mut self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        for _ in 0..CHANGES {
            let (name, values) = *self.random.choose(CHOICES);
            let value = *self.random.choose(values);
            let set = ["CONFIG", "SET", name, value];
            let reply = kora_testkit::target::Connection::call(&mut connection, &set)?;
            ensure!(!reply.is_error(), "{set:?}: {reply}");
            let got = order(&mut connection, &format!("CONFIG GET {name}"))?;
            let text = got.items().get(1).map(|value| String::from_utf8_lossy(value.bytes()).into_owned());
            let is_size = value.ends_with("mb");
            let is_flags = name == "notify-keyspace-events";
            ensure!(is_size || is_flags || text.as_deref() == Some(value), "{set:?} gave {got}");
            self.stage.figures.add("settings changed", 1);
        }
        Ok(())
    }

    pub(super) fn tighten_memory(&mut self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        let window = self.stage.provoke(Provoked::Memory);
        order(&mut connection, &format!("CONFIG SET maxmemory-policy noeviction maxmemory {TIGHT}"))?;
        std::thread::sleep(TIGHT_FOR);
        let limit = LIMIT_BYTES.to_string();
        order(&mut connection, &format!("CONFIG SET maxmemory-policy volatile-lru maxmemory {limit}"))?;
        drop(window);
        self.stage.figures.add("times of a tight limit", 1);
        Ok(())
    }
}
