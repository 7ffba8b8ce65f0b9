//! Values in replies: as texts, or, after FORMAT EXPAND, as the types that they have in JSON.

use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_index::schema::Source;
use kora_json::{Json, Node, Value as JsonValue};

use crate::command::options::{Format, QueryOptions};
use crate::number::display;
use crate::query::Dialect;
use crate::service::Declaration;
use crate::value::Value;

/// The least dialect in which values are shown as their types.
const EXPANDING: i64 = 3;

/// Refuses what an index, a dialect or RESP2 does not have. A query that names no dialect has one in which values are shown as asked for.
///
/// # Errors
/// In the words of RediSearch.
pub(super) fn with_format(
    format: Format,
    declaration: &Declaration,
    options: &QueryOptions,
    out: &dyn Reply,
) -> CommandResult<QueryOptions> {
    let mut options = options.clone();
    if format == Format::Expand {
        if options.dialect.is_some_and(|dialect| i64::from(dialect.number()) < EXPANDING) {
            return Err(CommandError::text("EXPAND format requires dialect 3 or greater"));
        }
        if !out.is_resp3() {
            return Err(CommandError::text("EXPAND format is only supported with RESP3"));
        }
        if declaration.schema.source != Source::Json {
            return Err(CommandError::text("EXPAND format is only supported with JSON"));
        }
        options.dialect = options.dialect.or(Dialect::new(EXPANDING));
    }
    Ok(options)
}

/// The name of a format.
pub(super) fn write_format(format: Format, out: &mut dyn Reply) {
    out.simple(match format {
        Format::Text => "STRING",
        Format::Expand => "EXPAND",
    });
}

/// What a reply of RESP3 warns of.
pub(super) fn write_warning(warning: Option<&str>, out: &mut dyn Reply) {
    out.simple("warning");
    out.array(usize::from(warning.is_some()));
    if let Some(warning) = warning {
        out.simple(warning);
    }
}

/// Writes a value.
pub(super) fn write_value(value: &Value, format: Format, out: &mut dyn Reply) {
    match value {
        Value::Null => out.null(),
        Value::Number(number) if format == Format::Expand => write_number(*number, out),
        Value::Number(number) => out.bulk(display(*number).as_bytes()),
        Value::Json(text) if format == Format::Expand => {
            match std::str::from_utf8(text).ok().and_then(|text| Json::parse(text).ok()) {
                Some(json) => write_json(json.root(), out),
                None => out.bulk(text),
            }
        }
        Value::Text(text) | Value::Json(text) => out.bulk(text),
        Value::Array(values) => {
            out.array(values.len());
            values.iter().for_each(|value| write_value(value, format, out));
        }
    }
}

/// Values lie in each other no deeper than they are read.
fn write_json(value: JsonValue<'_>, out: &mut dyn Reply) {
    match value.node() {
        Node::Null => out.null(),
        Node::Bool(is_true) => out.integer(i64::from(is_true)),
        Node::Number(number) => write_number(number.as_f64(), out),
        Node::Text(text) => out.bulk(text),
        Node::Array(elements) => {
            out.array(elements.len());
            elements.elements().for_each(|element| write_json(element, out));
        }
        Node::Object(members) => {
            out.map(members.len());
            for (name, value) in members.members() {
                out.bulk(name);
                write_json(value, out);
            }
        }
    }
}

/// An integer, if it is one.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn write_number(number: f64, out: &mut dyn Reply) {
    let range = -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;
    if number.fract() == 0.0 && range.contains(&number) {
        out.integer(number as i64);
    } else {
        out.double(number);
    }
}
