//! The `cmsgpack` library.
//!
//! Reading keeps its own stack of open tables, so hostile nesting cannot exhaust the thread's; and it allocates for
//! elements that are there, not for those a header announces.

use mlua::{Lua, MultiValue, Table, Value};

use super::native::{self, Arguments, Failure, Outcome, STACK_MAX};
use super::number;

/// Tables nested deeper are written as nil.
const NESTING_MAX: usize = 16;

const TOO_MANY_VALUES: &str =
    "stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)";

/// The members of the library.
pub(super) fn library(lua: &Lua, output_max_bytes: usize) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("_NAME", "cmsgpack")?;
    table.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    table.raw_set("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo")?;
    table.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    let pack = native::function(lua, move |lua, arguments| pack(lua, &arguments, output_max_bytes))?;
    table.raw_set("pack", pack)?;
    // More arguments than the C library has room for; they need not come here for that.
    let refuse = |_: &Lua, _| Err(Failure::argument(0, "Too many arguments for MessagePack pack."));
    table.raw_set("refuse_many", native::function(lua, refuse)?)?;
    table.raw_set("unpack", native::function(lua, |lua, arguments| unpack(lua, &arguments, None, 0))?)?;
    let one = native::function(lua, |lua, arguments| {
        let offset = optional(&arguments, 2)?;
        unpack(lua, &arguments, Some(1), offset)
    })?;
    table.raw_set("unpack_one", one)?;
    let limit = native::function(lua, |lua, arguments| {
        let (limit, offset) = (arguments.integer(2)?, optional(&arguments, 3)?);
        unpack(lua, &arguments, Some(limit), offset)
    })?;
    table.raw_set("unpack_limit", limit)?;
    Ok(table)
}

fn optional(arguments: &Arguments, index: usize) -> Result<i64, Failure> {
    if arguments.is_none(index) { Ok(0) } else { arguments.integer(index) }
}

fn pack(lua: &Lua, arguments: &Arguments, max_bytes: usize) -> Outcome {
    if arguments.len() == 0 {
        return Err(Failure::argument(0, "MessagePack pack needs input."));
    }
    let mut writer = Writer { out: Vec::new(), max_bytes };
    for index in 1..=arguments.len() {
        writer.value(arguments.get(index).unwrap_or(&Value::Nil), 0)?;
    }
    native::one(lua, lua.create_string(writer.out)?)
}

struct Writer {
    out: Vec<u8>,
    max_bytes: usize,
}

impl Writer {
    fn value(&mut self, value: &Value, level: usize) -> Result<(), Failure> {
        match value {
            Value::Boolean(value) => self.out.push(if *value { 0xC3 } else { 0xC2 }),
            Value::Integer(value) => self.integer(*value),
            Value::Number(value) => self.number(*value),
            Value::String(text) => self.string(&text.as_bytes()),
            Value::Table(table) if level < NESTING_MAX => self.table(table, level + 1)?,
            _ => self.out.push(0xC0),
        }
        if self.out.len() > self.max_bytes {
            return Err(Failure::Bare(native::OUT_OF_MEMORY));
        }
        Ok(())
    }

    fn number(&mut self, value: f64) {
        let whole = number::to_i64(value);
        // The largest double that fits is below 2^63; -2^63 itself fits.
        if number::from_integer(whole) == value && value < 9_223_372_036_854_775_808.0 {
            return self.integer(whole);
        }
        #[expect(clippy::cast_possible_truncation, reason = "the shorter form is for what survives it")]
        let short = value as f32;
        if f64::from(short) == value {
            self.out.push(0xCA);
            self.out.extend_from_slice(&short.to_be_bytes());
        } else {
            self.out.push(0xCB);
            self.out.extend_from_slice(&value.to_be_bytes());
        }
    }

    fn integer(&mut self, value: i64) {
        let bytes = value.to_be_bytes();
        let (mark, size) = match value {
            -32..=0x7F => (None, 1),
            0x80..=0xFF => (Some(0xCC), 1),
            0x100..=0xFFFF => (Some(0xCD), 2),
            0x1_0000..=0xFFFF_FFFF => (Some(0xCE), 4),
            0x1_0000_0000.. => (Some(0xCF), 8),
            -0x80..=-33 => (Some(0xD0), 1),
            -0x8000..=-0x81 => (Some(0xD1), 2),
            -0x8000_0000..=-0x8001 => (Some(0xD2), 4),
            _ => (Some(0xD3), 8),
        };
        self.out.extend(mark);
        self.out.extend_from_slice(&bytes[bytes.len() - size..]);
    }

