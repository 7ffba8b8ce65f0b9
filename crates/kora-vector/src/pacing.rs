//! How much of a long command runs at once: by a clock, if whoever assembles an engine offers one ([`Pacing::by_clock`] as a service), or else by steps.

use std::time::Instant;

use kora_core::context::Ctx;
use kora_core::context::errand::{Effort, Pace};

/// How much of a long command runs at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pacing {
    pace: Pace,
    clock: Option<fn() -> Instant>,
}

impl Pacing {
    /// By this clock.
    #[must_use]
    pub fn by_clock(clock: fn() -> Instant) -> Self {
        Self { clock: Some(clock), ..Self::default() }
    }

    /// By steps of about 100 ns.
    #[must_use]
    pub fn by_steps(pace: Pace) -> Self {
        Self { pace, clock: None }
    }

    /// That of the engine.
    pub(crate) fn of(ctx: &Ctx<'_>) -> Self {
        ctx.services.get::<Self>().copied().unwrap_or_default()
    }

    /// What a command does before it goes on aside.
    pub(crate) fn whole(self) -> Effort {
        self.pace.whole(self.clock)
    }

    /// A slice of it.
    pub(crate) fn slice(self) -> Effort {
        self.pace.slice(self.clock)
    }
}
