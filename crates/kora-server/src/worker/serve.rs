//! Serving the connections with something to do: a group is read before any of it runs.
//!
//! Clients that wait for each reply send one request at a time, so their look-ups can't overlap within a batch. They
//! overlap across connections: while the next socket is read, the memory of the last one's key is on its way.

use kora_protocol::{RequestParser, Source};

use super::{READ_BYTES, Worker};
use crate::client::add;
use crate::connection::{BUFFER_BYTES_KEPT, Connection, Received};

/// Most connections that are read before the first of them is served.
const GROUP_MAX: usize = 16;

/// Longer input is a pipeline, which fetches its own keys ahead.
const PEEKED_BYTES_MAX: usize = 1024;

/// Distance between the beginnings of what was read from two connections: a cache line.
const ALIGNMENT_BYTES: usize = 64;

/// A connection to be served, and what was read from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Staged {
    slot: usize,
    /// Where its bytes begin in the worker's buffer.
    start: usize,
    /// `None` if it was not read, because it has requests in store or may not go on.
    received: Option<Received>,
}

impl Worker {
    /// Serves each connection with something to do once.
    pub(super) fn serve_queue(&mut self) {
        let queue = std::mem::take(&mut self.queue);
        let mut buffer = std::mem::take(&mut self.read_buffer);
        let mut rest = queue.as_slice();
        while !rest.is_empty() {
            let mut staged = std::mem::take(&mut self.staged);
            rest = self.stage(rest, &mut buffer, &mut staged);
            for staged in staged.drain(..) {
                self.serve(staged, &buffer);
            }
            self.staged = staged;
        }
        self.read_buffer = buffer;
    }

    /// Reads from the first connections of `queue`, as many as the buffer has room for; returns the others.
    fn stage<'a>(&mut self, queue: &'a [usize], buffer: &mut [u8], staged: &mut Vec<Staged>) -> &'a [usize] {
        let mut start = 0;
        for &slot in queue {
            if staged.len() == GROUP_MAX || start > READ_BYTES {
                break;
            }
            let mut received = None;
            if let Some(Some(connection)) = self.connections.get_mut(slot)
                && connection.input.is_empty()
                && connection.is_readable
                && connection.may_run()
            {
                received = Some(connection.receive(&mut buffer[start..start + READ_BYTES]));
            }
            staged.push(Staged { slot, start, received });
            if let Some(Received::Bytes(count)) = received {
                if queue.len() > 1 && count <= PEEKED_BYTES_MAX {
                    self.peek(slot, &buffer[start..start + count]);
                }
                start = (start + count).next_multiple_of(ALIGNMENT_BYTES);
            }
        }
        if let Some(store) = self.shard.store() {
            self.peeked.iter().for_each(|&(db, hash)| store.prefetch_entry(db, hash));
        }
        self.peeked.clear();
        &queue[staged.len()..]
    }

    /// Starts to fetch the memory of the key of the first request in `bytes`, if it has one on this shard.
    fn peek(&mut self, slot: usize, bytes: &[u8]) {
        if self.shared.hub.shard_count() > 1 {
            return;
        }
        let Some(Some(connection)) = self.connections.get(slot) else { return };
        let db = connection.session.db;
        let mut parser = RequestParser::new();
        let Ok(Some(request)) = parser.parse(bytes, &self.limits, &mut self.peeked_spans) else { return };
        let arg = |at: usize| self.peeked_spans.get(at).map(|span| span.slice(bytes));
        if request.source == Source::Buffer
            && let Some(command) = arg(0).and_then(|name| self.shared.table.find(name))
            && let Some(key) = command.facts.only_key().and_then(arg)
            && let Some(store) = self.shard.store()
        {
            self.peeked.push((db, store.prefetch_bucket(db, key)));
        }
    }

    /// Runs what one connection has sent.
    fn serve(&mut self, staged: Staged, buffer: &[u8]) {
        let slot = staged.slot;
        let Some(mut connection) = self.connections.get_mut(slot).and_then(Option::take) else { return };
        connection.is_queued = false;
        if connection.output.capacity() == 0
            && let Some(buffer) = self.spare_buffers.pop()
        {
            connection.output = buffer;
        }
        let received = match staged.received {
            Some(Received::Bytes(count)) => {
                let bytes = &buffer[staged.start..staged.start + count];
                let used = self.execute(&mut connection, bytes);
                connection.input.extend_from_slice(&bytes[used..]);
                Received::Bytes(count)
            }
            Some(other) => other,
            None => self.serve_stored(&mut connection),
        };
        self.note_received(&mut connection, received);
        connection.publish(self.now);
        let wants_more = connection.may_run() && connection.is_readable;
        self.connections[slot] = Some(connection);
        if wants_more {
            self.enqueue(slot);
        }
        self.note_dirty(slot);
    }

    /// Runs what a connection had in store, and reads on if it ends in the middle of a request.
    fn serve_stored(&mut self, connection: &mut Connection) -> Received {
        self.execute_stored(connection);
        if connection.input.is_empty() || !connection.is_readable || !connection.may_run() {
            return Received::Nothing;
        }
        let received = connection.receive_more();
        if let Received::Bytes(_) = received {
            self.execute_stored(connection);
        }
        received
    }

    fn execute_stored(&mut self, connection: &mut Connection) {
        let mut input = std::mem::take(&mut connection.input);
        let used = self.execute(connection, &input);
        input.drain(..used);
        if input.is_empty() && input.capacity() > BUFFER_BYTES_KEPT {
            input = Vec::new();
        }
        connection.input = input;
    }

    /// Counts what was read, and ends a connection that has ended or sends too much.
    fn note_received(&mut self, connection: &mut Connection, received: Received) {
        match received {
            Received::Bytes(count) => {
                let counters = self.counters();
                add(&counters.bytes_in, count as u64);
                add(&counters.reads, 1);
            }
            Received::Nothing => {}
            Received::End => connection.is_broken = true,
        }
        if connection.input.len() as u64 > self.config.query_buffer_limit.0 {
            add(&self.counters().query_limit_disconnections, 1);
            tracing::warn!(
                client = connection.client.id.0,
                "query buffer limit reached: closing the connection"
            );
            connection.is_broken = true;
        }
    }
}
