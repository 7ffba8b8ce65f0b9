//! DOC.CREATE, DOC.DROP and DOC.LIST.

use std::sync::Arc;

use kora_core::command::spec::{Arg, CommandSpec, Facts, Flags};
use kora_core::context::Ctx;
use kora_core::entry::Entry;
use kora_core::error::{CommandError, CommandResult};
use kora_core::journal::EventClass;
use kora_core::number::parse_i64;
use kora_core::reply::Reply;
use kora_core::store::Keyspace;

use super::{ASKS, COLLECTION, DECLARES, is_word, refusal, service};
use crate::collection::{Collection, NAME_BYTES_MAX, Profile};
use crate::companion::{self, DB};
use crate::key;

pub(super) const CREATE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.create",
        arity: -2,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::MODULE),
        summary: "Creates a collection of documents",
        complexity: "O(1), and O(N) with N keys for the first collection",
        args: &[
            COLLECTION,
            Arg::one_of(
                "profile",
                &[
                    Arg::word("none", "NONE"),
                    Arg::word("dictionary", "DICTIONARY"),
                    Arg::word("balanced", "BALANCED"),
                    Arg::word("compact", "COMPACT"),
                ],
            )
            .token("COMPRESSION")
            .optional(),
            Arg::integer("unix-time-milliseconds").token("AT").optional(),
        ],
        ..DECLARES
    },
    handler: create,
};

fn create(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let service = service(ctx)?;
    let (mut profile, mut created) = (Profile::default(), ctx.now.0);
    let (options, rest) = args[2..].as_chunks::<2>();
    if !rest.is_empty() {
        return Err(CommandError::Syntax);
    }
    for [name, value] in options {
        if is_word(name, "COMPRESSION") {
            profile = Profile::parse(value).ok_or_else(|| {
                let value = value.escape_ascii();
                refusal(format_args!(
                    "ERR unknown compression profile '{value}': none, dictionary, balanced or compact"
                ))
            })?;
        } else if is_word(name, "AT") {
            created = parse_i64(value).ok_or(CommandError::NotInteger)?;
            if created < 0 {
                return Err(CommandError::text("ERR AT takes a time in milliseconds, which is not negative"));
            }
        } else {
            return Err(CommandError::Syntax);
        }
    }
    let name = args[1];
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(CommandError::text("ERR a collection's name has 1 to 512 bytes"));
    }
    if service.find(name).is_some() {
        return Err(refusal(format_args!("ERR collection '{}' already exists", name.escape_ascii())));
    }
    let collection = {
        let mut state = service.state();
        let collection = Arc::new(Collection {
            number: state.next_number(),
            name: name.into(),
            escaped: key::escaped(name).into(),
            created,
            profile,
            indexes: Vec::new(),
        });
        state.put(Arc::clone(&collection));
        collection
    };
    ctx.each_store(|store, _| companion::add(store, &service, &collection));
    let created = created.to_string();
    let profile = profile.name().as_bytes();
    ctx.journal.changed(1);
    ctx.journal.effect(DB, &[b"DOC.CREATE", name, b"COMPRESSION", profile, b"AT", created.as_bytes()]);
    out.ok();
    Ok(())
}

pub(super) const DROP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.drop",
        summary: "Deletes a collection with its documents and indexes",
        complexity: "O(N) with N documents",
        ..DECLARES
    },
    handler: drop_collection,
};

fn drop_collection(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let service = service(ctx)?;
    let Some(collection) = service.find(args[1]) else {
        out.integer(0);
        return Ok(());
    };
    let now = ctx.now;
    ctx.each_store(|store, journal| {
        let (mut gone, mut bytes): (Vec<Entry>, usize) = (Vec::new(), 0);
        companion::remove(store, &collection, |store, key| {
            let mut keyspace = Keyspace::new(store, journal, DB, now, true);
            if let Some(entry) = keyspace.remove(key) {
                bytes += entry.memory_bytes();
                gone.push(entry);
                keyspace.changed(EventClass::GENERIC, "del", key);
            }
        });
        // They are freed later.
        store.throw_away(Box::new(gone), bytes);
    });
    service.state().remove(args[1]);
    ctx.journal.changed(1);
    out.integer(1);
    Ok(())
}

pub(super) const LIST: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.list",
        arity: 1,
        summary: "Names all collections",
        complexity: "O(N) with N collections",
        args: &[],
        ..ASKS
    },
    handler: list,
};

fn list(ctx: &mut Ctx<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let collections = service(ctx)?.collections();
    out.array(collections.len());
    collections.iter().for_each(|collection| out.bulk(&collection.name));
    Ok(())
}
