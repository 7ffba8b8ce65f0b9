//! A worker that goes on with slices of long commands never sleeps, and a system that changes threads by its ticks lets it run for milliseconds on
//! end: clients on the same machine, which have had their replies long ago, wait for its processor. So it gives its processor away once in a while. That costs
//! it nothing where nobody else wants to run, and little of its share where somebody does, since it has nearly used up its turn by then.

use std::time::{Duration, Instant};

use super::Worker;

/// Time between two such moments. Given away with every slice, most of its share would go to whoever else is busy.
const PERIOD: Duration = Duration::from_millis(1);

impl Worker {
    /// Gives the processor away if the worker is about to go on with slices, and has not done so for some time.
    #[inline]
    pub(super) fn give_way(&mut self, sleep: Duration) {
        if sleep.is_zero() && self.turn.executor().awaits_slices() && self.gave_way.elapsed() >= PERIOD {
            std::thread::yield_now();
            self.gave_way = Instant::now();
        }
    }
}
