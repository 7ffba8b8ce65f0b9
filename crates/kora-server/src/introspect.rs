//! What the server says about itself: COMMAND, INFO, CLIENT LIST, LOLWUT and the command reference.
//!
//! Everything here is a function of plain data to text or a reply: no sockets, no threads, no clock.

pub mod clients;
pub mod commands;
pub(crate) mod cpu;
pub mod getkeys;
pub mod info;
pub mod lolwut;
pub(crate) mod modules;
pub mod reference;
