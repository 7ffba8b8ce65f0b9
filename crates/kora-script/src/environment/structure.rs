//! The `struct` library: C structures packed into strings.
//!
//! Formats: `>` `<` byte order, `!n` alignment, `x` padding, `b` `h` `l` `T` `i[n]` and their unsigned capitals, `f` `d`,
//! `s` a string with a zero at its end, `c[n]` bytes without.

use mlua::{Lua, MultiValue, Table, Value};

use super::native::{self, Arguments, Failure, Outcome, STACK_MAX};
use super::number;

const INTEGER_SIZE_MAX: usize = 32;
const ALIGNMENT_MAX: usize = 8;

/// The functions of the library.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("pack", native::function(lua, pack)?)?;
    table.raw_set("unpack", native::function(lua, |lua, arguments| unpack(lua, &arguments))?)?;
    table.raw_set("size", native::function(lua, |lua, arguments| size(lua, &arguments))?)?;
    Ok(table)
}

/// One field that a format asks for: its option, its size in bytes and the padding in front of it.
struct Field {
    option: u8,
    size: usize,
    padding: usize,
}

/// Reads a format and keeps what its control options set.
struct Format<'a> {
    rest: &'a [u8],
    big_endian: bool,
    alignment: usize,
}

impl<'a> Format<'a> {
    /// A format is a C string: it ends at its first zero.
    fn new(format: &'a [u8]) -> Self {
        let rest = format.split(|&byte| byte == 0).next().unwrap_or_default();
        Self { rest, big_endian: false, alignment: 1 }
    }

    /// The next option, for data that stand at `position`.
    fn next(&mut self, position: usize) -> Result<Option<Field>, Failure> {
        let Some((&option, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        self.rest = rest;
        let size = match option {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'f' => 4,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'c' => self.number(1)?,
            b'i' | b'I' => self.integer_size()?,
            _ => 0,
        };
        Ok(Some(Field { option, size, padding: self.padding(position, option, size) }))
    }

    fn integer_size(&mut self) -> Result<usize, Failure> {
        let size = self.number(4)?;
        if size > INTEGER_SIZE_MAX {
            let text = format!("integral size {size} is larger than limit of {INTEGER_SIZE_MAX}");
            return Err(Failure::message(text));
        }
        Ok(size)
    }

    /// The number that follows, at most what a C `int` holds.
    fn number(&mut self, default: usize) -> Result<usize, Failure> {
        let mut number = None;
        while let Some((&digit, rest)) = self.rest.split_first().filter(|(digit, _)| digit.is_ascii_digit()) {
            let digit = i32::from(digit - b'0');
            let longer = number.unwrap_or(0_i32).checked_mul(10).and_then(|tens| tens.checked_add(digit));
            number = Some(longer.ok_or_else(|| Failure::message("integral size overflow"))?);
            self.rest = rest;
        }
        Ok(number.and_then(|number| usize::try_from(number).ok()).unwrap_or(default))
    }

    /// What C computes, sizes that are no power of two included.
    fn padding(&self, position: usize, option: u8, size: usize) -> usize {
        let unit = size.min(self.alignment);
        if unit == 0 || option == b'c' {
            return 0;
        }
        (unit - (position & (unit - 1))) & (unit - 1)
    }

    fn control(&mut self, option: u8) -> Result<(), Failure> {
        match option {
            b' ' => {}
            b'>' => self.big_endian = true,
            b'<' => self.big_endian = false,
            b'!' => {
                let alignment = self.number(ALIGNMENT_MAX)?;
                if !alignment.is_power_of_two() {
                    return Err(Failure::message(format!("alignment {alignment} is not a power of 2")));
                }
                self.alignment = alignment;
            }
            _ => {
                let problem = [b"invalid format option '", &[option][..], b"'"].concat();
                return Err(Failure::ArgumentBytes(1, problem));
            }
        }
        Ok(())
    }
}

fn pack(lua: &Lua, mut arguments: Arguments) -> Outcome {
    // As in C, where a nil marks the end of the arguments: the first that is missing is "nil", not "no value".
    if arguments.len() > 0 {
        arguments.push_nil();
    }
    let text = arguments.bytes(1)?;
    let mut format = Format::new(&text);
    let mut out = Vec::new();
    let mut next = 2;
    while let Some(item) = format.next(out.len())? {
        out.resize(out.len() + item.padding, 0);
        match item.option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let value = to_u64(arguments.number(next)?);
                put_integer(&mut out, value, item.size, format.big_endian);
                next += 1;
            }
            b'x' => out.push(0),
            b'f' => {
                let value = to_f32(arguments.number(next)?);
                out.extend(if format.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
                next += 1;
            }
            b'd' => {
                let value = arguments.number(next)?;
                out.extend(if format.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
                next += 1;
            }
            b'c' | b's' => {
                let bytes = arguments.bytes(next)?;
                next += 1;
                let size = if item.size == 0 { bytes.len() } else { item.size };
                let bytes = bytes.get(..size);
                out.extend_from_slice(bytes.ok_or_else(|| Failure::argument(next, "string too short"))?);
                out.extend((item.option == b's').then_some(0));
            }
            option => format.control(option)?,
        }
    }
    native::one(lua, lua.create_string(out)?)
}

fn put_integer(out: &mut Vec<u8>, value: u64, size: usize, big_endian: bool) {
    let start = out.len();
    out.extend(value.to_le_bytes().into_iter().chain(std::iter::repeat(0)).take(size));
    if big_endian {
        out[start..].reverse();
    }
}

/// The casts of C on x86-64: to `long` below its limit, to `unsigned long` from there.
fn to_u64(number: f64) -> u64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if number >= LIMIT {
        return number::to_i64(number - LIMIT).cast_unsigned() ^ (1 << 63);
    }
    number::to_i64(number).cast_unsigned()
}

fn to_f32(number: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "the format asks for the nearest float")]
    return number as f32;
}

