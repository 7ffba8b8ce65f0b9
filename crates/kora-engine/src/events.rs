//! `notify-keyspace-events`: which events of keys are published, and as what.

use kora_core::journal::{EventClass, KeyEvent};
use smallvec::SmallVec;

/// `K`: to `__keyspace@DB__:KEY`.
const KEYSPACE: u32 = 1 << 0;
/// `E`: to `__keyevent@DB__:EVENT`.
const KEYEVENT: u32 = 1 << 1;
/// `d`: events of modules, of which there are none.
const MODULE: u32 = 1 << 13;

/// Classes that `A` stands for, in the order in which they are shown.
const ALL: [(u8, u32); 10] = [
    (b'g', EventClass::GENERIC.0),
    (b'$', EventClass::STRING.0),
    (b'l', EventClass::LIST.0),
    (b's', EventClass::SET.0),
    (b'h', EventClass::HASH.0),
    (b'z', EventClass::ZSET.0),
    (b'x', EventClass::EXPIRED.0),
    (b'e', EventClass::EVICTED.0),
    (b't', EventClass::STREAM.0),
    (b'd', MODULE),
];

/// `n`: not among those of `A`, and yet hidden by it.
const NEW: (u8, u32) = (b'n', EventClass::NEW.0);

/// Flags that `A` does not include, in the order in which they are shown.
const OTHERS: [(u8, u32); 3] = [(b'K', KEYSPACE), (b'E', KEYEVENT), (b'm', EventClass::KEY_MISS.0)];

/// The flags of `notify-keyspace-events`: classes as bits of [`EventClass`], and where they are published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventFlags(pub u32);

impl EventFlags {
    /// All classes that `A` stands for.
    fn all() -> u32 {
        ALL.iter().fold(0, |all, (_, bit)| all | bit)
    }

    /// Reads flags such as `KEA`; `None` if a letter is none.
    #[must_use]
    pub fn parse(letters: &[u8]) -> Option<Self> {
        let bit = |letter: &u8| match letter {
            b'A' => Some(Self::all()),
            _ => ALL
                .iter()
                .chain(&OTHERS)
                .chain(&[NEW])
                .find(|(known, _)| known == letter)
                .map(|(_, bit)| *bit),
        };
        letters.iter().try_fold(0, |flags, letter| Some(flags | bit(letter)?)).map(Self)
    }

    /// The flags as CONFIG GET shows them: in Redis's order, and without `n` where there is an `A`.
    #[must_use]
    pub fn shown(self) -> Vec<u8> {
        let letters = self.letters();
        if letters.contains(&b'A') {
            letters.into_iter().filter(|letter| *letter != NEW.0).collect()
        } else {
            letters
        }
    }

    /// All the flags as letters.
    #[must_use]
    pub fn letters(self) -> Vec<u8> {
        let set = |known: &[(u8, u32)]| -> Vec<u8> {
            known.iter().filter(|(_, bit)| self.0 & bit != 0).map(|(letter, _)| *letter).collect()
        };
        let classes = if self.0 & Self::all() == Self::all() { vec![b'A'] } else { set(&ALL) };
        [classes, set(&[NEW]), set(&OTHERS)].concat()
    }

    /// The classes to be collected: none if they are published nowhere.
    #[must_use]
    pub fn mask(self) -> u32 {
        let is_published = self.0 & (KEYSPACE | KEYEVENT) != 0;
        if is_published { self.0 & !(KEYSPACE | KEYEVENT) } else { 0 }
    }

    /// The channels that an event is published to, each with what is said there.
    pub fn announcements(self, event: &KeyEvent) -> SmallVec<[(Vec<u8>, &[u8]); 2]> {
        let mut all = SmallVec::new();
        if self.0 & event.class.0 == 0 {
            return all;
        }
        let name = event.name.as_bytes();
        let channel = |kind: &str, rest: &[u8]| {
            let mut channel = format!("__{kind}@{}__:", event.db.0).into_bytes();
            channel.extend_from_slice(rest);
            channel
        };
        if self.0 & KEYSPACE != 0 {
            all.push((channel("keyspace", &event.key), name));
        }
        if self.0 & KEYEVENT != 0 {
            all.push((channel("keyevent", name), &*event.key));
        }
        all
    }
}

#[cfg(test)]
mod tests;
