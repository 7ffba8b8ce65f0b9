//! The scripts of `crates/kora-testkit/tests/clients`, what they need, and how much they do.

/// What runs a script.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Runtime {
    Python,
    JavaScript,
    Rust,
}

/// One script: it is called with the server's port, and with a number if it takes one.
pub(super) struct Script {
    pub(super) file: &'static str,
    pub(super) runtime: Runtime,
    /// Packages by their names in the runtime's registry.
    pub(super) packages: &'static [&'static str],
    /// Jobs, calls, messages or entries at full size.
    pub(super) count: Option<u32>,
    /// As many for a quick look.
    pub(super) quick: Option<u32>,
    /// It runs on an encrypted connection, too.
    pub(super) is_encrypted_too: bool,
}

const fn script(file: &'static str, runtime: Runtime, packages: &'static [&'static str]) -> Script {
    Script { file, runtime, packages, count: None, quick: None, is_encrypted_too: false }
}

const fn python(file: &'static str, packages: &'static [&'static str]) -> Script {
    script(file, Runtime::Python, packages)
}

const fn javascript(file: &'static str, packages: &'static [&'static str]) -> Script {
    script(file, Runtime::JavaScript, packages)
}

impl Script {
    const fn encrypted_too(mut self) -> Self {
        self.is_encrypted_too = true;
        self
    }

    const fn counts(mut self, count: u32, quick: u32) -> Self {
        self.count = Some(count);
        self.quick = Some(quick);
        self
    }
}

/// The version that all scripts of JavaScript use.
const IOREDIS: &str = "ioredis@5";

/// The Rust client, as a line of a manifest.
const REDIS_RS: &str =
    r#"redis = { version = "1", default-features = false, features = ["script", "streams", "tls-rustls"] }"#;

/// What it encrypts by.
const RUSTLS: &str =
    r#"rustls = { version = "0.23", default-features = false, features = ["ring", "std", "tls12"] }"#;

/// In the order of what they ask of a server: plain commands first.
pub(super) const SCRIPTS: &[Script] = &[
    python("redis_py.py", &["redis"]).encrypted_too(),
    javascript("ioredis.js", &[IOREDIS]).encrypted_too(),
    script("redis_rs.rs", Runtime::Rust, &[REDIS_RS, RUSTLS]).encrypted_too(),
    python("documents.py", &["redis"]),
    python("doc_commands.py", &["redis"]),
    python("docs_examples.py", &["redis", "redisvl", "wordllama"]),
    python("leaderboard.py", &["redis"]).counts(200, 20),
    python("job_queue.py", &["redis"]).counts(100_000, 2_000),
    javascript("streams.js", &[IOREDIS]).counts(20_000, 1_000),
    python("transactions.py", &["redis"]).counts(4_000, 400),
    javascript("transactions.js", &[IOREDIS]).counts(2_000, 200),
    python("pubsub.py", &["redis"]).counts(5_000, 500),
    javascript("pubsub.js", &[IOREDIS]).counts(3_000, 300),
    python("caching.py", &["redis"]).counts(5_000, 500),
    python("locks.py", &["redis"]).counts(1_000, 80),
    python("pottery_locks.py", &["redis", "pottery"]).counts(1_000, 80),
    javascript("redlock.js", &[IOREDIS, "redlock"]).counts(1_000, 80),
    python("limits_calls.py", &["redis", "limits"]).counts(1_000, 100),
    javascript("rate_limits.js", &[IOREDIS, "rate-limiter-flexible"]).counts(1_000, 100),
    python("rq_jobs.py", &["redis", "rq"]).counts(1_000, 50),
    python("huey_jobs.py", &["redis", "huey"]).counts(1_000, 50),
    python("dramatiq_jobs.py", &["redis", "dramatiq"]).counts(1_000, 50),
    python("celery_jobs.py", &["redis", "celery"]).counts(1_000, 50),
    javascript("bullmq.js", &[IOREDIS, "bullmq"]).counts(10_000, 200),
];
