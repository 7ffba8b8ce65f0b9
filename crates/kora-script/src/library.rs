//! Libraries of functions: their names, and which are known.
//!
//! Source: Redis documentation, "Redis functions".

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use kora_core::error::CommandError;

use crate::flags::{ScriptFlags, Shebang};

/// A library and the functions it registered.
#[derive(Debug)]
pub(crate) struct Library {
    pub(crate) name: Box<[u8]>,
    /// Its text, shebang included.
    pub(crate) code: Box<[u8]>,
    pub(crate) functions: Vec<FunctionFacts>,
}

/// What is known of a function.
#[derive(Debug)]
pub(crate) struct FunctionFacts {
    pub(crate) name: Box<[u8]>,
    pub(crate) description: Option<Box<[u8]>>,
    pub(crate) flags: ScriptFlags,
    /// It has asked for stores that its keys did not name: it is given all from the start.
    pub(crate) wanders: AtomicBool,
}

/// All libraries at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Libraries {
    by_name: BTreeMap<Box<[u8]>, Arc<Library>>,
    /// By the function's name in lower case.
    by_function: HashMap<Box<[u8]>, Arc<Library>>,
}

impl Libraries {
    /// All libraries, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Library>> {
        self.by_name.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(crate) fn function_count(&self) -> usize {
        self.by_function.len()
    }

    pub(crate) fn has(&self, library: &str) -> bool {
        self.by_name.contains_key(library.as_bytes())
    }

    /// The library that has a function, whose name is given in lower case.
    pub(crate) fn of_function(&self, name: &[u8]) -> Option<&Arc<Library>> {
        self.by_function.get(name)
    }

    /// Whether this very library is known.
    pub(crate) fn holds(&self, library: &Arc<Library>) -> bool {
        self.by_name.get(&library.name).is_some_and(|known| Arc::ptr_eq(known, library))
    }

    /// Adds a library, in place of the one of its name if `replaces`.
    ///
    /// # Errors
    /// If a library or a function of that name exists already; nothing has been changed then.
    pub(crate) fn add(&mut self, library: Arc<Library>, replaces: bool) -> Result<(), CommandError> {
        if !replaces && self.by_name.contains_key(&library.name) {
            let name = kora_core::text::of(&library.name);
            return Err(CommandError::Other(format!("ERR Library '{name}' already exists").into()));
        }
        let of_others =
            |name: &[u8]| self.by_function.get(name).is_some_and(|other| other.name != library.name);
        if let Some(taken) =
            library.functions.iter().find(|facts| of_others(&facts.name.to_ascii_lowercase()))
        {
            let name = kora_core::text::of(&taken.name);
            return Err(CommandError::Other(format!("ERR Function {name} already exists").into()));
        }
        self.remove(&library.name);
        for facts in &library.functions {
            self.by_function.insert(facts.name.to_ascii_lowercase().into(), Arc::clone(&library));
        }
        self.by_name.insert(library.name.clone(), library);
        Ok(())
    }

    /// Removes a library; `false` if there is none.
    pub(crate) fn remove(&mut self, name: &[u8]) -> bool {
        let Some(library) = self.by_name.remove(name) else { return false };
        for facts in &library.functions {
            self.by_function.remove(&*facts.name.to_ascii_lowercase());
        }
        true
    }
}

/// Whether a library or a function may have this name.
pub(crate) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// What is said of a name that may not be.
pub(crate) const BAD_NAME: &str = "ERR Library names can only contain letters, numbers, or underscores(_) and must be at \
                                   least one character long";

/// The name that a library's text gives it, and where its Lua begins.
///
/// # Errors
/// As Redis words them.
pub(crate) fn metadata(code: &[u8]) -> Result<(Box<[u8]>, usize), CommandError> {
    let shebang = Shebang::read(code).map_err(|_| CommandError::text("ERR Invalid library metadata"))?;
    let shebang = shebang.ok_or(CommandError::text("ERR Missing library metadata"))?;
    let mut name = None;
    for word in &shebang.words {
        let Some((_, value)) = word.split_at_checked(5).filter(|(key, _)| key.eq_ignore_ascii_case(b"name="))
        else {
            let word = kora_core::text::of(word);
            return Err(CommandError::Other(format!("ERR Invalid metadata value given: {word}").into()));
        };
        if name.replace(value).is_some() {
            return Err(CommandError::text(
                "ERR Invalid metadata value, name argument was given multiple times",
            ));
        }
    }
    let name = name.ok_or(CommandError::text("ERR Library name was not given"))?;
    if !is_name(name) {
        return Err(CommandError::text(BAD_NAME));
    }
    if !shebang.is_lua() {
        let engine = kora_core::text::of(shebang.engine());
        return Err(CommandError::Other(format!("ERR Engine '{engine}' not found").into()));
    }
    Ok((name.into(), shebang.len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(name: &str, functions: &[&str]) -> Arc<Library> {
        let facts = |name: &&str| FunctionFacts {
            name: name.as_bytes().into(),
            description: None,
            flags: ScriptFlags::default(),
            wanders: AtomicBool::new(false),
        };
        Arc::new(Library {
            name: name.as_bytes().into(),
            code: Box::default(),
            functions: functions.iter().map(facts).collect(),
        })
    }

    #[test]
    fn names_are_unique() {
        let mut libraries = Libraries::default();
        libraries.add(library("one", &["a", "B"]), false).unwrap();
        let error = |result: Result<(), CommandError>| result.unwrap_err().to_string();
        assert_eq!(error(libraries.add(library("one", &["c"]), false)), "ERR Library 'one' already exists");
        assert_eq!(error(libraries.add(library("two", &["c", "b"]), true)), "ERR Function b already exists");
        assert_eq!((libraries.len(), libraries.function_count()), (1, 2));
        libraries.add(library("one", &["c", "b"]), true).unwrap();
        assert!(libraries.of_function(b"a").is_none());
        assert!(libraries.of_function(b"b").is_some());
        assert!(libraries.remove(b"one"));
        assert!(!libraries.remove(b"one"));
        assert_eq!(libraries.function_count(), 0);
    }

    #[test]
    fn metadata_is_read() {
        let named = |name: &[u8], len| Ok((name.into(), len));
        assert_eq!(metadata(b"#!lua name=x_1\ncode"), named(b"x_1", 14));
        assert_eq!(metadata(b"#!LUA NAME=x_1\r\ncode"), named(b"x_1", 15));
        assert_eq!(metadata(b"#!Lua \"name=x\"\n"), named(b"x", 14));
        assert_eq!(metadata(b"#!lua name='x'\n"), named(b"x", 14));
        let error = |code: &[u8]| metadata(code).unwrap_err().to_string();
        assert_eq!(error(b"return 1"), "ERR Missing library metadata");
        assert_eq!(error(b"#!lua name=x"), "ERR Invalid library metadata");
        assert_eq!(error(b"#!lua name=\"x\n"), "ERR Invalid library metadata");
        assert_eq!(error(b"#!js\n"), "ERR Library name was not given");
        assert_eq!(error(b"#! lua name=x\n"), "ERR Invalid metadata value given: lua");
        assert_eq!(error(b"#!js name=x\n"), "ERR Engine 'js' not found");
        assert_eq!(error(b"#!lua\n"), "ERR Library name was not given");
        assert_eq!(error(b"#!lua x=1\n"), "ERR Invalid metadata value given: x=1");
        assert_eq!(error(b"#!lua name=a-b\n"), BAD_NAME);
    }
}
