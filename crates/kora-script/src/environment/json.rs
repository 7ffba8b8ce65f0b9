//! The `cjson` library.
//!
//! `json/encode.rs` writes, `json/decode.rs` reads; here are the settings, which belong to each table that `cjson.new`
//! makes and outlive the script that changes them.

mod decode;
mod encode;

use std::cell::Cell;
use std::rc::Rc;

use mlua::{Function, LightUserData, Lua, Table, Value};

use super::native::{self, Arguments, Failure, Outcome};

/// What to do with NaN and the infinities when writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InvalidNumbers {
    Refuse,
    Write,
    Null,
}

/// The settings of one library table.
#[derive(Debug)]
struct Settings {
    encode_max_depth: Cell<i32>,
    decode_max_depth: Cell<i32>,
    encode_precision: Cell<i32>,
    encode_keep_buffer: Cell<bool>,
    encode_invalid_numbers: Cell<InvalidNumbers>,
    decode_invalid_numbers: Cell<bool>,
    sparse_convert: Cell<bool>,
    sparse_ratio: Cell<i32>,
    sparse_safe: Cell<i32>,
    /// The longest text to write: more would not fit into Lua's memory.
    output_max_bytes: usize,
}

impl Settings {
    fn new(output_max_bytes: usize) -> Self {
        Self {
            encode_max_depth: Cell::new(1000),
            decode_max_depth: Cell::new(1000),
            encode_precision: Cell::new(14),
            encode_keep_buffer: Cell::new(true),
            encode_invalid_numbers: Cell::new(InvalidNumbers::Refuse),
            decode_invalid_numbers: Cell::new(true),
            sparse_convert: Cell::new(false),
            sparse_ratio: Cell::new(2),
            sparse_safe: Cell::new(10),
            output_max_bytes,
        }
    }
}

/// `cjson.null`.
const NULL: LightUserData = LightUserData(std::ptr::null_mut());

/// A function that makes a library table, for the prelude.
pub(super) fn function(lua: &Lua, output_max_bytes: usize) -> mlua::Result<Function> {
    lua.create_function(move |lua, ()| library(lua, &Rc::new(Settings::new(output_max_bytes))))
}

type Member = fn(&Lua, &Arguments, &Settings) -> Outcome;

const MEMBERS: [(&str, Member); 9] = [
    ("encode", encode::encode),
    ("decode", decode::decode),
    ("encode_sparse_array", encode_sparse_array),
    ("encode_max_depth", |lua, arguments, settings| depth(lua, arguments, &settings.encode_max_depth)),
    ("decode_max_depth", |lua, arguments, settings| depth(lua, arguments, &settings.decode_max_depth)),
    ("encode_number_precision", encode_number_precision),
    ("encode_keep_buffer", |lua, arguments, settings| switch(lua, arguments, &settings.encode_keep_buffer)),
    ("encode_invalid_numbers", encode_invalid_numbers),
    ("decode_invalid_numbers", |lua, arguments, settings| {
        switch(lua, arguments, &settings.decode_invalid_numbers)
    }),
];

fn library(lua: &Lua, settings: &Rc<Settings>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("_NAME", "cjson")?;
    table.raw_set("_VERSION", "2.1.0")?;
    table.raw_set("null", NULL)?;
    for (name, member) in MEMBERS {
        let settings = Rc::clone(settings);
        table.raw_set(
            name,
            native::function(lua, move |lua, arguments| member(lua, &arguments, &settings))?,
        )?;
    }
    Ok(table)
}

fn at_most(arguments: &Arguments, count: usize) -> Result<(), Failure> {
    if arguments.len() > count {
        return Err(Failure::argument(count + 1, "found too many arguments"));
    }
    Ok(())
}

/// Sets `setting` to the argument, if there is one, and returns it.
///
/// A wrong number is always argument 1 in the text, as in the C library.
fn integer(
    arguments: &Arguments,
    index: usize,
    setting: &Cell<i32>,
    least: i32,
    most: i32,
) -> Result<i32, Failure> {
    if !arguments.is_none(index) {
        let value = arguments.int(index)?;
        if value < least || value > most {
            return Err(Failure::Argument(1, format!("expected integer between {least} and {most}")));
        }
        setting.set(value);
    }
    Ok(setting.get())
}

fn depth(lua: &Lua, arguments: &Arguments, setting: &Cell<i32>) -> Outcome {
    at_most(arguments, 1)?;
    native::one(lua, integer(arguments, 1, setting, 1, i32::MAX)?)
}

fn encode_number_precision(lua: &Lua, arguments: &Arguments, settings: &Settings) -> Outcome {
    at_most(arguments, 1)?;
    native::one(lua, integer(arguments, 1, &settings.encode_precision, 1, 14)?)
}

/// The argument as one of `options`, or as "off" or "on" if it is a boolean.
fn option(arguments: &Arguments, index: usize, options: &[&str]) -> Result<Option<usize>, Failure> {
    match arguments.get(index) {
        None | Some(Value::Nil) => Ok(None),
        Some(Value::Boolean(on)) => Ok(Some(usize::from(*on))),
        _ => {
            let text = arguments.bytes(index)?;
            let found = options.iter().position(|option| option.as_bytes() == &*text);
            let problem = || [b"invalid option '", &*text, b"'"].concat();
            found.map(Some).ok_or_else(|| Failure::ArgumentBytes(index, problem()))
        }
    }
}

fn switch(lua: &Lua, arguments: &Arguments, setting: &Cell<bool>) -> Outcome {
    at_most(arguments, 1)?;
    if let Some(choice) = option(arguments, 1, &["off", "on"])? {
        setting.set(choice == 1);
    }
    native::one(lua, setting.get())
}

fn encode_invalid_numbers(lua: &Lua, arguments: &Arguments, settings: &Settings) -> Outcome {
    at_most(arguments, 1)?;
    let setting = &settings.encode_invalid_numbers;
    match option(arguments, 1, &["off", "on", "null"])? {
        None => {}
        Some(0) => setting.set(InvalidNumbers::Refuse),
        Some(1) => setting.set(InvalidNumbers::Write),
        Some(_) => setting.set(InvalidNumbers::Null),
    }
    match setting.get() {
        InvalidNumbers::Refuse => native::one(lua, false),
        InvalidNumbers::Write => native::one(lua, true),
        InvalidNumbers::Null => native::one(lua, "null"),
    }
}

fn encode_sparse_array(lua: &Lua, arguments: &Arguments, settings: &Settings) -> Outcome {
    at_most(arguments, 3)?;
    if let Some(choice) = option(arguments, 1, &["off", "on"])? {
        settings.sparse_convert.set(choice == 1);
    }
    let ratio = integer(arguments, 2, &settings.sparse_ratio, 0, i32::MAX)?;
    let safe = integer(arguments, 3, &settings.sparse_safe, 0, i32::MAX)?;
    let convert = Value::Boolean(settings.sparse_convert.get());
    let numbers = [ratio, safe].map(|number| Value::Number(f64::from(number)));
    let _ = lua;
    Ok(std::iter::once(convert).chain(numbers).collect())
}
