//! From Lua values to JSON.

use mlua::{Lua, Table, Value};

use super::super::native::{self, Arguments, Failure, Outcome};
use super::super::number;
use super::{InvalidNumbers, NULL, Settings};

/// Tables nest no deeper whatever the setting: writing recurses.
const DEPTH_MAX: i32 = 1000;

/// `cjson.encode(value)`.
pub(super) fn encode(lua: &Lua, arguments: &Arguments, settings: &Settings) -> Outcome {
    if arguments.len() != 1 {
        return Err(Failure::argument(1, "expected 1 argument"));
    }
    let mut writer = Writer { settings, out: Vec::new() };
    writer.value(arguments.get(1).unwrap_or(&Value::Nil), 0)?;
    native::one(lua, lua.create_string(writer.out)?)
}

struct Writer<'a> {
    settings: &'a Settings,
    out: Vec<u8>,
}

fn refused(value: &Value, reason: &str) -> Failure {
    Failure::message(format!("Cannot serialise {}: {reason}", native::type_name(value)))
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: i32) -> Result<(), Failure> {
        match value {
            Value::String(text) => self.string(&text.as_bytes()),
            Value::Number(number) => self.number(*number)?,
            Value::Integer(number) => self.number(number::from_integer(*number))?,
            Value::Boolean(true) => self.out.extend_from_slice(b"true"),
            Value::Boolean(false) => self.out.extend_from_slice(b"false"),
            Value::Table(table) => self.table(table, depth + 1)?,
            Value::Nil => self.out.extend_from_slice(b"null"),
            Value::LightUserData(pointer) if *pointer == NULL => self.out.extend_from_slice(b"null"),
            other => return Err(refused(other, "type not supported")),
        }
        if self.out.len() > self.settings.output_max_bytes {
            return Err(Failure::Bare(native::OUT_OF_MEMORY));
        }
        Ok(())
    }

    fn number(&mut self, number: f64) -> Result<(), Failure> {
        if !number.is_finite() {
            match self.settings.encode_invalid_numbers.get() {
                InvalidNumbers::Refuse => {
                    return Err(refused(&Value::Number(number), "must not be NaN or Inf"));
                }
                InvalidNumbers::Null => {
                    self.out.extend_from_slice(b"null");
                    return Ok(());
                }
                InvalidNumbers::Write if number.is_nan() => {
                    self.out.extend_from_slice(b"nan");
                    return Ok(());
                }
                InvalidNumbers::Write => {}
            }
        }
        let precision = usize::try_from(self.settings.encode_precision.get()).unwrap_or(14);
        number::write_general(&mut self.out, number, precision);
        Ok(())
    }

    fn string(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        let mut start = 0;
        for (end, &byte) in bytes.iter().enumerate() {
            let Some(escape) = escape(byte) else { continue };
            self.out.extend_from_slice(&bytes[start..end]);
            match escape {
                b'u' => self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                escape => self.out.extend_from_slice(&[b'\\', escape]),
            }
            start = end + 1;
        }
        self.out.extend_from_slice(&bytes[start..]);
        self.out.push(b'"');
    }

    fn table(&mut self, table: &Table, depth: i32) -> Result<(), Failure> {
        if depth > self.settings.encode_max_depth.get().min(DEPTH_MAX) {
            return Err(Failure::message(format!("Cannot serialise, excessive nesting ({depth})")));
        }
        match self.array_length(table)? {
            Some(length) if length > 0 => self.array(table, length, depth),
            _ => self.object(table, depth),
        }
    }

    /// The largest index, if the keys are all positive integers and lie close enough together.
    ///
    /// The C library keeps it in an `int`; what does not fit is less than any index, and makes an object.
    fn array_length(&self, table: &Table) -> Result<Option<i32>, Failure> {
        let (mut largest, mut items) = (0, 0_i32);
        for pair in table.pairs::<Value, Value>() {
            match native::number_of(&pair?.0) {
                Some(key) if key >= 1.0 && key.floor() == key => {
                    if key > f64::from(largest) {
                        largest = i32::try_from(number::to_i64(key)).unwrap_or(i32::MIN);
                    }
                }
                _ => return Ok(None),
            }
            items = items.saturating_add(1);
        }
        let (ratio, safe) = (self.settings.sparse_ratio.get(), self.settings.sparse_safe.get());
        if ratio > 0 && largest > items.saturating_mul(ratio) && largest > safe {
            if !self.settings.sparse_convert.get() {
                return Err(refused(&Value::Table(table.clone()), "excessively sparse array"));
            }
            return Ok(None);
        }
        Ok(Some(largest))
    }

    fn array(&mut self, table: &Table, length: i32, depth: i32) -> Result<(), Failure> {
        self.out.push(b'[');
        for index in 1..=length {
            if index > 1 {
                self.out.push(b',');
            }
            self.value(&table.raw_get(index)?, depth)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, table: &Table, depth: i32) -> Result<(), Failure> {
        self.out.push(b'{');
        let start = self.out.len();
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair?;
            if self.out.len() > start {
                self.out.push(b',');
            }
            match native::number_of(&key) {
                Some(number) => {
                    self.out.push(b'"');
                    self.number(number)?;
                    self.out.push(b'"');
                }
                None => match &key {
                    Value::String(text) => self.string(&text.as_bytes()),
                    other => return Err(refused(other, "table key must be a number or string")),
                },
            }
            self.out.push(b':');
            self.value(&value, depth)?;
        }
        self.out.push(b'}');
        Ok(())
    }
}

/// The letter of the escape for `byte`, `u` for those written as a code.
fn escape(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\\' | b'/' => Some(byte),
        0x08 => Some(b'b'),
        b'\t' => Some(b't'),
        b'\n' => Some(b'n'),
        0x0C => Some(b'f'),
        b'\r' => Some(b'r'),
        0..0x20 | 0x7F => Some(b'u'),
        _ => None,
    }
}
