//! VGETATTR and VSETATTR: the attributes of an element.

use kora_core::command::spec::{Arg, CommandSpec, Facts, Flags};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;

use super::{CHANGES, READS_FAST, between, changed, read, write};

pub(super) const VGETATTR: CommandSpec = CommandSpec {
    facts: Facts {
        name: "vgetattr",
        summary: "Gives the attributes of an element",
        complexity: "O(1)",
        args: &[Arg::key("key"), Arg::string("element")],
        ..READS_FAST
    },
    handler: vgetattr,
};

pub(super) const VSETATTR: CommandSpec = CommandSpec {
    facts: Facts {
        name: "vsetattr",
        summary: "Gives an element attributes, or takes them away",
        complexity: "O(1)",
        args: &[Arg::key("key"), Arg::string("element"), Arg::string("json")],
        flags: Flags::WRITE.with(Flags::MODULE).with(Flags::FAST),
        ..CHANGES
    },
    handler: vsetattr,
};

fn vgetattr(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    between(args, 3, 3, "VGETATTR")?;
    let mut keyspace = ctx.keyspace(args[1]);
    let set = read(&mut keyspace, args[1])?;
    match set.and_then(|set| set.attributes(set.number(args[2])?)) {
        Some(attributes) => out.bulk(attributes),
        None => out.null(),
    }
    Ok(())
}

fn vsetattr(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    between(args, 4, 4, "VSETATTR")?;
    let mut keyspace = ctx.keyspace(args[1]);
    let mut is_there = false;
    if let Some(mut set) = write(&mut keyspace, args[1])?
        && let Some(number) = set.number(args[2])
    {
        set.set_attributes(number, Some(args[3]).filter(|attributes| !attributes.is_empty()));
        is_there = true;
    }
    if is_there {
        changed(&mut keyspace, args[1]);
    }
    out.boolean(is_there);
    Ok(())
}
