//! How often a script that runs is looked at, and by which clock: whether it takes long, and whether somebody has asked for
//! its end.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Instructions of Lua between two looks, as in Redis.
const INSTRUCTIONS: u32 = 100_000;

/// See the module.
#[derive(Clone)]
pub struct Looks {
    /// Instructions of Lua between two looks.
    pub instructions: u32,
    /// Time since some moment that stays the same. It is asked for at each look.
    pub elapsed: Arc<dyn Fn() -> Duration + Send + Sync>,
}

impl Default for Looks {
    /// Seldom, and by the system's clock.
    fn default() -> Self {
        let begun = Instant::now();
        Self { instructions: INSTRUCTIONS, elapsed: Arc::new(move || begun.elapsed()) }
    }
}

impl fmt::Debug for Looks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Looks").field("instructions", &self.instructions).finish_non_exhaustive()
    }
}
