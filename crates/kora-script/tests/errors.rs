//! Every kind of error, raised in every place from which Lua calls back: a script that fails or is ended gives an error, and
//! the interpreter goes on with the next one, its memory given back.

#[path = "common/fixture.rs"]
mod fixture;

use std::time::{Duration, Instant};

use kora_core::reply::Value;
use kora_script::Running;

use fixture::Fixture;

/// Memory of the scripts: little, so that it is soon taken.
const LIMIT_BYTES: usize = 24 << 20;

fn eval(fixture: &Fixture, script: &str) -> Value {
    fixture.eval(script, &["key"])
}

/// Whether scripts run, can fill much of the memory, and can call commands.
fn check_health(fixture: &Fixture, after: &str) {
    let script = "local s = ('x'):rep(5000000) return {#s, redis.call('EXISTS', 'none')}";
    let expected = [5_000_000, 0].map(Value::Integer).to_vec();
    match eval(fixture, script) {
        Value::Array(values) => assert_eq!(values, expected, "{after}"),
        other => panic!("after {after}: {other:?}"),
    }
}

/// Where `f`, a function of the script's, is called from; each is an expression or a statement by itself.
const PLACES: [(&str, &str); 24] = [
    ("body", "f()"),
    ("pcall", "local ok, e = pcall(f) error(e)"),
    ("pcall that hides", "pcall(f)"),
    ("xpcall", "xpcall(f, function(e) return e end)"),
    ("handler of xpcall", "xpcall(error, f)"),
    ("resume", "local c = coroutine.create(f) coroutine.resume(c)"),
    ("wrap", "coroutine.wrap(f)()"),
    ("coroutine in a coroutine", "coroutine.wrap(function() coroutine.wrap(f)() end)()"),
    ("coroutine after a yield", "local c = coroutine.wrap(function() coroutine.yield() f() end) c() c()"),
    ("sort", "table.sort({3, 2, 1}, f)"),
    ("sort by __lt", "local m = {__lt = f} table.sort({setmetatable({}, m), setmetatable({}, m)})"),
    ("gsub", "('aaa'):gsub('a', f)"),
    ("gsub by __index", "('aaa'):gsub('a', setmetatable({}, {__index = f}))"),
    ("foreach", "table.foreach({1}, f)"),
    ("foreachi", "table.foreachi({1}, f)"),
    ("__index", "local _ = setmetatable({}, {__index = f}).x"),
    ("__newindex", "setmetatable({}, {__newindex = f}).x = 1"),
    ("__call", "setmetatable({}, {__call = f})()"),
    ("__concat", "local _ = setmetatable({}, {__concat = f}) .. 'x'"),
    ("__eq", "local m = {__eq = f} local _ = setmetatable({}, m) == setmetatable({}, m)"),
    ("__tostring", "tostring(setmetatable({}, {__tostring = f}))"),
    ("load", "load(function() f() end)"),
    ("iterator", "for _ in f do end"),
    (
        "all at once",
        "pcall(function() coroutine.wrap(function() table.sort({2, 1}, function() ('a'):gsub('a', f) end) end)() end)",
    ),
];

/// What goes wrong in `f`.
const ERRORS: [&str; 12] = [
    "error('text')",
    "error({err = 'CODE text'})",
    "error({})",
    "error()",
    "error(print)",
    "local x = nil; x.y = 1",
    "return f() + 1",
    "redis.call('INCR', KEYS[1])",
    "redis.call('NOSUCH')",
    "redis.call({})",
    "redis.register_function('x')",
    "math.random('x')",
];

/// What takes all memory, in and out of functions of Rust.
const EXHAUSTIONS: [&str; 13] = [
    "for i = 1, 1e9 do t[i] = s .. i end",
    "for i = 1, 1e9 do t[i] = {} end",
    "for i = 1, 1e9 do t[i] = cjson.decode('[\"' .. i .. '\", [' .. i .. ']]') end",
    "for i = 1, 1e9 do t[i] = cjson.decode('[' .. s:gsub('x', '1,') .. i .. ']') end",
    "for i = 1, 1e9 do t[i] = cjson.encode(s .. i) end",
    "for i = 1, 1e9 do t[i] = cmsgpack.pack(i, s) end",
    "for i = 1, 1e9 do t[i] = {cmsgpack.unpack(cmsgpack.pack(i, s))} end",
    "for i = 1, 1e9 do t[i] = struct.pack('Lc0', i, s) end",
    "for i = 1, 1e9 do t[i] = redis.sha1hex(i) end",
    "for i = 1, 1e9 do t[i] = redis.status_reply(i .. '') end",
    "for i = 1, 1e9 do t[i] = string.format('%s%d', s, i) end",
    "for i = 1, 1e9 do t[i] = table.concat({s, i}) end",
    "for i = 1, 1e9 do t[i] = redis.call('SET', KEYS[1], i) end",
];

