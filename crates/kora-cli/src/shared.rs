//! Settings and knowledge that the shell, its session and the line editor share.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, RwLock};

use crate::catalog::Catalog;
use crate::preferences::Preferences;

/// Keys that are remembered.
const KEYS_MAX: usize = 1000;

/// Longest key that is remembered, in bytes.
const KEY_BYTES_MAX: usize = 200;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// The server's commands.
    pub(crate) catalog: RwLock<Catalog>,
    /// What the person prefers.
    pub(crate) preferences: Preferences,
    /// Keys typed or seen in replies.
    pub(crate) keys: KeysSeen,
}

/// Keys to complete from, those seen last first.
#[derive(Debug, Default)]
pub(crate) struct KeysSeen(Mutex<VecDeque<String>>);

impl KeysSeen {
    /// Remembers `key`, unless it is no text or too long.
    pub(crate) fn add(&self, key: &[u8]) {
        let Ok(key) = std::str::from_utf8(key) else { return };
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return;
        }
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = keys.iter().position(|known| known == key) {
            keys.remove(at);
        }
        keys.push_front(key.to_owned());
        keys.truncate(KEYS_MAX);
    }

    /// The keys that `prefix` begins.
    pub(crate) fn starting_with(&self, prefix: &str) -> Vec<String> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    /// Forgets all: another server has other keys.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{KEYS_MAX, KeysSeen};

    #[test]
    fn keys_seen_last_come_first_and_only_once() {
        let keys = KeysSeen::default();
        for key in [&b"a:1"[..], b"a:2", b"b", b"a:1", b"", b"\xff"] {
            keys.add(key);
        }
        assert_eq!(keys.starting_with("a"), ["a:1", "a:2"]);
        (0..KEYS_MAX).for_each(|number| keys.add(format!("c:{number}").as_bytes()));
        assert_eq!(keys.starting_with("").len(), KEYS_MAX);
        assert!(keys.starting_with("a").is_empty());
    }
}
