//! Wall-clock time as the core knows it: a number handed in by whoever drives the shard.

/// Milliseconds since the Unix epoch.
///
/// Signed, because Redis lets a user set a deadline far in the past and reports it as such.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}
