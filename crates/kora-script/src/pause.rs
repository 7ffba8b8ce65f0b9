//! Scripts that take long stand aside, so that their worker can do other things.
//!
//! A script runs on a stack of its own. Lua's hook, which is called after every so many instructions, leaves that stack; it
//! is entered again when the worker goes on with the script.

use std::mem::ManuallyDrop;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use mlua::Value;
use scoped_tls::scoped_thread_local;

scoped_thread_local!(static YIELDER: Yielder<(), ()>);

/// What a script's stack has room for. The system gives memory only for what is used of it.
const STACK_BYTES: usize = 4 * 1024 * 1024;

/// What `protect` of a state returned.
pub(crate) type Returned = mlua::Result<(bool, Value)>;

/// What came of running for a while.
pub(crate) enum Progress {
    /// The script is at its end.
    Done(Returned),
    /// It stands aside.
    Paused,
}

type Standing = Coroutine<(), (), Returned>;

/// Where scripts run.
#[derive(Default)]
pub(crate) struct Stage {
    /// The stack of the script before, for the next.
    stack: Option<DefaultStack>,
    /// The script that stands aside. It is never dropped: Lua's frames are on its stack. If its worker ends, so does the
    /// process.
    standing: Option<ManuallyDrop<Standing>>,
}

impl Stage {
    /// Whether a script stands aside.
    pub(crate) fn is_taken(&self) -> bool {
        self.standing.is_some()
    }

    /// Runs a script.
    ///
    /// # Errors
    /// If the system has no memory for a stack.
    pub(crate) fn start(&mut self, body: impl FnOnce() -> Returned + 'static) -> std::io::Result<Progress> {
        let stack = match self.stack.take() {
            Some(stack) => stack,
            None => DefaultStack::new(STACK_BYTES)?,
        };
        let script = Coroutine::with_stack(stack, move |yielder, ()| YIELDER.set(yielder, body));
        Ok(self.enter(ManuallyDrop::new(script)))
    }

    /// Goes on with the script that stands aside.
    pub(crate) fn go_on(&mut self) -> Option<Progress> {
        self.standing.take().map(|script| self.enter(script))
    }

    fn enter(&mut self, mut script: ManuallyDrop<Standing>) -> Progress {
        match script.resume(()) {
            CoroutineResult::Yield(()) => {
                self.standing = Some(script);
                Progress::Paused
            }
            CoroutineResult::Return(returned) => {
                self.stack = Some(ManuallyDrop::into_inner(script).into_stack());
                Progress::Done(returned)
            }
        }
    }
}

/// Stands aside, if the script that runs can.
pub(crate) fn stand_aside() {
    if YIELDER.is_set() {
        YIELDER.with(|yielder| yielder.suspend(()));
    }
}
