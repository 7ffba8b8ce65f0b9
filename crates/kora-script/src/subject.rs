//! What a run is of: a script or a function that a worker has compiled.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::bodies::Body;
use crate::busy::Running;
use crate::flags::ScriptFlags;
use crate::library::{FunctionFacts, Library};
use crate::script::Script;

/// What is run.
#[derive(Clone)]
pub(crate) enum Subject {
    /// A script.
    Script(Rc<Compiled>),
    /// A function.
    Function(Callable),
}

impl Subject {
    pub(crate) fn kind(&self) -> Running {
        match self {
            Self::Script(_) => Running::Script,
            Self::Function(_) => Running::Function,
        }
    }

    /// The digest of a script, the name of a function.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Script(compiled) => compiled.script.sha.to_string(),
            Self::Function(callable) => kora_core::text::of(&callable.facts().name).into_owned(),
        }
    }

    /// The text of a script, the name of a function.
    pub(crate) fn text(&self) -> &[u8] {
        match self {
            Self::Script(compiled) => &compiled.script.body,
            Self::Function(callable) => &callable.facts().name,
        }
    }

    pub(crate) fn flags(&self) -> ScriptFlags {
        match self {
            Self::Script(compiled) => compiled.script.flags,
            Self::Function(callable) => callable.facts().flags,
        }
    }

    /// Whether it has asked for stores that its keys did not name.
    pub(crate) fn wanders(&self) -> &AtomicBool {
        match self {
            Self::Script(compiled) => &compiled.script.wanders,
            Self::Function(callable) => &callable.facts().wanders,
        }
    }
}

/// A script that was compiled here.
pub(crate) struct Compiled {
    pub(crate) script: Arc<Script>,
    pub(crate) body: Body,
    /// When it ran last, by the interpreter's clock.
    pub(crate) used: Cell<u64>,
}

/// A function ready to run.
#[derive(Clone)]
pub(crate) struct Callable {
    pub(crate) body: Rc<Body>,
    pub(crate) library: Arc<Library>,
    /// Its place in the library.
    pub(crate) place: usize,
}

impl Callable {
    pub(crate) fn facts(&self) -> &FunctionFacts {
        &self.library.functions[self.place]
    }
}
