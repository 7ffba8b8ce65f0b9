//! What the server's workers tell each other.

use std::sync::Arc;

use super::client::Client;
use super::connection::Session;
use crate::net::listen::Change;
use crate::net::{Peer, Transport};

/// What one worker tells another.
#[derive(Debug)]
pub(crate) enum WorkerMail {
    /// Serve this new connection.
    Adopt(Transport, Peer),
    /// Somebody has connected: deal the connection to a worker, or turn it away.
    Admit(Transport, Peer),
    /// Serve this connection, which the sender served before.
    TakeOver(Box<Session>),
    /// Close this client's connection.
    Kill(Arc<Client>),
    /// Close this client's connection at once, to save memory.
    Evict(Arc<Client>),
    /// Do nothing for this long: DEBUG SLEEP.
    Sleep(std::time::Duration),
    /// Listen on these instead.
    Listen(Change),
}
