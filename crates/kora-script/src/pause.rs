//! Scripts that take long stand aside, so that their worker can do other things.
//!
//! A script runs on a stack of its own. Lua's hook, which is called after every so many instructions, leaves that stack; it
//! is entered again when the worker goes on with the script.

use std::mem::ManuallyDrop;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use mlua::Value;
use scoped_tls::{ScopedKey, scoped_thread_local};

/// How the script of a seat leaves its stack. It stays set while the script stands aside, so each seat has its own.
type Exit = ScopedKey<Yielder<(), ()>>;

scoped_thread_local!(static EXIT_0: Yielder<(), ()>);
scoped_thread_local!(static EXIT_1: Yielder<(), ()>);
scoped_thread_local!(static EXIT_2: Yielder<(), ()>);
scoped_thread_local!(static EXIT_3: Yielder<(), ()>);
scoped_thread_local!(static EXIT_4: Yielder<(), ()>);
scoped_thread_local!(static EXIT_5: Yielder<(), ()>);
scoped_thread_local!(static EXIT_6: Yielder<(), ()>);
scoped_thread_local!(static EXIT_7: Yielder<(), ()>);

static EXITS: [&Exit; 8] = [&EXIT_0, &EXIT_1, &EXIT_2, &EXIT_3, &EXIT_4, &EXIT_5, &EXIT_6, &EXIT_7];

/// Most workers that share a thread.
pub(crate) const SEATS_MAX: usize = EXITS.len();

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
    /// Of the workers that share this thread, the one whose scripts these are.
    seat: usize,
}

impl Stage {
    /// Nothing runs on it so far.
    pub(crate) fn of_seat(seat: usize) -> Self {
        Self { seat, ..Self::default() }
    }

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
        let exit = EXITS[self.seat];
        let script = Coroutine::with_stack(stack, move |yielder, ()| exit.set(yielder, body));
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

/// Stands aside, if the script that runs in this seat can.
pub(crate) fn stand_aside(seat: usize) {
    let exit = EXITS[seat];
    if exit.is_set() {
        exit.with(|yielder| yielder.suspend(()));
    }
}