fn unpack(lua: &Lua, arguments: &Arguments) -> Outcome {
    let (text, data) = (arguments.bytes(1)?, arguments.bytes(2)?);
    let mut format = Format::new(&text);
    let start = if arguments.is_none(3) { 1 } else { arguments.integer(3)? };
    if start == 0 {
        return Err(Failure::argument(3, "offset must be 1 or greater"));
    }
    // Negative offsets become huge ones, as in C, and are beyond the data.
    let mut position = usize::try_from(start.wrapping_sub(1).cast_unsigned()).unwrap_or(usize::MAX);
    let mut results = MultiValue::new();
    while let Some(item) = format.next(position)? {
        position = position.wrapping_add(item.padding);
        let mut bytes = piece(&data, position, item.size)?;
        if arguments.len() + results.len() + 2 > STACK_MAX {
            return Err(Failure::message("stack overflow (too many results)"));
        }
        match item.option {
            b'b' | b'h' | b'l' | b'i' => {
                results.push_back(Value::Number(get_signed(bytes, format.big_endian)));
            }
            b'B' | b'H' | b'L' | b'T' | b'I' => {
                results.push_back(Value::Number(from_u64(get_integer(bytes, format.big_endian))));
            }
            b'f' => results.push_back(Value::Number(get_float(bytes, format.big_endian))),
            b'd' => results.push_back(Value::Number(get_double(bytes, format.big_endian))),
            b'c' => {
                if item.size == 0 {
                    bytes = piece(&data, position, previous_size(&mut results)?)?;
                }
                results.push_back(Value::String(lua.create_string(bytes)?));
            }
            b's' => {
                let rest = data.get(position..).unwrap_or_default();
                let length = rest.iter().position(|&byte| byte == 0);
                let length = length.ok_or_else(|| Failure::message("unfinished string in data"))?;
                bytes = &rest[..=length];
                results.push_back(Value::String(lua.create_string(&rest[..length])?));
            }
            b'x' => {}
            option => format.control(option)?,
        }
        position += bytes.len();
    }
    results.push_back(Value::Number(from_u64(position as u64 + 1)));
    Ok(results)
}

fn piece(data: &[u8], position: usize, size: usize) -> Result<&[u8], Failure> {
    let end = position.checked_add(size);
    end.and_then(|end| data.get(position..end)).ok_or_else(|| Failure::argument(2, "data string too short"))
}

/// Takes the last result away as the size that `c0` needs.
fn previous_size(results: &mut MultiValue) -> Result<usize, Failure> {
    let size = match results.back() {
        Some(Value::Number(number)) => Some(*number),
        Some(Value::String(text)) => number::parse(&text.as_bytes()),
        _ => None,
    };
    let size = size.ok_or_else(|| Failure::message("format 'c0' needs a previous size"))?;
    results.pop_back();
    Ok(usize::try_from(to_u64(size)).unwrap_or(usize::MAX))
}

/// The low 64 bits.
fn get_integer(bytes: &[u8], big_endian: bool) -> u64 {
    let add = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
    if big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
}

fn get_signed(bytes: &[u8], big_endian: bool) -> f64 {
    let value = get_integer(bytes, big_endian);
    // C shifts by this count modulo 64, whatever the size.
    let sign = u64::MAX << ((bytes.len() * 8).wrapping_sub(1) & 63);
    let value = if value & sign == 0 { value } else { value | sign };
    number::from_integer(value.cast_signed())
}

fn get_float(bytes: &[u8], big_endian: bool) -> f64 {
    let bytes = bytes.try_into().unwrap_or_default();
    f64::from(if big_endian { f32::from_be_bytes(bytes) } else { f32::from_le_bytes(bytes) })
}

fn get_double(bytes: &[u8], big_endian: bool) -> f64 {
    let bytes = bytes.try_into().unwrap_or_default();
    if big_endian { f64::from_be_bytes(bytes) } else { f64::from_le_bytes(bytes) }
}

fn from_u64(number: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "Lua has doubles only")]
    return number as f64;
}

fn size(lua: &Lua, arguments: &Arguments) -> Outcome {
    let text = arguments.bytes(1)?;
    let mut format = Format::new(&text);
    let mut total = 0_usize;
    while let Some(item) = format.next(total)? {
        total = total.wrapping_add(item.padding);
        if item.option == b's' {
            return Err(Failure::argument(1, "option 's' has no fixed size"));
        } else if item.option == b'c' && item.size == 0 {
            return Err(Failure::argument(1, "option 'c0' has no fixed size"));
        } else if !item.option.is_ascii_alphanumeric() {
            format.control(item.option)?;
        }
        total = total.wrapping_add(item.size);
    }
    native::one(lua, from_u64(total as u64))
}
