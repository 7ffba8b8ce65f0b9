//! The environment against what `redis-server` answered.
//!
//! The files in `tests/` hold scripts and the replies that Redis 8.0 gave to `EVAL script 0`, run in order in one state:
//! `> script`, then the reply, `! text` for an error (without Redis's `ERR` and the place it adds), `~ text` for one
//! whose text LuaJIT words in its own way. `\N` stands for a line break in a script.

mod hostile;
mod sandbox;
mod unit;

use std::fmt::Write;

use mlua::{Function, Lua, Value};

use super::{Globals, Random, compile, error_text, freeze, new_state};

const LIMIT_BYTES: usize = 64 << 20;

/// A frozen state, and what runs scripts in it.
struct Runner {
    lua: Lua,
    globals: Globals,
    pcall: Function,
}

impl Runner {
    fn new() -> Self {
        let lua = new_state(LIMIT_BYTES, &Random::default()).unwrap();
        let pcall = lua.globals().get("pcall").unwrap();
        freeze(&lua).unwrap();
        let globals = Globals::of(&lua).unwrap();
        Self { lua, globals, pcall }
    }

    /// The reply of a script, rendered.
    fn run(&self, script: &[u8]) -> String {
        self.globals.make_room(&self.lua).unwrap();
        for name in ["KEYS", "ARGV"] {
            self.globals.fields().raw_set(name, self.lua.create_table().unwrap()).unwrap();
        }
        let function = match compile(&self.lua, script, "@user_script") {
            Ok(function) => function,
            Err(error) => {
                return format!("! Error compiling script (new function): {}", shown(&error_text(&error)));
            }
        };
        match self.pcall.call::<(bool, Value)>(function) {
            Ok((true, value)) => render(&value),
            Ok((false, Value::Error(error))) => format!("! {}", error_text(&error)),
            Ok((false, Value::String(text))) => format!("! {}", one_line(&text.as_bytes())),
            Ok((false, Value::Table(error))) => {
                format!("! {}", one_line(&error.get::<mlua::LuaString>("err").unwrap().as_bytes()))
            }
            Ok((false, other)) => format!("! {}", other.to_string().unwrap()),
            Err(error) => format!("!! {}", error_text(&error)),
        }
    }

    fn check(&self, script: &str, expected: &str) {
        assert_eq!(self.run(script.as_bytes()), expected, "{script}");
    }
}

/// A text that has passed through errors of Lua, with its bytes that are not ASCII as they can be typed.
fn shown(text: &str) -> String {
    let show =
        |byte: &u8| if byte.is_ascii() { char::from(*byte).to_string() } else { format!("\\x{byte:02x}") };
    kora_core::text::bytes(text).iter().map(show).collect()
}

/// An error as a reply has it.
fn one_line(text: &[u8]) -> String {
    let text: Vec<u8> =
        text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }).collect();
    text.escape_ascii().to_string()
}

/// A value as Redis would reply it.
fn render(value: &Value) -> String {
    match value {
        Value::Boolean(true) => "1".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => super::number::to_i64(*number).to_string(),
        Value::String(text) => format!("\"{}\"", text.as_bytes().escape_ascii()),
        Value::Table(table) => {
            let mut text = String::new();
            for item in table.sequence_values::<Value>() {
                let _ = write!(text, "{}{}", if text.is_empty() { "" } else { ", " }, render(&item.unwrap()));
            }
            format!("[{text}]")
        }
        _ => "nil".to_owned(),
    }
}

/// Runs a recording; every mismatch is listed.
fn replay(recording: &str) {
    let runner = Runner::new();
    let mut lines = recording.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut wrong = String::new();
    let mut count = 0;
    while let Some(line) = lines.next() {
        let script = line.strip_prefix("> ").expect("a script").replace("\\N", "\n");
        let expected = lines.next().expect("a reply");
        let got = runner.run(script.as_bytes());
        count += 1;
        let matches = if expected.starts_with('~') { got.starts_with('!') } else { got == expected };
        if !matches {
            let _ = writeln!(wrong, "{script}\n  expected {expected}\n  got      {got}");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(count > 30, "only {count} scripts");
}

#[test]
fn language() {
    replay(include_str!("tests/language.txt"));
}

#[test]
fn syntax() {
    replay(include_str!("tests/syntax.txt"));
}

#[test]
fn json() {
    replay(include_str!("tests/json.txt"));
}

#[test]
fn messagepack() {
    replay(include_str!("tests/messagepack.txt"));
}

#[test]
fn structure() {
    replay(include_str!("tests/structure.txt"));
}

#[test]
fn frozen() {
    replay(include_str!("tests/frozen.txt"));
}
