//! Replies of commands as the Lua values that Redis makes of them.
//!
//! Source: Redis documentation, "Redis Lua API reference", data type conversion.

use kora_core::reply::Reply;
use kora_core::text;
use kora_protocol::encode_double;
use mlua::{IntoLua as _, Lua, Table, Value};

/// Collects one reply as a Lua value.
pub(crate) struct LuaSink<'a> {
    lua: &'a Lua,
    is_resp3: bool,
    /// Aggregates whose elements are still to come, the innermost last.
    open: Vec<Open>,
    value: Value,
    /// The reply as a whole is this error.
    error: Option<String>,
    /// Lua could not hold it.
    problem: Option<mlua::Error>,
}

struct Open {
    table: Table,
    shape: Shape,
    missing: usize,
}

enum Shape {
    /// With this many elements so far.
    Array(usize),
    /// With the key whose value comes next.
    Map(Option<Value>),
    Set,
    /// Read and dropped.
    Attribute,
}

/// What a command replied.
pub(crate) enum Replied {
    /// A value.
    Value(Value),
    /// An error, prefix included.
    Error(String),
}

impl<'a> LuaSink<'a> {
    /// For a script that has chosen the protocol.
    pub(crate) fn new(lua: &'a Lua, is_resp3: bool) -> Self {
        Self { lua, is_resp3, open: Vec::new(), value: Value::Nil, error: None, problem: None }
    }

    /// What was replied.
    ///
    /// # Errors
    /// If Lua had no memory for it.
    pub(crate) fn finish(self) -> mlua::Result<Replied> {
        match (self.problem, self.error) {
            (Some(problem), _) => Err(problem),
            (None, Some(error)) => Ok(Replied::Error(error)),
            (None, None) => Ok(Replied::Value(self.value)),
        }
    }

    fn add(&mut self, value: Value) {
        let mut complete = Some(value);
        while let Some(value) = complete.take() {
            let Some(parent) = self.open.last_mut() else {
                self.value = value;
                return;
            };
            if let Err(problem) = parent.add(value) {
                self.problem.get_or_insert(problem);
            }
            parent.missing -= 1;
            if parent.missing == 0
                && let Some(closed) = self.open.pop()
            {
                complete = self.close(closed.table, &closed.shape);
            }
        }
    }

    fn try_add(&mut self, value: mlua::Result<Value>) {
        let value = value.unwrap_or_else(|problem| {
            self.problem.get_or_insert(problem);
            Value::Nil
        });
        self.add(value);
    }

    fn close(&mut self, table: Table, shape: &Shape) -> Option<Value> {
        let name = match shape {
            Shape::Array(_) => return Some(Value::Table(table)),
            Shape::Map(_) => "map",
            Shape::Set => "set",
            Shape::Attribute => return None,
        };
        Some(self.field(name, Value::Table(table)))
    }

    /// A table with one field.
    fn field(&mut self, name: &str, value: Value) -> Value {
        match self.lua.create_table().and_then(|table| table.raw_set(name, value).map(|()| table)) {
            Ok(table) => Value::Table(table),
            Err(problem) => {
                self.problem.get_or_insert(problem);
                Value::Nil
            }
        }
    }

    fn text_field(&mut self, name: &str, text: &[u8]) -> Value {
        let text = self.string(text);
        self.field(name, text)
    }

    fn string(&mut self, bytes: &[u8]) -> Value {
        match self.lua.create_string(bytes) {
            Ok(string) => Value::String(string),
            Err(problem) => {
                self.problem.get_or_insert(problem);
                Value::Nil
            }
        }
    }

    fn begin(&mut self, shape: Shape, len: usize) {
        match self.lua.create_table() {
            Ok(table) if len > 0 => self.open.push(Open { table, shape, missing: len }),
            Ok(table) => {
                if let Some(value) = self.close(table, &shape) {
                    self.add(value);
                }
            }
            Err(problem) => {
                // What follows is dropped with the command's reply as a whole.
                self.problem.get_or_insert(problem);
            }
        }
    }
}

impl Open {
    fn add(&mut self, value: Value) -> mlua::Result<()> {
        match &mut self.shape {
            Shape::Array(count) => {
                *count += 1;
                self.table.raw_set(*count, value)
            }
            Shape::Map(key) => match key.take() {
                // Lua has no nil and no NaN for a key.
                Some(Value::Nil) => Ok(()),
                Some(key) => self.table.raw_set(key, value),
                None => {
                    *key = Some(value);
                    Ok(())
                }
            },
            Shape::Set if value.is_nil() => Ok(()),
            Shape::Set => self.table.raw_set(value, true),
            Shape::Attribute => Ok(()),
        }
    }
}

impl Reply for LuaSink<'_> {
    fn simple(&mut self, text: &str) {
        let value = self.text_field("ok", &text::bytes(text));
        self.add(value);
    }

    fn error(&mut self, text: &str) {
        if self.open.is_empty() {
            self.error = Some(text.to_owned());
        } else {
            let value = self.text_field("err", &text::bytes(text));
            self.add(value);
        }
    }

    fn integer(&mut self, value: i64) {
        self.try_add(value.into_lua(self.lua));
    }

    fn bulk(&mut self, bytes: &[u8]) {
        let value = self.string(bytes);
        self.add(value);
    }

    fn null(&mut self) {
        self.add(if self.is_resp3 { Value::Nil } else { Value::Boolean(false) });
    }

    fn null_array(&mut self) {
        self.null();
    }

    fn array(&mut self, len: usize) {
        self.begin(Shape::Array(0), len);
    }

    fn map(&mut self, len: usize) {
        let shape = if self.is_resp3 { Shape::Map(None) } else { Shape::Array(0) };
        self.begin(shape, len * 2);
    }

    fn set(&mut self, len: usize) {
        let shape = if self.is_resp3 { Shape::Set } else { Shape::Array(0) };
        self.begin(shape, len);
    }

    fn push(&mut self, len: usize) {
        self.array(len);
    }

    fn boolean(&mut self, value: bool) {
        if self.is_resp3 {
            self.add(Value::Boolean(value));
        } else {
            self.integer(value.into());
        }
    }

    fn double(&mut self, value: f64) {
        let value = if self.is_resp3 {
            self.field("double", Value::Number(value))
        } else {
            self.string(encode_double(value).as_str().as_bytes())
        };
        self.add(value);
    }

    fn big_number(&mut self, digits: &str) {
        let value = if self.is_resp3 {
            self.text_field("big_number", &text::bytes(digits))
        } else {
            self.string(&text::bytes(digits))
        };
        self.add(value);
    }

    fn verbatim(&mut self, format: &str, text: &[u8]) {
        if !self.is_resp3 {
            return self.bulk(text);
        }
        let (format, text) = (self.string(format.as_bytes()), self.string(text));
        let inner = self.field("format", format);
        if let Value::Table(inner) = &inner
            && let Err(problem) = inner.raw_set("string", text)
        {
            self.problem.get_or_insert(problem);
        }
        let value = self.field("verbatim_string", inner);
        self.add(value);
    }

    fn attribute(&mut self, len: usize) {
        self.begin(Shape::Attribute, len * 2);
    }

    fn is_resp3(&self) -> bool {
        self.is_resp3
    }
}