fn on_any_shards(check: impl Fn(&Fixture)) {
    [1, 4].into_iter().for_each(|shard_count| check(&Fixture::new(shard_count, LIMIT_BYTES)));
}

fn script(place: &str, body: &str) -> String {
    format!("local t, s = {{}}, ('x'):rep(10000) local f f = function() {body} end {place}")
}

#[test]
fn every_error_in_every_place_is_an_error_of_the_script() {
    on_any_shards(|fixture| {
        fixture.run(&["RPUSH", "key", "element"]);
        for (name, place) in PLACES {
            for body in ERRORS {
                let reply = eval(fixture, &script(place, body));
                assert!(matches!(reply, Value::Error(_) | Value::Null), "{body} in {name}: {reply:?}");
            }
            check_health(fixture, name);
        }
    });
}

#[test]
fn memory_that_runs_out_anywhere_is_an_error_and_given_back() {
    let fixture = Fixture::new(1, LIMIT_BYTES);
    for (name, place) in PLACES {
        for body in ["for i = 1, 1e9 do t[i] = s .. i end", "for i = 1, 1e9 do t[i] = redis.sha1hex(i) end"] {
            check_exhaustion(&fixture, name, place, body);
        }
    }
    for body in EXHAUSTIONS {
        check_exhaustion(&fixture, "body", "f()", body);
        check_exhaustion(&fixture, "pcall", "local ok, e = pcall(f) t = nil error(e)", body);
    }
}

fn check_exhaustion(fixture: &Fixture, name: &str, place: &str, body: &str) {
    match eval(fixture, &script(place, body)) {
        Value::Error(text) => {
            let is_right = text.contains("not enough memory") || text.contains("error in error handling");
            assert!(is_right, "{body} in {name}: {text}");
        }
        // What was caught.
        reply => assert_eq!(reply, Value::Null, "{body} in {name}"),
    }
    let used = fixture.scripts.figures().vm_scripts_bytes;
    assert!(used < LIMIT_BYTES / 2, "{body} in {name}: {used} bytes are still taken");
    check_health(fixture, name);
}

/// Ends what runs, once it is known to be busy.
fn kill(fixture: &Fixture, kind: Running, is_finished: impl Fn() -> bool, what: &str) {
    let begun = Instant::now();
    while fixture.scripts.kill(kind).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} can't be ended");
        assert!(!is_finished(), "{what} ended by itself");
        std::thread::yield_now();
    }
}

#[test]
fn scripts_are_killed_in_every_place() {
    on_any_shards(|fixture| {
        fixture.scripts.set_busy_threshold(5);
        for (name, place) in PLACES {
            // A function of Rust is called all the time, so that the end comes in and out of it.
            for body in ["while true do end", "while true do pcall(redis.sha1hex, 'x') end"] {
                std::thread::scope(|scope| {
                    let running = scope.spawn(|| eval(fixture, &script(place, body)));
                    kill(fixture, Running::Script, || running.is_finished(), name);
                    let Value::Error(text) = running.join().expect("no panic") else { panic!("{name}") };
                    assert!(
                        text.starts_with("ERR Script killed by user with SCRIPT KILL..."),
                        "{name}: {text}"
                    );
                });
            }
            check_health(fixture, name);
        }
    });
}

/// Scripts without end that fill Lua's stack, or nest as deep as they may, and catch the error that this is.
const OVERFLOWS: [&str; 16] = [
    "local function f() while true do pcall(f) end end f()",
    "local function f() while true do xpcall(f, function(e) return e end) end end f()",
    "local function f() while true do xpcall(f, function() return 'hidden' end) end end f()",
    "local function f() while true do xpcall(f, f) end end f()",
    "local function f() pcall(error) while true do xpcall(error, f) end end f()",
    "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) \
     while true do pcall(function() return t[k] end) end end return t.x",
    "local t t = setmetatable({}, {__tostring = function() while true do pcall(tostring, t) end end}) \
     return tostring(t)",
    "local function f() while true do pcall(table.sort, {2, 1}, f) end end f()",
    "local function f() while true do pcall(string.gsub, 'aa', 'a', f) end end f()",
    "local function f() while true do load(f) end end f()",
    "local function f() while true do coroutine.resume(coroutine.create(f)) end end f()",
    "local function f() while true do pcall(coroutine.wrap(f)) end end f()",
    "coroutine.wrap(function() local function f() while true do pcall(f) end end f() end)()",
    "local function f() while true do pcall(f) pcall(function() while true do end end) end end f()",
    "local function f(...) while true do pcall(f, 1, ...) end end f()",
    "local function f() while true do if pcall(f) then pcall(redis.call, 'GET', 'key') end end end f()",
];

