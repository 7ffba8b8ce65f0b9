//! For how long the memory limit was exceeded.

use std::sync::atomic::{AtomicU64, Ordering};

use super::ledger::clock_us;

/// See the module.
#[derive(Debug, Default)]
pub struct Exceeded {
    /// Microseconds from the first call to the moment it was exceeded; 0 if it is not.
    since_us: AtomicU64,
    total_us: AtomicU64,
}

impl Exceeded {
    /// Notes whether it is exceeded now.
    pub fn note(&self, is_exceeded: bool) {
        if is_exceeded {
            let _ = self.since_us.compare_exchange(0, clock_us(), Ordering::Relaxed, Ordering::Relaxed);
        } else if self.since_us.load(Ordering::Relaxed) != 0 {
            let since = self.since_us.swap(0, Ordering::Relaxed);
            if since != 0 {
                self.total_us.fetch_add(clock_us().saturating_sub(since), Ordering::Relaxed);
            }
        }
    }

    /// Milliseconds in all, and those of the time that lasts.
    pub fn milliseconds(&self) -> (u64, u64) {
        let since = self.since_us.load(Ordering::Relaxed);
        let present = if since == 0 { 0 } else { clock_us().saturating_sub(since) };
        ((self.total_us.load(Ordering::Relaxed) + present) / 1000, present / 1000)
    }

    /// Begins anew, as CONFIG RESETSTAT does.
    pub fn reset(&self) {
        self.since_us.store(0, Ordering::Relaxed);
        self.total_us.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_over_the_limit_adds_up() {
        let exceeded = Exceeded::default();
        exceeded.note(true);
        std::thread::sleep(std::time::Duration::from_millis(3));
        assert!(exceeded.milliseconds().1 >= 3);
        exceeded.note(false);
        let (total, present) = exceeded.milliseconds();
        assert!(total >= 3 && present == 0);
        exceeded.reset();
        assert_eq!(exceeded.milliseconds(), (0, 0));
    }
}
