//! What a value that is not a string, nor packed in its entry, gives to be stored.

use std::any::Any;
use std::fmt::Debug;

use super::data_type::DataType;
use super::{Account, Encoding, Kind};
use crate::time::UnixMs;

/// A look-up in a value that will be made soon, of which the memory is on its way.
#[derive(Clone, Copy, Debug)]
pub struct Ahead {
    /// The hash of the part that is looked up.
    pub hash: u64,
    /// Where it is looked up: a number that the value's type gave.
    pub at: u32,
}

/// Steps of such a look-up behind the first: each reads what the one before has fetched.
pub const STEPS_AHEAD: usize = 2;

/// A value with memory of its own: a large collection, or a value of an extension type.
pub trait Object: Any + Send + Debug {
    /// Its data type; never changes.
    fn data_type(&self) -> &'static DataType;
    /// What entries call its data type.
    fn kind(&self) -> Kind {
        self.data_type().kind
    }
    /// How it is stored at present.
    fn encoding(&self) -> Encoding;
    /// Number of its elements, fields, members or entries. Complexity: O(1).
    fn size(&self) -> usize;
    /// Bytes allocated for it, itself included.
    fn memory_bytes(&self) -> usize;
    /// The record of how many of these bytes its database has counted.
    fn account(&self) -> &Account;
    /// The same, to count anew.
    fn account_mut(&mut self) -> &mut Account;
    /// How many steps it takes to tell [`Object::memory_bytes`]; few if none are told.
    fn measuring_steps(&self) -> usize {
        0
    }
    /// Counts its bytes anew, always or if that is due after a change, and tells how many more they are: they wrap around if there are less.
    fn measure(&mut self, always: bool) -> usize {
        let size = self.size();
        if !self.account_mut().is_due(size) && !always {
            return 0;
        }
        let (bytes, steps) = (self.memory_bytes(), self.measuring_steps());
        self.account_mut().settle(bytes, size, steps)
    }
    /// An independent copy.
    fn duplicate(&self) -> Box<dyn Object>;
    /// Whether a copy shares its memory until either changes, so that it takes a moment however large the value is.
    fn is_shared_by_copies(&self) -> bool {
        false
    }
    /// About how many allocations are freed with it: a large one is dropped away from the command.
    fn free_effort(&self) -> usize;
    /// Frees up to about `budget` allocations of a value that will not be used any more, and says how many: fewer
    /// than `budget` means that what is left is quickly dropped.
    fn free_some(&mut self, budget: usize) -> usize;
    /// Looks after itself for a slice, less than a millisecond, if that is due now that it was not used for `quiet_ms`: in a way that no one can see but by how
    /// fast or how well it answers. Returns after how many milliseconds it is to be called again; `None`: there is nothing to be done until it changes. See
    /// [`Keyspace::tend_later`](crate::store::Keyspace::tend_later).
    fn tend(&mut self, quiet_ms: i64) -> Option<i64> {
        let _ = quiet_ms;
        None
    }
    /// The next deadline of a part of it. Complexity: O(1).
    fn next_deadline(&self) -> Option<UnixMs> {
        None
    }
    /// Takes out up to `most` parts whose deadline is before `now`, the earliest first, and shows their names.
    fn expire_parts(&mut self, now: UnixMs, most: usize, visit: &mut dyn FnMut(&[u8])) {
        let _ = (now, most, visit);
    }
    /// Begins a look-up of a member or field that will be made soon: fetches what it reads first into the cache. `None` if there is
    /// nothing to be gained.
    fn fetch_ahead(&self, part: &[u8]) -> Option<Ahead> {
        let _ = part;
        None
    }
    /// Goes on with such a look-up, up to [`STEPS_AHEAD`] times, counted from 0. The value must not have changed in between.
    fn fetch_further(&self, ahead: Ahead, step: usize) {
        let _ = (ahead, step);
    }
    /// For the way back to the type.
    fn as_any(&self) -> &dyn Any;
    /// For the way back to the type, to modify it.
    fn as_any_mut(&mut self) -> &mut dyn Any;
}
