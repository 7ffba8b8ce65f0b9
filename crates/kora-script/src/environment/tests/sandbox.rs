//! What a script may try: each attempt ends in an error or without effect, and the state works afterwards.
//!
//! Redis 8.0.2 itself is open to some of these (CVE-2025-46817, -46818, -49844); nothing here is recorded from it.

use super::Runner;

const READONLY: &str = "Attempt to modify a readonly table";

/// Runs `scripts`, expects the reply, and a healthy state after each.
fn check_all(scripts: &[(&str, &str)]) {
    let runner = Runner::new();
    for (script, expected) in scripts {
        runner.check(script, expected);
        runner.check(
            "return {#KEYS, ('x'):upper(), cjson.encode({1, 2}), string.format('%d', 7), tostring(next({}))}",
            "[0, \"X\", \"[1,2]\", \"7\", \"nil\"]",
        );
    }
}

/// Scripts that fail in a protected call, and the errors.
fn check_refused(attempts: &[(&str, &str)]) {
    let scripts: Vec<(String, String)> = attempts
        .iter()
        .map(|(attempt, text)| {
            let script = format!(
                "local ok, problem = pcall(function() {attempt} end) collectgarbage() return {{ok, problem}}"
            );
            (script, format!("[nil, \"{text}\"]"))
        })
        .collect();
    let scripts: Vec<_> = scripts.iter().map(|(script, reply)| (script.as_str(), reply.as_str())).collect();
    check_all(&scripts);
}

#[test]
fn metatables_of_strings_are_read_only() {
    let placed = format!("user_script:1: {READONLY}");
    check_refused(&[
        ("getmetatable('').__index = {}", &placed),
        ("getmetatable('').__add = function() return 1 end", &placed),
        ("getmetatable('').__index.upper = nil", &placed),
        ("rawget(getmetatable(''), '__index').upper = nil", &placed),
        ("for _, methods in pairs(getmetatable('')) do methods.upper = nil end", &placed),
        ("rawset(getmetatable(''), '__add', 1)", READONLY),
        ("setmetatable(getmetatable(''), {})", READONLY),
        ("table.insert(getmetatable(''), 1)", READONLY),
    ]);
}

#[test]
fn the_metatable_of_the_globals_is_read_only() {
    let placed = format!("user_script:1: {READONLY}");
    check_refused(&[
        ("getmetatable(_G).__index = nil", &placed),
        ("getmetatable(_G).__newindex = nil", &placed),
        ("rawset(getmetatable(_G), '__index', nil)", READONLY),
        ("setmetatable(_G, nil)", READONLY),
        ("setmetatable(_G, {__index = {}})", READONLY),
    ]);
}

#[test]
fn libraries_that_lead_outside_are_absent() {
    let runner = Runner::new();
    for name in ["io", "debug", "package", "require", "ffi", "jit", "loadfile", "dofile", "newproxy", "print"]
    {
        runner.check(&format!("return type(rawget(_G, '{name}'))"), "\"nil\"");
    }
    for name in ["getfenv", "setfenv", "module"] {
        runner.check(&format!("return type(rawget(_G, '{name}'))"), "\"nil\"");
    }
    for member in
        ["os.execute", "os.exit", "os.getenv", "os.remove", "string.buffer", "table.new", "math.type"]
    {
        runner.check(&format!("return type({member})"), "\"nil\"");
    }
}

#[test]
fn bytecode_is_never_loaded() {
    let runner = Runner::new();
    let expected = "[\"nil\", 1]";
    for load in [
        "loadstring(code)",
        "loadstring(code, 'name')",
        "load(function() local piece = code code = nil return piece end)",
        "load(function() local piece = code:sub(1, 1) code = code:sub(2) return piece end)",
    ] {
        let script = format!(
            "local code = string.dump(function() return 1 end)
             local loaded, problem = {load}
             return {{type(loaded), problem:find('unexpected symbol near', 1, true) and 1}}"
        );
        runner.check(&script, expected);
    }
    let binary = [b"\x1bLJ\x02", &[0_u8; 64][..]].concat();
    assert!(runner.run(&binary).contains("unexpected symbol near 'char(27)'"));
}

#[test]
fn numbers_of_the_foreign_function_interface_are_refused() {
    let runner = Runner::new();
    for number in ["1LL", "1ULL", "0x1LL", "1i", "0b1", "1_000"] {
        let text = format!(
            "! Error compiling script (new function): user_script:1: malformed number near '{number}'"
        );
        runner.check(&format!("return {number}"), &text);
        let loaded = format!("local loaded, problem = loadstring('return {number}', '=code') return problem");
        runner.check(&loaded, &format!("\"code:1: malformed number near \\'{number}\\'\""));
    }
    runner.check("return tostring(tonumber('1LL')) .. tostring(tonumber('1i'))", "\"nilnil\"");
}

