//! Which keys of a shard are used most, in little memory: a count-min sketch with conservative update, and the keys whose estimates are highest.
//!
//! Counts are worth half after each [`HALF_LIFE_MS`], so that what was used long ago makes room. What a row says of a key is too high by what others in
//! its cell were used; the mean of that, one in [`WIDTH`] of all that was counted, is taken off before a key is compared with those that are kept. A key
//! that is kept has counts of its own, which are exact; only what it was used before is an estimate.
//!
//! After Cormode and Muthukrishnan, "An improved data stream summary: the count-min sketch and its applications" (2005), and Estan and Varghese, "New
//! directions in traffic measurement and accounting" (2002), for conservative update.

use kora_core::db::DbIndex;
use kora_core::hash::{KeyHasher, hash_key, key_hasher};
use kora_core::time::UnixMs;

/// Cells of a row.
const WIDTH: usize = 1024;
/// Keys that are kept by name.
pub(super) const KEYS_MAX: usize = 64;
/// Keys longer than this are not kept.
pub(super) const KEY_BYTES_MAX: usize = 1024;
/// After so long counts are worth half.
pub(super) const HALF_LIFE_MS: i64 = 60_000;
/// A key takes another's place if it was used so many times as often: where all are used alike, names would change with every sample.
const ADVANTAGE: f64 = 2.0;
/// A key with less is not kept any more.
const TOTAL_MIN: f64 = 0.01;
/// Counts are brought up to date no more often than this.
const DECAY_STEP_MS: i64 = 1000;

/// A key that is kept by name, and how often it was used, decayed.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
    pub(super) db: DbIndex,
    pub(super) key: Box<[u8]>,
    pub(super) reads: f64,
    pub(super) writes: f64,
    /// What it may have been used before it was kept; it is part of neither.
    pub(super) before: f64,
}

