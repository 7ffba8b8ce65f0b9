//! What the crash test does to its engines: it measures memory by their keys, frees what is thrown away itself, and breaks a rule
//! on purpose if it is told to.

use std::cell::Cell;

use kora_core::shard::executor::Executor;
use kora_core::shard::probe::Rule;

use crate::front::probe::{Probe, bytes_of_keys};
use crate::front::{Front, Workers};

thread_local! {
    static BROKEN: Cell<Option<Rule>> = const { Cell::new(None) };
}

/// Breaks a rule from now on in the crash tests of this thread, or none.
pub fn set_broken(rule: Option<Rule>) {
    BROKEN.set(rule);
}

/// See the module.
#[derive(Debug)]
pub(super) struct CrashProbe;

impl Probe for CrashProbe {
    const IS_ALONE: bool = true;

    fn breaks(rule: Rule) -> bool {
        BROKEN.get() == Some(rule)
    }

    fn bytes_staying<F: Front>(executor: &mut Executor<Workers<F>>) -> Option<u64> {
        Some(bytes_of_keys(executor))
    }
}
