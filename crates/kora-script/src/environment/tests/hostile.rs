//! Bytes that nobody meant: the readers answer with a value or a text, in time and memory that follow the input.

use std::time::{Duration, Instant};

use mlua::{Function, Value};
use proptest::prelude::*;

use super::Runner;

/// A function of Lua under attack: called with bytes in a protected call.
struct Target {
    runner: Runner,
    call: Function,
}

impl Target {
    fn new(call: &str) -> Self {
        let runner = Runner::new();
        let source = format!(
            "return function(bytes, other) local ok, problem = pcall(function() return {call} end) return ok, problem end"
        );
        let call = runner.lua.load(source).eval().unwrap();
        Self { runner, call }
    }

    fn attack(&self, bytes: &[u8], other: &[u8]) {
        self.runner.globals.make_room(&self.runner.lua).unwrap();
        let before = self.runner.lua.used_memory();
        let start = Instant::now();
        let bytes = self.runner.lua.create_string(bytes).unwrap();
        let other = self.runner.lua.create_string(other).unwrap();
        let (ok, problem): (bool, Value) = self.call.call((bytes, other)).unwrap();
        assert!(ok || problem.is_string(), "{problem:?}");
        assert!(start.elapsed() < Duration::from_secs(2));
        assert!(self.runner.lua.used_memory() < before + (4 << 20));
    }
}

/// Bytes that lead deeper than noise does: JSON's own characters.
fn json_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "{", "}", "[", "]", ":", ",", "\"", "\"a\"", "1", "-", "0x", "1e9", "true", "null", "\\u", "\\ud83d",
        "\\", "\0", "nan", "inf", " ", "[[[[", "{\"a\":",
    ]);
    prop::collection::vec(piece, 0..200).prop_map(|pieces| pieces.concat().into_bytes())
}

/// Marks of MessagePack, those with lengths above all, and noise.
fn messagepack_like() -> impl Strategy<Value = Vec<u8>> {
    let mark = prop::sample::select(vec![
        0x80, 0x81, 0x8F, 0x90, 0x91, 0x9F, 0xA0, 0xA5, 0xC0, 0xC1, 0xC4, 0xCA, 0xCB, 0xCF, 0xD3, 0xD9, 0xDA,
        0xDB, 0xDC, 0xDD, 0xDE, 0xDF, 0xFF, 0x00, 0x01,
    ]);
    prop::collection::vec(prop_oneof![3 => mark, 1 => any::<u8>()], 0..300)
}

fn format_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "b",
        "B",
        "h",
        "i",
        "I16",
        "i32",
        "i33",
        "i0",
        "l",
        "T",
        "f",
        "d",
        "s",
        "c",
        "c0",
        "c5",
        "c2147483647",
        "c4294967296",
        "!",
        "!8",
        "!3",
        "!2147483648",
        ">",
        "<",
        " ",
        "x",
        "%",
        "\0",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) }
}

#[test]
fn json_decode() {
    let target = Target::new("cjson.decode(bytes)");
    proptest!(config(), |(bytes in prop_oneof![json_like(), prop::collection::vec(any::<u8>(), 0..300)])| {
        target.attack(&bytes, b"");
    });
}

#[test]
fn messagepack_unpack() {
    let target = Target::new("cmsgpack.unpack(bytes)");
    proptest!(config(), |(bytes in messagepack_like())| target.attack(&bytes, b""));
}

#[test]
fn structure_unpack_and_pack() {
    let unpack = Target::new("struct.unpack(bytes, other)");
    let pack = Target::new("struct.pack(bytes, 1, other, 2, other, 3)");
    let size = Target::new("struct.size(bytes)");
    proptest!(config(), |(format in format_like(), data in prop::collection::vec(any::<u8>(), 0..100))| {
        unpack.attack(&format, &data);
        pack.attack(&format, &data);
        size.attack(&format, b"");
    });
}

#[test]
fn any_text_compiles_or_fails() {
    let target = Target::new("loadstring(bytes, '=code')");
    let piece = prop::sample::select(vec![
        "return ",
        "function ",
        "end ",
        "do ",
        "if ",
        "then ",
        "(",
        ")",
        "{",
        "}",
        "[[",
        "]]",
        "--",
        "--[[",
        "\n",
        "'",
        "\"",
        "\\",
        "\\x",
        "1",
        "0x",
        "1LL",
        "::",
        "goto ",
        "const ",
        "continue ",
        "a",
        "=",
        "+=",
        "!=",
        "&",
        "|",
        "?.",
        "->",
        ",",
        ";",
        "...",
        "..",
        ".",
        "\x1b",
        "#",
        "\u{e9}",
        " ",
    ]);
    proptest!(config(), |(pieces in prop::collection::vec(piece, 0..60))| {
        target.attack(pieces.concat().as_bytes(), b"");
    });
}

#[test]
fn what_is_packed_is_unpacked() {
    let runner = Runner::new();
    let script = "
        local function same(a, b)
          if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end
          for k, v in pairs(a) do if not same(v, b[k]) then return false end end
          for k in pairs(b) do if a[k] == nil then return false end end
          return true
        end
        math.randomseed(SEED)
        local function make(depth)
          local kind = math.random(depth > 4 and 4 or 6)
          if kind == 1 then return math.random(-2^31, 2^31 - 1)
          elseif kind == 2 then return math.random()
          elseif kind == 3 then return math.random(2) == 1
          elseif kind == 4 then return ('x'):rep(math.random(0, 300))
          elseif kind == 5 then local t = {} for i = 1, math.random(1, 20) do t[i] = make(depth + 1) end return t
          else local t = {} for i = 1, math.random(1, 20) do t['k' .. i] = make(depth + 1) end return t end
        end
        for i = 1, 20 do
          local value = {a = make(1)}
          if not same(value, cmsgpack.unpack(cmsgpack.pack(value))) then return 'msgpack ' .. i end
        end
        return 'ok'";
    for seed in 1..20 {
        runner.check(&script.replace("SEED", &seed.to_string()), "\"ok\"");
    }
}