#[test]
fn memory_is_bounded() {
    let out_of_memory = "not enough memory";
    check_refused(&[
        ("return ('x'):rep(2^31 - 1)", out_of_memory),
        ("return ('abc'):rep(1e9)", out_of_memory),
        ("local s = 'x' while true do s = s .. s end", out_of_memory),
        ("local t = {} while true do t[#t + 1] = {} end", out_of_memory),
        ("local t = {} for i = 1, 1e9 do t[i] = i end", out_of_memory),
        ("return ('x'):rep(1e5):gsub('x', ('y'):rep(1e5))", out_of_memory),
        ("cjson.encode_sparse_array(true, 0, 0) cjson.encode({[2^31 - 1] = 1})", out_of_memory),
        (
            "local t = ('x'):rep(1000) for i = 1, 16 do t = {t, t, t, t, t, t, t, t} end cmsgpack.pack(t)",
            out_of_memory,
        ),
        (
            "local t = ('x'):rep(1000) for i = 1, 16 do t = {t, t, t, t, t, t, t, t} end cjson.encode(t)",
            out_of_memory,
        ),
    ]);
}

#[test]
fn a_script_cannot_stop_the_collector() {
    let runner = Runner::new();
    runner.check("return {collectgarbage('stop'), collectgarbage('setpause', 100000), collectgarbage('setstepmul', 1)}",
        "[0, 200, 200]");
    runner.check("for i = 1, 1e6 do local t = {i} end return collectgarbage('count') < 20000", "1");
}

/// Scripts that fail, and a part of the error.
const BOUNDED: [(&str, &str); 24] = [
    ("local function f() return 1 + f() end f()", "stack overflow"),
    ("local function f() return (('a'):gsub('a', f)) end f()", "C stack overflow"),
    (
        "local m = {} m.__index = function(t) return (('a'):gsub('a', t)) end local _ = setmetatable({}, m).x",
        "C stack overflow",
    ),
    ("local function f() table.sort({1, 2, 3}, f) return true end f()", "C stack overflow"),
    (
        "local t, m = {}, {} m.__lt = function() table.sort({t, t}) end setmetatable(t, m) table.sort({t, t})",
        "C stack overflow",
    ),
    ("local function f() return coroutine.wrap(function() return (f()) end)() end f()", "C stack overflow"),
    ("local t = {} setmetatable(t, {__index = t, __call = t}) t()", "attempt to call"),
    (
        "local t, u = {}, {} setmetatable(t, {__index = u}) setmetatable(u, {__index = t}) local _ = t.x",
        "loop in gettable",
    ),
    ("string.find(('a'):rep(100000), ('a?'):rep(100000) .. 'b')", "pattern too complex"),
    ("string.find('', ('('):rep(100))", "too many captures"),
    (
        "local m = {} m.__tostring = function(t) return ('%s'):format(t) end tostring(setmetatable({}, m))",
        "string expected, got table",
    ),
    ("assert(loadstring('return ' .. ('('):rep(100000)))", "too many syntax levels"),
    ("assert(loadstring(('do '):rep(100000)))", "too many syntax levels"),
    ("cjson.decode(('['):rep(1e6))", "Found too many nested data structures (1001)"),
    ("cjson.decode_max_depth(2e9) cjson.decode(('['):rep(1e6))", "Found too many nested data structures"),
    ("cjson.encode_max_depth(2e9) local t = {} t[1] = t cjson.encode(t)", "excessive nesting"),
    ("cmsgpack.unpack(('\\145'):rep(1e6))", "stack overflow"),
    ("cmsgpack.unpack(('\\129\\1'):rep(1e6))", "stack overflow"),
    ("cmsgpack.unpack(('\\1'):rep(1e6))", "stack overflow"),
    ("struct.unpack(('b'):rep(1e5), ('x'):rep(1e5))", "stack overflow"),
    ("unpack({}, 1, 1e8)", "too many results to unpack"),
    ("unpack({}, -2^31, 2^31 - 1)", "too many results to unpack"),
    ("unpack({}, 0, 2^31 - 1)", "too many results to unpack"),
    ("struct.size('i2147483648')", "integral size overflow"),
];

#[test]
fn recursion_and_results_are_bounded() {
    let runner = Runner::new();
    for (script, part) in BOUNDED {
        let reply = runner.run(script.as_bytes());
        assert!(reply.starts_with("! ") && reply.contains(part), "{script}: {reply}");
        runner.check("return 1", "1");
    }
}

#[test]
fn calls_are_counted_anew_after_errors() {
    let runner = Runner::new();
    let nested = "local function r(n) if n == 0 then return 'x' end return (('a'):gsub('a', function() return r(n - 1) end)) end ";
    for _ in 0..20 {
        runner.check("for i = 1, 500 do pcall(string.gsub, 'a', 'a', error) end return 1", "1");
        runner.check("return 1, ('a'):gsub('a', error)", "! a");
        runner.check(&format!("{nested} return r(40)"), "\"x\"");
        runner.check(&format!("{nested} return coroutine.wrap(function() return r(20) end)()"), "\"x\"");
    }
}
