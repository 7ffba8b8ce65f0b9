//! What goes into snapshots: the commands that declare everything again ([`declared`]).

use std::sync::Arc;

use kora_core::catalog::declared::{self, push};

use super::State;
use super::declaration::{Arguments, Declaration};
use crate::command::create::{Alter, Create};
use crate::words::Synonyms;

pub(super) const CREATE: &[u8] = b"CREATE";
const ALTER: &[u8] = b"ALTER";
pub(super) const SYNONYMS: &[u8] = b"SYNUPDATE";
pub(super) const ALIAS: &[u8] = b"ALIASADD";
pub(super) const WORDS: &[u8] = b"DICTADD";

/// All that is declared; nothing if there is none.
pub(super) fn dump(state: &State) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for index in state.indexes.values() {
        for (place, arguments) in index.arguments.iter().enumerate() {
            let name = if place == 0 { CREATE } else { ALTER };
            push(&mut out, name, arguments.iter().map(|argument| &**argument));
        }
        for (word, groups) in index.synonyms.words() {
            for group in groups {
                push(&mut out, SYNONYMS, [&*index.name, group.as_bytes(), word.as_bytes()]);
            }
        }
    }
    for (alias, index) in &state.aliases {
        push(&mut out, ALIAS, [&**alias, &**index]);
    }
    for (name, dictionary) in &state.dictionaries {
        push(&mut out, WORDS, std::iter::once(&**name).chain(dictionary.words().map(str::as_bytes)));
    }
    (!out.is_empty()).then_some(out)
}

/// Takes up what [`dump`] made.
///
/// # Errors
/// If it is not that.
pub(super) fn restore(state: &mut State, bytes: &[u8]) -> Result<(), String> {
    declared::read(bytes, |name, arguments| {
        run(state, name, arguments).map_err(|error| format!("the declaration of an index: {error}"))
    })
}

/// Declares what a command of a snapshot does.
///
/// # Errors
/// If it is no such command, or not well-formed.
pub(super) fn run(state: &mut State, name: &[u8], arguments: &[&[u8]]) -> Result<(), String> {
    let own = || -> Arguments { arguments.iter().map(|argument| Box::from(*argument)).collect() };
    match name {
        CREATE => {
            let Create { index, schema } = Create::parse(arguments).map_err(|error| error.to_string())?;
            let number = state.next_number();
            let declared = Declaration::new(number, &index, schema, Synonyms::default(), vec![own()])?;
            state.indexes.insert(index.into(), Arc::new(declared));
        }
        ALTER => {
            let alter = Alter::parse(arguments).map_err(|error| error.to_string())?;
            let index = state.indexes.get(&*alter.index).ok_or("an index that is not there")?;
            let declared = altered(index, &alter, own())?;
            state.indexes.insert(declared.name.clone(), Arc::new(declared));
        }
        SYNONYMS => {
            let [index, group, word] = arguments else { return Err("a synonym".to_owned()) };
            let index = state.indexes.get(*index).ok_or("an index that is not there")?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let declared = with_synonyms(index, &text(group), [text(word)])?;
            state.indexes.insert(declared.name.clone(), Arc::new(declared));
        }
        ALIAS => {
            let [alias, index] = arguments else { return Err("an alias".to_owned()) };
            state.aliases.insert((*alias).into(), (*index).into());
        }
        WORDS => {
            let [dictionary, words @ ..] = arguments else { return Err("a dictionary".to_owned()) };
            let dictionary = state.dictionaries.entry((*dictionary).into()).or_default();
            for word in words {
                dictionary.add(&String::from_utf8_lossy(word));
            }
        }
        _ => return Err("of another version".to_owned()),
    }
    Ok(())
}

/// The index with the fields that FT.ALTER adds, whose arguments are also given as they were sent.
///
/// # Errors
/// If they are not well-formed, or there already.
pub(crate) fn altered(
    index: &Declaration,
    alter: &Alter,
    arguments: Arguments,
) -> Result<Declaration, String> {
    let mut schema = index.schema.clone();
    schema.fields.extend(alter.fields(&index.schema).map_err(|error| error.to_string())?);
    let all = index.arguments.iter().cloned().chain([arguments]).collect();
    Ok(Declaration::new(index.number, &index.name, schema, index.synonyms.clone(), all)?.instead_of(index))
}

/// The index with more words in a group of synonyms.
///
/// # Errors
/// None that its declaration did not have.
pub(crate) fn with_synonyms(
    index: &Declaration,
    group: &str,
    words: impl IntoIterator<Item = String>,
) -> Result<Declaration, String> {
    let mut synonyms = index.synonyms.clone();
    synonyms.update(group, words);
    let (schema, arguments) = (index.schema.clone(), index.arguments.clone());
    Ok(Declaration::new(index.number, &index.name, schema, synonyms, arguments)?.instead_of(index))
}