    /// A length behind the first of `marks` whose size it fits: one, two or four bytes.
    fn length(&mut self, length: usize, marks: [Option<u8>; 3]) {
        let bytes = (length as u64).to_be_bytes();
        for (mark, size) in marks.into_iter().zip([1, 2, 4]) {
            if let Some(mark) = mark
                && (length as u64) < 1 << (8 * size)
            {
                self.out.push(mark);
                self.out.extend_from_slice(&bytes[bytes.len() - size..]);
                return;
            }
        }
    }

    fn string(&mut self, bytes: &[u8]) {
        match u8::try_from(bytes.len()) {
            Ok(length @ 0..=31) => self.out.push(0xA0 | length),
            _ => self.length(bytes.len(), [Some(0xD9), Some(0xDA), Some(0xDB)]),
        }
        self.out.extend_from_slice(bytes);
    }

    fn table(&mut self, table: &Table, level: usize) -> Result<(), Failure> {
        let (count, is_array) = measure(table)?;
        let (short, long) = if is_array { (0x90, [0xDC, 0xDD]) } else { (0x80, [0xDE, 0xDF]) };
        match u8::try_from(count) {
            Ok(count @ 0..=15) => self.out.push(short | count),
            _ => self.length(count, [None, Some(long[0]), Some(long[1])]),
        }
        if is_array {
            for index in 1..=count {
                self.value(&table.raw_get(index)?, level)?;
            }
            return Ok(());
        }
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair?;
            self.value(&key, level)?;
            self.value(&value, level)?;
        }
        Ok(())
    }
}

/// The number of fields, and whether their keys are 1 to that number.
fn measure(table: &Table) -> Result<(usize, bool), Failure> {
    let (mut count, mut largest, mut positive) = (0_usize, 0.0_f64, true);
    for pair in table.pairs::<Value, Value>() {
        let (key, _) = pair?;
        count += 1;
        match native::number_of(&key) {
            Some(key) if key > 0.0 && key.fract() == 0.0 => largest = largest.max(key),
            _ => positive = false,
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "no table has 2^53 fields")]
    Ok((count, positive && largest == count as f64))
}

fn unpack(lua: &Lua, arguments: &Arguments, limit: Option<i64>, offset: i64) -> Outcome {
    let data = arguments.bytes(1)?;
    if offset < 0 || limit.is_some_and(|limit| limit < 0) {
        // Written as a C int.
        let offset = number::to_i32(number::from_integer(offset));
        let text = format!("Invalid request to unpack with offset of {offset} and limit of {}.", data.len());
        return Err(Failure::message(text));
    }
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let Some(rest) = data.get(start..) else {
        let text = format!("Start offset {offset} greater than input length {}.", data.len());
        return Err(Failure::message(text));
    };
    let decode_all = limit.is_none_or(|limit| limit == 0 && offset == 0);
    let limit =
        if decode_all { usize::MAX } else { limit.map_or(0, |limit| usize::try_from(limit).unwrap_or(0)) };
    let mut reader = Reader { lua, rest, top: 1 };
    let mut results = MultiValue::new();
    while !reader.rest.is_empty() && results.len() < limit {
        results.push_back(reader.value()?);
    }
    if !decode_all {
        let next = if reader.rest.is_empty() { -1.0 } else { position(data.len() - reader.rest.len()) };
        results.push_front(Value::Number(next));
    }
    Ok(results)
}

fn position(position: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no string has 2^53 bytes")]
    return position as f64;
}

struct Reader<'a> {
    lua: &'a Lua,
    rest: &'a [u8],
    /// How high the stack of Lua would stand in the C library: its limit is the limit of values and of nesting.
    top: usize,
}

/// What a first byte announces.
enum Head {
    Value(Value),
    Array(usize),
    Map(usize),
}

/// A table that is being read.
struct Open {
    table: Table,
    left: usize,
    key: Key,
}

/// Where in an open table the next value goes.
enum Key {
    Index(i64),
    Wanted,
    Given(Value),
}

