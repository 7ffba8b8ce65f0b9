//! Sockets and readiness: the one module that names mio.
//!
//! A `Transport` carries bytes to and from a peer, whatever is in between. A `Listener` gives one for each client that connects, a `Link` has
//! one to another server. A `Poller` tells which of them may go on.
//!
//! Readiness is edge-triggered: a transport is told once that it can be read, and must be read until a short read or
//! `WouldBlock` before it may expect to be told again. One telling may be of bytes and of the end behind them: then a
//! short read is not the last one. A transport keeps that account itself.

mod groups;
pub(crate) mod inside;
pub(crate) mod link;
pub(crate) mod links;
pub mod listen;
pub(crate) mod listener;
mod poller;
mod resolve;
pub(crate) mod tls;
mod transport;

pub(crate) use listener::{Listener, Peer};
pub(crate) use poller::{Poller, Ready};
pub(crate) use transport::{Received, Transport};
