//! DEBUG ERROR and DEBUG PROTOCOL: replies of every kind, for tests of clients.

use super::{HIDDEN, unknown};
use crate::command::spec::{CommandSpec, Facts};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::reply::Reply;

pub(in crate::command::server) const DEBUG_ERROR: CommandSpec = CommandSpec {
    facts: Facts { name: "debug|error", errs_on_demand: true, ..HIDDEN },
    handler: debug_error,
};

/// Replies with the text as an error. Line ends would end the reply, so they become spaces.
fn debug_error(_: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [_, _, text] = *args else { return Err(unknown(args)) };
    out.error(&crate::text::of(text).replace(['\r', '\n'], " "));
    Ok(())
}

pub(in crate::command::server) const DEBUG_PROTOCOL: CommandSpec =
    CommandSpec { facts: Facts { name: "debug|protocol", ..HIDDEN }, handler: debug_protocol };

/// Replies with a value of the kind named. Values and texts are those of Redis: clients compare them.
#[expect(clippy::approx_constant, reason = "the number is meant, not pi")]
fn debug_protocol(_: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [_, _, kind] = *args else { return Err(unknown(args)) };
    match kind.to_ascii_lowercase().as_slice() {
        b"string" => out.bulk(b"Hello World"),
        b"integer" => out.integer(12345),
        b"double" => out.double(3.141),
        b"bignum" => out.big_number("1234567999999999999999999999999999999"),
        b"null" => out.null(),
        b"array" => {
            out.array(3);
            (0..3).for_each(|number| out.integer(number));
        }
        b"set" => {
            out.set(3);
            (0..3).for_each(|number| out.integer(number));
        }
        b"map" => {
            out.map(3);
            for number in 0..3 {
                out.integer(number);
                out.boolean(number == 1);
            }
        }
        b"attrib" => write_attribute(out),
        b"push" => return write_push(out),
        b"verbatim" => out.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => out.boolean(true),
        b"false" => out.boolean(false),
        _ => {
            return Err(CommandError::text(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}

fn write_attribute(out: &mut dyn Reply) {
    if out.is_resp3() {
        out.attribute(1);
        out.bulk(b"key-popularity");
        out.array(2);
        out.bulk(b"key:123");
        out.integer(90);
    }
    out.bulk(b"Some real reply following the attribute");
}

/// The one reply that a message of another kind follows.
fn write_push(out: &mut dyn Reply) -> CommandResult {
    if !out.is_resp3() {
        return Err(CommandError::text("ERR RESP2 is not supported by this command"));
    }
    out.bulk(b"Some real reply following the push reply");
    out.push(2);
    out.bulk(b"server-cpu-usage");
    out.integer(42);
    Ok(())
}
