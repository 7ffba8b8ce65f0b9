//! An engine with scripts, for the tests of this crate.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use kora_core::config::CoreConfig;
use kora_core::engine::{Engine, EngineOptions};
use kora_core::reply::Value;
use kora_core::services::Services;
use kora_core::time::UnixMs;
use kora_script::host::CoreHost;
use kora_script::{FAMILY, FUNCTION_FAMILY, Scripts};

pub(crate) struct Fixture {
    pub(crate) engine: Engine,
    pub(crate) scripts: Arc<Scripts>,
}

impl Fixture {
    /// An engine whose scripts may take `limit_bytes` of memory on each shard.
    pub(crate) fn new(shard_count: u16, limit_bytes: usize) -> Self {
        let clock = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right");
            UnixMs(i64::try_from(since.as_millis()).expect("it is not that late"))
        };
        let options = EngineOptions { shard_count, seed: 1, clock, config: CoreConfig::default() };
        let scripts = Arc::new(Scripts::new(Arc::new(CoreHost::default())).limited_to(limit_bytes));
        let services = Arc::new(Services::default().with(Arc::clone(&scripts)));
        let engine = Engine::start_with(&options, &[FAMILY, FUNCTION_FAMILY], services).expect("threads");
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
