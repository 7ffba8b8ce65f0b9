//! A small HTTP/1.1 server: one thread, a few connections, and a limit to everything that a peer decides.
//!
//! It is made for what is asked of a program about itself. A [`Service`] answers requests, at once or later; it may have links of
//! its own that the same thread waits for, so that nothing it asks of others holds up another request. What a request is, and how an answer
//! is written, are functions on bytes ([`parse`], [`Response::encode`]); sockets are in `connection` and `server`.
//!
//! Left out on purpose: chunked bodies of requests (they are refused), `Upgrade`, trailers, ranges, compression, encryption.

#![forbid(unsafe_code)]

mod connection;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod limits;
mod request;
mod response;
mod server;
#[cfg(test)]
mod tests;

pub use limits::Limits;
pub use request::{Refusal, Request, parse};
pub use response::Response;
pub use server::{Link, Server, Service, Stopper, Ticket};
