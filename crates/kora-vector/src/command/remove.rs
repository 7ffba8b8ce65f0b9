//! VREM: an element is taken out, and the key with the last one.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;

use super::{CHANGES, between, changed, write};

pub(super) const VREM: CommandSpec = CommandSpec {
    facts: Facts {
        name: "vrem",
        summary: "Removes an element from a vector set",
        complexity: "O(log(N)) for each element removed, where N is the number of elements in the vector set",
        args: &[Arg::key("key"), Arg::string("element")],
        ..CHANGES
    },
    handler: vrem,
};

fn vrem(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    between(args, 3, 3, "VREM")?;
    let mut keyspace = ctx.keyspace(args[1]);
    let Some(mut set) = write(&mut keyspace, args[1])? else {
        out.boolean(false);
        return Ok(());
    };
    let was_there = set.remove(args[2]);
    let is_empty = set.is_empty();
    drop(set);
    if is_empty {
        keyspace.delete(args[1]);
    }
    if was_there {
        changed(&mut keyspace, args[1]);
    }
    out.boolean(was_there);
    Ok(())
}
