//! Documents to be deleted, as far as they have been looked for.
//!
//! A document that changes gets another number, so what was found under a number holds as long as that lives, and what has changed since is behind all that
//! was looked at.

use super::CollectionPart;

/// Searches whose results are kept at most: a client may leave just before its own is used.
const KEPT_MAX: usize = 8;

/// Which documents fulfil a condition.
#[derive(Clone, Debug)]
pub(crate) struct Sought {
    /// As it was sent.
    pub(crate) condition: Box<[u8]>,
    /// The index whose numbers are meant.
    identity: u64,
    /// Documents before this one were looked at.
    pub(crate) from: u32,
    /// Those of them that fulfil it, if they live.
    pub(crate) found: Vec<u32>,
    /// How often a search went on aside.
    pub(crate) rounds: u32,
}

impl CollectionPart {
    /// What was found of a condition so far, to go on from there.
    pub(crate) fn begin_seeking(&mut self, condition: &[u8]) -> Sought {
        let identity = self.indexed.identity;
        let known = self.forget_sought(condition).filter(|sought| sought.identity == identity);
        known.unwrap_or_else(|| Sought {
            condition: condition.into(),
            identity,
            from: 1,
            found: Vec::new(),
            rounds: 0,
        })
    }

    /// Keeps what was found until the command runs again.
    pub(crate) fn keep_sought(&mut self, sought: Sought) {
        drop(self.forget_sought(&sought.condition));
        if self.sought.len() >= KEPT_MAX {
            self.sought.remove(0);
        }
        self.sought.push(sought);
    }

    /// Forgets what was found of a condition, and returns it.
    pub(crate) fn forget_sought(&mut self, condition: &[u8]) -> Option<Sought> {
        let at = self.sought.iter().position(|sought| *sought.condition == *condition)?;
        Some(self.sought.remove(at))
    }

    /// The keys of those that were found and live.
    pub(crate) fn keys_of(&self, sought: &Sought) -> impl Iterator<Item = Vec<u8>> {
        let index = &self.indexed.index;
        let found = if sought.identity == self.indexed.identity { &*sought.found } else { &[] };
        let living = found.iter().filter(|document| index.is_alive(**document));
        living.map(|document| self.key_of(index.current_key(*document)))
    }
}
