//! Commands that were slow, or whose request or reply was large: the last ones of each kind.
//!
//! An entry holds a command's first arguments, cut short, and nothing that is secret. The lock is taken by whoever has something to add or asks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use kora_core::command::spec::Facts;
use kora_locks::{RankedMutex, rank};

use super::ObserveSettings;

/// Arguments kept of a command; where there are more, the last place tells how many.
const ARGUMENTS_MAX: usize = 32;
/// Bytes kept of an argument.
const ARGUMENT_BYTES_MAX: usize = 128;
/// Stands for an argument that is not to be seen.
pub(crate) const REDACTED: &[u8] = b"(redacted)";

/// Why a command is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It took long: microseconds.
    Slow,
    /// Its request was large: bytes.
    LargeRequest,
    /// Its reply was large: bytes.
    LargeReply,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Slow, Self::LargeRequest, Self::LargeReply];

    /// Its name in COMMANDLOG.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::LargeRequest => "large-request",
            Self::LargeReply => "large-reply",
        }
    }
}

/// A command that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number: each kind counts for itself, from 0.
    pub id: u64,
    /// When it ran, in seconds since the Unix epoch.
    pub at_seconds: i64,
    /// Microseconds or bytes.
    pub value: u64,
    /// Its first arguments, cut short.
    pub args: Vec<Vec<u8>>,
    /// The address of its client; empty if a script called it.
    pub address: Vec<u8>,
    /// The name of its client.
    pub name: Vec<u8>,
}

/// A command that is to be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept<'a> {
    pub(crate) facts: &'static Facts,
    pub(crate) args: &'a [&'a [u8]],
    pub(crate) at_seconds: i64,
    pub(crate) value: u64,
}

/// The entries of one kind.
#[derive(Debug, Default)]
struct Entries {
    /// The newest first.
    kept: VecDeque<Arc<Entry>>,
    next_id: u64,
}

/// What is kept of one kind.
#[derive(Debug)]
struct Log {
    /// From which value on; negative: nothing.
    least: AtomicI64,
    kept_max: AtomicU64,
    entries: RankedMutex<{ rank::COMMAND_LOGS }, Entries>,
}

/// See the module.
#[derive(Debug)]
pub struct CommandLog([Log; 3]);

impl Default for CommandLog {
    fn default() -> Self {
        let log = || Log {
            least: AtomicI64::new(-1),
            kept_max: AtomicU64::new(0),
            entries: RankedMutex::default(),
        };
        Self([log(), log(), log()])
    }
}

impl CommandLog {
    pub(super) fn configure(&self, settings: &ObserveSettings) {
        let least = [settings.slow_us, settings.request_bytes, settings.reply_bytes];
        let kept_max = [settings.slow_kept_max, settings.requests_kept_max, settings.replies_kept_max];
        for ((log, least), kept_max) in self.0.iter().zip(least).zip(kept_max) {
            log.least.store(least, Ordering::Relaxed);
            log.kept_max.store(u64::try_from(kept_max).unwrap_or(0), Ordering::Relaxed);
        }
    }

    fn of(&self, kind: Kind) -> &Log {
        &self.0[kind as usize]
    }

    /// Whether a command of this value is to be kept.
    pub(crate) fn takes(&self, kind: Kind, value: u64) -> bool {
        u64::try_from(self.of(kind).least.load(Ordering::Relaxed)).is_ok_and(|least| value >= least)
    }

