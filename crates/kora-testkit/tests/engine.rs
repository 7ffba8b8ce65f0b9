//! The whole engine in this process, its workers in turn: what commands find, what goes on in slices beside them, and in which order.
//! One program for all: each more is linked with the whole engine once again. `cargo test -p kora-testkit --test engine waiters` runs those
//! of one file.

#[path = "engine/beside.rs"]
mod beside;
#[path = "engine/crash.rs"]
mod crash;
#[path = "engine/document_commands.rs"]
mod document_commands;
#[path = "engine/document_deletion.rs"]
mod document_deletion;
#[path = "engine/document_slices.rs"]
mod document_slices;
#[path = "engine/document_vectors.rs"]
mod document_vectors;
#[path = "engine/documents.rs"]
mod documents;
#[path = "engine/hybrid.rs"]
mod hybrid;
#[path = "engine/search.rs"]
mod search;
#[path = "engine/search_slices.rs"]
mod search_slices;
#[path = "engine/searching.rs"]
mod searching;
#[path = "engine/slices.rs"]
mod slices;
#[path = "engine/stream_order.rs"]
mod stream_order;
#[path = "engine/temporary.rs"]
mod temporary;
#[path = "engine/vector_slices.rs"]
mod vector_slices;
#[path = "engine/vectors.rs"]
mod vectors;
#[path = "engine/waiters.rs"]
mod waiters;
