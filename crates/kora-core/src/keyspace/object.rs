//! What a collection type gives to be stored as a value.

use std::any::Any;
use std::fmt::Debug;

use super::entry::{Encoding, Kind};

/// A value that is not a string.
///
/// A new data type implements this. It also needs a [`Kind`], an [`Encoding`], its RDB reader and writer (`rdb/`), its part of
/// DEBUG DIGEST (`digest`) and, if it has deadlines inside, a place in the sweep.
pub trait Object: Any + Send + Debug {
    /// Its data type; never changes.
    fn kind(&self) -> Kind;
    /// How it is stored at present.
    fn encoding(&self) -> Encoding;
    /// Number of its elements, fields, members or entries. Complexity: O(1).
    fn size(&self) -> usize;
    /// Bytes allocated for it, itself included.
    fn memory_bytes(&self) -> usize;
    /// An independent copy.
    fn duplicate(&self) -> Box<dyn Object>;
    /// About how many allocations are freed with it: a large one is dropped away from the command.
    fn free_effort(&self) -> usize;
    /// Frees up to about `budget` allocations of a value that will not be used any more, and says how many: fewer
    /// than `budget` means that what is left is quickly dropped.
    fn free_some(&mut self, budget: usize) -> usize;
    /// For the way back to the type.
    fn as_any(&self) -> &dyn Any;
    /// For the way back to the type, to modify it.
    fn as_any_mut(&mut self) -> &mut dyn Any;
}