impl Tracked {
    /// How often it was used, at most.
    pub(super) fn total(&self) -> f64 {
        self.reads + self.writes + self.before
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Sketch {
    hasher: KeyHasher,
    rows: [Box<[f64]>; 2],
    keys: Vec<Tracked>,
    /// Their hashes, by place: what a key is looked for in.
    hashes: Vec<u64>,
    /// What was counted in the rows.
    total: f64,
    /// No key that is kept has less, as far as is known.
    least: f64,
    as_of: UnixMs,
}

impl Default for Sketch {
    fn default() -> Self {
        let row = || vec![0.0; WIDTH].into_boxed_slice();
        Self {
            hasher: hasher(),
            rows: [row(), row()],
            keys: Vec::new(),
            hashes: Vec::new(),
            total: 0.0,
            least: 0.0,
            as_of: UnixMs(0),
        }
    }
}

impl Sketch {
    /// Counts uses of a key.
    pub(super) fn add(&mut self, (db, key): (DbIndex, &[u8]), is_write: bool, uses: f64, now: UnixMs) {
        self.decay(now);
        let hash = hash_of(&self.hasher, db, key);
        if let Some(place) = self.hashes.iter().position(|known| *known == hash) {
            let tracked = &mut self.keys[place];
            *(if is_write { &mut tracked.writes } else { &mut tracked.reads }) += uses;
            return;
        }
        let before = self.estimate(hash, uses);
        if self.keys.len() < KEYS_MAX || before + uses > self.least * ADVANTAGE {
            self.keep((hash, db, key), is_write, (uses, before));
        }
    }

    /// Counts what is not kept by name; returns the estimate of what was counted before.
    #[expect(clippy::cast_precision_loss, reason = "a row is short")]
    fn estimate(&mut self, hash: u64, uses: f64) -> f64 {
        let place = |part: u64| usize::try_from(part % WIDTH as u64).expect("rows are short");
        let places = [place(hash), place(hash >> 32)];
        let [first, second] = &mut self.rows;
        let cells = [&mut first[places[0]], &mut second[places[1]]];
        let before = cells[0].min(*cells[1]);
        for cell in cells {
            *cell = cell.max(before + uses);
        }
        let others = self.total / WIDTH as f64;
        self.total += uses;
        (before - others).max(0.0)
    }

    /// Keeps a key by name, in the place of the one that was used least if there are enough and that was used less.
    #[cold]
    fn keep(&mut self, (hash, db, key): (u64, DbIndex, &[u8]), is_write: bool, (uses, before): (f64, f64)) {
        if key.len() > KEY_BYTES_MAX {
            return;
        }
        let (reads, writes) = if is_write { (0.0, uses) } else { (uses, 0.0) };
        let tracked = Tracked { db, key: key.into(), reads, writes, before };
        if self.keys.len() < KEYS_MAX {
            self.keys.push(tracked);
            self.hashes.push(hash);
        } else {
            let totals = self.keys.iter().map(Tracked::total).enumerate();
            let least = totals.min_by(|(_, one), (_, other)| one.total_cmp(other));
            if let Some((place, _)) = least.filter(|(_, least)| *least * ADVANTAGE < before + uses) {
                self.keys[place] = tracked;
                self.hashes[place] = hash;
            }
        }
        let least = self.keys.iter().map(Tracked::total).min_by(f64::total_cmp);
        self.least = least.unwrap_or(0.0);
    }

    /// Takes off what time has taken off.
    fn decay(&mut self, now: UnixMs) {
        let passed = now.0.saturating_sub(self.as_of.0);
        if passed >= DECAY_STEP_MS {
            self.decay_by(passed);
            self.as_of = now;
        }
    }

    #[cold]
    #[expect(clippy::cast_precision_loss, reason = "a time in milliseconds")]
    fn decay_by(&mut self, passed_ms: i64) {
        let factor = (-(passed_ms as f64) / HALF_LIFE_MS as f64).exp2();
        self.rows.iter_mut().flatten().for_each(|cell| *cell *= factor);
        for tracked in &mut self.keys {
            tracked.reads *= factor;
            tracked.writes *= factor;
            tracked.before *= factor;
        }
        // What nobody has used for long is not worth its place.
        for place in (0..self.keys.len()).rev() {
            if self.keys[place].total() < TOTAL_MIN {
                self.keys.swap_remove(place);
                self.hashes.swap_remove(place);
            }
        }
        self.total *= factor;
        self.least *= factor;
    }

    /// The keys that are kept, as of `now`.
    pub(super) fn keys(&mut self, now: UnixMs) -> &[Tracked] {
        self.decay(now);
        &self.keys
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The hasher of all sketches.
pub(super) fn hasher() -> KeyHasher {
    key_hasher(WIDTH as u64)
}

/// A hash of a key in its database. Whoever chooses keys so that they collide makes estimates too high, and nothing else.
fn hash_of(hasher: &KeyHasher, db: DbIndex, key: &[u8]) -> u64 {
    hash_key(hasher, key).wrapping_add(u64::from(db.0).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DB: DbIndex = DbIndex(0);

    #[test]
    fn the_most_used_keys_are_found_among_many() {
        let mut sketch = Sketch::default();
        let (mut state, mut true_counts) = (7_u64, [0_u32; 8]);
        for step in 0..200_000_u32 {
            let random = kora_core::hash::splitmix64(&mut state);
            let number = if random.is_multiple_of(4) { random / 4 % 8 } else { 8 + random % 50_000 };
            if let Some(count) = true_counts.get_mut(usize::try_from(number).unwrap()) {
                *count += 1;
            }
            let key = format!("key:{number}");
            sketch.add((DB, key.as_bytes()), step % 2 == 0, 1.0, UnixMs(5000));
        }
        let mut keys = sketch.keys(UnixMs(5000)).to_vec();
        keys.sort_by(|one, other| other.total().total_cmp(&one.total()));
        let mut names: Vec<_> =
            keys[..8].iter().map(|tracked| String::from_utf8_lossy(&tracked.key).into_owned()).collect();
        names.sort();
        assert_eq!(names, (0..8).map(|number| format!("key:{number}")).collect::<Vec<_>>());
        for tracked in &keys[..8] {
            let number: usize = String::from_utf8_lossy(&tracked.key)[4..].parse().unwrap();
            let count = f64::from(true_counts[number]);
            let most = count + 200_000.0 * 2.0 / 1024.0;
            assert!((count * 0.95..=most).contains(&tracked.total()), "{count} {tracked:?}");
        }
    }

    #[test]
    fn counts_decay_and_keys_go() {
        let mut sketch = Sketch::default();
        sketch.add((DB, b"k"), false, 100.0, UnixMs(10_000));
        sketch.add((DB, b"k"), true, 40.0, UnixMs(10_500));
        let found = &sketch.keys(UnixMs(10_000 + HALF_LIFE_MS))[0];
        assert!((found.reads - 50.0).abs() < 1.0 && (found.writes - 20.0).abs() < 1.0, "{found:?}");
        sketch.add((DB, &[b'x'; KEY_BYTES_MAX + 1]), true, 1e9, UnixMs(10_000 + HALF_LIFE_MS));
        assert_eq!(sketch.keys(UnixMs(10_000 + HALF_LIFE_MS)).len(), 1);
        assert!(sketch.keys(UnixMs(10_000 + 40 * HALF_LIFE_MS)).is_empty());
    }
}
