//! What no recording covers: the names a script finds, random numbers from a new state, numbers as C writes them.

use super::super::{Random, compile, error_text, freeze, new_state, number};
use super::{LIMIT_BYTES, Runner};

/// Every name that Redis 8.0 has, but for `redis` and what the server adds around it.
const NAMES: &str = include_str!("names.txt");

#[test]
fn names_are_those_of_redis() {
    let runner = Runner::new();
    let script = "
        local names = {}
        for name, value in pairs(_G) do
          names[#names + 1] = name
          if type(value) == 'table' and value ~= _G and name ~= 'KEYS' and name ~= 'ARGV' then
            for member, inner in pairs(value) do
              names[#names + 1] = name .. '.' .. member .. ' ' .. type(inner)
            end
          end
        end
        table.sort(names)
        return table.concat(names, ', ')";
    let expected = NAMES.lines().collect::<Vec<_>>().join(", ");
    runner.check(script, &format!("\"{expected}\""));
}

#[test]
fn random_numbers_of_a_new_state() {
    // From a server just started.
    Runner::new().check(
        "return {math.random(1000000), math.random(1000000), math.random(1000000)}",
        "[396465, 840486, 353337]",
    );
}

#[test]
fn random_goes_on_and_is_shared() {
    let generator = Random::default();
    let states: Vec<_> = (0..2).map(|_| new_state(LIMIT_BYTES, &generator).unwrap()).collect();
    let run = |state: usize, script: &str| {
        compile(&states[state], script.as_bytes(), "@user_script").unwrap().call::<i64>(()).unwrap()
    };
    assert_eq!(run(0, "return math.random(1000000)"), 396_465);
    assert_eq!(run(1, "return math.random(1000000)"), 840_486);
    assert_eq!(run(0, "return math.random(1000000)"), 353_337);
    assert_eq!(run(1, "math.randomseed(1) return math.random(1000000)"), 41_631);
    assert_eq!(run(0, "return math.random(1000000)"), 454_493);
}

#[test]
fn globals_set_from_outside_are_seen() {
    let runner = Runner::new();
    runner.globals.fields().raw_set("greeting", "hello").unwrap();
    runner.check("return greeting", "\"hello\"");
    runner.check("greeting = 1", "! user_script:1: Attempt to modify a readonly table");
}

#[test]
fn what_is_added_before_the_freeze_is_frozen() {
    let lua = new_state(LIMIT_BYTES, &Random::default()).unwrap();
    let library = lua.create_table().unwrap();
    library.set("answer", 42).unwrap();
    lua.globals().set("redis", &library).unwrap();
    lua.globals().set("server", library).unwrap();
    freeze(&lua).unwrap();
    let run = |script: &str| compile(&lua, script.as_bytes(), "@user_script").unwrap().call::<i64>(());
    assert_eq!(run("return redis.answer").unwrap(), 42);
    assert_eq!(run("return redis == server and 1 or 0").unwrap(), 1);
    let error = run("redis.answer = 1").unwrap_err();
    assert_eq!(error_text(&error), "user_script:1: Attempt to modify a readonly table");
}

#[test]
fn numbers_are_written_as_c_writes_them() {
    let text = |number: f64, precision: usize| {
        let mut out = Vec::new();
        number::write_general(&mut out, number, precision);
        String::from_utf8(out).unwrap()
    };
    for (number, expected) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (-1.5, "-1.5"),
        (0.1, "0.1"),
        (1.0 / 3.0, "0.33333333333333"),
        (1e14, "1e+14"),
        (99_999_999_999_999.0, "99999999999999"),
        (123_456_789_012_345.0, "1.2345678901234e+14"),
        (99_999_999_999_999.9, "1e+14"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1e100, "1e+100"),
        (5e-324, "4.9406564584125e-324"),
        (f64::MAX, "1.7976931348623e+308"),
        (f64::INFINITY, "inf"),
    ] {
        assert_eq!(text(number, 14), expected);
    }
    assert_eq!(text(2.34567, 3), "2.35");
    assert_eq!(text(1_000_000.0, 3), "1e+06");
    assert_eq!(text(12345.0, 1), "1e+04");
}

#[test]
fn numbers_are_read_as_c_reads_them() {
    for (text, expected) in [
        ("1", Some((1.0, 1))),
        ("-1.5e3x", Some((-1500.0, 6))),
        ("+.5", Some((0.5, 3))),
        ("5.", Some((5.0, 2))),
        ("1e", Some((1.0, 1))),
        ("1e+", Some((1.0, 1))),
        (".", None),
        ("-", None),
        ("", None),
        ("e5", None),
        ("1e400", Some((f64::INFINITY, 5))),
        ("1e-400", Some((0.0, 6))),
        ("1e99999999999999", Some((f64::INFINITY, 16))),
        ("0x10", Some((16.0, 4))),
        ("0x", Some((0.0, 1))),
        ("0x.8p1", Some((1.0, 6))),
        ("0x1p-1074", Some((5e-324, 9))),
        ("0xffffffffffffffffff", Some((4_722_366_482_869_645_213_695.0, 20))),
        ("0x1p99999999999", Some((f64::INFINITY, 15))),
        ("infinityx", Some((f64::INFINITY, 8))),
        ("-inf", Some((f64::NEG_INFINITY, 4))),
    ] {
        assert_eq!(number::prefix(text.as_bytes()), expected, "{text}");
    }
    assert_eq!(number::prefix(b"nan(12)x").map(|(_, length)| length), Some(7));
    assert_eq!(number::prefix(b"nan(12").map(|(_, length)| length), Some(3));
    assert_eq!(number::parse(b" 12 "), Some(12.0));
    assert_eq!(number::parse(b"12a"), None);
}
