//! Scripts on an engine of several shards: atomic wherever their keys live, declared or not, and to be ended when they
//! don't end.

#[path = "common/fixture.rs"]
mod fixture;

use std::time::{Duration, Instant};

use kora_core::reply::Value;
use kora_script::Running;

use fixture::Fixture;

/// Memory of the scripts: more than any of them takes.
const LIMIT_BYTES: usize = 1 << 30;

fn on_any_shards(check: impl Fn(&Fixture)) {
    [1, 4].into_iter().for_each(|shard_count| check(&Fixture::new(shard_count, LIMIT_BYTES)));
}

#[test]
fn keys_that_are_not_declared_are_found() {
    on_any_shards(|fixture| {
        let fill = "for i = 1, 50 do redis.call('SET', 'k' .. i, i) end return redis.call('DBSIZE')";
        assert_eq!(fixture.eval(fill, &[]), Value::Integer(50));
        let add = "local sum = 0 for i = 1, 50 do sum = sum + redis.call('GET', 'k' .. i) end return sum";
        assert_eq!(fixture.eval(add, &["k1"]), Value::Integer(1275));
    });
}

/// What a script did before it asked for more stores is not done twice.
#[test]
fn a_script_that_wanders_runs_once() {
    on_any_shards(|fixture| {
        for round in 1..=3 {
            for key in ["a", "b", "c", "d", "e", "f"] {
                let script = format!(
                    "redis.call('INCR', KEYS[1]) redis.call('RPUSH', 'seen:' .. KEYS[1], '{key}') \
                     for i = 1, 9 do redis.call('INCR', '{key}:' .. i) end return redis.call('GET', KEYS[1])"
                );
                assert_eq!(fixture.eval(&script, &[key]), Value::Bulk(round.to_string().into_bytes()));
                let length = fixture.run(&["LLEN", &format!("seen:{key}")]);
                assert_eq!(length, Value::Integer(round));
                let last = fixture.run(&["GET", &format!("{key}:9")]);
                assert_eq!(last, Value::Bulk(round.to_string().into_bytes()));
            }
        }
    });
}

/// Catching the error that ends a run does not keep the script from running again.
#[test]
fn pcall_does_not_hide_that_more_stores_are_needed() {
    on_any_shards(|fixture| {
        let script = "redis.call('INCR', KEYS[1]) local seen = {} \
                      for i = 1, 20 do seen[i] = tostring(pcall(redis.call, 'INCR', 'other:' .. i)) end \
                      local co = coroutine.wrap(function() return redis.call('INCR', 'co') end) \
                      return {redis.call('GET', KEYS[1]), table.concat(seen, ','), co()}";
        let all = vec!["true"; 20].join(",");
        let expected = [Value::Bulk(b"1".to_vec()), Value::Bulk(all.into_bytes()), Value::Integer(1)];
        assert_eq!(fixture.eval(script, &["n"]), Value::Array(expected.to_vec()));
    });
}

/// Values too large to be copied, and commands on all keys.
#[test]
fn what_cannot_be_taken_back_runs_with_all_stores() {
    on_any_shards(|fixture| {
        let script = "redis.call('SETBIT', KEYS[1], 800000, 1) redis.call('APPEND', KEYS[1], 'x') \
                      redis.call('SET', 'elsewhere', 1) return redis.call('STRLEN', KEYS[1])";
        assert_eq!(fixture.eval(script, &["large"]), Value::Integer(100_002));
        assert_eq!(fixture.eval(script, &["large"]), Value::Integer(100_003));
        assert_eq!(
            fixture.eval("redis.call('SET', KEYS[1], 1) redis.call('FLUSHALL') return 1", &["k"]),
            Value::Integer(1)
        );
        assert_eq!(fixture.run(&["DBSIZE"]), Value::Integer(0));
    });
}

/// Transfers between accounts whose keys are declared or not, from several threads, beside scripts that add up.
#[test]
fn scripts_are_isolated() {
    on_any_shards(|fixture| {
        for account in 0..10 {
            fixture.run(&["SET", &format!("account:{account}"), "100"]);
        }
        let transfer = |from: u32, to: u32, is_declared: bool| {
            let (from, to) = (format!("account:{from}"), format!("account:{to}"));
            if is_declared {
                fixture.eval("redis.call('DECR', KEYS[1]) redis.call('INCR', KEYS[2])", &[&from, &to])
            } else {
                fixture.run(&[
                    "EVAL",
                    "redis.call('DECR', ARGV[1]) redis.call('INCR', ARGV[2])",
                    "0",
                    &from,
                    &to,
                ])
            }
        };
        let add_up =
            "local sum = 0 for i = 0, 9 do sum = sum + redis.call('GET', 'account:' .. i) end return sum";
        std::thread::scope(|scope| {
            for thread in 0..3_u32 {
                scope.spawn(move || {
                    for step in 0..150 {
                        transfer((thread + step) % 10, (thread * 3 + step * 7 + 1) % 10, step % 3 > 0);
                    }
                });
            }
            for _ in 0..100 {
                assert_eq!(fixture.eval(add_up, &[]), Value::Integer(1000));
            }
        });
    });
}

