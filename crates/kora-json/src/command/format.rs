//! How replies hold values: as text, or opened up into RESP3's types.

use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use crate::packed::{Node, Value};

/// The word FORMAT of JSON.GET and JSON.ARRPOP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// Texts of JSON.
    #[default]
    String,
    /// Maps, arrays and scalars of RESP3.
    Expand,
}

impl Format {
    /// The format of this name.
    pub(super) fn named(name: &[u8], out: &dyn Reply) -> CommandResult<Self> {
        if !out.is_resp3() {
            return Err(CommandError::text("ERR FORMAT argument is not supported on RESP2"));
        }
        match name {
            b"STRING" => Ok(Self::String),
            b"EXPAND" | b"EXPAND1" => Ok(Self::Expand),
            _ => Err(CommandError::text("ERR wrong reply format")),
        }
    }
}

/// Answers a value opened up.
pub(super) fn expand(out: &mut dyn Reply, value: Value<'_>) {
    match value.node() {
        Node::Null => out.null(),
        Node::Bool(value) => out.boolean(value),
        Node::Number(number) => number.reply(out),
        Node::Text(text) => out.bulk(text),
        Node::Array(elements) => {
            out.array(elements.len());
            elements.elements().for_each(|element| expand(out, element));
        }
        Node::Object(members) => {
            out.map(members.len());
            for (name, value) in members.members() {
                out.bulk(name);
                expand(out, value);
            }
        }
    }
}
