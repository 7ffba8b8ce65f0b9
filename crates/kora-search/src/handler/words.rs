//! Synonyms, dictionaries, and the values of tag fields.

use std::collections::BTreeSet;

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_index::schema::FieldKind;

use super::ask::each_index;
use super::build::{self, Readiness};
use super::create::replace;
use super::search::count;
use super::{
    BUILDS, CHANGES, GROWS, READS, SEARCHES, UNKNOWN, UNKNOWN_INDEX, exactly, index_of, of_arguments,
    refusal, service,
};
use crate::command::small::TagVals;
use crate::command::words::{DictChange, SynUpdate};
use crate::service::with_synonyms;

pub(super) const SYNUPDATE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.synupdate",
        since: "1.2.0",
        summary: "Adds words to a group of synonyms",
        complexity: "O(N) with N keys",
        args: &[
            Arg::string("index"),
            Arg::string("group"),
            Arg::word("skipinitialscan", "SKIPINITIALSCAN").optional(),
            Arg::string("word").multiple(),
        ],
        ..BUILDS
    },
    handler: update_synonyms,
};

pub(super) const SYNDUMP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.syndump",
        since: "1.2.0",
        summary: "Lists the synonyms of an index",
        complexity: "O(N) with N words",
        args: &[Arg::string("index")],
        ..READS
    },
    handler: dump_synonyms,
};

const DICTIONARY: &[Arg] = &[Arg::string("dictionary"), Arg::string("word").multiple()];

pub(super) const DICTADD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.dictadd",
        since: "1.4.0",
        summary: "Adds words to a dictionary",
        complexity: "O(log N) for each, with N words in it",
        args: DICTIONARY,
        ..GROWS
    },
    handler: add_words,
};

pub(super) const DICTDEL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.dictdel",
        since: "1.4.0",
        summary: "Deletes words of a dictionary",
        complexity: "O(log N) for each, with N words in it",
        args: DICTIONARY,
        ..CHANGES
    },
    handler: delete_words,
};

pub(super) const DICTDUMP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.dictdump",
        since: "1.4.0",
        summary: "Lists the words of a dictionary",
        complexity: "O(N) with N words",
        args: &[Arg::string("dictionary")],
        ..READS
    },
    handler: dump_words,
};

pub(super) const TAGVALS: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.tagvals",
        summary: "Lists the values of a tag field",
        complexity: "O(N) with N values",
        args: &[Arg::string("index"), Arg::string("field")],
        ..SEARCHES
    },
    handler: values,
};

fn update_synonyms(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let service = service(ctx)?;
    let SynUpdate { index, group, skip_initial_scan, words } =
        SynUpdate::parse(&args[1..]).map_err(of_arguments)?;
    let declaration = index_of(ctx, &service, &index, || UNKNOWN)?;
    let declared = with_synonyms(&declaration, &group, words).map_err(refusal)?;
    replace(ctx, &service, declared, !skip_initial_scan, out)
}

fn dump_synonyms(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [name] = *exactly(args, "FT.SYNDUMP")?;
    let service = service(ctx)?;
    let declaration = index_of(ctx, &service, name, || UNKNOWN)?;
    out.map(declaration.synonyms.words().count());
    for (word, groups) in declaration.synonyms.words() {
        let groups: Vec<_> = groups.map(str::as_bytes).collect();
        out.bulk(word.as_bytes());
        out.array(groups.len());
        out.bulks(&groups);
    }
    Ok(())
}

fn add_words(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let service = service(ctx)?;
    let DictChange { dictionary, words } =
        DictChange::parse("FT.DICTADD", &args[1..]).map_err(of_arguments)?;
    let mut state = service.state();
    let dictionary = state.dictionaries.entry(dictionary.into()).or_default();
    let added = words.iter().filter(|word| dictionary.add(word)).count() as u64;
    ctx.journal.changed(added);
    out.integer(count(added));
    Ok(())
}

fn delete_words(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let service = service(ctx)?;
    let DictChange { dictionary: name, words } =
        DictChange::parse("FT.DICTDEL", &args[1..]).map_err(of_arguments)?;
    let mut state = service.state();
    let mut deleted = 0;
    if let Some(dictionary) = state.dictionaries.get_mut(&*name) {
        deleted = words.iter().filter(|word| dictionary.remove(word)).count() as u64;
    }
    ctx.journal.changed(deleted);
    out.integer(count(deleted));
    Ok(())
}

fn dump_words(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [name] = *exactly(args, "FT.DICTDUMP")?;
    let service = service(ctx)?;
    let state = service.state();
    let dictionary = state.dictionaries.get(name);
    let dictionary = dictionary.ok_or(CommandError::text("could not open dict key"))?;
    let words: Vec<_> = dictionary.words().map(str::as_bytes).collect();
    out.set(words.len());
    out.bulks(&words);
    Ok(())
}

fn values(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let TagVals { index, field } = TagVals::parse(&args[1..]).map_err(of_arguments)?;
    let service = service(ctx)?;
    let declaration = index_of(ctx, &service, &index, || UNKNOWN_INDEX)?;
    let place = declaration.place(&field).ok_or(CommandError::text("No such field"))?;
    if !matches!(declaration.schema.fields[place].kind, FieldKind::Tag { .. }) {
        return Err(CommandError::text("Not a tag field"));
    }
    if build::finish(ctx, &service, &declaration, out)? == Readiness::Later {
        return Ok(());
    }
    let mut values = BTreeSet::new();
    each_index(ctx, declaration.number, |part, _| {
        values.extend(part.index.tag_values(place, "").map(|(value, _)| value.to_owned()));
    });
    let values: Vec<_> = values.iter().map(String::as_bytes).collect();
    out.set(values.len());
    out.bulks(&values);
    Ok(())
}