#[test]
fn scripts_that_catch_stack_overflows_are_killed() {
    on_any_shards(|fixture| {
        fixture.scripts.set_busy_threshold(5);
        for script in OVERFLOWS {
            std::thread::scope(|scope| {
                let running = scope.spawn(|| eval(fixture, script));
                kill(fixture, Running::Script, || running.is_finished(), script);
                let Value::Error(text) = running.join().expect("no panic") else { panic!("{script}") };
                assert!(
                    text.starts_with("ERR Script killed by user with SCRIPT KILL..."),
                    "{script}: {text}"
                );
            });
            check_health(fixture, script);
        }
    });
}

/// As in Redis, a script may catch that its stack is full, and go on.
#[test]
fn a_stack_overflow_may_be_caught() {
    on_any_shards(|fixture| {
        let script = "local function f() return 1 + f() end local seen = 0 \
                      for i = 1, 300 do \
                        local ok, problem = pcall(f) \
                        if not ok and problem:find('stack overflow', 1, true) then seen = seen + 1 end \
                      end return {seen, redis.call('EXISTS', 'none')}";
        assert_eq!(eval(fixture, script), Value::Array([300, 0].map(Value::Integer).to_vec()));
        for catch in ["pcall(f)", "xpcall(f, function(e) return e end)"] {
            let script = format!(
                "local n = 0 local function f() n = n + 1 {catch} end f() return n > 100 and n < 1e6"
            );
            assert_eq!(eval(fixture, &script), Value::Integer(1), "{catch}");
        }
    });
}

#[test]
fn functions_are_killed_in_every_place() {
    on_any_shards(|fixture| {
        fixture.scripts.set_busy_threshold(5);
        for (name, place) in PLACES {
            let library = format!(
                "#!lua name=lib\nredis.register_function('endless', function(KEYS)\n{}\nend)",
                script(place, "while true do end")
            );
            let loaded = fixture.run(&["FUNCTION", "LOAD", "REPLACE", &library]);
            assert_eq!(loaded, Value::Bulk(b"lib".to_vec()), "{name}");
            std::thread::scope(|scope| {
                let running = scope.spawn(|| fixture.run(&["FCALL", "endless", "1", "key"]));
                kill(fixture, Running::Function, || running.is_finished(), name);
                let reply = running.join().expect("no panic");
                assert!(matches!(reply, Value::Error(_)), "{name}: {reply:?}");
            });
            check_health(fixture, name);
        }
    });
}

#[test]
fn the_end_of_the_server_ends_scripts_in_every_place() {
    for (name, place) in PLACES {
        let fixture = Fixture::new(1, LIMIT_BYTES);
        fixture.scripts.set_busy_threshold(5);
        std::thread::scope(|scope| {
            let running = scope.spawn(|| eval(&fixture, &script(place, "while true do end")));
            while !fixture.scripts.is_busy() {
                assert!(!running.is_finished(), "{name} ended by itself");
                std::thread::yield_now();
            }
            fixture.scripts.end();
            let reply = running.join().expect("no panic");
            assert!(matches!(reply, Value::Error(_)), "{name}: {reply:?}");
        });
    }
}

/// The time that a library may take begins with its own loading, whatever ran before.
#[test]
fn loading_is_timed_from_its_own_beginning() {
    on_any_shards(|fixture| {
        let library = "#!lua name=lib\nfor i = 1, 200000 do end redis.register_function('one', function() return 1 end)";
        let load = || fixture.run(&["FUNCTION", "LOAD", "REPLACE", library]);
        eval(fixture, "for i = 1, 1000000 do end");
        for _ in 0..2 {
            // Longer than a library may take to load.
            std::thread::sleep(Duration::from_millis(600));
            assert_eq!(load(), Value::Bulk(b"lib".to_vec()));
        }
        std::thread::sleep(Duration::from_millis(600));
        for key in ["a", "b", "c", "d", "e", "f"] {
            assert_eq!(fixture.run(&["FCALL", "one", "1", key]), Value::Integer(1));
        }
    });
}

