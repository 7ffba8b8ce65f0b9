//! What a soak counts.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;

/// Counts by name, and maxima by name.
#[derive(Default)]
pub(super) struct Figures {
    counts: Mutex<BTreeMap<&'static str, u64>>,
    maxima: Mutex<BTreeMap<&'static str, u64>>,
}

impl Figures {
    pub(super) fn add(&self, name: &'static str, count: u64) {
        *self.counts.lock().entry(name).or_default() += count;
    }

    pub(super) fn note(&self, name: &'static str, value: u64) {
        let mut maxima = self.maxima.lock();
        let most = maxima.entry(name).or_default();
        *most = value.max(*most);
    }

    pub(super) fn note_time(&self, name: &'static str, time: Duration) {
        self.note(name, u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    }

    pub(super) fn count(&self, name: &'static str) -> u64 {
        self.counts.lock().get(name).copied().unwrap_or(0)
    }

    pub(super) fn most(&self, name: &'static str) -> u64 {
        self.maxima.lock().get(name).copied().unwrap_or(0)
    }

    /// All commands that were answered.
    pub(super) fn commands(&self) -> u64 {
        self.counts.lock().iter().filter(|(name, _)| name.starts_with("commands: ")).map(|(_, n)| n).sum()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | number |\n|---|---|")?;
        self.counts.lock().iter().try_for_each(|(name, count)| writeln!(f, "| {name} | {count} |"))?;
        self.maxima.lock().iter().try_for_each(|(name, most)| writeln!(f, "| most: {name} | {most} |"))
    }
}
