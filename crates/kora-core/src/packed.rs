//! Runs of bytes that hold a small collection: how they are read, checked and edited, and for what is not in a format of Redis's, how it
//! becomes one. Which type has which is known above.

pub mod intset;
pub mod listpack;
pub mod pairs;
