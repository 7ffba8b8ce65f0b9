//! What a script returns, as a reply.
//!
//! Source: Redis documentation, "Redis Lua API reference", data type conversion.

use kora_core::error::CommandError;
use kora_core::reply::Reply;
use kora_core::text;
use mlua::{Table, Value};

use crate::environment::{error_text, of_c};

/// Tables inside tables that are followed; Redis gives up where Lua's stack ends.
const DEPTH_MAX: usize = 2000;

/// Writes what a script returned as one reply. `speaks_resp3`: the script has chosen RESP3 by redis.setresp().
///
/// # Errors
/// If Lua fails to give a table's elements: then a reply may have been begun.
pub(crate) fn render(value: &Value, speaks_resp3: bool, out: &mut dyn Reply) -> mlua::Result<()> {
    Renderer { speaks_resp3, depth: 0, out }.value(value)
}

struct Renderer<'a> {
    speaks_resp3: bool,
    depth: usize,
    out: &'a mut dyn Reply,
}

impl Renderer<'_> {
    fn value(&mut self, value: &Value) -> mlua::Result<()> {
        match value {
            Value::String(string) => self.out.bulk(&string.as_bytes()),
            Value::Integer(number) => self.out.integer(*number),
            Value::Number(number) => self.out.integer(truncated(*number)),
            Value::Boolean(value) if self.speaks_resp3 => self.out.boolean(*value),
            Value::Boolean(true) => self.out.integer(1),
            Value::Table(table) => return self.table(table),
            _ => self.out.null(),
        }
        Ok(())
    }

    fn table(&mut self, table: &Table) -> mlua::Result<()> {
        if self.depth >= DEPTH_MAX {
            self.out.error("ERR reached lua stack limit");
            return Ok(());
        }
        self.depth += 1;
        let result = self.shape(table);
        self.depth -= 1;
        result
    }

    fn shape(&mut self, table: &Table) -> mlua::Result<()> {
        if let Value::String(text) = table.raw_get("err")? {
            self.out.error(&line(without_line_ends(of_c(&text.as_bytes()))));
            return Ok(());
        }
        if let Value::String(text) = table.raw_get("ok")? {
            self.out.simple(&line(of_c(&text.as_bytes())));
            return Ok(());
        }
        if matches!(table.raw_get("double")?, Value::Number(_) | Value::Integer(_)) {
            self.out.double(table.raw_get("double")?);
            return Ok(());
        }
        if let Value::Table(map) = table.raw_get("map")? {
            return self.map(&map);
        }
        if let Value::Table(set) = table.raw_get("set")? {
            return self.set(&set);
        }
        if let Value::String(digits) = table.raw_get("big_number")? {
            self.out.big_number(&line(&digits.as_bytes()));
            return Ok(());
        }
        if let Value::Table(verbatim) = table.raw_get("verbatim_string")?
            && let (Value::String(format), Value::String(text)) =
                (verbatim.raw_get("format")?, verbatim.raw_get("string")?)
        {
            self.out.verbatim(&line(&format.as_bytes()), &text.as_bytes());
            return Ok(());
        }
        self.array(table)
    }

    /// The elements up to the first that is nil.
    fn array(&mut self, table: &Table) -> mlua::Result<()> {
        let mut len = 0;
        while !table.raw_get::<Value>(len + 1)?.is_nil() {
            len += 1;
        }
        self.out.array(len);
        (1..=len).try_for_each(|index| self.value(&table.raw_get(index)?))
    }

    fn map(&mut self, map: &Table) -> mlua::Result<()> {
        let mut len = 0;
        map.for_each(|_: Value, _: Value| {
            len += 1;
            Ok(())
        })?;
        self.out.map(len);
        map.for_each(|key: Value, value: Value| {
            self.value(&key)?;
            self.value(&value)
        })
    }

    fn set(&mut self, set: &Table) -> mlua::Result<()> {
        let mut len = 0;
        set.for_each(|_: Value, _: Value| {
            len += 1;
            Ok(())
        })?;
        self.out.set(len);
        set.for_each(|member: Value, _: Value| self.value(&member))
    }
}

/// A number without its fraction, as C converts it on the processors that Redis runs on.
#[expect(clippy::cast_possible_truncation, reason = "what does not fit was told apart")]
fn truncated(number: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&number) { number as i64 } else { i64::MIN }
}

fn without_line_ends(mut text: &[u8]) -> &[u8] {
    while let [head @ .., b'\r' | b'\n'] = text {
        text = head;
    }
    text
}

/// `text` on one line, for a reply.
pub(crate) fn line(text: &[u8]) -> String {
    one_line(&text::of(text))
}

/// `text` on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

/// An error of Lua's that no script has raised.
pub(crate) fn internal_error(error: &mlua::Error) -> CommandError {
    CommandError::Other(format!("ERR {}", one_line(&error_text(error))).into())
}
