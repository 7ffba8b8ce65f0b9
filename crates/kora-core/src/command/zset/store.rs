//! What all commands do that store a result under a key.

use super::count;
use crate::context::Ctx;
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::types::zset::NewZSet;

/// Stores `result` under `to`, whatever that held, or deletes `to` if there is none; replies with the number of
/// members.
pub(crate) fn store_result(
    ctx: &mut Ctx<'_>,
    to: &[u8],
    result: Option<NewZSet>,
    event: &'static str,
    out: &mut dyn Reply,
) {
    let mut keyspace = ctx.keyspace(to);
    let len = result.as_ref().map_or(0, NewZSet::len);
    if let Some(result) = result {
        result.store(&mut keyspace, to);
        keyspace.changed(EventClass::ZSET, event, to);
    } else if keyspace.delete(to) {
        keyspace.changed(EventClass::GENERIC, "del", to);
    }
    out.integer(count(len));
}
