//! Lines of those who wait: who joins and who leaves moves nobody else.
//!
//! All lines of a store share one run of spots. A spot knows its neighbours, and whoever stands on it knows its number: to
//! join at the end and to leave from anywhere take O(1).

use std::sync::Arc;

use super::Waiter;

/// The number of a spot.
pub(crate) type SpotId = u32;

/// No spot.
pub(super) const NOWHERE: SpotId = SpotId::MAX;

/// Where one waiter stands in one line.
#[derive(Debug)]
struct Spot {
    waiter: Arc<Waiter>,
    previous: SpotId,
    next: SpotId,
}

/// What is kept at one number.
#[derive(Debug)]
enum Slot {
    Taken(Spot),
    /// Nobody stands here; the next free one.
    Free(SpotId),
}

/// The spots of all lines of a store.
#[derive(Debug)]
pub(super) struct Spots {
    slots: Vec<Slot>,
    free: SpotId,
    taken: usize,
}

impl Default for Spots {
    fn default() -> Self {
        Self { slots: Vec::new(), free: NOWHERE, taken: 0 }
    }
}

/// Those who wait for the same of one key, in the order in which they came.
#[derive(Debug)]
pub(super) struct Line {
    first: SpotId,
    last: SpotId,
}

impl Default for Line {
    fn default() -> Self {
        Self { first: NOWHERE, last: NOWHERE }
    }
}

impl Line {
    /// Whether nobody stands in it.
    pub(super) fn is_empty(&self) -> bool {
        self.first == NOWHERE
    }

    /// The spot of who came first.
    pub(super) fn first(&self) -> Option<SpotId> {
        (self.first != NOWHERE).then_some(self.first)
    }
}

impl Spots {
    fn spot(&self, id: SpotId) -> Option<&Spot> {
        match self.slots.get(id as usize)? {
            Slot::Taken(spot) => Some(spot),
            Slot::Free(_) => None,
        }
    }

    fn spot_mut(&mut self, id: SpotId) -> Option<&mut Spot> {
        match self.slots.get_mut(id as usize)? {
            Slot::Taken(spot) => Some(spot),
            Slot::Free(_) => None,
        }
    }

    /// Who stands on a spot, and which spot is behind it. Complexity: O(1).
    pub(super) fn get(&self, id: SpotId) -> Option<(&Arc<Waiter>, Option<SpotId>)> {
        let spot = self.spot(id)?;
        Some((&spot.waiter, (spot.next != NOWHERE).then_some(spot.next)))
    }

    /// Puts a waiter at the end of a line; returns its spot. Complexity: O(1).
    pub(super) fn join(&mut self, line: &mut Line, waiter: Arc<Waiter>) -> SpotId {
        let slot = Slot::Taken(Spot { waiter, previous: line.last, next: NOWHERE });
        let id = self.free;
        let id = match self.slots.get(id as usize) {
            Some(&Slot::Free(next)) => {
                self.free = next;
                self.slots[id as usize] = slot;
                id
            }
            _ => {
                self.slots.push(slot);
                SpotId::try_from(self.slots.len() - 1).expect("fewer than 2^32 places fit into memory")
            }
        };
        match self.spot_mut(line.last) {
            Some(last) => last.next = id,
            None => line.first = id,
        }
        line.last = id;
        self.taken += 1;
        id
    }

    /// Takes whoever stands on a spot out of its line. Complexity: O(1).
    pub(super) fn leave(&mut self, line: &mut Line, id: SpotId) {
        let Some(&Spot { previous, next, .. }) = self.spot(id) else { return };
        match self.spot_mut(previous) {
            Some(spot) => spot.next = next,
            None => line.first = next,
        }
        match self.spot_mut(next) {
            Some(spot) => spot.previous = previous,
            None => line.last = previous,
        }
        self.slots[id as usize] = Slot::Free(self.free);
        self.free = id;
        self.taken -= 1;
        if self.taken == 0 {
            *self = Self::default();
        }
    }
}
