//! Endless scripts and functions, and their ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::ensure;
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpConnection;

use super::{Guide, ask, order};
use crate::soak::stage::Provoked;

/// Scripts that do not end by themselves, each in a place of its own.
const ENDLESS: &[&str] = &[
    "while true do end",
    "while true do pcall(function() while true do end end) end",
    "while true do redis.call('GET', 's:1') end",
    "while true do pcall(redis.call, 'NOSUCH') end",
    "while true do local s = string.rep('x', 1000) .. redis.sha1hex('y') end",
    "local f = coroutine.wrap(function() while true do coroutine.yield(1) end end) while true do f() end",
    "while true do cjson.decode(cjson.encode({1, {2}, 'three'})) end",
    "local t = {} while true do table.sort({3, 1, 2}, function(a, b) return a < b end) end",
];

const LIBRARY: &str = "#!lua name=soak\nredis.register_function('endless', function() while true do end end)\n\
    redis.register_function('brief', function(keys, args) return redis.call('SET', keys[1], args[1], 'EX', '5') end)";

/// Scripts in one phase.
const KILLS: usize = 2;

/// A script is known to take long after `busy-reply-threshold`; and ends soon after SCRIPT KILL.
const PATIENCE: Duration = Duration::from_secs(10);

impl Guide<'_> {
    pub(super) fn kill_scripts(&mut self) -> anyhow::Result<()> {
        for _ in 0..KILLS {
            let script = *self.random.choose(ENDLESS);
            self.run_and_kill(&["EVAL", script, "0"], "SCRIPT KILL")?;
            self.stage.figures.add("scripts killed", 1);
        }
        Ok(())
    }

    pub(super) fn kill_function(&mut self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        let loaded = connection.call(&["FUNCTION", "LOAD", "REPLACE", LIBRARY])?;
        ensure!(!loaded.is_error(), "FUNCTION LOAD: {loaded}");
        order(&mut connection, "FCALL brief 1 s:1 value")?;
        self.run_and_kill(&["FCALL", "endless", "0"], "FUNCTION KILL")?;
        order(&mut connection, "FCALL brief 1 s:2 value")?;
        self.stage.figures.add("functions killed", 1);
        Ok(())
    }

    fn run_and_kill(&self, endless: &[&str], kill: &str) -> anyhow::Result<()> {
        let stage = self.stage;
        stage.enter(&endless.join(" "));
        let _window = stage.provoke(Provoked::Busy);
        let (mut runner, mut other) = (self.connect()?, self.connect()?);
        let words: Vec<_> = endless.iter().map(|word| word.as_bytes().to_vec()).collect();
        runner.send(&words)?;
        // Others' scripts may take long on a busy machine, and be killed in its stead: it is killed until it has ended.
        let has_ended = AtomicBool::new(false);
        let end = thread::scope(|scope| {
            let killer = scope.spawn(|| kill_until(&has_ended, &mut other, kill));
            let end = runner.receive();
            has_ended.store(true, Ordering::Relaxed);
            killer.join().expect("killing does not panic").and(Ok(end))
        })?;
        let end = end.map_err(|error| anyhow::anyhow!("{endless:?} does not end after {kill}: {error}"))?;
        ensure!(end.is_error(), "{endless:?} ended with {end}");
        ensure!(String::from_utf8_lossy(end.bytes()).contains("killed by user"), "{endless:?}: {end}");
        self.wait_until("nobody is told BUSY", PATIENCE, || {
            Ok(!ask(&mut other, "GET s:1")?.bytes().starts_with(b"BUSY "))
        })
    }
}

/// Kills what takes long, again and again.
fn kill_until(has_ended: &AtomicBool, connection: &mut TcpConnection, kill: &str) -> anyhow::Result<()> {
    while !has_ended.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(10));
        // Not with a key: a command that reaches the script's shard before it is known to be slow waits for its end.
        if ask(connection, "PING")?.bytes().starts_with(b"BUSY ") {
            ask(connection, kill)?;
        }
    }
    Ok(())
}
