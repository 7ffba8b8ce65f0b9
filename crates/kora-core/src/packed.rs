//! Runs of bytes that hold a small collection, in formats of Redis's: how they are read, checked and edited. Which type has which is known
//! above.

pub mod intset;
pub mod listpack;
pub mod pairs;
