//! The Redis serialisation protocol, RESP2 and RESP3, in both directions.
//!
//! Nothing here does I/O and nothing here knows commands: the crate turns byte slices into requests or reply trees and
//! back. A server uses [`RequestParser`] and [`Encoder`]; a client uses [`encode_request`] and [`Decoder`].
//!
//! Every byte read may come from an enemy, so three things hold throughout: no memory is allocated because a header
//! announces a length, only because bytes arrived; no recursion depends on input; and no input can cause a panic.
//! Work is linear in the bytes received, however small the pieces they arrive in.
//!
//! ```
//! use kora_protocol::{Decoder, Encoder, Frame, Limits, RequestParser, Resp, encode_request};
//!
//! let mut sent = Vec::new();
//! encode_request(&mut sent, &["ECHO", "hello"]);
//!
//! // The server: spans are ranges into what was received.
//! let (mut parser, mut spans, mut reply) = (RequestParser::new(), Vec::new(), Vec::new());
//! let request = parser.parse(&sent, &Limits::default(), &mut spans)?.expect("all of it was sent");
//! let arguments = parser.source(&request, &sent);
//! Encoder::new(&mut reply, Resp::V2).bulk(spans[1].slice(arguments));
//!
//! // The client again.
//! let mut decoder = Decoder::new();
//! decoder.feed(&reply);
//! assert_eq!(decoder.next_frame()?, Some(Frame::Bulk(b"hello".to_vec())));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Behaviour, limits and error texts are those of Redis 8.0; the places where Kora is stricter are named where they
//! are decided.

#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod decode;
pub mod encode;
pub mod frame;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod integer;
pub mod limits;
pub mod line;
pub mod request;

pub use decode::{DecodeError, Decoder};
pub use encode::{Encoder, Resp, encode_request};
pub use frame::Frame;
pub use kora_format::double::{DoubleText, encode_double};
pub use limits::{Limits, ProtocolError};
pub use line::{UnbalancedQuotes, split_line};
pub use request::{Request, RequestParser, Source, Span};