#[test]
fn a_library_that_takes_too_long_is_refused() {
    on_any_shards(|fixture| {
        for (name, place) in PLACES {
            let library = format!("#!lua name=lib\n{}", script(place, "while true do end"));
            let Value::Error(text) = fixture.run(&["FUNCTION", "LOAD", &library]) else { panic!("{name}") };
            // Libraries see few functions while they are loaded: most places are none then.
            assert!(text.starts_with("ERR Error registering functions: "), "{name}: {text}");
        }
        let Value::Error(text) = fixture.run(&["FUNCTION", "LOAD", "#!lua name=lib\nwhile true do end"])
        else {
            panic!("it is refused")
        };
        assert_eq!(text, "ERR Error registering functions: ERR FUNCTION LOAD timeout");
        check_health(fixture, "loading");
    });
}

/// A script killed before does not end the loading of a library after it.
#[test]
fn loading_after_a_kill() {
    let fixture = Fixture::new(1, LIMIT_BYTES);
    fixture.scripts.set_busy_threshold(5);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| eval(&fixture, "while true do end"));
        kill(&fixture, Running::Script, || running.is_finished(), "it");
        assert!(matches!(running.join().expect("no panic"), Value::Error(_)));
    });
    let library =
        "#!lua name=lib\nfor i = 1, 1000000 do end redis.register_function('one', function() return 1 end)";
    assert_eq!(fixture.run(&["FUNCTION", "LOAD", library]), Value::Bulk(b"lib".to_vec()));
}

/// Lua has room for 8000 values of Rust's: neither many scripts nor many functions, nor arguments, may take it up.
#[test]
fn many_functions_scripts_and_arguments() {
    on_any_shards(|fixture| {
        let many = "#!lua name=many\nfor i = 1, 9000 do redis.register_function('f' .. i, function() return i end) end";
        let many = many.replace("'f' .. i", "('f' .. i)");
        assert_eq!(fixture.run(&["FUNCTION", "LOAD", &many]), Value::Bulk(b"many".to_vec()));
        assert_eq!(fixture.run(&["FCALL", "f9000", "0"]), Value::Integer(9000));
        for script in 0..1200 {
            assert_eq!(eval(fixture, &format!("return {script}")), Value::Integer(script));
        }
        let words = "local t = {} for i = 1, 7999 do t[i] = 'k' .. i end";
        for count in [900, 1000, 1001, 3999, 7990, 7998] {
            let script = format!("{words} return #redis.call('MGET', unpack(t, 1, {count}))");
            assert_eq!(eval(fixture, &script), Value::Integer(count), "{count}");
        }
        let script = format!("{words} t[1] = 'MGET' t[2] = 0.5 t[3] = 7 return #redis.call(unpack(t))");
        assert_eq!(eval(fixture, &script), Value::Integer(7998));
        for call in [
            "cmsgpack.pack",
            "struct.pack",
            "cjson.encode",
            "redis.sha1hex",
            "redis.pcall",
            "redis.log",
            "math.max",
        ] {
            for count in [4000, 7900, 7990, 7999] {
                eval(fixture, &format!("{words} return #tostring({call}(unpack(t, 1, {count})))"));
                check_health(fixture, call);
            }
        }
        let deep = "cjson.decode_max_depth(2000000000) cjson.decode(('{\"a\":'):rep(3900) .. '1' .. ('}'):rep(3900)) return 1";
        assert_eq!(eval(fixture, deep), Value::Integer(1));
        let deep = "return #tostring(cmsgpack.unpack(('\\145'):rep(3000) .. '\\1'))";
        assert!(matches!(eval(fixture, deep), Value::Integer(_)));
    });
}

/// There are no finalizers: what a script leaves behind is collected, and nothing of it runs then.
#[test]
fn what_is_collected_runs_nothing() {
    let fixture = Fixture::new(1, LIMIT_BYTES);
    let script = "local ran = false \
                  for i = 1, 1000 do setmetatable({}, {__gc = function() ran = true error('x') end}) end \
                  collectgarbage('collect') return {ran and 1 or 0, type(rawget(_G, 'newproxy'))}";
    assert_eq!(eval(&fixture, script), Value::Array(vec![Value::Integer(0), Value::Bulk(b"nil".to_vec())]));
}
