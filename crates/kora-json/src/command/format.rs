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
    /// The format of this name, where texts go by the name `texts`.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn named(name: &[u8], texts: &[u8]) -> CommandResult<Self> {
        match name {
            b"EXPAND" | b"EXPAND1" => Ok(Self::Expand),
            _ if name == texts => Ok(Self::String),
            _ => Err(CommandError::text("ERR wrong reply format")),
        }
    }
}

/// Refuses a format to a client that could not be shown most of them.
pub(super) fn check_protocol(out: &dyn Reply) -> CommandResult {
    if out.is_resp3() {
        Ok(())
    } else {
        Err(CommandError::text("ERR FORMAT argument is not supported on RESP2"))
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
