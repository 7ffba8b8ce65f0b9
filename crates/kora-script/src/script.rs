//! Scripts by the digest of their text, and which of them are known.
//!
//! What SCRIPT LOAD loads stays until SCRIPT FLUSH. Of those that only EVAL has brought, the least recently used go when
//! there are too many: programs that put values into the text of their scripts would fill the memory otherwise.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kora_core::error::CommandError;
use sha1::{Digest as _, Sha1};

use crate::flags::{ScriptFlags, script_flags};

/// Scripts that EVAL has brought and that are kept at most, as in Redis.
const EVALUATED_MAX: usize = 500;

/// The SHA-1 digest of a script's text, by which clients name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sha([u8; 20]);

impl Sha {
    /// The digest of a text.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        Self(Sha1::digest(text).into())
    }

    /// Reads 40 hexadecimal digits of any case.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let digits: &[u8; 40] = text.try_into().ok()?;
        let mut sha = [0; 20];
        for (byte, pair) in sha.iter_mut().zip(digits.as_chunks::<2>().0) {
            let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
            *byte = u8::try_from(high? << 4 | low?).ok()?;
        }
        Some(Self(sha))
    }
}

impl std::fmt::Display for Sha {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A known script.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) sha: Sha,
    pub(crate) body: Box<[u8]>,
    pub(crate) flags: ScriptFlags,
    /// Bytes at the beginning of the text that are no Lua.
    pub(crate) code_at: usize,
    /// It has asked for stores that its keys did not name: it is given all from the start.
    pub(crate) wanders: AtomicBool,
    /// It is not known any more.
    pub(crate) is_gone: AtomicBool,
}

impl Script {
    pub(crate) fn new(body: &[u8]) -> Result<Self, CommandError> {
        let (flags, code_at) = script_flags(body)?;
        let (wanders, is_gone) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { sha: Sha::of(body), body: body.into(), flags, code_at, wanders, is_gone })
    }

    /// The Lua of it.
    pub(crate) fn code(&self) -> &[u8] {
        &self.body[self.code_at..]
    }
}

/// All known scripts.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    scripts: HashMap<Sha, Entry>,
    /// Counts uses of scripts that EVAL has brought.
    clock: u64,
    evaluated_count: usize,
    bytes: usize,
    pub(crate) evicted: u64,
}

#[derive(Debug)]
struct Entry {
    script: Arc<Script>,
    /// When it was used last, if only EVAL has brought it.
    used: Option<u64>,
}

impl Cache {
    pub(crate) fn get(&mut self, sha: &Sha) -> Option<Arc<Script>> {
        let entry = self.scripts.get_mut(sha)?;
        if let Some(used) = &mut entry.used {
            self.clock += 1;
            *used = self.clock;
        }
        Some(Arc::clone(&entry.script))
    }

    /// Makes a script known, for good if `is_loaded`.
    pub(crate) fn add(&mut self, script: Arc<Script>, is_loaded: bool) {
        self.clock += 1;
        let used = (!is_loaded).then_some(self.clock);
        match self.scripts.get_mut(&script.sha) {
            Some(entry) => {
                if is_loaded && entry.used.take().is_some() {
                    self.evaluated_count -= 1;
                }
            }
            None => {
                self.bytes += script.body.len();
                self.evaluated_count += usize::from(!is_loaded);
                self.scripts.insert(script.sha, Entry { script, used });
            }
        }
        if self.evaluated_count > EVALUATED_MAX {
            self.evict();
        }
    }

    fn evict(&mut self) {
        let used = |entry: &Entry| entry.used.map(|used| (used, entry.script.sha));
        if let Some((_, sha)) = self.scripts.values().filter_map(used).min_by_key(|(used, _)| *used)
            && let Some(entry) = self.scripts.remove(&sha)
        {
            entry.script.is_gone.store(true, Ordering::Relaxed);
            self.bytes -= entry.script.body.len();
            self.evaluated_count -= 1;
            self.evicted += 1;
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        for entry in self.scripts.values() {
            entry.script.is_gone.store(true, Ordering::Relaxed);
        }
        *self = Self { evicted: self.evicted, ..Self::default() };
    }

    pub(crate) fn len(&self) -> usize {
        self.scripts.len()
    }

    /// Bytes of the texts.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_and_written() {
        let sha = Sha::of(b"return 1");
        assert_eq!(sha.to_string(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
        assert_eq!(Sha::parse(b"E0E1F9FABFC9D4800c877a703b823ac0578ff8db"), Some(sha));
        assert_eq!(Sha::parse(b"e0e1"), None);
        assert_eq!(Sha::parse(&[b'g'; 40]), None);
    }

    #[test]
    fn evaluated_scripts_make_way_and_loaded_ones_stay() {
        let mut cache = Cache::default();
        let script = |number: usize| Arc::new(Script::new(number.to_string().as_bytes()).unwrap());
        cache.add(script(0), false);
        cache.add(script(0), true);
        for number in 1..=EVALUATED_MAX {
            cache.add(script(number), false);
        }
        assert_eq!((cache.len(), cache.evicted), (EVALUATED_MAX + 1, 0));
        let first = cache.get(&Sha::of(b"1")).unwrap();
        cache.add(script(EVALUATED_MAX + 1), false);
        assert_eq!((cache.len(), cache.evicted), (EVALUATED_MAX + 1, 1));
        assert!(cache.get(&Sha::of(b"0")).is_some());
        assert!(cache.get(&Sha::of(b"2")).is_none(), "the least recently used");
        assert!(!first.is_gone.load(Ordering::Relaxed));
        cache.clear();
        assert!(first.is_gone.load(Ordering::Relaxed));
        assert_eq!((cache.len(), cache.bytes()), (0, 0));
    }
}
