//! Sessions that clients may take up again, which spares both sides most of a handshake.
//!
//! They are kept for a time and up to a number; the oldest goes first. A session is taken up once: the client is given another one then.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use kora_locks::{RankedMutex, rank};
use kora_tls::rustls::server::StoresServerSessions;

#[derive(Default)]
struct Kept {
    by_name: HashMap<Vec<u8>, (Instant, Vec<u8>)>,
    /// Their names in the order in which they came. Some may have been taken up.
    order: VecDeque<(Instant, Vec<u8>)>,
}

/// See the module.
pub(super) struct Sessions {
    kept: RankedMutex<{ rank::TLS_SESSIONS }, Kept>,
    count_max: usize,
    /// None is kept for longer.
    time_max: Duration,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Their contents are secret.
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Sessions {
    /// Keeps at most `count_max`, each for `time_max` at most.
    pub(super) fn new(count_max: usize, time_max: Duration) -> Self {
        Self { kept: RankedMutex::new(Kept::default()), count_max, time_max }
    }
}

impl Kept {
    /// Forgets those that are too old, or one too many.
    fn forget(&mut self, now: Instant, count_max: usize, time_max: Duration) {
        while let Some((since, name)) = self.order.front() {
            if self.order.len() <= count_max && now.duration_since(*since) < time_max {
                break;
            }
            // One that came later may have the same name.
            if self.by_name.get(name).is_some_and(|(at, _)| at == since) {
                self.by_name.remove(name);
            }
            self.order.pop_front();
        }
    }
}

impl StoresServerSessions for Sessions {
    fn put(&self, name: Vec<u8>, value: Vec<u8>) -> bool {
        let now = Instant::now();
        let mut kept = self.kept.lock();
        kept.order.push_back((now, name.clone()));
        kept.by_name.insert(name, (now, value));
        kept.forget(now, self.count_max, self.time_max);
        true
    }

    fn get(&self, name: &[u8]) -> Option<Vec<u8>> {
        let mut kept = self.kept.lock();
        kept.forget(Instant::now(), self.count_max, self.time_max);
        kept.by_name.get(name).map(|(_, value)| value.clone())
    }

    fn take(&self, name: &[u8]) -> Option<Vec<u8>> {
        let mut kept = self.kept.lock();
        kept.forget(Instant::now(), self.count_max, self.time_max);
        kept.by_name.remove(name).map(|(_, value)| value)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first_and_one_is_taken_up_once() {
        let sessions = Sessions::new(2, Duration::from_secs(60));
        for name in [b"a", b"b", b"c"] {
            assert!(sessions.put(name.to_vec(), name.to_vec()));
        }
        assert_eq!(sessions.get(b"a"), None);
        assert_eq!(sessions.get(b"b"), Some(b"b".to_vec()));
        assert_eq!(sessions.take(b"b"), Some(b"b".to_vec()));
        assert_eq!(sessions.take(b"b"), None);
        assert_eq!(sessions.take(b"c"), Some(b"c".to_vec()));
    }

    #[test]
    fn none_is_kept_for_too_long() {
        let sessions = Sessions::new(2, Duration::ZERO);
        sessions.put(b"a".to_vec(), Vec::new());
        assert_eq!(sessions.get(b"a"), None);
        assert_eq!(sessions.kept.lock().order.len(), 0);
    }
}