    /// Keeps a command of this client.
    pub(crate) fn push(&self, kind: Kind, kept: &Kept<'_>, (address, name): (Vec<u8>, Vec<u8>)) {
        let Kept { facts, args, at_seconds, value } = *kept;
        let args = shortened(facts, args);
        let log = self.of(kind);
        let kept_max = usize::try_from(log.kept_max.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        let mut entries = log.entries.lock();
        let id = entries.next_id;
        entries.next_id += 1;
        entries.kept.push_front(Arc::new(Entry { id, at_seconds, value, args, address, name }));
        entries.kept.truncate(kept_max);
    }

    /// The newest `count` entries, the newest first. Complexity: O(count).
    #[must_use]
    pub fn newest(&self, kind: Kind, count: usize) -> Vec<Arc<Entry>> {
        self.of(kind).entries.lock().kept.iter().take(count).cloned().collect()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self, kind: Kind) -> usize {
        self.of(kind).entries.lock().kept.len()
    }

    /// Forgets all entries. The numbers go on.
    pub fn reset(&self, kind: Kind) {
        let forgotten = std::mem::take(&mut self.of(kind).entries.lock().kept);
        drop(forgotten);
    }
}

/// What may be seen of an argument.
pub(crate) fn shown<'a>(facts: &Facts, args: &[&'a [u8]], index: usize) -> &'a [u8] {
    match facts.secrets {
        Some(is_secret) if is_secret(args, index) => REDACTED,
        _ => args[index],
    }
}

/// What is kept of a command's arguments.
fn shortened(facts: &Facts, args: &[&[u8]]) -> Vec<Vec<u8>> {
    let count = args.len().min(ARGUMENTS_MAX);
    let argument = |index: usize| {
        if index == ARGUMENTS_MAX - 1 && args.len() > ARGUMENTS_MAX {
            let more = args.len() - ARGUMENTS_MAX + 1;
            return format!("... ({more} more arguments)").into_bytes();
        }
        let whole = shown(facts, args, index);
        match whole.get(..ARGUMENT_BYTES_MAX).filter(|begin| begin.len() < whole.len()) {
            Some(begin) => {
                let more = whole.len() - begin.len();
                [begin, format!("... ({more} more bytes)").as_bytes()].concat()
            }
            None => whole.to_vec(),
        }
    };
    (0..count).map(argument).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts = Facts { secrets: Some(|_, index| index == 2), ..Facts::NONE };

    fn keep(log: &CommandLog, args: &[&[u8]], value: u64) {
        let kept = Kept { facts: const { &FACTS }, args, at_seconds: 7, value };
        log.push(Kind::Slow, &kept, (b"a:1".to_vec(), b"me".to_vec()));
    }

    #[test]
    fn the_newest_are_kept() {
        let log = CommandLog::default();
        assert!(!log.takes(Kind::Slow, u64::MAX));
        log.configure(&ObserveSettings { slow_us: 10, slow_kept_max: 2, ..ObserveSettings::default() });
        assert!(log.takes(Kind::Slow, 10) && !log.takes(Kind::Slow, 9));
        (0..3).for_each(|value| keep(&log, &[b"GET", b"k"], value));
        let ids: Vec<_> = log.newest(Kind::Slow, 9).iter().map(|entry| (entry.id, entry.value)).collect();
        assert_eq!(ids, [(2, 2), (1, 1)]);
        log.reset(Kind::Slow);
        assert_eq!(log.len(Kind::Slow), 0);
        keep(&log, &[b"GET"], 5);
        assert_eq!(log.newest(Kind::Slow, 1)[0].id, 3);
    }

    #[test]
    fn arguments_are_cut_and_secrets_hidden() {
        let log = CommandLog::default();
        log.configure(&ObserveSettings::default());
        let long = [b'x'; 130];
        keep(&log, &[b"AUTH", &long, b"secret"], 1);
        let entry = &log.newest(Kind::Slow, 1)[0];
        assert_eq!(entry.args[1], [&long[..128], b"... (2 more bytes)"].concat());
        assert_eq!(entry.args[2], REDACTED);
        keep(&log, &[&b"x"[..]; 32], 1);
        assert_eq!(log.newest(Kind::Slow, 1)[0].args.len(), 32);
        keep(&log, &[&b"x"[..]; 40], 1);
        assert_eq!(log.newest(Kind::Slow, 1)[0].args[31], b"... (9 more arguments)");
    }
}
