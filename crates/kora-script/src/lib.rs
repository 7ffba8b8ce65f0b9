//! Kora's Lua: what Redis scripts run in.

#![forbid(unsafe_code)]

pub mod environment;