impl Reader<'_> {
    /// One value with all it contains.
    fn value(&mut self) -> Result<Value, Failure> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            self.reserve(TOO_MANY_VALUES)?;
            let (left, key) = match self.head()? {
                Head::Value(value) => {
                    if let Some(done) = self.close(&mut open, value)? {
                        return Ok(done);
                    }
                    continue;
                }
                Head::Array(left) => (left, Key::Index(1)),
                Head::Map(left) => (left, Key::Wanted),
            };
            let table = self.lua.create_table()?;
            self.top += 1;
            if matches!(key, Key::Index(_)) {
                self.reserve("stack overflow (in function mp_decode_to_lua_array)")?;
            }
            if left == 0 {
                self.top -= 1;
                if let Some(done) = self.close(&mut open, Value::Table(table))? {
                    return Ok(done);
                }
                continue;
            }
            self.top += usize::from(matches!(key, Key::Index(_)));
            open.push(Open { table, left, key });
        }
    }

    fn reserve(&self, text: &'static str) -> Result<(), Failure> {
        if self.top + 1 > STACK_MAX { Err(Failure::message(text)) } else { Ok(()) }
    }

    /// Puts `value` where it belongs, and the tables that are complete with it; the outermost is returned.
    fn close(&mut self, open: &mut Vec<Open>, mut value: Value) -> Result<Option<Value>, Failure> {
        loop {
            let Some(last) = open.last_mut() else {
                self.top += 1;
                return Ok(Some(value));
            };
            match std::mem::replace(&mut last.key, Key::Wanted) {
                Key::Wanted => {
                    last.key = Key::Given(value);
                    self.top += 1;
                    return Ok(None);
                }
                Key::Index(index) => {
                    last.table.raw_set(index, value)?;
                    last.key = Key::Index(index + 1);
                }
                Key::Given(key) => {
                    check_key(&key)?;
                    last.table.raw_set(key, value)?;
                    self.top -= 1;
                }
            }
            last.left -= 1;
            if last.left > 0 {
                return Ok(None);
            }
            let Some(done) = open.pop() else { return Ok(None) };
            self.top -= 1 + usize::from(matches!(done.key, Key::Index(_)));
            value = Value::Table(done.table);
        }
    }

    fn head(&mut self) -> Result<Head, Failure> {
        let first = self.take::<1>()?[0];
        Ok(match first {
            0..=0x7F => Head::Value(Value::Number(f64::from(first))),
            0xE0..=0xFF => Head::Value(Value::Number(f64::from(first.cast_signed()))),
            0x80..=0x8F => Head::Map(usize::from(first & 0xF)),
            0x90..=0x9F => Head::Array(usize::from(first & 0xF)),
            0xA0..=0xBF => self.string(usize::from(first & 0x1F))?,
            0xC0 => Head::Value(Value::Nil),
            0xC2 | 0xC3 => Head::Value(Value::Boolean(first == 0xC3)),
            0xCA => Head::Value(Value::Number(f64::from(f32::from_be_bytes(self.take()?)))),
            0xCB => Head::Value(Value::Number(f64::from_be_bytes(self.take()?))),
            0xCC..=0xD3 => Head::Value(Value::Number(self.integer(first)?)),
            0xD9..=0xDB => {
                let length = self.length(first - 0xD9)?;
                self.string(length)?
            }
            0xDC | 0xDD => Head::Array(self.length(first - 0xDB)?),
            0xDE | 0xDF => Head::Map(self.length(first - 0xDD)?),
            _ => return Err(Failure::message("Bad data format in input.")),
        })
    }

    fn integer(&mut self, mark: u8) -> Result<f64, Failure> {
        Ok(match mark {
            0xCC => f64::from(u8::from_be_bytes(self.take()?)),
            0xCD => f64::from(u16::from_be_bytes(self.take()?)),
            0xCE => f64::from(u32::from_be_bytes(self.take()?)),
            0xD0 => f64::from(i8::from_be_bytes(self.take()?)),
            0xD1 => f64::from(i16::from_be_bytes(self.take()?)),
            0xD2 => f64::from(i32::from_be_bytes(self.take()?)),
            // Unsigned ones, too: the C library turns them into a signed integer of Lua.
            _ => number::from_integer(i64::from_be_bytes(self.take()?)),
        })
    }

    /// A length of one, two or four bytes.
    fn length(&mut self, size: u8) -> Result<usize, Failure> {
        Ok(match size {
            0 => usize::from(u8::from_be_bytes(self.take()?)),
            1 => usize::from(u16::from_be_bytes(self.take()?)),
            _ => usize::try_from(u32::from_be_bytes(self.take()?)).unwrap_or(usize::MAX),
        })
    }

    fn string(&mut self, length: usize) -> Result<Head, Failure> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(missing)?;
        self.rest = rest;
        Ok(Head::Value(Value::String(self.lua.create_string(bytes)?)))
    }

    fn take<const SIZE: usize>(&mut self) -> Result<[u8; SIZE], Failure> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(missing)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

fn missing() -> Failure {
    Failure::message("Missing bytes in input.")
}

/// The errors of Lua's own assignment.
fn check_key(key: &Value) -> Result<(), Failure> {
    match key {
        Value::Nil => Err(Failure::Bare("table index is nil")),
        Value::Number(number) if number.is_nan() => Err(Failure::Bare("table index is NaN")),
        _ => Ok(()),
    }
}
