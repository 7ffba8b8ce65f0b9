//! How scripts and libraries become known: the thread's interpreter compiles what [`Scripts`] then keeps.

use std::sync::Arc;

use kora_core::error::{CommandError, CommandResult};

use crate::interpreter;
use crate::library::{Libraries, Library};
use crate::script::Sha;
use crate::service::Scripts;

/// What FUNCTION RESTORE does with libraries that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restoring {
    /// They stay; one of the same name is an error.
    Appends,
    /// Those of the same name make way.
    Replaces,
    /// All go.
    Flushes,
}

impl Restoring {
    pub(crate) fn parse(word: &[u8]) -> Option<Self> {
        match word.to_ascii_lowercase().as_slice() {
            b"append" => Some(Self::Appends),
            b"replace" => Some(Self::Replaces),
            b"flush" => Some(Self::Flushes),
            _ => None,
        }
    }
}

impl Scripts {
    /// SCRIPT LOAD: makes a script known after it was compiled.
    ///
    /// # Errors
    /// If its text is not well-formed.
    pub fn load(&self, body: &[u8]) -> Result<Sha, CommandError> {
        interpreter::with(self, |interpreter| interpreter.load(self, body))
    }

    /// FUNCTION LOAD; returns the library's name.
    ///
    /// # Errors
    /// If it is not well-formed, or there is one of its name and it does not replace that.
    pub fn load_library(&self, code: &[u8], replaces: bool) -> CommandResult<Box<[u8]>> {
        let library = self.read_library(code)?;
        let name = library.name.clone();
        self.change(|libraries| libraries.add(Arc::new(library), replaces))?;
        Ok(name)
    }

    fn read_library(&self, code: &[u8]) -> CommandResult<Library> {
        interpreter::with(self, |interpreter| {
            let (functions, run) = interpreter.functions(self)?;
            functions.load(run, code)
        })
    }

    /// FUNCTION RESTORE: all libraries of the payload, or none.
    pub(crate) fn restore_libraries(&self, payload: &[u8], policy: Restoring) -> CommandResult {
        let codes = crate::dump::restore(payload)?;
        let read: Vec<_> =
            codes.iter().map(|code| self.read_library(code).map(Arc::new)).collect::<CommandResult<_>>()?;
        self.change(|libraries| {
            if policy == Restoring::Flushes {
                *libraries = Libraries::default();
            }
            for library in &read {
                let name = kora_core::text::of(&library.name);
                if policy != Restoring::Replaces && libraries.has(&name) {
                    return Err(CommandError::Other(format!("ERR Library {name} already exists").into()));
                }
                libraries.add(Arc::clone(library), policy == Restoring::Replaces)?;
            }
            Ok(())
        })
    }
}
