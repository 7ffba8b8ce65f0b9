//! The FT commands: their query language, arguments, expressions and aggregation, over [`kora_index`]. No I/O.

#![forbid(unsafe_code)]
