//! The data structures behind the data types: how lists, hashes, sets, sorted sets and streams lie in memory, and the
//! strings that mean more than their bytes. What their commands mean is in [`crate::command`].
//!
//! A small collection is one run of bytes in a format of Redis's ([`listpack`] and the like), stored in the keyspace
//! entry itself; a large one is an [`Object`](crate::keyspace::object::Object).

pub mod bitmap;
pub(crate) mod deadlines;
pub mod geohash;
pub mod hash;
pub mod hyperloglog;
pub mod intset;
pub mod list;
pub mod listpack;
pub mod packed_table;
pub mod set;
pub mod stream;
pub mod zset;
