//! What goes into snapshots: the commands that declare everything again ([`declared`]).

use std::sync::Arc;

use kora_core::catalog::declared::{self, push};

use super::State;
use crate::collection::{Collection, Declared, IndexKind, Profile};
use crate::key;
use crate::path::Path;

const LAST_NUMBER: &[u8] = b"LASTNUMBER";
const CREATE: &[u8] = b"CREATE";
const INDEX: &[u8] = b"CREATEINDEX";

/// All that is declared; nothing if nothing ever was.
pub(super) fn dump(state: &State) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    if state.last_number > 0 {
        push(&mut out, LAST_NUMBER, [state.last_number.to_string().as_bytes()]);
    }
    for collection in state.collections.values() {
        let created = collection.created.to_string();
        let number = collection.number.to_string();
        let profile = collection.profile.name();
        push(
            &mut out,
            CREATE,
            [&*collection.name, profile.as_bytes(), created.as_bytes(), number.as_bytes()],
        );
        for Declared { path, kind } in &collection.indexes {
            let arguments = kind.arguments();
            let head = [&*collection.name, path.text().as_bytes(), kind.name().as_bytes()];
            push(&mut out, INDEX, head.into_iter().chain(arguments.iter().map(String::as_bytes)));
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Takes up what [`dump`] made.
///
/// # Errors
/// If it is not that.
pub(super) fn restore(state: &mut State, bytes: &[u8]) -> Result<(), String> {
    declared::read(bytes, |name, arguments| {
        run(state, name, arguments).ok_or_else(|| "the declaration of a collection is none".to_owned())
    })
}

fn run(state: &mut State, command: &[u8], arguments: &[&[u8]]) -> Option<()> {
    match (command, arguments) {
        (LAST_NUMBER, [number]) => state.last_number = text(number)?.parse().ok()?,
        (CREATE, [name, profile, created, number]) => {
            let collection = Collection {
                number: text(number)?.parse().ok()?,
                name: (*name).into(),
                escaped: key::escaped(name).into(),
                created: text(created)?.parse().ok()?,
                profile: Profile::parse(profile)?,
                indexes: Vec::new(),
            };
            state.put(Arc::new(collection));
        }
        (INDEX, [name, path, kind, rest @ ..]) => {
            let mut collection = Collection::clone(state.collections.get(*name)?);
            let declared =
                Declared { path: Path::parse(path).ok()?, kind: IndexKind::parse(kind, rest).ok()? };
            collection.indexes.push(declared);
            state.put(Arc::new(collection));
        }
        _ => return None,
    }
    Some(())
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
