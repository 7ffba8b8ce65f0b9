//! JSON values: a type of the keyspace, paths into it, and the commands on it. No I/O.

#![forbid(unsafe_code)]
