//! The DOC commands: collections of JSON documents, with indexes, over [`kora_index`] and [`kora_json`]. No I/O.
//!
//! A document is a JSON object under a key of its collection, so whatever holds for keys holds for documents.
//!
//! - `key`: from a collection and an id to a key, and back.
//! - `collection`: what is declared of a collection.
//! - `path`: dotted paths; `vector`: indexes on vectors.
//! - `condition`: WHERE, see [`condition`].
//! - `service`: what all shards share ([`Service`]); `companion`: what goes along with each store.
//! - `query`: plans, and documents in their order.
//! - `change`: what DOC.UPDATE does to a document.
//! - `handler`: the commands; [`COMMANDS`] for whoever assembles an engine.

#![forbid(unsafe_code)]

mod change;
mod collection;
mod companion;
pub mod condition;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod handler;
mod key;
pub mod path;
mod query;
mod service;
mod vector;

pub use handler::COMMANDS;
pub use service::Service;
