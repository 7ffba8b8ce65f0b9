//! An engine with scripts, for the tests of this crate.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use kora_core::reply::Value;
use kora_core::time::UnixMs;
use kora_engine::embedded::{Embedded, EmbeddedOptions};
use kora_script::Scripts;

pub(crate) struct Fixture {
    pub(crate) engine: Embedded,
    pub(crate) scripts: Arc<Scripts>,
}

impl Fixture {
    /// An engine whose scripts may take `limit_bytes` of memory on each shard.
    pub(crate) fn new(shard_count: u16, limit_bytes: usize) -> Self {
        let clock = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right");
            UnixMs(i64::try_from(since.as_millis()).expect("it is not that late"))
        };
        let options = EmbeddedOptions::new(shard_count, 1, clock);
        let options = EmbeddedOptions { script_bytes_max: Some(limit_bytes), ..options };
        let engine = Embedded::start(options).expect("threads");
        let scripts = Arc::clone(engine.scripts());
        Self { engine, scripts }
    }

    pub(crate) fn run(&self, args: &[&str]) -> Value {
        self.engine.command(&args.iter().map(|arg| arg.as_bytes()).collect::<Vec<_>>())
    }

    pub(crate) fn eval(&self, script: &str, keys: &[&str]) -> Value {
        let count = keys.len().to_string();
        self.run(&[&["EVAL", script, &count], keys].concat())
    }
}
