//! The deadlines of the keys that a companion cares for, in their order: what it has to look at again before it is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::time::UnixMs;

/// Which keys have something that lapses, and when.
#[derive(Debug, Default)]
pub struct Deadlines {
    in_order: BTreeSet<(UnixMs, Arc<[u8]>)>,
    by_key: BTreeMap<Arc<[u8]>, UnixMs>,
}

impl Deadlines {
    /// Notes when something of a key lapses next. Complexity: O(log n).
    pub fn set(&mut self, key: &[u8], at: Option<UnixMs>) {
        let known = if self.by_key.is_empty() { None } else { self.by_key.get(key).copied() };
        if known == at {
            return;
        }
        if let Some((key, known)) = known.and_then(|_| self.by_key.remove_entry(key)) {
            self.in_order.remove(&(known, key));
        }
        if let Some(at) = at {
            let key: Arc<[u8]> = key.into();
            self.by_key.insert(Arc::clone(&key), at);
            self.in_order.insert((at, key));
        }
    }

    /// Takes out the keys with something that is due. Complexity: O(log n) for each.
    pub fn take_due(&mut self, now: UnixMs) -> Vec<Arc<[u8]>> {
        let mut due = Vec::new();
        while let Some((at, _)) = self.in_order.first()
            && *at <= now
            && let Some((_, key)) = self.in_order.pop_first()
        {
            self.by_key.remove(&key);
            due.push(key);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_come_in_their_order_and_once() {
        let mut deadlines = Deadlines::default();
        for (key, at) in [("a", 30), ("b", 10), ("c", 20), ("d", 40)] {
            deadlines.set(key.as_bytes(), Some(UnixMs(at)));
        }
        deadlines.set(b"a", Some(UnixMs(5)));
        deadlines.set(b"c", None);
        deadlines.set(b"nobody", None);
        let due: Vec<_> = deadlines.take_due(UnixMs(30)).iter().map(|key| key.to_vec()).collect();
        assert_eq!(due, [b"a".to_vec(), b"b".to_vec()]);
        assert!(deadlines.take_due(UnixMs(39)).is_empty());
        assert_eq!(deadlines.take_due(UnixMs(40)).len(), 1, "a deadline is due when its time has come");
        assert!(deadlines.take_due(UnixMs(i64::MAX)).is_empty());
    }
}