#[test]
fn functions_run_on_every_shard() {
    on_any_shards(|fixture| {
        let library = "#!lua name=lib\nredis.register_function('inc', function(keys, args) \
                       return redis.call('INCRBY', keys[1], args[1]) end)";
        assert_eq!(fixture.run(&["FUNCTION", "LOAD", library]), Value::Bulk(b"lib".to_vec()));
        for key in ["a", "b", "c", "d", "e"] {
            assert_eq!(fixture.run(&["FCALL", "inc", "1", key, "7"]), Value::Integer(7));
        }
        let better = library.replace("args[1])", "args[1] * 2)");
        assert_eq!(fixture.run(&["FUNCTION", "LOAD", "REPLACE", &better]), Value::Bulk(b"lib".to_vec()));
        for key in ["a", "b", "c", "d", "e"] {
            assert_eq!(fixture.run(&["FCALL", "inc", "1", key, "1"]), Value::Integer(9));
        }
        let Value::Bulk(payload) = fixture.run(&["FUNCTION", "DUMP"]) else { panic!("a payload") };
        assert_eq!(fixture.run(&["FUNCTION", "FLUSH"]), Value::Simple("OK".into()));
        let refusal = Value::Error("ERR Function not found".into());
        assert_eq!(fixture.run(&["FCALL", "inc", "1", "a", "1"]), refusal);
        assert_eq!(fixture.engine.command(&[b"FUNCTION", b"RESTORE", &payload]), Value::Simple("OK".into()));
        assert_eq!(fixture.run(&["FCALL", "inc", "1", "a", "1"]), Value::Integer(11));
    });
}

/// Scripts without end, in every form that tries to catch what ends it.
#[test]
fn scripts_without_end_are_ended() {
    let forms = [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function() return 1 end) end",
        "while true do local co = coroutine.create(function() while true do end end) coroutine.resume(co) end",
        "local f = coroutine.wrap(function() while true do end end) while true do pcall(f) end",
        "while true do pcall(redis.call, 'GET', KEYS[1]) end",
        "table.sort({3, 2, 1}, function() while true do end end)",
        "string.gsub('aaa', 'a', function() while true do end end)",
        "local function f() return f() end f()",
    ];
    on_any_shards(|fixture| {
        fixture.scripts.set_busy_threshold(20);
        for script in forms {
            std::thread::scope(|scope| {
                let running = scope.spawn(|| fixture.eval(script, &["key"]));
                let begun = Instant::now();
                while fixture.scripts.kill(Running::Script).is_err() {
                    assert!(begun.elapsed() < Duration::from_secs(20), "{script} can't be ended");
                    assert!(!running.is_finished(), "{script} ended by itself");
                    std::thread::yield_now();
                }
                let Value::Error(text) = running.join().expect("no panic") else {
                    panic!("{script} replied")
                };
                assert!(
                    text.starts_with("ERR Script killed by user with SCRIPT KILL..."),
                    "{script}: {text}"
                );
            });
            assert_eq!(fixture.eval("return redis.call('INCR', KEYS[1])", &["healthy"]).clone(), {
                let count = forms.iter().position(|form| *form == script).expect("it is one of them");
                Value::Integer(i64::try_from(count).expect("few") + 1)
            });
        }
    });
}

/// A script that takes all memory fails, and those after it do not.
#[test]
fn memory_that_ran_out_is_given_back() {
    let fixture = Fixture::new(1, LIMIT_BYTES);
    let script = "local t = {} for i = 1, 1e9 do t[i] = string.rep('x', 1000000) .. i end";
    for _ in 0..2 {
        let Value::Error(text) = fixture.eval(script, &[]) else { panic!("it fails") };
        assert!(text.contains("not enough memory"), "{text}");
        assert_eq!(fixture.eval("return #string.rep('x', 300000000)", &[]), Value::Integer(300_000_000));
    }
}

/// A script that has written is not ended; others wait for its keys, and find what it wrote.
#[test]
fn a_script_that_has_written_runs_on() {
    on_any_shards(|fixture| {
        fixture.scripts.set_busy_threshold(20);
        std::thread::scope(|scope| {
            let script = "redis.call('SET', KEYS[1], 'half') for i = 1, 40000000 do end \
                          redis.call('SET', KEYS[1], 'whole') return 'done'";
            let running = scope.spawn(|| fixture.eval(script, &["key"]));
            while !fixture.scripts.is_busy() {
                assert!(!running.is_finished(), "it takes longer than that");
                std::thread::yield_now();
            }
            let refusal = loop {
                let refusal = fixture.scripts.kill(Running::Script);
                if !refusal.as_ref().is_err_and(|error| error.to_string().starts_with("NOTBUSY"))
                    || running.is_finished()
                {
                    break refusal;
                }
            };
            assert!(refusal.is_err_and(|error| error.to_string().starts_with("UNKILLABLE")));
            // Whoever asks meanwhile is told that the engine is busy, and nothing of what is half done.
            let seen = loop {
                match fixture.run(&["GET", "key"]) {
                    Value::Error(text) if text.starts_with("BUSY ") => std::thread::yield_now(),
                    seen => break seen,
                }
            };
            assert_eq!(seen, Value::Bulk(b"whole".to_vec()));
            assert_eq!(running.join().expect("no panic"), Value::Bulk(b"done".to_vec()));
        });
    });
}
