//! The limits of a server.

use std::time::Duration;

/// What a server grants its peers at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time. The one whose next request has been awaited longest makes room for another, whether
    /// nothing of it has come or a part; if all are being answered, the newcomer is told 503.
    pub connections: usize,
    /// Bytes of a request's first line and headers.
    pub head_bytes: usize,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// From a request's first byte, or from the beginning of a connection, to the request's last byte.
    pub request_time: Duration,
    /// Between two requests of a connection.
    pub idle_time: Duration,
    /// From the beginning of an answer until the peer has taken it.
    pub answer_time: Duration,
    /// For which a service may think about an answer that it gives later.
    pub thinking_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            head_bytes: 16 << 10,
            body_bytes: 256 << 10,
            request_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            answer_time: Duration::from_secs(30),
            thinking_time: Duration::from_secs(60),
        }
    }
}
