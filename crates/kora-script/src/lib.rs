//! Lua scripts and functions that run commands of the engine, atomically.
//!
//! [`Scripts`] is what all workers share: the known scripts and libraries. Each worker's thread has an
//! interpreter of its own, which compiles what it is asked to run once. [`FAMILY`] are the commands that
//! run scripts: they run on shards like any other.
#![forbid(unsafe_code)]

mod api;
mod bodies;
mod busy;
mod command;
mod commons;
mod declared;
mod dump;
pub mod environment;
mod flags;
mod function_command;
mod functions;
pub mod host;
mod interpreter;
mod library;
mod load;
mod looks;
mod pause;
mod render;
mod run;
mod script;
mod service;
mod sink;
mod subject;
pub mod tally;
mod vm;

pub use busy::{BusyRun, Running};
pub use command::FAMILY;
pub use function_command::FUNCTION_FAMILY;
pub use host::Host;
pub use interpreter::{Seat, rest};
pub use looks::Looks;
pub use script::Sha;
pub use service::{Origin, ScriptFigures, Scripts};
